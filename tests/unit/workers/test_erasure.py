"""Erasure: what an order names is gone wherever it was, and does not come back."""

from __future__ import annotations

import asyncio
import pickle

import msgspec
import pytest

from audit.errors import (
    DetectorFailed,
    ExchangeUnknown,
    OrderInvalid,
    RecordHeld,
    SignatureInvalid,
)
from audit.ledger import LedgerState
from audit.orders import OrderKind, order_statement
from audit.record import AuditRecord, RedactedRecord
from audit.signing import Role, certificate_statement, entry_statement
from storage.queue.port import DeadLetter
from storage.records.signed_ledger import signed
from tests.contract.samples import an_entry, number, record_id
from tests.unit.workers.house import NOW, House, SessionRedactor, an_order, sealed
from tests.unit.workers.parts import SIGNER, TRUST, KeptLog, PlainRedactor, a_clear_record
from workers.carrier import Carried
from workers.custody import signed_order
from workers.locating import Place
from workers.worker import Worker, WorkerLimits

ERASE, HOLD = OrderKind.ERASE, OrderKind.HOLD


async def test_a_stored_record_goes_and_a_certificate_says_so(house: House) -> None:
    """The ledger keeps number, id and commitment and names the order; both are signed."""
    await house.carry(sealed(1), sealed(2))
    before = await house.entry(1)
    order = an_order(ERASE, 1)
    erasure = await house.eraser().erase(order)
    assert erasure.clean
    certificate = erasure.certificate
    (erased,) = certificate.erased
    assert (certificate.order, certificate.why) == (order.id, order.why)
    assert (erased.id, erased.number, erased.before) == (record_id(1), number(1), "stored")
    assert (erased.record_digest, erased.commitment) == (before.record_digest, "c0ffee")
    statement = certificate_statement(certificate)
    assert TRUST.bears_out(Role.WORKER, statement, certificate.signature)
    entry = await house.entry(1)
    assert (entry.state, entry.commitment, entry.consumer) == (
        LedgerState.ERASED,
        "c0ffee",
        "demo",
    )
    assert (entry.amendments[-1].kind, entry.amendments[-1].order) == ("erased", order.id)
    assert TRUST.bears_out(Role.WORKER, entry_statement(entry), entry.signature)
    assert await house.stored(1) is None
    assert await house.stored(2) is not None


async def test_erasing_again_says_that_it_was_removed(house: House) -> None:
    """A second run has nothing to do and names the exchange all the same."""
    await house.carry(sealed(1))
    await house.eraser().erase(an_order(ERASE, 1))
    again = await house.eraser().erase(an_order(ERASE, 1, name="o-2"))
    assert [each.before for each in again.certificate.erased] == ["removed"]
    assert (await house.entry(1)).amendments[-1].order == an_order(ERASE).id


async def test_a_consumers_session_goes_up_to_an_instant(house: House) -> None:
    """Another consumer, another session and what was received later stay."""
    await house.carry(
        sealed(1, session="s-1"),
        sealed(2, session="s-2"),
        sealed(3, consumer="other", session="s-1"),
        sealed(4, session="s-1"),
    )
    order = an_order(ERASE, consumer="demo", session="s-1", before="2026-11-20T10:00:04.000000Z")
    erasure = await house.eraser().erase(order)
    assert [each.number.seq for each in erasure.certificate.erased] == [1]
    states = [await house.state(seq) for seq in (1, 2, 3, 4)]
    assert states == [LedgerState.ERASED, *[LedgerState.STORED] * 3]


async def test_a_certificate_names_what_an_earlier_attempt_removed(house: House) -> None:
    """The same words again give a certificate over both runs, and over no other order's."""
    await house.carry(sealed(1, session="s"), sealed(2, session="t"))
    await house.eraser().erase(an_order(ERASE, consumer="demo", session="s", name="o-1"))
    await house.eraser().erase(an_order(ERASE, consumer="demo", session="t", name="o-2"))
    await house.carry(sealed(3, session="s"))
    order = an_order(ERASE, consumer="demo", session="s", before="2027", name="o-3")
    erasure = await house.eraser().erase(order)
    told = {each.number.seq: each.before for each in erasure.certificate.erased}
    assert told == {1: "removed", 3: "removed"}


