"""Which message ids a queue saw lately: duplicate detection, as Service Bus does it by id alone.

It looks back over a window and does not ask whether the first message is still there.
"""

from __future__ import annotations

from collections import deque

from tests.emulators.service_bus.types import Value

__all__ = ["History"]


class History:
    """Ids of the last `window` seconds; a window of 0 remembers nothing."""

    def __init__(self, window: float) -> None:
        self.window = window
        self._seen: dict[Value, float] = {}
        self._order: deque[tuple[float, Value]] = deque()

    def new(self, message_id: Value, now: float) -> bool:
        """Whether it was not seen within the window; from now on it was."""
        self._forget(now)
        if message_id in self._seen:
            return False
        self.add(message_id, now)
        return True

    def add(self, message_id: Value, at: float) -> None:
        """Remember an id that was taken at that instant."""
        self._forget(at)
        if message_id is None or not self.window or message_id in self._seen:
            return
        self._seen[message_id] = at
        self._order.append((at, message_id))

    def _forget(self, now: float) -> None:
        while self._order and self._order[0][0] + self.window <= now:
            del self._seen[self._order.popleft()[1]]
