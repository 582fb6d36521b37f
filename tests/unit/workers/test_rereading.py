"""Reading stored records again: each once, with a receipt, and the ledger says so."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from audit.digest import record_digest
from audit.errors import RedactionLost, StoreUnavailable
from audit.ledger import LedgerEntry
from audit.orders import Order, OrderKind
from audit.parts import Text
from audit.record import AuditRecord, Message, RedactedRecord, Request
from redaction.build import build_redactor
from redaction.policy import Policy
from redaction.redactor import Redactor
from storage.records.query import parse
from storage.records.signed_ledger import signed
from tests.contract.samples import record_id
from tests.unit.workers.house import NOW, House, an_order, in_memory, sealed
from tests.unit.workers.parts import SIGNER, TRUST, PlainRedactor
from workers.changes import amended_entry
from workers.rereading import KIND, Rereader, Rereading, Seen
from workers.vouching import vouched_for

EVERYTHING = parse("", 0)


class Misses(PlainRedactor):
    """Redacts, and misses somebody in every other record."""

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Leave a name standing."""
        made = await super().redact(record)
        text = "Hana Novakova rang" + " again" * 30 if record.tap.seq % 2 else "nobody rang"
        message = Message(role="user", parts=(Text(text=text),))
        changed = msgspec.structs.replace(made, request=Request(messages=(message,)))
        stated = msgspec.structs.replace(changed.integrity, record_digest=record_digest(changed))
        return msgspec.structs.replace(changed, integrity=stated)


def a_redactor(name: str = "newer") -> Redactor:
    """A policy that knows her name."""
    deny = {"Hana Novakova": "PERSON"}
    policy = Policy(name=name, version="1", required=("patterns",), deny=deny)
    return build_redactor(policy, pseudonym_key=bytes(32))


def rereader(house: House, redactor: Redactor | None = None) -> Rereader:
    """One over the house's parts."""
    return Rereader(
        records=house.reader,
        keeper=house.keeper,
        finder=house.finder,
        book=house.book,
        custody=house.custody(),
        signer=SIGNER,
        trust=TRUST,
        redactor=redactor or a_redactor(),
    )


def the_order(name: str = "r-1", policy: str | None = None) -> Order:
    """An order as the command line writes it."""
    order = an_order(OrderKind.REREDACT, name=name)
    return msgspec.structs.replace(order, policy=policy or a_redactor().policy)


def silent(done: Rereading) -> None:
    """Hear of progress and say nothing."""
    del done


async def filled(house: House, count: int) -> House:
    """A house with so many records, every other of which names her."""
    house.redactor = Misses()
    await house.carry(*(sealed(seq) for seq in range(1, count + 1)))
    return house


async def receipts(house: House, seqs: Sequence[int]) -> list[int]:
    """How many receipts each record has."""
    found = [await house.stored(seq) for seq in seqs]
    return [len(each.redaction.receipts) for each in found if each is not None]


async def test_what_was_missed_goes_and_record_and_ledger_agree(house: House) -> None:
    """It is signed anew, found no more by what it said, and the entry tells by which order."""
    await filled(house, 2)
    done = await rereader(house).run(EVERYTHING, the_order(), silent)
    assert done.seen == {Seen.CHANGED: 1, Seen.CLEAN: 1}
    assert (done.found, done.changes) == ({"PERSON": 1}, {record_id(1): {"PERSON": 1}})
    for seq in (1, 2):
        document, entry = await house.reader.get(record_id(seq)), await house.entry(seq)
        assert document is not None
        assert b"Novakova" not in document.json
        (record,) = vouched_for([document.json], entry, TRUST)
        (receipt,) = record.redaction.receipts
        (amendment,) = entry.amendments
        assert (amendment.kind, amendment.order) == (KIND, "r-1") == (KIND, receipt.order)
    assert not (await house.reader.search(parse("Novakova", 0), 10)).documents
    (order,) = await house.book.orders()
    assert order.released == NOW


async def test_a_dry_run_says_what_would_change_and_changes_nothing(house: House) -> None:
    """Neither record nor ledger nor the book of orders."""
    await filled(house, 2)
    before = await house.reader.get(record_id(1)), await house.entry(1)
    done = await rereader(house).look(EVERYTHING, silent)
    assert done.changes == {record_id(1): {"PERSON": 1}}
    assert (await house.reader.get(record_id(1)), await house.entry(1)) == before
    assert not await house.book.orders()


async def test_a_filter_says_which_records_are_read(house: House) -> None:
    """The others get no receipt."""
    await filled(house, 3)
    done = await rereader(house).run(parse("Novakova", 0), the_order(), silent)
    assert done.seen == {Seen.CHANGED: 2}
    assert await receipts(house, (1, 2, 3)) == [1, 0, 1]