@pytest.mark.parametrize("dead", [False, True])
async def test_a_sealed_message_goes_with_its_body(house: House, dead: bool) -> None:
    """Waiting or set aside, it is discarded, and a copy that comes later is not stored."""
    await house.queue.send([sealed(1)])
    if dead:
        await house.set_aside_next()
    erasure = await house.eraser().erase(an_order(ERASE, 1))
    (erased,) = erasure.certificate.erased
    assert erased.before == ("dead_lettered" if dead else "waiting")
    assert await house.admin.find(record_id(1)) is None
    assert await house.state(1) is LedgerState.ERASED
    await house.queue.send([sealed(1)])
    assert await house.carry_next() is Carried.REMOVED_BEFORE
    assert await house.stored(1) is None


async def test_what_is_still_in_a_spool_does_not_come(house: House) -> None:
    """It is known by its number only, and never opened when it arrives."""
    house.spooled = {record_id(1): number(1)}
    erasure = await house.eraser().erase(an_order(ERASE, 1))
    assert [each.before for each in erasure.certificate.erased] == ["waiting"]
    await house.queue.send([sealed(1)])
    assert await house.carry_next() is Carried.REMOVED_BEFORE
    assert await house.stored(1) is None


async def test_an_id_that_nobody_knows_is_an_error(house: House) -> None:
    """Nothing is done, not even to those that are known, and no order is left."""
    await house.carry(sealed(1))
    with pytest.raises(ExchangeUnknown):
        await house.eraser().erase(an_order(ERASE, 1, 9))
    assert await house.stored(1) is not None
    assert not await house.book.orders()


@pytest.mark.parametrize("by_id", [True, False])
async def test_what_a_hold_keeps_is_refused_altogether(house: House, by_id: bool) -> None:
    """All or nothing: neither the held record nor the other one goes, and no order is left."""
    await house.carry(sealed(1), sealed(2))
    await house.holder().add(an_order(HOLD, 2, name="h-1"))
    order = an_order(ERASE, 1, 2) if by_id else an_order(ERASE, consumer="demo")
    with pytest.raises(RecordHeld, match=record_id(2)):
        await house.eraser().erase(order)
    assert await house.stored(1) is not None
    assert [each.id for each in await house.book.orders()] == ["h-1"]


async def test_what_nobody_opened_may_be_held_by_consumer(house: House) -> None:
    """A sealed exchange is not erased while a hold on some consumer might keep it."""
    await house.queue.send([sealed(1)])
    await house.holder().add(an_order(HOLD, consumer="demo", name="h-1"))
    with pytest.raises(RecordHeld):
        await house.eraser().erase(an_order(ERASE, 1))
    await house.holder().release("h-1", "over")
    await house.eraser().erase(an_order(ERASE, 1))
    assert await house.state(1) is LedgerState.ERASED


async def test_a_sealed_exchange_that_is_held_by_id_is_refused(house: House) -> None:
    """A hold by id keeps it before anyone has opened it."""
    await house.queue.send([sealed(1)])
    await house.holder().add(an_order(HOLD, 1, name="h-1"))
    with pytest.raises(RecordHeld):
        await house.eraser().erase(an_order(ERASE, 1))


