"""Reading stored records again, under a policy that may know what an earlier one missed.

The law: an exchange is read whole, all of its records at once, and changed with its ledger entry or
not at all. A record that bears this policy's receipt is not read again, so that a run which was cut
short goes on where it was. What a worker did not sign is left as it is, and so is what a hold
keeps: evidence is not altered before it is released. Nothing that was taken out comes back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from audit.errors import AuditStreamError, StoreUnavailable
from audit.ledger import LedgerEntry, LedgerState
from audit.orders import Order, OrderKind, in_force
from audit.record import RedactedRecord
from audit.sheaf import exchange_of
from audit.signing import Signer, Trust
from redaction.again import Reread, reread, seen_by
from redaction.redactor import Redactor
from storage.records.keeper import Finder, Keeper, OrderBook
from storage.records.port import RecordReader
from storage.records.query import Query
from storage.records.signed_ledger import signed, signed_record
from workers.changes import amended_entry, read_record, read_records
from workers.custody import Custody, signed_order
from workers.vouching import amendable, vouched_for

__all__ = ["KIND", "Rereader", "Rereading", "Seen"]

# What the ledger calls it.
KIND = "reredacted"
_PAGE = 100


class Seen(StrEnum):
    """What became of an exchange that was found."""

    CHANGED = "changed"
    CLEAN = "clean"
    BEFORE = "before"
    HELD = "held"
    UNSIGNED = "unsigned"
    FAILED = "failed"


@dataclass
class Rereading:
    """How far a run has come: exchanges by what became of them, and what was missed, by type.

    `changes` are those that were or would be changed, each with what was found in it; `failures`
    the codes of what could not be read. Both are by id.
    """

    seen: Counter[Seen] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    changes: dict[str, dict[str, int]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


class Rereader:
    """Reads what a filter finds. `redactor` has the policy; a dry run changes nothing."""

    def __init__(
        self,
        *,
        records: RecordReader,
        keeper: Keeper,
        finder: Finder,
        book: OrderBook,
        custody: Custody,
        signer: Signer,
        trust: Trust,
        redactor: Redactor,
    ) -> None:
        self._records = records
        self._keeper = keeper
        self._finder = finder
        self._book = book
        self._custody = custody
        self._signer = signer
        self._trust = trust
        self._redactor = redactor

    async def look(self, query: Query, tell: Callable[[Rereading], None]) -> Rereading:
        """Say what a run would change, and change nothing. `tell` hears of each exchange."""
        return await self._run(query, None, tell)

    async def run(self, query: Query, order: Order, tell: Callable[[Rereading], None]) -> Rereading:
        """Read everything that the filter finds and that this policy has not read.

        The order is kept before anything changes and closed when all is read; one of the same
        policy and reason that was cut short is taken up again. Raises what the store raises.
        """
        standing = await self._standing(order)
        done = await self._run(query, standing, tell)
        # What was taken out stood in files in the clear until now.
        await self._keeper.scrub(thorough=True)
        await self._enter(msgspec.structs.replace(standing, released=self._custody.now()))
        return done

    async def _run(
        self, query: Query, order: Order | None, tell: Callable[[Rereading], None]
    ) -> Rereading:
        done = Rereading()
        async for exchange_id in self._exchanges(query):
            try:
                seen = await self._exchange(exchange_id, order, done)
            except StoreUnavailable:
                raise
            except AuditStreamError as error:
                seen = Seen.FAILED
                done.failures[exchange_id] = error.code
            if seen is not None:
                done.seen[seen] += 1
                tell(done)
        return done

    async def _exchanges(self, query: Query) -> AsyncIterator[str]:
        """Give the exchanges of which the filter finds any record, each once."""
        cursor, several = None, set()
        while True:
            page = await self._records.search(query, _PAGE, cursor)
            for document in page.documents:
                exchange_id = exchange_of(document.id)
                # Of a single record there is no second to find.
                if document.id == exchange_id and exchange_id not in several:
                    if (read := read_records([document.json])) and read[0].tap.records > 1:
                        several.add(exchange_id)
                    yield exchange_id
                elif exchange_id not in several:
                    several.add(exchange_id)
                    yield exchange_id
            cursor = page.cursor
            if cursor is None:
                return

    async def _exchange(
        self, exchange_id: str, order: Order | None, done: Rereading
    ) -> Seen | None:
        """Read one exchange; None for one that went meanwhile."""
        entry = await self._finder.entry_of(exchange_id)
        documents = [each.json for each in await self._keeper.documents(exchange_id)]
        if not documents:
            return None
        records = self._vouched(documents, entry)
        if entry is None or not records:
            return Seen.UNSIGNED
        if all(seen_by(each, self._redactor) for each in records):
            return Seen.BEFORE
        if any(each.retention.hold for each in records):
            return Seen.HELD
        at, name = self._custody.now(), order.id if order is not None else ""
        made = await reread(records, self._redactor, at=at, order=name)
        if order is not None and not await self._written(made, entry, at, order):
            return None
        return _noted(exchange_id, made, done)

    def _vouched(
        self, documents: Sequence[bytes], entry: LedgerEntry | None
    ) -> Sequence[RedactedRecord]:
        if entry is None or entry.state is not LedgerState.STORED:
            return ()
        if records := vouched_for(documents, entry, self._trust):
            return records
        # A run that was cut short may have come as far as the entry, and no further.
        ahead = bool(entry.amendments) and entry.amendments[-1].kind == KIND
        if not ahead or not amendable(documents, entry, self._trust):
            return ()
        return [read_record(each) for each in documents]

    async def _written(
        self, made: Sequence[Reread], entry: LedgerEntry, at: str, order: Order
    ) -> bool:
        first, *further = [signed_record(each.record, self._signer) for each in made]
        amended = amended_entry(entry, [first, *further], at=at, kind=KIND, order=order.id)
        return await self._keeper.rewrite(first, signed(amended, self._signer), further)

    async def _standing(self, order: Order) -> Order:
        """The order as it is kept: one that was cut short before, or this one."""
        begun = [
            each
            for each in in_force(await self._book.orders(), self._trust)
            if each.kind is OrderKind.REREDACT
            and each.released is None
            and (each.policy, each.why) == (order.policy, order.why)
        ]
        if begun:
            return begun[-1]
        await self._enter(order)
        return order

    async def _enter(self, order: Order) -> None:
        await self._book.enter(signed_order(order, self._signer))


def _noted(exchange_id: str, made: Sequence[Reread], done: Rereading) -> Seen:
    found: Counter[str] = Counter()
    for each in made:
        found.update(each.found)
    if not found:
        return Seen.CLEAN
    done.found.update(found)
    done.changes[exchange_id] = dict(sorted(found.items()))
    return Seen.CHANGED
