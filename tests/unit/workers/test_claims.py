"""Large bodies through the worker: the ledger is asked before a blob is, and decides on its end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from audit.errors import BlobMissing, BlobsUnavailable, EnvelopeDamaged
from audit.ledger import LedgerState
from audit.orders import OrderKind
from audit.record import AuditRecord, RedactedRecord
from audit.value import to_json
from storage.blobs.folder import FolderBlobs
from storage.blobs.memory import MemoryBlobs
from storage.queue.bodies import Room
from storage.queue.claim_check import ClaimCheckInbox, ClaimCheckOutbox
from storage.queue.memory import MemoryQueue
from storage.queue.port import Delivery, Message, MessageKind
from tests.contract.samples import BOOT, a_checkpoint, number, record_id
from tests.unit.claims.parts import Watched, names
from tests.unit.workers.house import House, an_order, sealed
from tests.unit.workers.parts import SIGNER, KeptLog, PlainRedactor
from workers.carrier import Carried, Carrier
from workers.claims import ClaimedBodies
from workers.custody import signed_order
from workers.erasure import Eraser
from workers.lease import Sleep
from workers.settlement import Patience
from workers.worker import Worker, WorkerLimits


@dataclass
class Checked:
    """A house whose queue leaves every body in blobs."""

    house: House
    blobs: Watched
    inbox: ClaimCheckInbox
    outbox: ClaimCheckOutbox

    def carrier(self) -> Carrier:
        """A carrier that fetches bodies."""
        carrier = self.house.carrier()
        carrier._bodies = self.inbox
        return carrier

    def eraser(self) -> Eraser:
        """An eraser that knows of blobs."""
        eraser = self.house.eraser()
        eraser._claimed = ClaimedBodies(self.blobs)
        return eraser

    async def one(self) -> Delivery:
        """Receive exactly one."""
        (delivery,) = await self.inbox.receive(1, 0)
        return delivery

    async def worked_off(self, log: KeptLog | None = None, pause: Sleep = asyncio.sleep) -> None:
        """Let a worker carry until the queue is empty."""
        stop = asyncio.Event()
        limits = WorkerLimits(look=0.0, patience=Patience(max_attempts=2))
        worker = Worker(
            self.inbox, self.carrier(), limits, log=log, clock=self.house.clock, sleep=pause
        )
        running = asyncio.create_task(worker.run(stop))
        async with asyncio.timeout(30):
            while not await self._empty():  # noqa: ASYNC110 - a queue says by being asked
                await asyncio.sleep(0)
        stop.set()
        await running

    async def _empty(self) -> bool:
        census = await self.house.queue_state.census()
        return not census.waiting + census.leased

    async def lose(self) -> None:
        """Remove every blob, as nobody should."""
        for name in await names(self.blobs):
            await self.blobs.remove(name)


class Crowd(PlainRedactor):
    """Notes how many records are being redacted at the same time."""

    inside = most = 0

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Redact, and let others run meanwhile."""
        self.inside += 1
        self.most = max(self.most, self.inside)
        for _ in range(100):
            await asyncio.sleep(0)
        self.inside -= 1
        return await super().redact(record)


@pytest.fixture
async def checked(house: House, tmp_path: Path) -> Checked:
    """Each house: one all in memory, one with its blobs in a folder beside queue and store."""
    in_memory = isinstance(house.queue, MemoryQueue)
    blobs = Watched(MemoryBlobs() if in_memory else FolderBlobs(tmp_path / "blobs"))
    inbox = ClaimCheckInbox(house.queue, blobs)
    return Checked(house, blobs, inbox, ClaimCheckOutbox(house.queue, blobs, lambda: 0))


async def test_a_large_exchange_is_stored_and_its_blob_goes(checked: Checked) -> None:
    """From the tap's end to the record; afterwards neither message nor blob is there."""
    await checked.outbox.send([sealed(seq) for seq in (1, 2, 3)])
    await checked.worked_off()
    for seq in (1, 2, 3):
        assert await checked.house.state(seq) is LedgerState.STORED
        assert await checked.house.stored(seq) is not None
    assert await names(checked.blobs) == []