class Failing(PlainRedactor):
    """Would fail, and tells whether it was asked."""

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Fail."""
        await super().redact(record)
        raise AssertionError("a detector broke")


async def test_what_an_order_bars_is_not_even_redacted(house: House) -> None:
    """By consumer it is known when it is opened: it goes although its redaction would fail."""
    redactor = Failing()
    house.redactor = redactor
    await house.queue.send([sealed(1, consumer="left")])
    await house.eraser().erase(an_order(ERASE, consumer="left"))
    assert await house.carry_next() is Carried.ERASED
    assert redactor.calls == 0
    entry = await house.entry(1)
    assert (entry.state, entry.consumer, entry.commitment) == (
        LedgerState.ERASED,
        "left",
        "c0ffee",
    )


@pytest.mark.parametrize("named", ["jane@example.com", "<EMAIL_ADDRESS_1>"])
async def test_a_session_is_met_as_it_came_and_as_it_is_stored(house: House, named: str) -> None:
    """Whichever of the two the operator knows, what is on its way is not stored."""
    house.redactor = SessionRedactor()
    await house.book.enter(signed_order(an_order(ERASE, consumer="demo", session=named), SIGNER))
    message = sealed(1, session="jane@example.com")
    assert await house.carry(message) == [Carried.ERASED]
    assert await house.stored(1) is None
    assert await house.carry(sealed(2, session="joe@example.org")) == [
        Carried.ERASED if named.startswith("<") else Carried.STORED
    ]


async def test_what_was_received_later_is_stored(house: House) -> None:
    """An order by consumer is of what was there; it bars no later exchange."""
    await house.eraser().erase(an_order(ERASE, consumer="demo", before="2026-11-20"))
    assert await house.carry(sealed(1)) == [Carried.STORED]


async def test_an_order_by_id_needs_nothing_to_be_opened(house: House) -> None:
    """It is obeyed before the envelope is looked at, even when no key would open it."""
    await house.book.enter(signed_order(an_order(ERASE, 1), SIGNER))
    message = sealed(1)
    broken = type(message)(message.id, message.kind, message.number, b"no envelope")
    assert await house.carry(broken) == [Carried.ERASED]


@pytest.mark.parametrize("state", [LedgerState.ERASED, LedgerState.EXPIRED])
async def test_what_a_dead_worker_left_behind_goes(house: House, state: LedgerState) -> None:
    """It had put the record and died; its message, which comes again, takes the record away."""
    clear = a_clear_record(1)
    assert await house.writer.put(await PlainRedactor().redact(clear))
    await house.ledger.enter(signed(an_entry(1, state), SIGNER))
    assert await house.carry(sealed(1)) == [Carried.REMOVED_BEFORE]
    assert await house.stored(1) is None


@pytest.mark.parametrize("forged", [True, False])
async def test_an_order_that_nobody_signed_is_noticed(house: House, forged: bool) -> None:
    """It is neither obeyed nor passed over: what it names raises, anything else is stored."""
    order = an_order(ERASE, 1)
    made_up = f"{'0' * 16}:{'A' * 86}==" if forged else None
    await house.book.enter(msgspec.structs.replace(order, signature=made_up))
    assert not TRUST.bears_out(Role.WORKER, order_statement(order), made_up)
    with pytest.raises(SignatureInvalid):
        await house.carry(sealed(1))
    assert await house.carry(sealed(2)) == [Carried.STORED]


class Held(PlainRedactor):
    """Redacts when it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.began, self.let_go = asyncio.Event(), asyncio.Event()

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Wait."""
        self.began.set()
        await self.let_go.wait()
        return await super().redact(record)


@pytest.mark.parametrize("by_id", [True, False])
async def test_what_a_worker_has_in_hands_is_not_stored(house: House, by_id: bool) -> None:
    """Erased while it is being redacted, it is completed without a record and without noise."""
    held, log = Held(), KeptLog()
    house.redactor = held
    await house.queue.send([sealed(1)])
    worker = Worker(
        house.queue, house.carrier(), WorkerLimits(look=0.0), log=log, clock=house.clock
    )
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(stop))
    await held.began.wait()
    order = an_order(ERASE, 1) if by_id else an_order(ERASE, consumer="demo")
    await house.eraser().erase(order)
    held.let_go.set()
    stop.set()
    await running
    assert await house.stored(1) is None
    assert await house.state(1) is LedgerState.ERASED
    assert await house.admin.find(record_id(1)) is None
    assert set(log.events()) <= {"worker.started", "worker.erased", "worker.stopped"}


class ErasedMeanwhile(PlainRedactor):
    """Fails for good, and by then someone has erased what it read."""

    def __init__(self, house: House) -> None:
        super().__init__()
        self._house = house

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Fail."""
        await self._house.eraser().erase(an_order(ERASE, record.tap.seq))
        raise DetectorFailed


