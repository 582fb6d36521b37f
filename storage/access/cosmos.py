"""The access log on Cosmos DB, in a container of its own, and what belongs to readers in another.

The law: an entry is created, and nothing is ever done to it after that; whoever writes needs no
right but to create and to read. Its id is its number, and an id is given out once: of two writers
that follow the same entry one is told that the number is taken, reads what came before it and
follows that. So all processes make one chain, and none needs to know of another.

A write whose answer was lost may stand. Each carries a mark of its own, by which its writer knows
it again; where the writer has given up, the entry tells of a look that was not shown, never the
reverse.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from uuid import uuid4

import msgspec

from audit.errors import RecordInvalid, StoreUnavailable
from audit.telemetry import Count, NoCount
from audit.value import from_json, to_json
from storage.access.port import GENESIS, Access, LoggedAccess, SavedSearch, chained
from storage.records.cosmos_client import Container, CosmosAccess, open_client, open_container
from storage.records.cosmos_items import Item
from storage.records.cosmos_provision import ACCESS, READERS

__all__ = [
    "CosmosAccessLog",
    "CosmosDesk",
    "CosmosEndedSessions",
    "CosmosSavedSearches",
    "open_cosmos_desk",
]

_NEWEST = "SELECT * FROM c WHERE c.number < @below ORDER BY c.number DESC"
_ALL = "SELECT * FROM c ORDER BY c.number ASC"
_OWN = "SELECT * FROM c WHERE c.owner = @owner"
_ENDED = "ended"

# The largest whole number that the service keeps exactly.
_BEYOND = 2**53
_CHUNK = 100
# Each try that fails means that another writer's succeeded; so many in a row mean something else.
_TRIES = 100
# Entries of others that are read one by one before the end of the log is looked up.
_STEPS = 10


@dataclass(frozen=True, slots=True)
class _End:
    """The last entry that is known of: its number and its link."""

    number: int
    chain: str


class CosmosAccessLog:
    """Implements `AccessLog`. The client is closed by whoever opened it."""

    def __init__(self, log: Container, draw: Callable[[], str] = lambda: uuid4().hex) -> None:
        self._log = log
        self._draw = draw
        self._end: _End | None = None
        self._entering = asyncio.Lock()

    async def enter(self, access: Access) -> None:
        """Add an entry, durably. Raises `StoreUnavailable`: then nothing may be shown."""
        mark = self._draw()
        async with self._entering:
            end = self._end or await self._last()
            for _ in range(_TRIES):
                entry = LoggedAccess(end.number + 1, access, chained(end.chain, access))
                if await self._log.create(_item(entry, mark)):
                    self._end = _End(entry.number, entry.chain)
                    return
                end, own = await self._after(end, mark)
                self._end = end
                if own:
                    return
        raise StoreUnavailable("others keep taking the next number of the access log")

    async def newest(self, limit: int, before: int | None = None) -> Sequence[LoggedAccess]:
        """The newest entries, or the newest with a number below `before`."""
        return [_entry(item) for item in await self._below(before or _BEYOND, limit)]

    async def entries(self) -> AsyncIterator[LoggedAccess]:
        """All of them, oldest first."""
        async for item in self._log.query(_ALL):
            yield _entry(item)

    async def _after(self, end: _End, mark: str) -> tuple[_End, bool]:
        """The end of the log as others have left it, and whether it is the write with this mark."""
        for _ in range(_STEPS):
            name = _name(end.number + 1)
            item = await self._log.read(name, [name])
            if item is None:
                return end, False
            end = _end(item)
            if item.get("mark") == mark:
                return end, True
        last = await self._last()
        return max(end, last, key=lambda each: each.number), False

    async def _last(self) -> _End:
        last = await self._below(_BEYOND, 1)
        return _end(last[0]) if last else _End(0, GENESIS)

    async def _below(self, number: int, limit: int) -> list[Item]:
        found: list[Item] = []
        below = {"name": "@below", "value": number}
        items = self._log.query(_NEWEST, [below], page_size=min(limit, _CHUNK))
        async with aclosing(items):
            async for item in items:
                found.append(item)
                if len(found) == limit:
                    break
        return found


class CosmosSavedSearches:
    """Implements `SavedSearches`. The client is closed by whoever opened it."""

    def __init__(self, readers: Container) -> None:
        self._readers = readers

    async def save(self, search: SavedSearch) -> None:
        """Keep it; one of its owner and name gives way."""
        item = {"id": _named(search.name), "owner": search.owner, "json": to_json(search).decode()}
        await self._readers.upsert(item)

    async def forget(self, owner: str, name: str) -> None:
        """Remove it, if it is there."""
        await self._readers.delete(_named(name), [owner])

    async def saved(self, owner: str) -> Sequence[SavedSearch]:
        """The owner's, by name."""
        items = self._readers.query(_OWN, [{"name": "@owner", "value": owner}], [owner])
        found = [from_json(item["json"], SavedSearch) async for item in items]
        return sorted(found, key=lambda each: each.name)


