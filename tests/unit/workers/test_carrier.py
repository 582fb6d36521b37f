"""Carrying a message: record, then ledger; again, and nothing is doubled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import msgspec
import pytest

from audit.errors import (
    EnvelopeDamaged,
    PermanentError,
    PolicyViolation,
    RecordInvalid,
    SignatureInvalid,
    StoreUnavailable,
)
from audit.ledger import LedgerEntry, LedgerState
from audit.record import AuditRecord, RedactedRecord, Response
from audit.value import from_json, to_json
from storage.queue.port import Message, MessageKind
from storage.records.memory import MemoryLedger, MemoryRecords
from storage.records.signed_ledger import signed, signed_record
from tests.contract.samples import BOOT, a_checkpoint, a_record, an_entry, number, record_id
from tests.unit.workers.house import House, sealed
from tests.unit.workers.parts import (
    SIGNER,
    Bench,
    PlainRedactor,
    a_clear_record,
    a_remnant,
    a_sealed_record,
)
from workers.carrier import Carried
from workers.settlement import SetAside


async def test_a_record_is_stored_redacted_and_entered() -> None:
    """After carrying, the redacted record is in the store and its digest in the ledger."""
    bench = Bench()
    assert await bench.carrier().carry(a_sealed_record(1)) is Carried.STORED
    stored = from_json(bench.records.documents[record_id(1)], RedactedRecord)
    entry = await bench.ledger.entry(number(1))
    assert entry is not None
    assert entry.state is LedgerState.STORED
    assert entry.record_digest == stored.integrity.record_digest
    assert entry.commitment == "c0ffee"
    assert (entry.id, entry.consumer, entry.day) == (record_id(1), "demo", "2026-11-20")


async def test_a_remnant_is_reassembled_and_stored() -> None:
    """What a crash left goes the same way as a whole record."""
    bench = Bench()
    assert await bench.carrier().carry(a_remnant(1)) is Carried.STORED
    assert record_id(1) in bench.records.documents


async def test_a_redelivery_changes_nothing() -> None:
    """Carrying a message again after everything was done neither redacts nor stores."""
    bench = Bench()
    redactor = PlainRedactor()
    bench.redactor = redactor
    await bench.carrier().carry(a_sealed_record(1))
    assert await bench.carrier().carry(a_sealed_record(1)) is Carried.STORED_BEFORE
    assert redactor.calls == 1
    assert len(bench.records.documents) == 1


class BrokenLedger(MemoryLedger):
    """A ledger that goes down at the moment of entering."""

    async def enter(self, entry: LedgerEntry) -> bool:
        """Fail before anything is kept."""
        raise StoreUnavailable(f"{entry.number!r} not entered")


async def test_a_crash_between_record_and_ledger_is_healed() -> None:
    """Carried again, perhaps under a newer policy, the ledger speaks of the record that stands."""
    bench = Bench()
    healthy, bench.ledger = bench.ledger, BrokenLedger()
    with pytest.raises(StoreUnavailable):
        await bench.carrier().carry(a_sealed_record(1))
    assert record_id(1) in bench.records.documents
    bench.ledger, bench.redactor = healthy, PlainRedactor("default-2")
    assert await bench.carrier().carry(a_sealed_record(1)) is Carried.STORED_BEFORE
    stored = from_json(bench.records.documents[record_id(1)], RedactedRecord)
    entry = await bench.ledger.entry(number(1))
    assert stored.redaction.policy == "default-1"
    assert entry is not None
    assert entry.record_digest == stored.integrity.record_digest


def foreign(seq: int = 1) -> Iterator[bytes]:
    """What may stand under the exchange's id without a worker having stored it there."""
    theirs = signed_record(a_record(seq, prompt="never said"), SIGNER)
    yield to_json(a_record(seq))
    yield to_json(msgspec.structs.replace(theirs, response=Response()))
    yield to_json(signed_record(a_record(seq + 1), SIGNER))
    yield to_json(theirs)[:-5]
    yield b"\xff"


@pytest.mark.parametrize("document", list(foreign()))
async def test_nobody_signs_for_a_record_that_no_worker_stored(document: bytes) -> None:
    """The message is to be set aside, and the ledger says nothing of what stands under its id."""
    bench = Bench()
    bench.records.documents[record_id(1)] = document
    with pytest.raises(SignatureInvalid):
        await bench.carrier().carry(a_sealed_record(1))
    assert await bench.ledger.entry(number(1)) is None
    assert bench.records.documents[record_id(1)] == document


