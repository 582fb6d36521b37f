"""The records of a session: put one after the other, entered, held and removed together."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from audit.completeness import Evidence, KnownBoot, Outcome, Verdict
from audit.digest import sheaf_digest
from audit.errors import (
    EnvelopeDamaged,
    PolicyViolation,
    RecordHeld,
    RecordInvalid,
    SignatureInvalid,
    StoreUnavailable,
)
from audit.exchange import Identity
from audit.ids import timestamp
from audit.ledger import LedgerState
from audit.orders import Order, OrderKind, by_exchange
from audit.record import RedactedRecord, Retention, Timing
from audit.report import CompletenessReport
from audit.sheaf import Sheaf, record_ids, sheaf_json
from audit.value import from_json
from audit.verification import verify
from storage.database import Database
from storage.queue.port import Message
from storage.records.memory import MemoryRecords
from storage.records.port import RecordWriter
from tests.contract.samples import BOOT, record_id
from tests.unit.workers.house import House, an_order, sealed
from tests.unit.workers.parts import (
    NOW_NS,
    SIGNER,
    TRUST,
    PlainRedactor,
    a_clear_sheaf,
    a_sealed_record,
    a_sealed_sheaf,
)
from workers.carrier import Carried
from workers.custody import signed_order
from workers.sweeper import Swept
from workers.vouching import vouched_for

ERASE, HOLD = OrderKind.ERASE, OrderKind.HOLD
COUNT = 4
IDS = record_ids(record_id(1), COUNT)
SOON = timestamp(NOW_NS + 10 * 10**9)


def session(*, expires_at: str | None = None, name: str | None = None) -> Message:
    """A session of four records, sealed."""
    return a_sealed_sheaf(
        tuple(
            msgspec.structs.replace(
                each,
                retention=Retention(expires_at=expires_at),
                identity=Identity(session=name),
                timing=Timing(received_at=f"2026-11-20T10:00:0{nth}.000000Z"),
            )
            for nth, each in enumerate(a_clear_sheaf(1, COUNT))
        )
    )


class Dies:
    """A write door behind which the worker dies, after so many records."""

    def __init__(self, writer: RecordWriter, after: int) -> None:
        self._writer = writer
        self._left = after

    async def put(self, record: RedactedRecord) -> bool:
        """Put it, if there is still time."""
        if not self._left:
            raise StoreUnavailable
        self._left -= 1
        return await self._writer.put(record)

    async def stored(self, record: RedactedRecord) -> bytes | None:
        """As the door behind it."""
        return await self._writer.stored(record)


async def cut_short(house: House, after: int) -> None:
    """Carry the session, and die after so many of its records."""
    writer, house.writer = house.writer, Dies(house.writer, after)
    with pytest.raises(StoreUnavailable):
        await house.carry(session())
    house.writer = writer


async def stored(house: House) -> list[RedactedRecord]:
    """The session's records that are stored."""
    found = [await house.reader.get(each) for each in IDS]
    return [from_json(each.json, RedactedRecord) for each in found if each is not None]


async def judged(house: House) -> CompletenessReport:
    """What `verify` says of the one number."""
    return verify(
        Evidence(
            entries=[entry async for entry in house.ledger.entries()],
            stored=[mark async for mark in house.reader.references()],
            boots=[KnownBoot("tap", BOOT, 1)],
            trust=TRUST,
        )
    )


async def whole(house: House, *, hold: bool = False) -> None:
    """All records are there, as the one entry says, signed, and held or not."""
    entry, records = await house.entry(1), await stored(house)
    assert (entry.id, entry.records, entry.state) == (IDS[0], COUNT, LedgerState.STORED)
    assert [each.id for each in records] == list(IDS)
    documents = [each.json for each in await house.keeper.documents(IDS[0])]
    assert len(vouched_for(documents, entry, TRUST)) == COUNT
    assert {each.retention.hold for each in records} == {hold}
    report = await judged(house)
    assert (report.verdict, report.counts) == (Verdict.COMPLETE, {Outcome.STORED: 1})


