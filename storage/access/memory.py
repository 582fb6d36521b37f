"""The access log, saved searches and sessions that were left in memory: for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from storage.access.port import GENESIS, Access, LoggedAccess, SavedSearch, chained

__all__ = ["MemoryAccessLog", "MemoryEndedSessions", "MemorySavedSearches"]


class MemoryAccessLog:
    """Implements `AccessLog`."""

    def __init__(self) -> None:
        self._entries: list[LoggedAccess] = []

    async def enter(self, access: Access) -> None:
        """Add an entry."""
        before = self._entries[-1].chain if self._entries else GENESIS
        number = len(self._entries) + 1
        entry = LoggedAccess(number=number, access=access, chain=chained(before, access))
        self._entries.append(entry)

    async def newest(self, limit: int, before: int | None = None) -> Sequence[LoggedAccess]:
        """The newest entries."""
        end = len(self._entries) if before is None else max(0, before - 1)
        return self._entries[:end][::-1][:limit]

    async def entries(self) -> AsyncIterator[LoggedAccess]:
        """All of them, oldest first."""
        for each in list(self._entries):
            yield each


class MemorySavedSearches:
    """Implements `SavedSearches`."""

    def __init__(self) -> None:
        self._saved: dict[tuple[str, str], SavedSearch] = {}

    async def save(self, search: SavedSearch) -> None:
        """Keep it."""
        self._saved[search.owner, search.name] = search

    async def forget(self, owner: str, name: str) -> None:
        """Remove it, if it is there."""
        self._saved.pop((owner, name), None)

    async def saved(self, owner: str) -> Sequence[SavedSearch]:
        """The owner's, by name."""
        return [self._saved[key] for key in sorted(self._saved) if key[0] == owner]


class MemoryEndedSessions:
    """Implements `EndedSessions`; nothing is forgotten."""

    def __init__(self) -> None:
        self._ended: dict[str, float] = {}

    async def end(self, session: str, until: float) -> None:
        """Let all know that it is over."""
        self._ended[session] = until

    async def has_ended(self, session: str) -> bool:
        """Whether it was left."""
        return session in self._ended
