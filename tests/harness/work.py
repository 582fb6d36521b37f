"""Work, counted rather than timed: steps and calls made, and memory held, while something runs.

Steps and calls are Python's own; copies that C makes show in the memory held only. All three are
the same on any machine, however busy it is.
"""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["calls_of", "memory_of", "steps_of"]


def steps_of(work: Callable[[], object]) -> int:
    """How many of the interpreter's instructions are carried out while `work` runs."""
    count = 0

    def inside(_frame: FrameType, event: str, _arg: object) -> Any:
        nonlocal count
        count += event == "opcode"
        return inside

    def entered(frame: FrameType, _event: str, _arg: object) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return inside

    before = sys.gettrace()
    sys.settrace(entered)
    try:
        work()
    finally:
        sys.settrace(before)
    return count


def calls_of(work: Callable[[], object]) -> int:
    """How many functions written in Python are called while `work` runs; cheaper to count."""
    count = 0

    def note(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def memory_of(work: Callable[[], object]) -> int:
    """How many bytes more than before are held at the most while `work` runs."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