async def test_a_session_is_several_records_and_one_entry(house: House) -> None:
    """The entry's digest is over all of them, and each bears its own signature."""
    assert await house.carry(session()) == [Carried.STORED]
    await whole(house)
    digests = [each.integrity.record_digest or "" for each in await stored(house)]
    assert (await house.entry(1)).record_digest == sheaf_digest(digests)
    assert await house.carry(session()) == [Carried.STORED_BEFORE]
    await whole(house)


@pytest.mark.parametrize("after", range(COUNT))
async def test_a_worker_that_died_between_two_records_is_healed(house: House, after: int) -> None:
    """Nothing is entered until all are there; the next try puts the rest, in whatever words."""
    await cut_short(house, after)
    assert await house.ledger.entry(session().number) is None
    house.redactor = PlainRedactor("another-policy")
    assert await house.carry(session()) == [Carried.STORED if not after else Carried.STORED_BEFORE]
    await whole(house)
    policies = [each.redaction.policy for each in await stored(house)]
    assert policies == ["default-1"] * after + ["another-policy"] * (COUNT - after)


@pytest.mark.parametrize("named", [IDS[0], IDS[2]], ids=["exchange", "record"])
async def test_an_erasure_takes_all_records_whichever_is_named(house: House, named: str) -> None:
    """The certificate names the exchange and how many records it had."""
    await house.carry(session())
    erasure = await house.eraser().erase(an_order_of(ERASE, named))
    assert await stored(house) == []
    (erased,) = erasure.certificate.erased
    assert (erased.id, erased.records, erased.before) == (IDS[0], COUNT, "stored")
    assert (await house.entry(1)).state is LedgerState.ERASED
    assert await house.carry(session()) == [Carried.REMOVED_BEFORE]
    assert await stored(house) == []
    assert (await judged(house)).counts == {Outcome.ERASED: 1}


@pytest.mark.parametrize("after", range(1, COUNT))
async def test_an_erasure_between_two_records_takes_those_that_are_there(
    house: House, after: int
) -> None:
    """Whoever carries the rest afterwards stores none of it."""
    await cut_short(house, after)
    erasure = await house.eraser().erase(an_order_of(ERASE, IDS[0]))
    assert [each.before for each in erasure.certificate.erased] == ["stored"]
    assert await house.carry(session()) == [Carried.REMOVED_BEFORE]
    assert await stored(house) == []
    assert (await judged(house)).counts == {Outcome.ERASED: 1}


async def test_an_erasure_amid_the_putting_leaves_nothing(house: House) -> None:
    """Records that are put after it are not stored, and those of before have gone."""

    class Between(Dies):
        async def put(self, record: RedactedRecord) -> bool:
            if record.id == IDS[2]:
                await house.eraser().erase(an_order_of(ERASE, IDS[0]))
            return await super().put(record)

    house.writer = Between(house.writer, COUNT)
    assert await house.carry(session()) == [Carried.REMOVED_BEFORE]
    assert await stored(house) == []
    assert (await house.entry(1)).state is LedgerState.ERASED


async def test_a_record_is_named_before_anyone_has_opened_its_session(house: House) -> None:
    """The order stands in the book by the exchange's id, and whoever opens it stores none."""
    await house.queue.send([session()])
    (delivery,) = await house.queue.receive(1, 0)
    order = an_order_of(ERASE, IDS[2], IDS[3])
    assert [each.id for each in await house.eraser().look(order)] == [IDS[0]]
    await house.book.enter(signed_order(by_exchange(order), SIGNER))
    assert await house.carry(delivery.message) == [Carried.ERASED]
    await house.eraser().erase(order)
    assert [each.ids for each in await house.book.orders()] == [(IDS[0],)]


