"""When the responses of a session passed, from what was noted while its bytes went by.

The law of this module: a moment is when the chunk that brought the end of a message was written to
the client, as nearly as marks were kept; what no mark tells is not known, and then the session's
own times stand. Nothing here reads a byte of what was said.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

from msgspec.structs import replace

from audit.ids import timestamp
from audit.record import Timing
from audit.value import Value
from tap.dialects.reading import Span

__all__ = ["Moments", "moments_of", "timing_of_turn"]


class Moments(Value, frozen=True):
    """Wall clock nanoseconds at which a response began, first said something, and was over."""

    begun_ns: int | None = None
    said_ns: int | None = None
    over_ns: int | None = None


def moments_of(span: Span, places: Sequence[int], marks: Sequence[tuple[int, int]]) -> Moments:
    """Turn places among messages into instants.

    `places` says how many bytes had come where each message ended, `marks` how many had come before
    some chunks, and when those passed.
    """

    def instant(message: int | None) -> int | None:
        if message is None or not marks:
            return None
        # The last chunk that began before the message's end.
        found = bisect_left(marks, (places[message],)) - 1
        return marks[max(found, 0)][1]

    return Moments(
        begun_ns=instant(span.begun), said_ns=instant(span.said), over_ns=instant(span.over)
    )


def timing_of_turn(
    session: Timing, ended_ns: int | None, moments: Moments, *, alone: bool
) -> Timing:
    """A response's own times; where its beginning is not known, the session's.

    One that never ended lasted as long as the session. Chunks and gaps are the connection's: a
    record that stands `alone` for it keeps them, and no other could.
    """
    begun, over = moments.begun_ns, moments.over_ns
    if begun is None:
        return session
    return replace(
        session if alone else Timing(received_at=session.received_at),
        received_at=timestamp(begun),
        first_byte_at=_instant(moments.said_ns),
        last_byte_at=_instant(over),
        ttft_ms=_since(begun, moments.said_ns),
        duration_ms=_since(begun, ended_ns if over is None else over),
    )


def _instant(at_ns: int | None) -> str | None:
    return None if at_ns is None else timestamp(at_ns)


def _since(begun_ns: int, at_ns: int | None) -> float | None:
    return None if at_ns is None else max(0, at_ns - begun_ns) // 1000 / 1000
