"""This machine's clock against a server's, as the `Date` of an answer tells it.

Locks end and records expire by the service's clock, and tokens are refused where clocks differ
much. A `Date` has whole seconds, so that less than two of them are no difference.
"""

from __future__ import annotations

from audit.preflight import Finding, failed, passed, skipped
from cli.checks.wire import Answer

__all__ = ["clock"]

# A lease has a minute, and is renewed when half of it is over.
_MOST = 10.0


def clock(name: str, answer: Answer) -> Finding:
    """Hold the clocks against each other."""
    name = f"{name}: clock"
    if answer.ahead is None:
        return skipped(name, "the answer has no Date")
    off = abs(answer.ahead)
    direction = "behind" if answer.ahead > 0 else "ahead of"
    if off > _MOST:
        told = f"this machine's clock is {off:.0f} s {direction} it"
        return failed(name, told, "synchronise this machine's clock (NTP)")
    return passed(name, "this machine's clock agrees" if off < 2 else f"{off:.0f} s {direction} it")