async def test_an_expiry_that_was_cut_short_is_finished(house: House) -> None:
    """The ledger has the last word; of the records any may be left, but no stranger's."""
    await house.carry(session(expires_at=SOON))
    documents = [each.json for each in await house.keeper.documents(IDS[0])]
    entered = await house.entry(1)
    house.clock.now += 10
    await house.sweeper().sweep()
    expired = await house.entry(1)
    assert len(vouched_for(documents[1:3], expired, TRUST)) == 2
    assert vouched_for(documents[1:3], entered, TRUST) == ()
    assert vouched_for([documents[1], documents[1]], expired, TRUST) == ()
    assert vouched_for([documents[1].replace(b"demo", b"else")], expired, TRUST) == ()


async def test_an_erasure_by_consumer_names_a_session_once(house: House) -> None:
    """Also where only its first records had come when it was asked for."""
    await house.carry(session(), sealed(2))
    erasure = await house.eraser().erase(an_order(ERASE, consumer="demo"))
    assert sorted(each.id for each in erasure.certificate.erased) == [IDS[0], record_id(2)]
    late = an_order(ERASE, consumer="demo", before="2026-11-20T10:00:02.000000Z", name="o-2")
    assert await house.carry(session()) == [Carried.REMOVED_BEFORE]
    assert await house.eraser().look(late) == []


async def test_a_record_that_is_named_by_an_instant_takes_its_session_along(house: House) -> None:
    """What was said before it goes, and with it what was said after."""
    await house.carry(session())
    before = an_order(ERASE, consumer="demo", before="2026-11-20T10:00:01.500000Z")
    await house.eraser().erase(before)
    assert await stored(house) == []


@pytest.mark.parametrize("named", [IDS[0], IDS[1]], ids=["exchange", "record"])
async def test_a_hold_keeps_all_records_until_it_is_released(house: House, named: str) -> None:
    """One amendment speaks of all of them."""
    await house.carry(session())
    order = an_order_of(HOLD, named)
    assert (await house.holder().add(order)).stored == 1
    await whole(house, hold=True)
    with pytest.raises(RecordHeld):
        await house.eraser().erase(an_order_of(ERASE, IDS[3], name="o-2"))
    assert (await house.holder().release(order.id, "over")).freed == 1
    await whole(house)
    kinds = [each.kind for each in (await house.entry(1)).amendments]
    assert kinds == ["hold", "release"]


async def test_a_hold_by_consumer_changes_a_session_once(house: House) -> None:
    """However many of its records the search comes by."""
    await house.carry(session())
    assert (await house.holder().add(an_order(HOLD, consumer="demo"))).stored == 1
    assert len((await house.entry(1)).amendments) == 1
    await whole(house, hold=True)


@pytest.mark.parametrize("after", range(COUNT + 1))
@pytest.mark.parametrize("consumer", [None, "demo"], ids=["id", "consumer"])
async def test_a_hold_between_two_records_is_on_all_of_them_in_the_end(
    house: House, after: int, consumer: str | None
) -> None:
    """What is there is not entered by it; whoever carries the rest asks again."""
    if after < COUNT:
        await cut_short(house, after)
    else:
        await put_without_entering(house)
    if after == 0:
        await house.queue.send([session()])
    order = an_order(HOLD, consumer=consumer) if consumer else an_order_of(HOLD, IDS[0])
    await house.holder().add(order)
    if after < COUNT:
        assert await house.ledger.entry(session().number) is None
    await house.carry(session())
    await whole(house, hold=True)
    await house.holder().release(order.id, "over")
    await whole(house)


async def test_a_hold_that_was_released_between_two_tries_is_on_none(house: House) -> None:
    """Records that were put under it are freed with the others."""
    order = an_order(HOLD, consumer="demo")
    await house.holder().add(order)
    await cut_short(house, 2)
    await house.holder().release(order.id, "over")
    await house.carry(session())
    await whole(house)


