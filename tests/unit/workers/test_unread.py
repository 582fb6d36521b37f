"""A record that can no longer be read is spoken for by its entry, and stands in nobody's way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from audit.errors import BlobMissing, RecordHeld, SignatureInvalid
from audit.ids import timestamp
from audit.ledger import LedgerState
from audit.orders import Order, OrderKind
from redaction.build import build_redactor
from redaction.policy import Policy
from storage.database import Database
from storage.records.query import parse
from storage.records.signed_ledger import SigningLedger
from tests.contract.samples import record_id
from tests.unit.workers.house import NOW, House, an_order, on_disk, sealed
from tests.unit.workers.parts import NOW_NS, SIGNER, TRUST
from workers.changes import removed_entry
from workers.rereading import Rereader, Rereading, Seen
from workers.sweeper import Swept

ERASE, HOLD = OrderKind.ERASE, OrderKind.HOLD
SOON = timestamp(NOW_NS + 10 * 10**9)
LATER = "2999"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """On disk, where bytes can go bad."""
    house = await on_disk(tmp_path)
    yield house
    await house.close()


async def change(house: House, statement: str) -> None:
    """Change the store's file behind everybody's back."""
    database = house.files[-1]
    assert isinstance(database, Database)
    assert await database.write(lambda db: db.execute(statement).rowcount) == 1


async def bury(house: House, seq: int) -> None:
    """Put something into a record that no reader follows to its end, as a forger might."""
    deep = "[" * 1_200 + "]" * 1_200
    await change(
        house,
        f"UPDATE records SET json = '{{\"later\":{deep},' || substr(json, 2) WHERE seq = {seq}",  # noqa: S608 - a number of the test's own
    )


async def damage(house: House, seq: int) -> None:
    """Cut the end off the text of a record, as a bad block would."""
    await change(
        house,
        f"UPDATE records SET json = substr(json, 1, length(json) - 5) WHERE seq = {seq}",  # noqa: S608 - a number of the test's own
    )


async def there(house: House) -> set[str]:
    """The ids of all rows, whatever is in them."""
    documents = [house.keeper.document(record_id(seq)) for seq in range(1, 6)]
    return {found.id for each in documents if (found := await each) is not None}


@pytest.mark.parametrize("harm", [damage, bury])
async def test_it_goes_with_its_consumer(
    house: House, harm: Callable[[House, int], Awaitable[None]]
) -> None:
    """All of the consumer's records are erased and certified, the unreadable one too."""
    await house.carry(sealed(1), sealed(2), sealed(3, consumer="other"))
    await harm(house, 1)
    erasure = await house.eraser().erase(an_order(ERASE, consumer="demo", before=LATER))
    assert {each.id for each in erasure.certificate.erased} == {record_id(1), record_id(2)}
    assert not erasure.left
    assert await there(house) == {record_id(3)}
    assert await house.state(1) is LedgerState.ERASED


async def test_it_goes_by_its_id(house: House) -> None:
    """Its bytes are removed and its entry says by which order."""
    await house.carry(sealed(1), sealed(2))
    await damage(house, 1)
    assert not (await house.eraser().erase(an_order(ERASE, 1))).left
    assert await there(house) == {record_id(2)}
    assert await house.state(1) is LedgerState.ERASED


@pytest.mark.parametrize("session", [None, "s-1"])
async def test_a_hold_keeps_it_and_holds_all_others(house: House, session: str | None) -> None:
    """The order stands, whoever gives it hears the id, and no erasure takes it meanwhile."""
    await house.carry(*[sealed(seq, session="s-1") for seq in (1, 2, 3)])
    await damage(house, 1)
    with pytest.raises(SignatureInvalid, match=record_id(1)):
        await house.holder().add(an_order(HOLD, consumer="demo", session=session, name="h-1"))
    for seq in (2, 3):
        record = await house.stored(seq)
        assert record is not None
        assert record.retention.hold
    with pytest.raises(RecordHeld, match=record_id(1)):
        await house.eraser().erase(an_order(ERASE, 1))
    with pytest.raises(SignatureInvalid, match=record_id(1)):
        await house.holder().release("h-1", "over")
    assert not (await house.eraser().erase(an_order(ERASE, 1))).left
    assert await there(house) == {record_id(2), record_id(3)}


