"""What the fuzz targets have in common: cutting a body, and counting the work on it.

The law of this module: the same bytes always give the same cuts, so that what was found once can
be found again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path
from typing import TypeVar

from tests.harness.work import calls_of

__all__ = ["FOUND", "bounded", "cut", "found"]

ResultT = TypeVar("ResultT")

# Inputs that broke something once, by target.
FOUND = Path(__file__).parents[1] / "fixtures" / "fuzz"

# Many times what any example takes; what is quadratic in some 600 bytes is beyond it.
_CALLS = 20_000
_CALLS_A_BYTE = 60


def cut(data: bytes, steps: bytes) -> Iterator[bytes]:
    """Cut into pieces of the lengths that `steps` tells, over and over; nothing told is bytes."""
    at = 0
    for step in cycle(steps or b"\1"):
        if at >= len(data):
            return
        length = step or 256
        yield data[at : at + length]
        at += length


def bounded(size: int, work: Callable[[], ResultT]) -> ResultT:
    """Do the work; raises `AssertionError` where it calls too much for an input of this size."""
    results: list[ResultT] = []
    calls = calls_of(lambda: results.append(work()))
    limit = _CALLS + _CALLS_A_BYTE * size
    assert calls <= limit, f"{calls} calls for {size} bytes"
    return results[0]


def found(target: str) -> list[bytes]:
    """The inputs that once broke this target."""
    return [path.read_bytes() for path in sorted((FOUND / target).glob("*"))]