async def test_a_replay_that_meets_a_forged_record_keeps_the_sealed_original(house: House) -> None:
    """Whoever may write the store puts a record under a dead letter's id: it stays dead."""
    await house.queue.send([sealed(1)])
    await house.set_aside_next()
    assert await house.writer.put(a_record(1, prompt="never said"))
    await house.admin.replay(record_id(1))
    with pytest.raises(SignatureInvalid):
        await house.carry_next()
    assert await house.state(1) is LedgerState.DEAD_LETTERED
    assert await house.admin.find(record_id(1)) is not None


class BrokenStore(MemoryRecords):
    """A store that does not answer."""

    async def put(self, record: RedactedRecord) -> bool:
        """Fail before anything is kept."""
        raise StoreUnavailable(f"{record.id} not stored")


class ForgetfulStore(MemoryRecords):
    """A store out of which whatever is there goes once, before it is looked at again."""

    def __init__(self, ledger: MemoryLedger, said: LedgerEntry | None) -> None:
        super().__init__(ledger)
        self._said = said
        self.left = 1

    async def stored(self, record: RedactedRecord) -> bytes | None:
        """Lose the record; where there is a word on it, the ledger has it by then."""
        if self.left:
            self.left -= 1
            del self.documents[record.id]
            if self._said is not None and self.ledger is not None:
                await self.ledger.enter(self._said)
        return await super().stored(record)


async def half_carried(said: LedgerEntry | None) -> Bench:
    """A bench on which a worker died between record and ledger, and the record is to vanish."""
    bench = Bench()
    bench.records = ForgetfulStore(bench.ledger, said)
    healthy, bench.ledger = bench.ledger, BrokenLedger()
    with pytest.raises(StoreUnavailable):
        await bench.carrier().carry(a_sealed_record(1))
    bench.ledger = healthy
    return bench


async def test_a_record_that_vanished_without_a_word_is_stored_again() -> None:
    """It went by no lawful way: the message, which is all there is of it, is not completed."""
    bench = await half_carried(None)
    with pytest.raises(StoreUnavailable):
        await bench.carrier().carry(a_sealed_record(1))
    assert await bench.carrier().carry(a_sealed_record(1)) is Carried.STORED
    assert record_id(1) in bench.records.documents


async def test_a_record_that_vanished_by_the_ledgers_word_stays_away() -> None:
    """Who erased it meanwhile has entered that; the word of nobody known counts for nothing."""
    erased = an_entry(1, LedgerState.ERASED)
    bench = await half_carried(signed(erased, SIGNER))
    assert await bench.carrier().carry(a_sealed_record(1)) is Carried.REMOVED_BEFORE
    forged = await half_carried(erased)
    with pytest.raises(SignatureInvalid):
        await forged.carrier().carry(a_sealed_record(1))


class PreemptedLedger(MemoryLedger):
    """A ledger into which somebody else's entry comes right before ours."""

    def __init__(self, theirs: LedgerEntry) -> None:
        super().__init__()
        self._theirs = theirs

    async def enter(self, entry: LedgerEntry) -> bool:
        """Come too late."""
        await super().enter(self._theirs)
        return await super().enter(entry)


@pytest.mark.parametrize(
    ("theirs", "comes_to"),
    [
        (signed(an_entry(1, LedgerState.STORED), SIGNER), Carried.STORED),
        (signed(an_entry(1, LedgerState.ERASED), SIGNER), Carried.REMOVED_BEFORE),
        (an_entry(1, LedgerState.STORED), SignatureInvalid),
        (signed(an_entry(1, LedgerState.REFUSED), SIGNER), RecordInvalid),
    ],
    ids=["stored", "erased", "forged", "refused"],
)
async def test_an_entry_that_came_first_is_held_to_what_it_says(
    theirs: LedgerEntry, comes_to: Carried | type[PermanentError]
) -> None:
    """A message is not completed on an entry that another one made, unless that settles it."""
    bench = Bench(ledger=PreemptedLedger(theirs))
    if isinstance(comes_to, Carried):
        assert await bench.carrier().carry(a_sealed_record(1)) is comes_to
        return
    with pytest.raises(comes_to):
        await bench.carrier().carry(a_sealed_record(1))


async def test_without_a_record_nothing_is_entered() -> None:
    """When the store fails, the ledger does not yet say stored."""
    bench = Bench(records=BrokenStore())
    with pytest.raises(StoreUnavailable):
        await bench.carrier().carry(a_sealed_record(1))
    assert await bench.ledger.entry(number(1)) is None


@pytest.mark.parametrize("state", [LedgerState.ERASED, LedgerState.EXPIRED])
async def test_what_was_removed_does_not_come_back(state: LedgerState) -> None:
    """A message whose number was erased or has expired is completed without storing."""
    bench = Bench()
    await bench.ledger.enter(signed(an_entry(1, state), SIGNER))
    assert await bench.carrier().carry(a_sealed_record(1)) is Carried.REMOVED_BEFORE
    assert not bench.records.documents


