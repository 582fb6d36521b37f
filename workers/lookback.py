"""What has come back after it was removed is found and removed again, by one worker for all.

Whoever had lost its lease may put a record when its exchange has been removed, and die before it
looks at the ledger. So removals are looked at again, at three ages: at once, when a lease and a
redaction have certainly ended, and after an hour, which is longer than a worker can hold on to a
delivery. The law: each removal is looked at by each of these, and by few workers; how far that has
come is kept in the store, so that a worker that has just started begins where others have ended.
The word of a signed entry is enough here, and no hold matters any more.
"""

from __future__ import annotations

from audit.errors import PermanentError
from audit.ledger import LedgerEntry
from storage.records.keeper import Finder, Keeper
from workers.custody import Custody
from workers.instants import earlier, is_instant

__all__ = ["LookBack"]

# A worker that has lost its delivery may hold on to it for a lease (60), a pause between two tries
# (30) and a redaction that gives no answer (`redaction.timeout`, 300).
_LATE = 3600.0
_AGES = (0.0, 600.0, _LATE)

# Where nobody has looked yet, the first look reaches so far back.
_AWAY = 86_400.0


class LookBack:
    """Looks at most every `interval` / 2 seconds, however many workers do."""

    def __init__(
        self, *, finder: Finder, keeper: Keeper, custody: Custody, interval: float
    ) -> None:
        self._finder = finder
        self._keeper = keeper
        self._custody = custody
        self._interval = interval

    async def look(self) -> tuple[int, int]:
        """Remove what has come back; gives how many went and how many not.

        What was looked at is kept when all of it has been: after a crash it is looked at again.
        """
        now, since = self._custody.now(), await self._since()
        if since is None:
            return 0, 0
        left: dict[str, LedgerEntry] = {}
        for age in _AGES:
            found = await self._finder.left_behind(earlier(since, age), self._custody.ago(age))
            left |= {each.id: each for each in found}
        went = [await self._goes_again(each) for each in left.values()]
        await self._keeper.look_back_done(now)
        return sum(went), len(went) - sum(went)

    async def _since(self) -> str | None:
        """Where to begin; None where somebody has just looked.

        A mark that is far ahead is a wrong clock's or a forger's, and would end all looking.
        """
        mark = await self._keeper.looked_back()
        if mark is None or not is_instant(mark) or mark > self._custody.ago(-_LATE):
            return self._custody.ago(_AWAY - _LATE)
        return None if mark > self._custody.ago(self._interval / 2) else mark

    async def _goes_again(self, entry: LedgerEntry) -> bool:
        """Remove it, if a worker signed that it is gone. What is damaged keeps no other from it."""
        if not self._custody.believes(entry):
            return False
        try:
            await self._custody.remove_again(entry)
        except PermanentError:
            return False
        return True
