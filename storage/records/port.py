"""The doors of the record store and the ledger.

The write door takes a `RedactedRecord` and nothing else, by type. Reading and writing are
separate ports because the console may not write records and the worker need not search them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeAlias

from audit.completeness import DamagedRow
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry
from audit.record import Integrity, RedactedRecord
from storage.records.query import Query

__all__ = [
    "Budget",
    "LedgerLookup",
    "LedgerReader",
    "LedgerWriter",
    "Page",
    "RecordReader",
    "RecordWriter",
    "StoredDocument",
    "StoredRef",
    "TellDamage",
]

# Hears of rows that can no longer be read.
TellDamage: TypeAlias = Callable[[DamagedRow], None]


class Budget(StrEnum):
    """What a query may spend only so much of."""

    SECONDS = "seconds"
    REQUEST_UNITS = "request_units"


@dataclass(frozen=True, slots=True)
class StoredDocument:
    """A record as the store holds it, as JSON text, with fields this version may not know.

    The text is empty where it is lost; like any damage, that is for whoever reads it to judge.
    """

    id: str
    json: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class StoredRef:
    """What `verify` needs of a stored record: who it is, and what its content digests to now.

    `stated_digest` is what the document says of itself, `actual_digest` what its content gives;
    `integrity` is its whole integrity group, empty where the document can no longer be read.
    """

    id: str
    number: ExchangeNumber
    consumer: str
    day: str
    stated_digest: str | None
    actual_digest: str
    integrity: Integrity = field(default_factory=Integrity)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search, newest first; `cursor` continues it, or is None at the end.

    `fanned_out` says that every part of a partitioned store had to be asked, because the query
    names no consumer: what such a search costs grows with the store. `spent` names the budget
    that ran out before the page was full: the page has what was found until then, and the cursor
    goes on from there. `units` are the request units it took, 0 where a store counts none.
    """

    documents: Sequence[StoredDocument]
    cursor: str | None
    fanned_out: bool = False
    spent: Budget | None = None
    units: float = 0.0


class RecordWriter(Protocol):
    """The write door."""

    async def put(self, record: RedactedRecord) -> bool:
        """Store the record durably (receipt 3); False when one of this id was there already.

        The one that was there is left as it is. False too when the ledger says that the number
        was erased or has expired: on return nothing of it is stored, whichever came first. (A
        store that cannot look and write at once looks again afterwards, and removes.) Raises
        `StoreUnavailable`, and `RecordInvalid` for anything that is not a `RedactedRecord`.
        """

    async def stored(self, record: RedactedRecord) -> bytes | None:
        """The text of the stored record of this one's id; None when there is none.

        After a redelivery it may be another redaction of the same exchange; it may also be
        anything that somebody else wrote there. Raises `StoreUnavailable`, `BlobMissing`.
        """


class RecordReader(Protocol):
    """The reading side."""

    async def get(self, record_id: str) -> StoredDocument | None:
        """Fetch one record by id; None when there is none."""

    async def search(self, query: Query, limit: int, cursor: str | None = None) -> Page:
        """Find records, newest opening first. Stable while records arrive.

        Raises `QueryInvalid` for a cursor that is not one of ours or a limit that is out of
        range, `QueryTooCostly` when a budget is spent and nothing was found, `StoreUnavailable`.
        """

    def references(self) -> AsyncIterator[StoredRef]:
        """Walk every stored record, in any order, for verification."""


class LedgerWriter(Protocol):
    """What a worker enters."""

    async def enter(self, entry: LedgerEntry) -> bool:
        """Enter what became of a number, durably.

        True when it stands now, False when the one that was there stays: a final state (stored,
        erased, expired, refused) is never replaced here; `dead_lettered` and `unreadable` give
        way to any other state. Raises `StoreUnavailable`.
        """

    async def entry(self, number: ExchangeNumber) -> LedgerEntry | None:
        """What became of a number, as far as the ledger knows."""

    async def checkpoint(self, checkpoint: Checkpoint) -> None:
        """Keep a tap's checkpoint; the same one twice is a success.

        Raises `RecordInvalid` when another one of that index is there, `StoreUnavailable`.
        """


class LedgerLookup(Protocol):
    """What a reader of one record asks."""

    async def entry(self, number: ExchangeNumber) -> LedgerEntry | None:
        """What became of a number, as far as the ledger knows. Raises `StoreUnavailable`."""


class LedgerReader(Protocol):
    """What an auditor reads."""

    def entries(self, tell: TellDamage | None = None) -> AsyncIterator[LedgerEntry]:
        """All entries, ordered by tap, boot and number.

        One that can no longer be read is told to `tell` and passed over; without `tell` it
        raises `RecordInvalid`. Raises `StoreUnavailable`.
        """

    def checkpoints(self, tell: TellDamage | None = None) -> AsyncIterator[Checkpoint]:
        """All checkpoints, ordered by tap, boot and index; damaged ones as in `entries`."""
