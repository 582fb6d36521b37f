"""Arithmetic with instants as records and entries write them.

The law: an instant of ours is a text of one width, in UTC; one that somebody else wrote into the
store may be anything, and fails nothing here.
"""

from __future__ import annotations

from datetime import datetime

from audit.ids import timestamp

__all__ = ["between", "earlier", "is_instant", "seconds_between"]


def is_instant(text: str) -> bool:
    """Whether it says a point in time that can be reckoned with: one since 1970.

    What is before the year 1, by an hour or in another zone, is a date to nobody.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return False
    return instant.tzinfo is not None and instant.timestamp() >= 0


def earlier(instant: str, seconds: float) -> str:
    """The instant so many seconds before this one, which must be one."""
    return timestamp(round((_epoch(instant) - seconds) * 1e9))


def seconds_between(first: str, last: str) -> float:
    """How long it is from the one to the other; 0 where the first is none, or is later."""
    return max(0.0, _epoch(last) - _epoch(first)) if is_instant(first) else 0.0


def between(first: str, last: str, share: float) -> str:
    """What lies so far on the way from the one to the other; the first where that is none."""
    span = seconds_between(first, last)
    return earlier(last, span * (1.0 - share)) if span else first


def _epoch(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp()
