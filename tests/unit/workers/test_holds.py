"""Holds: what is held stays, through age and erasure, until the last hold is released."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from audit.digest import record_digest
from audit.errors import ExchangeUnknown, OrderInvalid, RecordHeld, SignatureInvalid
from audit.ledger import LedgerState
from audit.orders import OrderKind
from audit.record import RedactedRecord
from audit.signing import Role, entry_statement, record_statement
from storage.queue.port import Message
from storage.records.port import RecordWriter
from tests.contract.samples import record_id
from tests.unit.workers.house import NOW, House, SessionRedactor, an_order, on_disk, sealed
from tests.unit.workers.parts import SIGNER, TRUST
from workers.carrier import Carried
from workers.custody import signed_order
from workers.vouching import vouched_for

ERASE, HOLD = OrderKind.ERASE, OrderKind.HOLD

FORGERIES = [
    """UPDATE records SET json = replace(json, '"day":"', '"day":"1') WHERE seq = 1""",
    "UPDATE ledger SET commitment = 'beef' WHERE seq = 1",
]


async def held(house: House, seq: int) -> bool:
    """Whether the stored record says that it is held."""
    record = await house.stored(seq)
    assert record is not None
    return record.retention.hold


async def test_a_hold_is_written_into_record_and_ledger(house: House) -> None:
    """Digest, signature and amendment fit together, and the entry's own digest stays."""
    await house.carry(sealed(1), sealed(2))
    before = await house.entry(1)
    done = await house.holder().add(an_order(HOLD, 1))
    assert (done.stored, done.sealed) == (1, 0)
    record, entry = await house.stored(1), await house.entry(1)
    assert record is not None
    assert record.retention.hold
    assert record.integrity.record_digest == record_digest(record)
    assert (entry.record_digest, entry.state) == (before.record_digest, LedgerState.STORED)
    (amendment,) = entry.amendments
    assert (amendment.kind, amendment.order) == ("hold", an_order(HOLD).id)
    assert amendment.record_digest == record.integrity.record_digest
    statement = record_statement(record.id, record.integrity)
    assert TRUST.bears_out(Role.WORKER, statement, record.integrity.signature)
    assert TRUST.bears_out(Role.WORKER, entry_statement(entry), entry.signature)
    assert not await held(house, 2)


async def test_a_hold_reaches_what_arrives_later(house: House) -> None:
    """By consumer, session or id: stored held, signed as it then is."""
    await house.queue.send([sealed(1)])
    await house.holder().add(an_order(HOLD, 1, name="h-1"))
    await house.holder().add(an_order(HOLD, consumer="other", session="s", name="h-2"))
    arrivals: list[tuple[Message, bool]] = [
        (sealed(1), True),
        (sealed(2, consumer="other", session="s"), True),
        (sealed(3, consumer="other", session="t"), False),
    ]
    for message, expected in arrivals:
        assert await house.carry(message) == [Carried.STORED]
        assert await held(house, message.number.seq) is expected
        found = await house.reader.get(message.id)
        assert found is not None
        assert vouched_for([found.json], await house.entry(message.number.seq), TRUST)


async def test_a_hold_goes_by_the_session_that_is_stored(house: House) -> None:
    """One that redaction takes out holds nothing: no release and no refusal could find it again."""
    house.redactor = SessionRedactor()
    await house.holder().add(an_order(HOLD, consumer="other", session="s", name="h-1"))
    assert await house.carry(sealed(1, consumer="other", session="s")) == [Carried.STORED]
    assert not await held(house, 1)
    erasure = await house.eraser().erase(an_order(ERASE, 1, name="e-1"))
    assert len(erasure.certificate.erased) == 1


async def test_a_record_is_held_until_its_last_hold_is_released(house: House) -> None:
    """Two orders hold it: the first release changes nothing, the second frees it."""
    await house.carry(sealed(1))
    await house.holder().add(an_order(HOLD, 1, name="h-1"))
    await house.holder().add(an_order(HOLD, consumer="demo", name="h-2"))
    assert (await house.holder().release("h-1", "over")).freed == 0
    assert await held(house, 1)
    assert (await house.holder().release("h-2", "over")).freed == 1
    assert not await held(house, 1)
    kinds = [each.kind for each in (await house.entry(1)).amendments]
    assert kinds == ["hold", "release"]


async def test_a_released_hold_keeps_nothing_that_comes(house: House) -> None:
    """The order stays in the book with its release, and new arrivals are not held."""
    await house.holder().add(an_order(HOLD, consumer="demo", name="h-1"))
    await house.holder().release("h-1", "over")
    await house.carry(sealed(1))
    assert not await held(house, 1)
    (order,) = await house.book.orders()
    assert (order.released, order.released_why) == (NOW, "over")


async def test_releasing_again_finishes_what_was_cut_short(house: House) -> None:
    """A release whose records were not all freed is completed by the next one."""
    await house.carry(sealed(1))
    await house.holder().add(an_order(HOLD, 1, name="h-1"))
    (order,) = await house.book.orders()
    released = msgspec.structs.replace(order, released=NOW)
    await house.book.enter(signed_order(released, SIGNER))
    assert (await house.holder().release("h-1", "over")).freed == 1
    assert (await house.holder().release("h-1", "over")).freed == 0
    assert not await held(house, 1)


