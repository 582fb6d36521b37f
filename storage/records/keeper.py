"""The doors of lawful change: what is removed, what is amended, and by whose order.

The law: a store that can change record and ledger at once does, so that nobody ever sees the one
without the other. Any other store changes the ledger first: its entry is replaced only as it was
seen, so that two changes cannot pass each other by; and when a crash comes then, the record is
still there to be found, and calling again finishes what was begun. These are ports apart from
the write door, because a worker stores all day and removes by order only.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from typing import Protocol

import msgspec

from audit.errors import RecordInvalid
from audit.ledger import LedgerEntry
from audit.orders import Order
from audit.record import RedactedRecord
from audit.value import Json, to_json
from storage.records.port import StoredDocument

__all__ = [
    "Finder",
    "Keeper",
    "OrderBook",
    "ReadsOrders",
    "check_amendable",
    "check_rewritable",
    "in_order",
]

_NEVER_REDACTED = ("id", "schema", "consumer", "day", "tap", "timing", "retention")
# Salt and commitment, which are of the clear record.
_TIES = ("salt", "commitment")


class Keeper(Protocol):
    """Removes and amends."""

    async def document(self, record_id: str) -> StoredDocument | None:
        """The stored record of this id, if there is one."""

    async def documents(self, exchange_id: str) -> Sequence[StoredDocument]:
        """All stored records of an exchange as they are at one moment, in the order of their ids.

        These are `exchange_id` itself and whatever is called `exchange_id/n` (`audit.sheaf`), in
        the order of n, also where some of them are missing or were added. Empty when there is none.
        A store that cannot read them at one moment may give some of a sheaf that is being removed.
        """

    async def remove(self, entries: Sequence[LedgerEntry]) -> int:
        """Remove all records of these exchanges, with all they are found by, durably.

        Each entry, `erased` or `expired`, then stands in the ledger in place of what was there;
        gives how many do. One that was erased or has expired before stays as it is. Where there
        is no record the entry is entered all the same: it keeps one from coming. Raises
        `RecordHeld` for a record under a hold, unless its exchange was removed before: what has
        come back goes, whatever it says of itself. Raises `StoreUnavailable`, also where an entry
        was made of one that has changed since; what was given before it may have been removed then.
        """

    async def amend(
        self, record: RedactedRecord, entry: LedgerEntry, further: Sequence[RedactedRecord] = ()
    ) -> bool:
        """Put the record in place of the stored one of its id, and `entry` in the ledger.

        `further` are the other records of the same exchange, which are put likewise: with an
        entry that speaks of several, all are given. False when one of them is not there. Raises
        `RecordInvalid` when one differs in more than retention and integrity; then nothing was
        changed. Raises `StoreUnavailable` as `remove` does.
        """

    async def rewrite(
        self, record: RedactedRecord, entry: LedgerEntry, further: Sequence[RedactedRecord] = ()
    ) -> bool:
        """As `amend`, for records of which more was taken out: what they are found by changes too.

        Raises `RecordInvalid` where one differs in anything that no redaction changes: whose it is,
        when it was, its retention, and what ties it to the exchange.
        """

    async def looked_back(self) -> str | None:
        """Up to when some worker has looked at removals (`left_behind`); None where none has.

        What is kept here saves work and proves nothing: whoever may write the store can move it.
        """

    async def look_back_done(self, until: str) -> None:
        """Keep that, for all workers; the last word stands."""

    async def scrub(self, *, thorough: bool) -> bool:
        """Leave no bytes of what was removed in any file of the store.

        Not `thorough` does a bounded part of it, and nothing where there is nothing to do. False
        when it is not finished, or a reader kept it from being so.
        """


class Finder(Protocol):
    """Finds what an order speaks of."""

    async def entry_of(self, record_id: str) -> LedgerEntry | None:
        """What became of the exchange of this id, not `id/n`. Raises `RecordInvalid` for damage."""

    async def knows(self, consumer: str) -> bool:
        """Whether any record or any ledger entry names this consumer."""

    def of_consumer(self, consumer: str) -> AsyncGenerator[StoredDocument, None]:
        """Every record of a consumer, oldest first; what is removed meanwhile may be missing.

        Of an exchange with several records each is given.
        """

    async def overdue(self, now: str) -> tuple[int, str]:
        """How many records `expired` would give, and when the first was to (`now` for none)."""

    def expired(self, now: str, since: str = "") -> AsyncGenerator[StoredDocument, None]:
        """Every record that is said to expire from `since` to `now` and is not held, in this order.

        Of an exchange with several records each is given.
        """

    async def removed_by(self, consumer: str, orders: Collection[str]) -> Sequence[LedgerEntry]:
        """The consumer's entries that were erased by one of these orders; no damaged one."""

    async def left_behind(self, since: str, until: str) -> Sequence[LedgerEntry]:
        """The entries erased or expired from `since` to `until` of which there is a record again.

        Whoever puts a record and then dies, before the look at the ledger, leaves it so. A store
        that looks and writes in one transaction has none, and always gives nothing. An entry that
        is damaged is left out: it is `verify`'s to name.
        """


class ReadsOrders(Protocol):
    """What a worker asks."""

    async def about(
        self, record_id: str, consumer: str | None, *, lately: bool = False
    ) -> Sequence[Order]:
        """The orders that name this id or this consumer, released ones too, oldest first.

        They are as they stand in the file: whether one is in force its signature tells. An order
        whose `enter` was over before this was called is among them; with `lately`, one of the last
        half minute may be missing, for those who ask again before they act. Raises
        `StoreUnavailable`.
        """

    async def about_any(
        self, record_ids: Collection[str], consumers: Collection[str]
    ) -> Sequence[Order]:
        """The orders that name any of these ids or consumers, as `about` gives them, asked once."""


class OrderBook(ReadsOrders, Protocol):
    """Where orders are kept. None is ever removed."""

    async def enter(self, order: Order) -> None:
        """Keep the order durably; one of its id that is there gives way (a release)."""

    async def orders(self) -> Sequence[Order]:
        """All of them, oldest first."""


def check_amendable(stored: bytes, record: RedactedRecord) -> None:
    """Raise `RecordInvalid` unless the two differ in retention and integrity only."""
    there, new = _documents(stored, record)
    for document in (there, new):
        document.pop("retention", None)
        document.pop("integrity", None)
    if there != new:
        raise RecordInvalid("an amendment may change a record's retention only")


def check_rewritable(stored: bytes, record: RedactedRecord) -> None:
    """Raise `RecordInvalid` unless the two agree in all that redaction leaves alone."""
    there, new = _documents(stored, record)
    alike = all(there.get(name) == new.get(name) for name in _NEVER_REDACTED)
    ties = [{k: v for k, v in d.get("integrity", {}).items() if k in _TIES} for d in (there, new)]
    if not alike or ties[0] != ties[1]:
        raise RecordInvalid("another redaction may not change whose or when a record is")


def _documents(stored: bytes, record: RedactedRecord) -> tuple[dict[str, Json], dict[str, Json]]:
    return msgspec.json.decode(stored), msgspec.json.decode(to_json(record))


def in_order(documents: Iterable[StoredDocument]) -> list[StoredDocument]:
    """The records of one exchange by the number in their ids: of two, the longer id is later."""
    return sorted(documents, key=lambda each: (len(each.id), each.id))