@pytest.mark.parametrize("state", [LedgerState.DEAD_LETTERED, LedgerState.UNREADABLE])
async def test_a_replay_is_stored(state: LedgerState) -> None:
    """A number that was set aside is stored when its message comes again."""
    bench = Bench()
    await bench.ledger.enter(an_entry(1, state))
    assert await bench.carrier().carry(a_sealed_record(1)) is Carried.STORED
    entry = await bench.ledger.entry(number(1))
    assert entry is not None
    assert entry.state is LedgerState.STORED


async def test_a_checkpoint_goes_to_the_ledger() -> None:
    """A checkpoint message is kept as the checkpoint it holds."""
    bench = Bench()
    body = to_json(a_checkpoint(0))
    message = Message(f"tap/{BOOT}#0", MessageKind.CHECKPOINT, number(0), body)
    assert await bench.carrier().carry(message) is Carried.CHECKPOINT
    assert [c async for c in bench.ledger.checkpoints()] == [a_checkpoint(0)]
    with pytest.raises(RecordInvalid):
        await bench.carrier().carry(replace(message, body=b"[]"))


async def test_a_swapped_body_is_noticed() -> None:
    """A body that belongs to another id or number than its message says is damaged."""
    other = a_sealed_record(2)
    with pytest.raises(EnvelopeDamaged):
        await Bench().carrier().carry(replace(a_sealed_record(1), body=other.body))
    with pytest.raises(EnvelopeDamaged):
        await Bench().carrier().carry(replace(other, number=number(3)))


@pytest.mark.parametrize("json", [b"", b"{", b"{}", b"[]", b'{"id": "jane@example.com"}'])
async def test_a_record_of_another_shape_is_invalid(json: bytes) -> None:
    """What cannot be decoded is refused, without a word of what it was."""
    message = replace(a_sealed_record(1), body=b"sealed:" + json)
    with pytest.raises(RecordInvalid) as caught:
        await Bench().carrier().carry(message)
    assert "jane" not in str(caught.value)


class CarelessRedactor(PlainRedactor):
    """A redactor that forgets to digest what it made."""

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Give another exchange's digest."""
        made = await super().redact(record)
        stale = msgspec.structs.replace(made.integrity, record_digest="00")
        return msgspec.structs.replace(made, integrity=stale)


class ConfusedRedactor(PlainRedactor):
    """A redactor that gives back another exchange."""

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Redact something else."""
        return await super().redact(a_clear_record(record.tap.seq + 8))


@pytest.mark.parametrize("redactor", [CarelessRedactor(), ConfusedRedactor()])
async def test_a_redactor_is_held_to_its_contract(redactor: PlainRedactor) -> None:
    """A record with a wrong digest, or of another exchange, is not stored."""
    bench = Bench(redactor=redactor)
    with pytest.raises(PolicyViolation):
        await bench.carrier().carry(a_sealed_record(1))
    assert not bench.records.documents


async def test_setting_aside_is_entered_but_never_over_a_stored_record() -> None:
    """The ledger learns that a number was set aside, unless it is stored already."""
    bench = Bench()
    aside = SetAside("key.missing", "No key.", LedgerState.UNREADABLE)
    await bench.carrier().set_aside(a_sealed_record(1), aside)
    entry = await bench.ledger.entry(number(1))
    assert entry is not None
    assert entry.state is LedgerState.UNREADABLE
    await bench.ledger.enter(an_entry(2))
    await bench.carrier().set_aside(a_sealed_record(2), aside)
    assert await bench.ledger.entry(number(2)) == an_entry(2)


async def test_another_exchange_under_its_number_settles_nothing() -> None:
    """It is neither completed as stored nor as removed: it is set aside, and its body stays."""
    for state in (LedgerState.STORED, LedgerState.ERASED):
        bench = Bench()
        await bench.ledger.enter(msgspec.structs.replace(an_entry(1, state), id=record_id(9)))
        with pytest.raises(RecordInvalid):
            await bench.carrier().carry(a_sealed_record(1))
        aside = SetAside("record.invalid", "Another exchange's.")
        assert await bench.carrier().set_aside(a_sealed_record(1), aside) is None


@pytest.mark.parametrize("state", [LedgerState.STORED, LedgerState.ERASED, LedgerState.EXPIRED])
async def test_a_forged_entry_makes_no_body_go(state: LedgerState) -> None:
    """Who may write the store cannot have a waiting message thrown away: it is set aside."""
    bench = Bench()
    await bench.ledger.enter(an_entry(1, state))
    with pytest.raises(SignatureInvalid):
        await bench.carrier().carry(a_sealed_record(1))
    aside = SetAside("signature.invalid", "Forged.")
    assert await bench.carrier().set_aside(a_sealed_record(1), aside) is None
    assert not bench.records.documents