@pytest.mark.parametrize("at", range(COUNT))
async def test_a_sheaf_with_a_record_missing_is_not_signed_anew(house: House, at: int) -> None:
    """A hold would make its loss look lawful; the book keeps the order, and verify the flaw."""
    await house.carry(session())
    await removed_unlawfully(house, IDS[at])
    with pytest.raises(SignatureInvalid):
        await house.holder().add(an_order(HOLD, consumer="demo"))
    assert (await house.entry(1)).amendments == ()
    (flaw,) = (await judged(house)).flaws
    assert (flaw.outcome, flaw.id) == (Outcome.LOST, IDS[at])


async def test_a_session_expires_at_once(house: House) -> None:
    """It counts as one exchange; nothing of it is left, and none of it comes again."""
    await house.carry(session(expires_at=SOON), sealed(2, expires_at=SOON))
    assert await house.sweeper().sweep() == Swept()
    house.clock.now += 10
    assert await house.sweeper().sweep() == Swept(expired=2)
    assert await stored(house) == []
    assert await house.carry(session(expires_at=SOON)) == [Carried.REMOVED_BEFORE]
    assert await house.sweeper().sweep() == Swept()


async def test_a_session_that_nobody_vouches_for_does_not_expire(house: House) -> None:
    """Where one record is missing, the others stay for whoever looks."""
    await house.carry(session(expires_at=SOON), sealed(2, expires_at=SOON))
    await removed_unlawfully(house, IDS[2])
    house.clock.now += 10
    assert await house.sweeper().sweep() == Swept(expired=1, refused=1)
    assert len(await stored(house)) == COUNT - 1


async def test_a_held_session_does_not_expire(house: House) -> None:
    """None of its records does; once free, all do."""
    await house.carry(session(expires_at=SOON))
    order = an_order_of(HOLD, IDS[1])
    await house.holder().add(order)
    house.clock.now += 10
    assert await house.sweeper().sweep() == Swept()
    await house.holder().release(order.id, "over")
    assert await house.sweeper().sweep() == Swept(expired=1)


async def test_a_redactor_that_loses_a_record_is_not_believed(house: House) -> None:
    """Nothing of the session is stored then."""

    class Loses(PlainRedactor):
        async def redact_sheaf(self, records: Sheaf) -> Sequence[RedactedRecord]:
            return (await super().redact_sheaf(records))[:-1]

    house.redactor = Loses()
    with pytest.raises(PolicyViolation):
        await house.carry(session())
    assert await stored(house) == []


async def test_a_body_with_other_records_than_its_message_names_is_damaged(house: House) -> None:
    """Neither another session's, nor a part of one."""
    body = session().body
    other = a_sealed_record(2)
    with pytest.raises(EnvelopeDamaged):
        await house.carry(Message(other.id, other.kind, other.number, body))
    part = sheaf_json(a_clear_sheaf(1, COUNT)[1:])
    with pytest.raises(RecordInvalid):
        await house.carry(with_body(session(), b"sealed:" + part))


def an_order_of(kind: OrderKind, *ids: str, name: str = "o-1") -> Order:
    """An order that names ids as someone typed them."""
    return msgspec.structs.replace(an_order(kind, name=name), ids=ids)


async def put_without_entering(house: House) -> None:
    """Carry the session, and die before it is entered."""

    class Shut:
        async def enter(self, _entry: object) -> bool:
            raise StoreUnavailable

        def __getattr__(self, name: str) -> object:
            return getattr(ledger, name)

    ledger, house.ledger = house.ledger, Shut()  # type: ignore[assignment]  # all else is the ledger's
    with pytest.raises(StoreUnavailable):
        await house.carry(session())
    house.ledger = ledger


async def removed_unlawfully(house: House, record: str) -> None:
    """Take one record out behind everyone's back."""
    if isinstance(house.reader, MemoryRecords):
        del house.reader.documents[record]
        return
    database = house.files[-1]
    assert isinstance(database, Database)
    await database.write(
        lambda db: db.execute("DELETE FROM records WHERE id = ?", (record,)).rowcount
    )


def with_body(message: Message, body: bytes) -> Message:
    """The message with another body."""
    return Message(message.id, message.kind, message.number, body)
