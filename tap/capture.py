"""What the tap saw of one exchange, as values: the input of reassembly.

The same shape comes from a live exchange and from the frames that a crash left behind, so that
both go through one reassembly.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.exchange import AnswerHead, Ending

__all__ = ["Captured", "ChunkTiming"]


@dataclass(frozen=True, slots=True)
class ChunkTiming:
    """When the answer's body passed, as the client saw it.

    `first_ns` and `last_ns` are wall clock nanoseconds of the first and last body chunk written
    to the client; gaps are milliseconds between consecutive chunks.
    """

    first_ns: int | None = None
    last_ns: int | None = None
    chunks: int = 0
    gap_p50_ms: float | None = None
    gap_p99_ms: float | None = None
    gap_max_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Captured:
    """The bytes of one exchange and the evidence of its end.

    Bodies are free of transfer coding (no chunk framing) and still under their content coding.
    `transport` is what the connections said of the end (client or upstream gone, unreachable,
    timeout, refused, tunnelled, tap crashed), None for a clean HTTP end; `detail` a
    content-free code that goes with it. `request_whole` says that the request body arrived to
    its end; `answer_whole` that the answer's HTTP message did. `cut` says that a body outgrew
    the capture limit and only its head is here. `missing` counts pieces of a remnant that are
    known to have existed and are not here.
    """

    request_body: bytes = field(default=b"", repr=False)
    request_whole: bool = True
    request_cut: bool = False
    answer_head: AnswerHead | None = None
    answer_body: bytes = field(default=b"", repr=False)
    answer_whole: bool = True
    answer_cut: bool = False
    transport: Ending | None = None
    detail: str | None = None
    ended_ns: int | None = None
    missing: int = 0
    timing: ChunkTiming = ChunkTiming()