async def test_what_an_erasure_had_named_goes_with_the_release(house: House) -> None:
    """A hold that came first kept an arrival from a standing erasure; without it, it goes."""
    await house.book.enter(signed_order(an_order(HOLD, consumer="demo", name="h-1"), SIGNER))
    await house.book.enter(signed_order(an_order(ERASE, consumer="demo", name="o-1"), SIGNER))
    assert await house.carry(sealed(1)) == [Carried.STORED]
    done = await house.holder().release("h-1", "over")
    assert (done.freed, done.erased) == (1, 1)
    entry = await house.entry(1)
    assert (entry.state, entry.amendments[-1].order) == (LedgerState.ERASED, "o-1")
    assert await house.stored(1) is None


@pytest.mark.parametrize("removed", [True, False])
async def test_only_what_is_somewhere_can_be_held(house: House, removed: bool) -> None:
    """An unknown id is an error, and so is one that was erased; no order is left of it."""
    if removed:
        await house.carry(sealed(1))
        await house.eraser().erase(an_order(ERASE, 1))
    with pytest.raises(ExchangeUnknown):
        await house.holder().add(an_order(HOLD, 1, name="h-1"))
    assert "h-1" not in [each.id for each in await house.book.orders()]


@pytest.mark.parametrize("name", ["nobody", "o-1"])
async def test_only_a_hold_can_be_released(house: House, name: str) -> None:
    """Neither an unknown order nor an erasure is one."""
    await house.book.enter(signed_order(an_order(ERASE, 1, name="o-1"), SIGNER))
    with pytest.raises(OrderInvalid):
        await house.holder().release(name, "over")


async def test_a_redelivery_of_a_held_record_changes_nothing(house: House) -> None:
    """A message that comes again after the hold leaves record and entry as they are."""
    await house.carry(sealed(1))
    await house.holder().add(an_order(HOLD, 1))
    entry = await house.entry(1)
    assert await house.carry(sealed(1)) == [Carried.STORED_BEFORE]
    assert await house.entry(1) == entry
    assert (await house.reader.get(record_id(1))) is not None


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("hold", [True, False])
async def test_a_hold_does_not_sign_what_someone_altered(
    tmp_path: Path, forgery: str, hold: bool
) -> None:
    """An alteration stays one after a hold or a release; all that is in order is held or freed."""
    house = await on_disk(tmp_path)
    await house.carry(sealed(1), sealed(2))
    if not hold:
        await house.holder().add(an_order(HOLD, consumer="demo", name="h-1"))
    await house.files[-1].write(lambda db: db.execute(forgery).rowcount)  # type: ignore[attr-defined]  # the store's own file
    found = await house.reader.get(record_id(1))
    order = an_order(HOLD, consumer="demo", name="h-1")
    change = house.holder().add(order) if hold else house.holder().release(order.id, "over")
    with pytest.raises(SignatureInvalid):
        await change
    assert await house.reader.get(record_id(1)) == found
    assert await held(house, 2) is hold
    await house.close()


async def test_a_release_that_died_before_its_erasure_is_finished(house: House) -> None:
    """Freed, and not yet removed: the next release still carries the erasure out."""
    await house.book.enter(signed_order(an_order(HOLD, consumer="demo", name="h-1"), SIGNER))
    await house.book.enter(signed_order(an_order(ERASE, consumer="demo", name="o-1"), SIGNER))
    await house.carry(sealed(1))
    (order, _) = await house.book.orders()
    released = msgspec.structs.replace(order, released=NOW)
    await house.book.enter(signed_order(released, SIGNER))
    assert await house.custody().hold(await house.entry(1), order, hold=False)
    assert (await house.holder().release("h-1", "over")).erased == 1
    assert await house.stored(1) is None


async def test_a_hold_that_died_before_its_records_keeps_them(house: House) -> None:
    """What only the book knows of yet is refused to an erasure as well."""
    await house.carry(sealed(1))
    await house.book.enter(signed_order(an_order(HOLD, consumer="demo", name="h-1"), SIGNER))
    with pytest.raises(RecordHeld):
        await house.eraser().erase(an_order(ERASE, 1, name="o-1"))
    assert await house.stored(1) is not None


class Interrupted:
    """A write door that something comes to just before the record does."""

    def __init__(self, door: RecordWriter, before: Callable[[], Awaitable[object]]) -> None:
        self._door = door
        self._before = before

    async def put(self, record: RedactedRecord) -> bool:
        """Let it come, then put."""
        await self._before()
        return await self._door.put(record)

    async def stored(self, record: RedactedRecord) -> bytes | None:
        """What the door says."""
        return await self._door.stored(record)


@pytest.mark.parametrize("barred", [False, True])
async def test_a_release_that_comes_before_the_record_frees_it(house: House, barred: bool) -> None:
    """Released while a worker was about to put it held: free, or gone where it was barred."""
    await house.holder().add(an_order(HOLD, consumer="demo", name="h-1"))
    if barred:
        order = signed_order(an_order(ERASE, consumer="demo", name="o-1"), SIGNER)
        await house.book.enter(order)
    house.writer = Interrupted(house.writer, lambda: house.holder().release("h-1", "over"))
    assert await house.carry(sealed(1)) == [Carried.ERASED if barred else Carried.STORED]
    if barred:
        assert await house.stored(1) is None
        assert (await house.entry(1)).state is LedgerState.ERASED
    else:
        found = await house.reader.get(record_id(1))
        assert found is not None
        assert vouched_for([found.json], await house.entry(1), TRUST)
        assert not await held(house, 1)