async def test_a_run_that_is_cut_short_goes_on_where_it_was(house: House) -> None:
    """Wherever it is cut: each record is read once, under one order, which is closed at the end."""
    await filled(house, 12)
    for stop in (1, 4, 2):
        left = [stop]

        def tell(done: Rereading, left: list[int] = left) -> None:
            left[0] -= 1
            if not left[0]:
                raise RedactionLost

        with pytest.raises(RedactionLost):
            await rereader(house).run(EVERYTHING, the_order(f"r-{stop}"), tell)
    done = await rereader(house).run(EVERYTHING, the_order("r-9"), silent)
    assert done.seen[Seen.BEFORE] > 0
    assert await receipts(house, range(1, 13)) == [1] * 12
    (order,) = await house.book.orders()
    assert (order.id, order.released) == ("r-1", NOW)
    again = await rereader(house).run(EVERYTHING, the_order("r-10"), silent)
    assert again.seen == {Seen.BEFORE: 12}


async def test_a_later_policy_reads_what_an_earlier_one_has_read(house: House) -> None:
    """Each leaves a receipt of its own."""
    await filled(house, 1)
    await rereader(house).run(EVERYTHING, the_order(), silent)
    other = a_redactor("newest")
    done = await rereader(house, other).run(EVERYTHING, the_order("r-2", other.policy), silent)
    assert done.seen == {Seen.CLEAN: 1}
    assert await receipts(house, [1]) == [2]


async def test_what_a_hold_keeps_is_left_until_it_is_released(house: House) -> None:
    """Evidence is not altered, and is read when it is free."""
    await filled(house, 1)
    await house.holder().add(an_order(OrderKind.HOLD, 1, name="h-1"))
    done = await rereader(house).run(EVERYTHING, the_order(), silent)
    assert done.seen == {Seen.HELD: 1}
    assert await receipts(house, [1]) == [0]
    await house.holder().release("h-1", "over")
    assert (await rereader(house).run(EVERYTHING, the_order("r-2"), silent)).seen[Seen.CHANGED] == 1


async def test_what_no_worker_signed_is_not_signed_now(house: House) -> None:
    """An entry that was forged is left to `verify`, and the record as it is."""
    await filled(house, 1)
    entry = await house.entry(1)
    forged = msgspec.structs.replace(entry, amendments=(), commitment="beef")
    record = await house.stored(1)
    assert record is not None
    await house.keeper.amend(record, forged)
    done = await rereader(house).run(EVERYTHING, the_order(), silent)
    assert done.seen == {Seen.UNSIGNED: 1}
    assert await receipts(house, [1]) == [0]


async def test_the_records_of_a_session_are_read_together(house: House) -> None:
    """Each has its receipt, under one amendment of their one entry."""
    house.redactor = Misses()
    await house.carry(sealed(1, records=3))
    done = await rereader(house).run(EVERYTHING, the_order(), silent)
    assert done.seen == {Seen.CHANGED: 1}
    assert done.found == {"PERSON": 3}
    documents = await house.keeper.documents(record_id(1))
    assert len(vouched_for([each.json for each in documents], await house.entry(1), TRUST)) == 3
    assert len((await house.entry(1)).amendments) == 1


async def test_a_run_that_died_between_ledger_and_record_is_finished() -> None:
    """In a store that cannot change both at once: the record is read then, and has one receipt."""
    house = await filled(in_memory(), 1)
    record, entry = await house.stored(1), await house.entry(1)
    assert record is not None
    digest = msgspec.structs.replace(record.integrity, record_digest="ab" * 32)
    ahead = msgspec.structs.replace(record, integrity=digest)
    begun = amended_entry(entry, [ahead], at=NOW, kind=KIND, order="r-1")
    await _stand(house, signed(begun, SIGNER))
    done = await rereader(house).run(EVERYTHING, the_order(), silent)
    assert done.seen == {Seen.CHANGED: 1}
    assert await receipts(house, [1]) == [1]
    document = await house.reader.get(record_id(1))
    assert document is not None
    assert vouched_for([document.json], await house.entry(1), TRUST)


async def _stand(house: House, entry: LedgerEntry) -> None:
    """Let an entry stand, as a store does that then dies."""
    record = await house.stored(entry.number.seq)
    assert record is not None
    await house.keeper.amend(record, entry)


async def test_a_record_that_cannot_be_read_is_named_and_the_rest_is_read(house: House) -> None:
    """By the code of what went wrong."""
    await filled(house, 2)
    short = Policy(name="short", version="1", required=("patterns",), max_text_chars=150)
    redactor = build_redactor(short, pseudonym_key=bytes(32))
    done = await rereader(house, redactor).run(EVERYTHING, the_order("r", redactor.policy), silent)
    assert done.seen == {Seen.CLEAN: 1, Seen.FAILED: 1}
    assert done.failures == {record_id(1): "redaction.text_too_large"}


async def test_a_store_that_goes_away_ends_the_run(house: House) -> None:
    """Nothing is counted as read that was not."""
    await filled(house, 2)

    def tell(done: Rereading) -> None:
        raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await rereader(house).run(EVERYTHING, the_order(), tell)
    (order,) = await house.book.orders()
    assert order.released is None