async def test_no_more_large_records_are_made_at_once_than_there_is_room_for(
    checked: Checked,
) -> None:
    """From the fetching of a body until its record is stored, the others wait."""
    crowd = Crowd()
    checked.house.redactor = crowd
    checked.inbox._room = Room(1)
    await checked.outbox.send([sealed(seq) for seq in range(1, 9)])
    await checked.worked_off()
    assert (crowd.calls, crowd.most) == (8, 1)


async def test_what_is_stored_already_is_not_fetched_again(checked: Checked) -> None:
    """A second delivery succeeds although the first one's blob is gone."""
    await checked.outbox.send([sealed(1)])
    delivery = await checked.one()
    assert await checked.carrier().carry(delivery.message) is Carried.STORED
    await checked.lose()
    assert await checked.carrier().carry(delivery.message) is Carried.STORED_BEFORE
    assert checked.blobs.asked.count("get") == 1


async def test_a_blob_that_another_worker_removed_meanwhile_is_no_loss(checked: Checked) -> None:
    """Whoever lost its lease while it waited finds record and entry, and completes."""
    await checked.outbox.send([sealed(1)])
    late = await checked.one()
    checked.house.clock.now = late.locked_until + 1
    await checked.worked_off()
    with pytest.raises(BlobMissing):
        await checked.inbox.fetch(late.message)
    assert await checked.carrier().carry(late.message) is Carried.STORED_BEFORE


async def test_a_blob_that_is_missing_without_a_record_is_set_aside(checked: Checked) -> None:
    """The dead letter says `blob.missing`, the ledger that it is set aside; nothing is stored."""
    await checked.outbox.send([sealed(1)])
    await checked.lose()
    await checked.worked_off()
    letter = await checked.house.admin.dead_letter_of(record_id(1))
    assert letter is not None
    assert letter.code == "blob.missing"
    assert await checked.house.state(1) is LedgerState.DEAD_LETTERED


async def test_a_set_aside_exchange_is_stored_when_its_blob_is_back(checked: Checked) -> None:
    """A container that was restored, and a replay, make it whole."""
    await checked.outbox.send([sealed(1)])
    (name,) = await names(checked.blobs)
    kept = await checked.blobs.get(name)
    await checked.lose()
    await checked.worked_off()
    await checked.blobs.put(name, kept)
    assert await checked.house.admin.replay(record_id(1))
    await checked.worked_off()
    assert await checked.house.state(1) is LedgerState.STORED
    assert await names(checked.blobs) == []


async def test_an_altered_blob_is_unreadable(checked: Checked) -> None:
    """Its dead letter says `envelope.damaged`; it keeps its blob, for somebody to look at."""
    await checked.outbox.send([sealed(1)])
    (name,) = await names(checked.blobs)
    await checked.lose()
    await checked.blobs.put(name, b"something else")
    await checked.worked_off()
    letter = await checked.house.admin.dead_letter_of(record_id(1))
    assert letter is not None
    assert letter.code == EnvelopeDamaged.code
    assert await checked.house.state(1) is LedgerState.UNREADABLE
    assert await names(checked.blobs) == [name]


async def test_an_outage_of_blobs_dead_letters_nothing(checked: Checked) -> None:
    """The worker holds the delivery however often the blob cannot be had, and then stores it."""
    await checked.outbox.send([sealed(1)])
    checked.blobs.refuses = "get"
    log, pauses = KeptLog(), iter(range(100))

    async def pause(seconds: float) -> None:
        if next(pauses) == 20:
            checked.blobs.refuses = None
        await asyncio.sleep(min(seconds, 0))

    await checked.worked_off(log, pause)
    assert await checked.house.state(1) is LedgerState.STORED
    assert [keys["code"] for event, keys in log.lines if event == "worker.paused"] == [
        "blobs.unavailable"
    ]
    assert "worker.dead_lettered" not in log.events()


