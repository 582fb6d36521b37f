"""Who has left at another query side: asked of what they share, and remembered for a while.

The law: a session that was left anywhere is over here within `HEARD_WITHIN` seconds. What is shared
is asked once in that time for each session that is used; where it does not answer, nobody can tell
whether a session is over, and nothing is shown.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from storage.access.port import EndedSessions

__all__ = ["HEARD_WITHIN", "Leavings"]

HEARD_WITHIN = 10.0
# Sessions of whom it is remembered when they were asked for; the oldest are asked for again.
MOST_REMEMBERED = 10_000


class Leavings:
    """Tells the others, and hears of them. `now` gives seconds that only rise."""

    def __init__(self, ended: EndedSessions, now: Callable[[], float]) -> None:
        self._ended = ended
        self._now = now
        self._asked: OrderedDict[str, float] = OrderedDict()

    async def tell(self, session: str, until: float) -> None:
        """Have the others know that this one is over. Raises `StoreUnavailable`."""
        await self._ended.end(session, until)

    async def heard(self, session: str) -> bool:
        """Whether it was left elsewhere, as of some seconds ago. Raises `StoreUnavailable`."""
        now = self._now()
        asked = self._asked.get(session)
        if asked is not None and now - asked < HEARD_WITHIN:
            return False
        if await self._ended.has_ended(session):
            return True
        self._asked[session] = now
        self._asked.move_to_end(session)
        while len(self._asked) > MOST_REMEMBERED:
            self._asked.popitem(last=False)
        return False
