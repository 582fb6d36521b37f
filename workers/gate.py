"""The gate before receiving: shut while a dependency is down.

While it is shut, one delivery is let in per pause as a probe, and whatever is settled opens it
again. So one message that fails by itself cannot stop the others, and an outage is not
felt by more messages than there are hands.
"""

from __future__ import annotations

import asyncio

from audit.telemetry import Log

__all__ = ["Gate"]


class Gate:
    """Open, or shut for `pause` seconds at a time."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._opened = asyncio.Event()
        self._opened.set()
        self.pause = 0.0

    @property
    def shut(self) -> bool:
        """Whether a dependency is believed down."""
        return not self._opened.is_set()

    def close(self, code: str, pause: float) -> None:
        """A dependency did not answer: look again in `pause` seconds."""
        if not self.shut:
            self._log.warning("worker.paused", code=code, seconds=pause)
        self._opened.clear()
        self.pause = pause

    def open(self) -> None:
        """Something was settled."""
        if self.shut:
            self._log.info("worker.resumed")
        self._opened.set()

    async def opened(self) -> None:
        """Wait until it is open."""
        await self._opened.wait()