async def test_an_erased_exchange_goes_without_being_fetched(checked: Checked) -> None:
    """An order by id is obeyed though the blob cannot be had, and takes the blob with it."""
    await checked.outbox.send([sealed(1)])
    delivery = await checked.one()
    await checked.house.book.enter(signed_order(an_order(OrderKind.ERASE, 1), SIGNER))
    checked.blobs.refuses = "get"
    assert await checked.carrier().carry(delivery.message) is Carried.ERASED
    assert await checked.inbox.complete(delivery)
    assert await names(checked.blobs) == []


@pytest.mark.parametrize("dead", [False, True])
async def test_an_erasure_takes_the_blob_of_what_nobody_has_opened(
    checked: Checked, *, dead: bool
) -> None:
    """Whether it waits or was set aside; the blobs of others stay."""
    await checked.outbox.send([sealed(1), sealed(2)])
    if dead:
        await checked.house.set_aside_next()
    await checked.eraser().erase(an_order(OrderKind.ERASE, 1))
    (left,) = await names(checked.blobs)
    assert record_id(2) in left


async def test_an_erasure_takes_the_blob_of_what_a_worker_holds(checked: Checked) -> None:
    """The worker then finds it erased, and stores nothing."""
    await checked.outbox.send([sealed(1)])
    delivery = await checked.one()
    await checked.eraser().erase(an_order(OrderKind.ERASE, 1))
    assert await names(checked.blobs) == []
    assert await checked.carrier().carry(delivery.message) is Carried.REMOVED_BEFORE
    assert await checked.inbox.complete(delivery)


async def test_an_erasure_of_a_consumer_takes_what_a_crash_left(checked: Checked) -> None:
    """A record that is stored, with a blob that nobody removed: both go."""
    await checked.outbox.send([sealed(1), sealed(2, consumer="other")])
    checked.blobs.refuses = "remove"
    await checked.worked_off()
    checked.blobs.refuses = None
    await checked.eraser().erase(an_order(OrderKind.ERASE, consumer="demo"))
    (left,) = await names(checked.blobs)
    assert record_id(2) in left


async def test_an_erasure_that_was_cut_short_takes_the_blobs_when_it_is_repeated(
    checked: Checked,
) -> None:
    """The second attempt removes what the first one could not."""
    await checked.outbox.send([sealed(1)])
    checked.blobs.refuses = "remove"
    await checked.worked_off()
    first = an_order(OrderKind.ERASE, consumer="demo")
    with pytest.raises(BlobsUnavailable):
        await checked.eraser().erase(first)
    checked.blobs.refuses = None
    await checked.eraser().erase(msgspec.structs.replace(first, id="another"))
    assert await names(checked.blobs) == []


async def test_a_discarded_dead_letter_loses_its_blob(checked: Checked) -> None:
    """An exchange's, by its order."""
    await checked.outbox.send([sealed(1)])
    await checked.house.set_aside_next()
    await checked.eraser().discard(an_order(OrderKind.ERASE, 1))
    assert await names(checked.blobs) == []


async def test_a_discarded_checkpoint_loses_its_blob(checked: Checked) -> None:
    """A tap's large word too."""
    name = f"tap/{BOOT}#3"
    word = Message(name, MessageKind.CHECKPOINT, number(0), to_json(a_checkpoint(3)))
    await checked.outbox.send([word])
    await checked.inbox.dead_letter(await checked.one(), "signature.invalid", "Nobody's.")
    order = msgspec.structs.replace(an_order(OrderKind.ERASE), ids=(name,))
    assert await checked.eraser().discard_checkpoints(order) == 1
    assert await names(checked.blobs) == []


async def test_a_checkpoint_in_a_blob_is_entered(checked: Checked) -> None:
    """The ledger has the word, and the blob is gone."""
    word = Message(f"tap/{BOOT}#3", MessageKind.CHECKPOINT, number(0), to_json(a_checkpoint(3)))
    await checked.outbox.send([word])
    await checked.worked_off()
    assert [each async for each in checked.house.ledger.checkpoints()] == [a_checkpoint(3)]
    assert await names(checked.blobs) == []
