"""Everything between queue and store, for workers and operators alike, in memory or on disk."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from audit.digest import record_digest
from audit.exchange import Identity
from audit.ids import ExchangeNumber, timestamp
from audit.ledger import LedgerEntry, LedgerState
from audit.orders import Order, OrderKind, session_digest
from audit.record import AuditRecord, RedactedRecord, Retention
from audit.value import from_json
from storage.queue.memory import MemoryQueue
from storage.queue.port import (
    Inbox,
    Message,
    Outbox,
    QueueAdmin,
    QueueReader,
)
from storage.queue.sqlite import SqliteQueue, SqliteQueueReader
from storage.queue.sqlite_admin import SqliteQueueAdmin
from storage.records.keeper import Finder, Keeper, OrderBook, ReadsOrders
from storage.records.keeper_sqlite import SqliteFinder, SqliteKeeper
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.memory import MemoryLedger, MemoryRecords
from storage.records.memory_keeper import MemoryFinder, MemoryKeeper, MemoryOrderBook
from storage.records.orders_sqlite import SqliteOrderBook
from storage.records.port import LedgerReader, LedgerWriter, RecordReader, RecordWriter
from storage.records.signed_ledger import SigningLedger, signed_record
from storage.records.sqlite import SqliteRecordReader, SqliteRecordWriter
from storage.records.sqlite_file import open_store
from tests.contract.samples import number, record_id
from tests.unit.workers.parts import (
    NOW_NS,
    SESSION_KEY,
    SIGNER,
    TRUST,
    Clock,
    PlainRedactor,
    a_clear_sheaf,
    a_sealed_sheaf,
    believed,
    open_plain,
    reassemble,
)
from workers.carrier import Carried, Carrier
from workers.custody import Custody
from workers.erasure import Eraser
from workers.holds import Holder
from workers.locating import Locator
from workers.ports import Redacts
from workers.searching import Search
from workers.sweeper import Sweeper

__all__ = ["NOW", "House", "SessionRedactor", "an_order", "in_memory", "on_disk", "sealed"]

NOW = timestamp(NOW_NS)


T = TypeVar("T")


class BothEnds(Outbox, Inbox, Protocol):
    """A queue that can be sent to and received from."""


class Closes(Protocol):
    """Something that is closed in the end."""

    async def close(self) -> None:
        """Close it."""


class FullLedger(LedgerWriter, LedgerReader, Protocol):
    """A ledger that is written and read."""


class Records(RecordWriter, RecordReader, Protocol):
    """A store that is written and read."""


@dataclass
class House:
    """The ports, and who works with them."""

    queue: BothEnds
    admin: QueueAdmin
    queue_state: QueueReader
    writer: RecordWriter
    reader: RecordReader
    ledger: FullLedger
    keeper: Keeper
    finder: Finder
    book: OrderBook
    clock: Clock
    redactor: Redacts = field(default_factory=PlainRedactor)
    spooled: Mapping[str, ExchangeNumber] = field(default_factory=dict)
    files: Sequence[Closes] = ()
    consumers: Collection[str] = ("demo", "other", "left")
    worker_books: Sequence[ReadsOrders] = ()
    carriers: int = 0

    async def close(self) -> None:
        """Close every file."""
        for each in self.files:
            await each.close()

    def now_ns(self) -> int:
        """The clock in nanoseconds."""
        return round(self.clock() * 1e9)

    def custody(self, orders: ReadsOrders | None = None) -> Custody:
        """Custody over these parts."""
        return Custody(
            orders=orders or self.book,
            keeper=self.keeper,
            signer=SIGNER,
            trust=TRUST,
            session_key=SESSION_KEY,
            now_ns=self.now_ns,
        )

    def carrier(self) -> Carrier:
        """A carrier that signs, of the next worker where each has a way of its own to the book."""
        books = self.worker_books or (self.book,)
        self.carriers += 1
        return Carrier(
            open_envelope=open_plain,
            reassemble=reassemble,
            redactor=self.redactor,
            records=self.writer,
            ledger=SigningLedger(self.ledger, SIGNER),
            custody=self.custody(books[self.carriers % len(books)]),
            now_ns=self.now_ns,
            sign_record=partial(signed_record, signer=SIGNER),
            vouched=believed,
        )

    def search(self) -> Search:
        """A search over these parts."""
        locator = Locator(
            keeper=self.keeper,
            finder=self.finder,
            queue=self.admin,
            spooled=lambda: self.spooled,
            subject_of=self.custody().subject,
            believes=self.custody().believes,
        )
        return Search(
            finder=self.finder,
            locator=locator,
            book=self.book,
            custody=self.custody(),
            trust=TRUST,
            consumers=self.consumers,
        )

    def eraser(self) -> Eraser:
        """An eraser."""
        return Eraser(
            search=self.search(),
            book=self.book,
            keeper=self.keeper,
            queue=self.admin,
            queue_state=self.queue_state,
            custody=self.custody(),
            signer=SIGNER,
        )

    def holder(self) -> Holder:
        """A holder."""
        return Holder(search=self.search(), book=self.book, custody=self.custody(), signer=SIGNER)

    def sweeper(self) -> Sweeper:
        """A sweeper."""
        return Sweeper(
            finder=self.finder,
            keeper=self.keeper,
            ledger=self.ledger,
            custody=self.custody(),
            trust=TRUST,
            interval=0.0,
        )

    async def carry(self, *messages: Message) -> list[Carried]:
        """Carry messages that no queue holds."""
        return [await self.carrier().carry(each) for each in messages]

    async def carry_next(self) -> Carried:
        """Receive one message, carry it and complete it."""
        (delivery,) = await self.queue.receive(1, 0)
        carried = await self.carrier().carry(delivery.message)
        await self.queue.complete(delivery)
        return carried

    async def set_aside_next(self) -> None:
        """Receive one message and set it aside."""
        (delivery,) = await self.queue.receive(1, 0)
        await SigningLedger(self.ledger, SIGNER).enter(
            LedgerEntry(
                number=delivery.message.number,
                id=delivery.message.id,
                state=LedgerState.DEAD_LETTERED,
            )
        )
        await self.queue.dead_letter(delivery, "detector.failed", "A detector failed.")

    async def stored(self, seq: int) -> RedactedRecord | None:
        """The record of this number, if there is one."""
        found = await self.reader.get(record_id(seq))
        return None if found is None else from_json(found.json, RedactedRecord)

    async def entry(self, seq: int) -> LedgerEntry:
        """What the ledger says of this number."""
        entry = await self.ledger.entry(number(seq))
        assert entry is not None, f"nothing of {seq}"
        return entry

    async def state(self, seq: int) -> LedgerState:
        """What became of this number."""
        return (await self.entry(seq)).state


class Paces(Protocol):
    """What may come between the calls of a port."""

    def __call__(self, port: T, /) -> T:
        """The port, called in turn."""


def as_it_is(port: T) -> T:
    """The port itself."""
    return port


def in_memory(paced: Paces = as_it_is) -> House:
    """All in memory; `paced` may come between the store's steps."""
    clock, ledger = Clock(), paced(MemoryLedger())
    records, queue = MemoryRecords(ledger), MemoryQueue(lease=60.0, clock=clock)
    return House(
        queue,
        queue,
        queue,
        records,
        records,
        ledger,
        MemoryKeeper(paced(records), ledger),
        MemoryFinder(records, ledger),
        MemoryOrderBook(),
        clock,
    )