@pytest.mark.parametrize("entry", ["signature = NULL", "state = 'lost'", "amendments = '['"])
async def test_without_a_signed_entry_it_is_left_and_named(house: House, entry: str) -> None:
    """Nobody knows whose it is: all others of the consumer go, and its id is told."""
    await house.carry(sealed(1), sealed(2))
    await damage(house, 1)
    await change(house, f"UPDATE ledger SET {entry} WHERE seq = 1")  # noqa: S608 - the test's own
    told: list[str] = []
    order = an_order(ERASE, consumer="demo", before=LATER)
    assert [each.id for each in await house.eraser().look(order, told.append)] == [record_id(2)]
    erasure = await house.eraser().erase(order)
    assert [each.id for each in erasure.certificate.erased] == [record_id(2)]
    assert list(erasure.left) == told == [record_id(1)]
    assert await there(house) == {record_id(1)}


async def test_by_id_without_a_signed_entry_it_is_refused_by_name(house: House) -> None:
    """Whoever named it hears which record it is that nobody can speak for."""
    await house.carry(sealed(1))
    await damage(house, 1)
    await change(house, "UPDATE ledger SET consumer = 'other' WHERE seq = 1")
    with pytest.raises(SignatureInvalid, match=record_id(1)):
        await house.eraser().erase(an_order(ERASE, 1))


async def test_an_erased_one_bars_no_later_erasure(house: House) -> None:
    """What became of its entry since is for verify to name: the consumer's other records go."""
    await house.carry(sealed(1), sealed(2))
    order = an_order(ERASE, consumer="demo", before=LATER)
    await house.eraser().erase(order)
    await change(house, "UPDATE ledger SET amendments = '[' WHERE seq = 1")
    again = msgspec.structs.replace(order, id="o-2")
    certificate = (await house.eraser().erase(again)).certificate
    assert [each.id for each in certificate.erased] == [record_id(2)]


async def set_aside_over_its_record(house: House) -> None:
    """A worker put a record and died; it went bad, and so the next worker set the message aside."""
    await house.carry(sealed(1), sealed(2))
    await damage(house, 1)
    await change(house, "DELETE FROM ledger WHERE seq = 1")
    await house.queue.send([sealed(1)])
    with pytest.raises(SignatureInvalid):
        await house.carry(sealed(1))
    await house.set_aside_next()


async def test_what_was_set_aside_says_nothing_of_a_record(house: House) -> None:
    """Its entry says no consumer, whose hold may keep it: nothing of it goes by its id."""
    await set_aside_over_its_record(house)
    with pytest.raises(SignatureInvalid, match=record_id(1)):
        await house.holder().add(an_order(HOLD, consumer="demo", name="h-1"))
    with pytest.raises(SignatureInvalid, match=record_id(1)):
        await house.eraser().erase(an_order(ERASE, 1))
    assert await there(house) == {record_id(1), record_id(2)}
    assert await house.admin.find(record_id(1)) is not None


async def test_what_was_set_aside_over_a_record_is_named(house: House) -> None:
    """An order by consumer takes what it can tell, and neither takes nor passes over this one."""
    await set_aside_over_its_record(house)
    erasure = await house.eraser().erase(an_order(ERASE, consumer="demo", before=LATER))
    assert [each.id for each in erasure.certificate.erased] == [record_id(2)]
    assert list(erasure.left) == [record_id(1)]
    assert await there(house) == {record_id(1)}


async def test_what_was_erased_unopened_and_is_there_again_goes_by_its_id(house: House) -> None:
    """Nobody knows whose it was: it is named to who asks by consumer, and goes as it went."""
    await set_aside_over_its_record(house)
    entry = removed_entry(await house.entry(1), LedgerState.ERASED, at=NOW, kind="erased")
    await SigningLedger(house.ledger, SIGNER).enter(entry)
    erasure = await house.eraser().erase(an_order(ERASE, consumer="demo", before=LATER))
    assert list(erasure.left) == [record_id(1)]
    assert not (await house.eraser().erase(an_order(ERASE, 1, name="e-2"))).left
    assert await there(house) == set()


