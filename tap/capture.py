"""What the tap saw of one exchange, as values: the input of reassembly.

The same shape comes from a live exchange and from the frames that a crash left behind, so that
both go through one reassembly.
"""

from __future__ import annotations

from audit.exchange import AnswerHead, Ending
from audit.value import Value, prepare
from tap.held import Held

__all__ = ["Captured", "ChunkTiming", "Evidence"]


class ChunkTiming(Value, frozen=True):
    """When the answer's body passed, as the client saw it.

    `first_ns` and `last_ns` are wall clock nanoseconds of the first and last body chunk written
    to the client; gaps are milliseconds between consecutive chunks. `marks`, of an upgraded
    connection only, tell when which bytes passed: how many of the body came before a chunk, and
    the wall clock nanoseconds of that chunk, for all of them or evenly chosen ones.
    """

    first_ns: int | None = None
    last_ns: int | None = None
    chunks: int = 0
    gap_p50_ms: float | None = None
    gap_p99_ms: float | None = None
    gap_max_ms: float | None = None
    marks: tuple[tuple[int, int], ...] = ()


class Evidence(Value, frozen=True):
    """What is known of an exchange's end beside its bytes.

    `transport` is what the connections said of the end (client or upstream gone, unreachable,
    timeout, refused, tunnelled, tap crashed), None for a clean HTTP end; `detail` a
    content-free code that goes with it. `request_whole` says that the request body arrived to
    its end; `answer_whole` that the answer's HTTP message did. `cut` says that a body outgrew
    the capture limit and only its head was kept. `answer_status` is that of the head, which
    is a piece that may have found no room: how the exchange ended must not hang on that.
    """

    request_whole: bool = True
    request_cut: bool = False
    answer_whole: bool = True
    answer_cut: bool = False
    transport: Ending | None = None
    detail: str | None = None
    ended_ns: int | None = None
    timing: ChunkTiming = ChunkTiming()
    answer_status: int | None = None


class Captured(Evidence, frozen=True):
    """The bytes of one exchange and the evidence of its end.

    Bodies are free of transfer coding (no chunk framing) and still under their content coding; they
    are whole, or held in pieces.
    `missing` counts pieces of a remnant that are known to have existed and are not here.
    """

    request_body: bytes | Held = b""
    answer_head: AnswerHead | None = None
    answer_body: bytes | Held = b""
    missing: int = 0

    @property
    def status(self) -> int | None:
        """The answer's status, as far as anything tells it."""
        return self.answer_status if self.answer_head is None else self.answer_head.status


prepare(Evidence)