class CosmosEndedSessions:
    """Implements `EndedSessions`. The client is closed by whoever opened it.

    Each is a partition of its own, beside those of readers and never the same as one of theirs;
    the service removes it when its time is over. `now` gives seconds since the epoch.
    """

    def __init__(self, readers: Container, now: Callable[[], float] = time.time) -> None:
        self._readers = readers
        self._now = now

    async def end(self, session: str, until: float) -> None:
        """Let all know, durably, that it is over."""
        lasts = max(1, math.ceil(until - self._now()))
        await self._readers.upsert({"id": _ENDED, "owner": _left(session), "ttl": lasts})

    async def has_ended(self, session: str) -> bool:
        """Whether it was left."""
        return await self._readers.read(_ENDED, [_left(session)]) is not None


@dataclass(frozen=True, slots=True)
class CosmosDesk:
    """All of one database. `close` closes the connection that they share."""

    log: CosmosAccessLog
    saved: CosmosSavedSearches
    ended: CosmosEndedSessions
    close: Callable[[], Awaitable[None]]


async def open_cosmos_desk(access: CosmosAccess, count: Count | None = None) -> CosmosDesk:
    """Sign in, and see that the containers are there; request units are told to `count`.

    Raises `StoreUnavailable`, which names `store.key` or `auditstream provision` where that is
    what is missing, and `SettingInvalid`.
    """
    client = await open_client(access)
    try:
        log, readers = [
            await open_container(client, access, name, count or NoCount())
            for name in (ACCESS, READERS)
        ]
    except BaseException:
        await client.close()
        raise
    saved, ended = CosmosSavedSearches(readers), CosmosEndedSessions(readers)
    return CosmosDesk(CosmosAccessLog(log), saved, ended, client.close)


def _name(number: int) -> str:
    return f"entry.{number}"


def _named(name: str) -> str:
    """The id of a saved search: a name may have characters that an item's id may not."""
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _left(session: str) -> str:
    return f"session:{session}"


def _item(entry: LoggedAccess, mark: str) -> Item:
    """The item that holds an entry: its truth is `json` and `chain`; by the rest it is found."""
    access = entry.access
    return {
        "id": _name(entry.number),
        "number": entry.number,
        "at": access.at,
        "who": access.who,
        "via": access.via,
        "deed": access.deed.value,
        "records": access.records,
        "outcome": access.outcome,
        "json": to_json(access).decode(),
        "chain": entry.chain,
        "mark": mark,
    }


def _end(item: Item) -> _End:
    """Where the log ends: a damaged entry too is followed, for the chain shows the damage."""
    return _End(int(item["number"]), str(item.get("chain")))


def _entry(item: Item) -> LoggedAccess:
    try:
        access = from_json(item["json"], Access)
        return LoggedAccess(int(item["number"]), access, str(item.get("chain")))
    except (KeyError, TypeError, ValueError, msgspec.DecodeError):
        raise RecordInvalid(f"the access log's {item.get('id')} is damaged") from None
