"""The timing bar: how long the caller waited, when the first byte came, how long it streamed."""

from __future__ import annotations

from dataclasses import dataclass

from audit.reading.words import duration
from audit.record import Timing

__all__ = ["TimingBar", "timing_bar"]

# The bar's width in the units of its drawing; the least that can be seen and told from nothing.
WIDTH = 1000
_LEAST = 6


@dataclass(frozen=True, slots=True)
class TimingBar:
    """Two lengths that together are `WIDTH`, and the same in words."""

    wait: int
    stream: int
    words: str
    wait_words: str
    stream_words: str
    gaps: str


def timing_bar(timing: Timing) -> TimingBar | None:
    """Draw up the bar; None where it is not known how long the exchange took."""
    took = timing.duration_ms
    if took is None:
        return None
    first = took if timing.ttft_ms is None else min(timing.ttft_ms, took)
    wait = round(WIDTH * first / took) if took > 0 else WIDTH
    wait = min(max(wait, _LEAST), WIDTH)
    rest = took - first
    none_came = timing.ttft_ms is None
    return TimingBar(
        wait=wait,
        stream=WIDTH - wait,
        words=f"{duration(took)} in all",
        wait_words="no byte came" if none_came else f"{duration(first)} to the first byte",
        stream_words=f"{duration(rest)} of answer in {timing.chunks} pieces",
        gaps=_gaps(timing),
    )


def _gaps(timing: Timing) -> str:
    if timing.gap_max_ms is None:
        return ""
    median, high, longest = map(duration, (timing.gap_p50_ms, timing.gap_p99_ms, timing.gap_max_ms))
    return f"between pieces {median} at the median, {high} at p99, {longest} at most"
