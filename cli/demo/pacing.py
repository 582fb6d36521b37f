"""How fast the demo's model speaks.

A meter is charged before something is written and waits until the tokens charged so far would
have been made. It keeps to a schedule instead of adding up naps, so a late wake-up is caught
up with and the rate stays what it says.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

__all__ = ["REALISTIC", "UNPACED", "Meter", "Pace"]


@dataclass(frozen=True, slots=True)
class Pace:
    """Tokens a second, and the seconds of thought before the first; no rate means no waiting."""

    tokens_per_second: float | None = 50.0
    first_after: float = 0.25

    def meter(self) -> Meter:
        """Start the clock of one answer."""
        return Meter(self)


class Meter:
    """The schedule of one answer."""

    def __init__(self, pace: Pace) -> None:
        self._per_token = 1 / pace.tokens_per_second if pace.tokens_per_second else 0.0
        self._due = asyncio.get_running_loop().time()
        if pace.tokens_per_second:
            self._due += pace.first_after

    async def charge(self, tokens: int) -> None:
        """Wait until `tokens` more would have been made. Returns at once without a rate."""
        self._due += tokens * self._per_token
        early = self._due - asyncio.get_running_loop().time()
        if early > 0:
            await asyncio.sleep(early)


REALISTIC = Pace()
UNPACED = Pace(tokens_per_second=None)