async def test_what_failed_while_it_was_erased_is_no_dead_letter(house: House) -> None:
    """It is completed, so that its sealed body goes too, and no error is logged."""
    log, stop = KeptLog(), asyncio.Event()
    house.redactor = ErasedMeanwhile(house)
    await house.queue.send([sealed(1)])
    limits = WorkerLimits(look=0.0)
    worker = Worker(house.queue, house.carrier(), limits, log=log, clock=house.clock)
    running = asyncio.create_task(worker.run(stop))
    while await house.admin.find(record_id(1)) is not None:  # noqa: ASYNC110 - no event tells it
        await asyncio.sleep(0)
    stop.set()
    await running
    assert await house.state(1) is LedgerState.ERASED
    assert log.events() == ["worker.started", "worker.stopped"]


async def test_discarding_is_of_dead_letters(house: House) -> None:
    """The sealed body goes, the ledger says so, and it does not come back."""
    await house.queue.send([sealed(1)])
    await house.set_aside_next()
    erasure = await house.eraser().discard(an_order(ERASE, 1))
    assert [each.before for each in erasure.certificate.erased] == ["dead_lettered"]
    assert (await house.entry(1)).amendments[-1].kind == "discarded"
    letters: list[DeadLetter] = list(await house.queue_state.dead_letters())
    assert letters == []
    assert await house.carry(sealed(1)) == [Carried.REMOVED_BEFORE]


@pytest.mark.parametrize("again", [False, True])
async def test_a_dead_letter_of_what_is_erased_goes_with_it(house: House, again: bool) -> None:
    """Found by its consumer, or removed by an earlier attempt; a stranger's letter stays."""
    await house.carry(sealed(1))
    if again:
        await house.eraser().erase(an_order(ERASE, consumer="demo", before="2999", name="o-1"))
    await house.queue.send([sealed(1), sealed(2)])
    await house.set_aside_next()
    await house.set_aside_next()
    await house.eraser().erase(an_order(ERASE, consumer="demo", before="2999", name="o-2"))
    assert [each.id for each in await house.queue_state.dead_letters()] == [record_id(2)]


async def test_discarding_takes_no_record_along(house: House) -> None:
    """A dead letter whose exchange is stored all the same is replayed, not discarded."""
    await house.queue.send([sealed(1)])
    await house.set_aside_next()
    await house.carry(sealed(1))
    with pytest.raises(OrderInvalid):
        await house.eraser().discard(an_order(ERASE, 1))
    assert await house.stored(1) is not None
    await house.admin.replay(record_id(1))
    assert await house.carry_next() is Carried.STORED_BEFORE


async def test_more_records_than_one_batch_go(house: House) -> None:
    """A consumer's hundred records are removed, each once."""
    await house.carry(*[sealed(seq) for seq in range(1, 112)])
    order = an_order(ERASE, consumer="demo", before=f"{NOW[:10]}T23:00:00.000000Z")
    erasure = await house.eraser().erase(order)
    assert len({each.id for each in erasure.certificate.erased}) == 111
    assert [doc async for doc in house.finder.of_consumer("demo")] == []


async def test_a_search_keeps_nothing_of_what_was_said(house: House) -> None:
    """However many records an order names, their texts are not gathered in memory."""
    await house.carry(sealed(1), sealed(2))
    assert b"it is done" in pickle.dumps(await house.stored(1))
    found = await house.eraser().look(an_order(ERASE, 2, consumer="demo", before="2999"))
    assert [each.place for each in found] == [Place.STORED, Place.STORED]
    assert b"it is done" not in pickle.dumps(found)