async def on_disk(folder: Path) -> House:
    """Queue and store as `auditstream up` has them."""
    clock = Clock()
    store = await open_store(folder / "store.db")
    queue = await SqliteQueue.open(folder / "queue.db", lease=60.0, clock=clock)
    admin = await SqliteQueueAdmin.open(folder / "queue.db", clock=clock)
    state = await SqliteQueueReader.open(folder / "queue.db", clock=clock)
    return House(
        queue,
        admin,
        state,
        SqliteRecordWriter(store),
        SqliteRecordReader(store),
        SqliteLedger(store),
        SqliteKeeper(store),
        SqliteFinder(store),
        SqliteOrderBook(store),
        clock,
        files=(state, admin, queue, store),
    )


def sealed(
    seq: int,
    *,
    consumer: str = "demo",
    session: str | None = None,
    expires_at: str | None = None,
    records: int = 1,
) -> Message:
    """A message with an exchange of this consumer and session, "sealed" as the tests' are."""
    made = (
        msgspec.structs.replace(
            each,
            consumer=consumer,
            identity=Identity(session=session),
            retention=Retention(expires_at=expires_at),
        )
        for each in a_clear_sheaf(seq, records)
    )
    return a_sealed_sheaf(tuple(made))


def an_order(
    kind: OrderKind,
    *seqs: int,
    consumer: str | None = None,
    session: str | None = None,
    before: str | None = None,
    name: str = "0199f3c0-a1b2-7000-9000-000000000001",
) -> Order:
    """An order as the command line writes it."""
    digest = session_digest(SESSION_KEY, consumer, session) if consumer and session else None
    return Order(
        id=name,
        kind=kind,
        at=NOW,
        why="a person asked for it",
        ids=tuple(record_id(seq) for seq in seqs),
        consumer=consumer,
        session=digest,
        before=before or (NOW if consumer and kind is OrderKind.ERASE else None),
    )


class SessionRedactor(PlainRedactor):
    """Takes sessions out as well, as a policy does with one that is an address."""

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Put a token in the session's place."""
        made = await super().redact(record)
        identity = msgspec.structs.replace(made.identity, session="<EMAIL_ADDRESS_1>")
        changed = msgspec.structs.replace(made, identity=identity)
        stated = msgspec.structs.replace(changed.integrity, record_digest=record_digest(changed))
        return msgspec.structs.replace(changed, integrity=stated)
