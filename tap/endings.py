"""How an exchange ended, from what the connections said and what the answer itself says.

The law of this module: the answer's own end decides over a connection that was cut after it, for
clients close as soon as they have what they want, and a tap that died after it missed nothing.
Before that end, the connection's evidence stands, and `audit.exchange.PRECEDENCE` orders it.
"""

from __future__ import annotations

from audit.exchange import Ending, first_ending
from audit.flags import EndingDetail
from audit.value import Value
from tap.capture import Captured
from tap.dialects.reading import AnswerReading
from tap.shapes import Shape

__all__ = ["Decision", "decide"]

# A cut after the answer's own end changes nothing; these are the endings that are cuts.
_CUTS = frozenset(
    (
        Ending.TAP_CRASHED,
        Ending.UPSTREAM_TIMEOUT,
        Ending.UPSTREAM_DISCONNECTED,
        Ending.CLIENT_DISCONNECTED,
    )
)


class Decision(Value, frozen=True):
    """The ending, a code for its reason, and whether the answer is known to be whole.

    `recovered` says that the tap died and the ending is known all the same.
    """

    ending: Ending
    detail: str | None
    whole: bool
    recovered: bool = False


def decide(
    method: str, captured: Captured, answered: AnswerReading, shape: Shape, *, has_terminal: bool
) -> Decision:
    """Decide by the evidence. `has_terminal` says that the format ends its streams itself."""
    own = _own(captured, answered)
    own_detail = answered.detail if own is answered.ending else None
    whole = _is_whole(method, captured, answered)
    if captured.transport in _CUTS and whole:
        recovered = captured.transport is Ending.TAP_CRASHED
        return Decision(ending=own, detail=own_detail, whole=True, recovered=recovered)
    if captured.transport is not None:
        ending = first_ending(captured.transport, own)
        detail = captured.detail if ending is captured.transport else own_detail
        return Decision(ending=ending, detail=detail, whole=whole)
    broken = _broken(captured, answered, shape, whole=whole, has_terminal=has_terminal)
    if broken is not None:
        return Decision(ending=Ending.UPSTREAM_DISCONNECTED, detail=broken, whole=False)
    return Decision(ending=own, detail=own_detail, whole=True)


def _own(captured: Captured, answered: AnswerReading) -> Ending:
    """What status and body say, had nothing been cut."""
    status = captured.status
    rejected = Ending.REJECTED if status is not None and status >= 400 else None
    return first_ending(answered.ending, rejected)


def _is_whole(method: str, captured: Captured, answered: AnswerReading) -> bool:
    """Whether the answer came to its own end, whatever became of the connection."""
    head = captured.answer_head
    if head is None:
        # A head that was lost on the way here was seen by the tap.
        return captured.missing > 0 and captured.answer_whole
    if answered.terminal or captured.answer_whole:
        return True
    if method.upper() == "HEAD" or head.status in (204, 304):
        return True
    length = head.content_length
    return length is not None and not captured.answer_cut and len(captured.answer_body) >= length


def _broken(
    captured: Captured, answered: AnswerReading, shape: Shape, *, whole: bool, has_terminal: bool
) -> EndingDetail | None:
    """Why an exchange that no connection complained about is not whole all the same."""
    if not whole:
        unseen = captured.answer_head is None and not captured.missing
        return EndingDetail.NO_ANSWER if unseen else EndingDetail.ANSWER_INCOMPLETE
    if captured.answer_head is None or captured.missing:
        # What is not here may have held the answer's own end; who saw it all had no complaint.
        return None
    if answered.terminal or answered.finished or captured.answer_cut:
        return None
    streamed = shape in (Shape.EVENTS, Shape.LINES)
    unended = has_terminal and streamed and captured.answer_head.status < 400
    return EndingDetail.NO_TERMINAL_EVENT if unended else None