async def lose(house: House, record: str) -> None:
    """Have the text of a record no more where the store looks for it."""
    await change(house, f"UPDATE records SET json = '' WHERE id = '{record}'")  # noqa: S608 - the test's own


@pytest.mark.parametrize("session", [None, "s-1"])
@pytest.mark.parametrize(("records", "lost"), [(1, ""), (3, ""), (3, "/2"), (3, "/3")])
async def test_a_text_that_is_elsewhere_is_not_called_erased(
    house: House, records: int, lost: str, session: str | None
) -> None:
    """By consumer it is left and named, whole; by its id refused, with what to look at."""
    await house.carry(sealed(1, session="s-1", records=records), sealed(2, session="s-1"))
    await lose(house, f"{record_id(1)}{lost}")
    before = await house.keeper.documents(record_id(1))
    assert len(before) == records
    told: list[str] = []
    order = an_order(ERASE, consumer="demo", session=session, before=LATER)
    assert [each.id for each in await house.eraser().look(order, told.append)] == [record_id(2)]
    erasure = await house.eraser().erase(order)
    assert [each.id for each in erasure.certificate.erased] == [record_id(2)]
    assert list(erasure.left) == told == [record_id(1)]
    with pytest.raises(BlobMissing, match=record_id(1)):
        await house.eraser().erase(an_order(ERASE, 1, name="e-2"))
    assert await house.keeper.documents(record_id(1)) == before
    assert await house.state(1) is LedgerState.STORED


@pytest.mark.parametrize(
    "order", [an_order(ERASE, 1), an_order(ERASE, consumer="demo", before=LATER)]
)
async def test_a_text_that_is_nowhere_is_no_hindrance_to_who_knows_that(
    house: House, order: Order
) -> None:
    """Who says that it is lost erases what is left, by its id or with its consumer."""
    await house.carry(sealed(1))
    await lose(house, record_id(1))
    assert not (await house.eraser().erase(order, lost=True)).left
    assert await there(house) == set()
    assert await house.state(1) is LedgerState.ERASED


@pytest.mark.parametrize(("session", "before"), [("s-1", LATER), (None, NOW)])
async def test_what_no_entry_says_is_not_guessed(
    house: House, session: str | None, before: str
) -> None:
    """Which session it was, or whether it came before an instant: it is left and named."""
    await house.carry(sealed(1, session="s-1"), sealed(2, session="s-1"))
    await damage(house, 1)
    order = an_order(ERASE, consumer="demo", session=session, before=before)
    assert list((await house.eraser().erase(order)).left) == [record_id(1)]
    assert record_id(1) in await there(house)


async def test_the_sweep_passes_it_by(house: House) -> None:
    """What else is over goes; this one stays and is counted as refused."""
    await house.carry(*[sealed(seq, expires_at=SOON) for seq in (1, 2, 3)])
    await damage(house, 1)
    house.clock.now += 10
    assert await house.sweeper().sweep() == Swept(expired=2, refused=1)
    assert await there(house) == {record_id(1)}


def silent(done: Rereading) -> None:
    """Hear of progress and say nothing."""
    del done


async def test_reading_again_passes_it_by(house: House) -> None:
    """It is counted as what no worker signed, and what stands behind it is reached."""
    await house.carry(sealed(1), sealed(2))
    for seq in (1, 2):
        await damage(house, seq)
    policy = Policy(name="newer", version="1", required=("patterns",))
    rereader = Rereader(
        records=house.reader,
        keeper=house.keeper,
        finder=house.finder,
        book=house.book,
        custody=house.custody(),
        signer=SIGNER,
        trust=TRUST,
        redactor=build_redactor(policy, pseudonym_key=bytes(32)),
    )
    done = await rereader.look(parse("", 0), silent)
    assert done.seen == {Seen.UNSIGNED: 2}
