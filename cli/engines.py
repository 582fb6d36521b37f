"""The engines: queue, blobs and store, opened as the settings name them.

The law: a command asks here for the ports it needs and never learns what is behind them. The
engine's own module is imported when it is first asked for, so that an image needs no packages of
an engine that it does not use. What is opened is closed with the block that asked for it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from audit.settings import Settings
from audit.telemetry import Count, NoCount
from storage.access.port import AccessLog, EndedSessions, SavedSearches
from storage.blobs.port import Blobs
from storage.queue.bodies import Bodies, BodiesInMessages
from storage.queue.port import Inbox, Outbox, QueueAdmin, QueueReader
from storage.records.facts import LedgerTotals, RecordFacts
from storage.records.keeper import Finder, Keeper, OrderBook
from storage.records.port import (
    LedgerLookup,
    LedgerReader,
    LedgerWriter,
    RecordReader,
    RecordWriter,
)
from storage.sight import is_there

__all__ = [
    "Desk",
    "QueueOffice",
    "Receiving",
    "Store",
    "StoreView",
    "begun",
    "desk_of",
    "log_place",
    "log_view_of",
    "on_this_machine",
    "outbox_of",
    "queue_office_of",
    "queue_place",
    "queue_view_of",
    "receiving_of",
    "reclaim",
    "store_of",
    "store_place",
    "store_view_of",
]


@dataclass(frozen=True, slots=True)
class Receiving:
    """What a worker needs of the queue; `claims` are where it leaves large bodies, if it does."""

    inbox: Inbox
    state: QueueReader
    bodies: Bodies = field(default_factory=BodiesInMessages)
    claims: Blobs | None = None


@dataclass(frozen=True, slots=True)
class QueueOffice:
    """What an operator needs of the queue, and of where it leaves large bodies, if it does."""

    admin: QueueAdmin
    state: QueueReader
    claims: Blobs | None = None


@dataclass(frozen=True, slots=True)
class Store:
    """The store and its ledger with every door that a worker or an operator may use.

    `sweep`, where there is one, removes what records have left in blobs; it is given the time in
    seconds since the epoch and gives how many it removed.
    """

    records: RecordWriter
    ledger: LedgerWriter
    keeper: Keeper
    finder: Finder
    orders: OrderBook
    sweep: Callable[[float], Awaitable[int]] | None = None


@dataclass(frozen=True, slots=True)
class StoreView:
    """The store and its ledger as readers see them. Through none of this is anything changed.

    `lookup` finds one number in the ledger; `facts` and `totals` are what is counted.
    """

    records: RecordReader
    ledger: LedgerReader
    orders: OrderBook
    lookup: LedgerLookup
    facts: RecordFacts
    totals: LedgerTotals


@dataclass(frozen=True, slots=True)
class Desk:
    """What readers write: who looked at what, searches that they keep, and sessions they left.

    `ended` is None where query sides have nothing in common.
    """

    log: AccessLog
    saved: SavedSearches
    ended: EndedSessions | None = None


class _Queues(Protocol):
    """An engine of the queue: a module that opens its ports."""

    def outbox_of(self, settings: Settings) -> AbstractAsyncContextManager[Outbox]: ...

    def receiving_of(self, settings: Settings) -> AbstractAsyncContextManager[Receiving]: ...

    def queue_view_of(self, settings: Settings) -> AbstractAsyncContextManager[QueueReader]: ...

    def queue_office_of(self, settings: Settings) -> AbstractAsyncContextManager[QueueOffice]: ...

    async def reclaim(self, settings: Settings) -> None: ...

    def queue_place(self, settings: Settings) -> Path | str: ...


class _Stores(Protocol):
    """An engine of the store: a module that opens its ports."""

    def store_of(self, settings: Settings, count: Count) -> AbstractAsyncContextManager[Store]: ...

    def store_view_of(
        self, settings: Settings, *, make: bool
    ) -> AbstractAsyncContextManager[StoreView]: ...

    def store_place(self, settings: Settings) -> Path | str: ...

    def desk_of(self, settings: Settings) -> AbstractAsyncContextManager[Desk]: ...

    def log_view_of(self, settings: Settings) -> AbstractAsyncContextManager[AccessLog]: ...

    def log_place(self, settings: Settings) -> Path | str: ...


def outbox_of(settings: Settings) -> AbstractAsyncContextManager[Outbox]:
    """Open the sending end. Raises `QueueUnavailable`."""
    return _queues(settings).outbox_of(settings)


def receiving_of(settings: Settings) -> AbstractAsyncContextManager[Receiving]:
    """Open the receiving end. Raises `QueueUnavailable`."""
    return _queues(settings).receiving_of(settings)


def queue_view_of(settings: Settings) -> AbstractAsyncContextManager[QueueReader]:
    """Open what operators and `verify` see. Raises `QueueUnavailable`, also where none is."""
    return _queues(settings).queue_view_of(settings)


def queue_office_of(settings: Settings) -> AbstractAsyncContextManager[QueueOffice]:
    """Open what an operator may change. Raises `QueueUnavailable`."""
    return _queues(settings).queue_office_of(settings)


async def reclaim(settings: Settings) -> None:
    """Give back what a worker that is gone has held, where the engine can tell.

    A broker cannot: there it comes again when its locks lapse.
    """
    await _queues(settings).reclaim(settings)


def store_of(settings: Settings, count: Count | None = None) -> AbstractAsyncContextManager[Store]:
    """Open the store for writing; `count` is told what it costs. Raises `StoreUnavailable`."""
    return _stores(settings).store_of(settings, count or NoCount())


def store_view_of(
    settings: Settings, *, make: bool = False
) -> AbstractAsyncContextManager[StoreView]:
    """Open the store for reading; with `make`, a file that is not there yet is made.

    Raises `StoreUnavailable`.
    """
    return _stores(settings).store_view_of(settings, make=make)


def desk_of(settings: Settings) -> AbstractAsyncContextManager[Desk]:
    """Open where looks are entered and searches kept.

    Raises `StoreUnavailable`, and `SettingInvalid` where the settings name another place.
    """
    return _stores(settings).desk_of(settings)


def log_view_of(settings: Settings) -> AbstractAsyncContextManager[AccessLog]:
    """Open the access log to be read. Raises `StoreUnavailable`, also where a file is not there."""
    return _stores(settings).log_view_of(settings)


def log_place(settings: Settings) -> Path | str:
    """Where the access log is: a file, or words for people."""
    return _stores(settings).log_place(settings)


def queue_place(settings: Settings) -> Path | str:
    """Where the queue is: a file, or words for people."""
    return _queues(settings).queue_place(settings)


def store_place(settings: Settings) -> Path | str:
    """Where the store is: a file, or words for people."""
    return _stores(settings).store_place(settings)


def on_this_machine(settings: Settings) -> bool:
    """Whether queue and store are both files of the data folder."""
    return settings.queue.engine == "sqlite" and settings.store.engine == "sqlite"


def begun(place: Path | str) -> bool:
    """Whether an engine was ever used: a file is there; of a service nobody here can tell.

    Raises `PlaceBarred` where the system does not let this user know.
    """
    return is_there(place) if isinstance(place, Path) else True


def _queues(settings: Settings) -> _Queues:
    if settings.queue.engine == "servicebus":
        import cli.engines_service_bus as service_bus  # noqa: PLC0415 - see the module's law

        return service_bus
    import cli.engines_embedded as embedded  # noqa: PLC0415 - see the module's law

    return embedded


def _stores(settings: Settings) -> _Stores:
    if settings.store.engine == "cosmos":
        import cli.engines_cosmos as cosmos  # noqa: PLC0415 - see the module's law

        return cosmos
    import cli.engines_embedded as embedded  # noqa: PLC0415 - see the module's law

    return embedded
