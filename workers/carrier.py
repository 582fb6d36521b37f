"""Carries one message from the queue into store and ledger.

The law is the order: record, then ledger, then completion. Each step is idempotent and each
stands durably before the next begins, so that a crash between any two is healed by carrying the
message again. What the ledger calls erased or expired is not stored again, if a worker has signed
that: nobody else's word makes a body go. Nor does a record that somebody else put under the
exchange's id: the message is set aside then. And what a standing order bars is not stored at all:
orders are looked at before the record is put and once more before it is entered, so that whoever
gave one in between has been heard (`workers.custody`). The records of a session are put one after
the other and entered together: what a crash leaves between two is entered by nobody, and the next
try puts the rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import StrEnum

import msgspec

from audit.digest import record_digest, sheaf_digest
from audit.errors import (
    MessageDamaged,
    PermanentError,
    PolicyViolation,
    RecordInvalid,
    SignatureInvalid,
    StoreUnavailable,
)
from audit.ids import timestamp
from audit.ledger import Checkpoint, LedgerEntry, LedgerState
from audit.orders import Order, Subject
from audit.record import AuditRecord, RedactedRecord
from audit.sheaf import Sheaf
from audit.value import from_json
from storage.queue.bodies import Bodies, BodiesInMessages
from storage.queue.port import Message, MessageKind
from storage.records.port import LedgerWriter, RecordWriter
from workers.changes import entry_of_records, with_hold
from workers.clear import clear_records
from workers.custody import Custody
from workers.ports import OpensEnvelope, Reassembles, Redacts
from workers.settlement import SetAside
from workers.vouching import is_over

__all__ = ["Carried", "Carrier"]


class Carried(StrEnum):
    """What carrying a message came to."""

    STORED = "stored"
    STORED_BEFORE = "stored_before"
    REMOVED_BEFORE = "removed_before"
    ERASED = "erased"
    EXPIRED = "expired"
    CHECKPOINT = "checkpoint"


_LAST_WORDS = {
    LedgerState.STORED: Carried.STORED_BEFORE,
    LedgerState.ERASED: Carried.REMOVED_BEFORE,
    LedgerState.EXPIRED: Carried.REMOVED_BEFORE,
}


class Carrier:
    """Opens, redacts, signs, stores and enters. `now_ns` is the wall clock in nanoseconds.

    `vouched` tells whether a checkpoint bears a signature that is believed; the ledger signs
    what is entered by itself. `bodies` gives a message's body, when the ledger has been asked
    whether it is needed.
    """

    def __init__(
        self,
        *,
        open_envelope: OpensEnvelope,
        reassemble: Reassembles,
        redactor: Redacts,
        records: RecordWriter,
        ledger: LedgerWriter,
        custody: Custody,
        now_ns: Callable[[], int],
        sign_record: Callable[[RedactedRecord], RedactedRecord],
        vouched: Callable[[Checkpoint], bool],
        bodies: Bodies | None = None,
    ) -> None:
        self._open_envelope = open_envelope
        self._reassemble = reassemble
        self._redactor = redactor
        self._records = records
        self._ledger = ledger
        self._custody = custody
        self._now_ns = now_ns
        self._sign_record = sign_record
        self._vouched = vouched
        self._bodies = bodies or BodiesInMessages()

    async def carry(self, message: Message) -> Carried:
        """Bring the message where it belongs; on return it may be completed.

        Raises what its parts raise: `TransientError` to be tried again, `PermanentError` to be
        set aside.
        """
        if message.kind is MessageKind.DAMAGED:
            raise MessageDamaged
        if message.kind is MessageKind.CHECKPOINT:
            whole = await self._bodies.fetch(message)
            await self._ledger.checkpoint(_checkpoint(whole, self._vouched))
            return Carried.CHECKPOINT
        before = await self._ledger.entry(message.number)
        settled = self._word(before, message.id)
        if before is not None and settled is Carried.REMOVED_BEFORE:
            # A worker that died after it had put the record may have left it behind.
            await self._custody.remove_again(before)
        if before is not None and settled is Carried.STORED_BEFORE:
            # Or it died, or failed, between an amendment's entry and the record.
            await self._custody.finish(before)
        return settled or await self._store(message)

    async def set_aside(self, message: Message, settlement: SetAside) -> Carried | None:
        """Enter in the ledger that the number is not stored, before it leaves the queue.

        Not None when that is settled already, because another worker stored it or an order
        removed it meanwhile: then the message is to be completed, not set aside.
        """
        if message.kind is MessageKind.CHECKPOINT or message.number.seq < 1:
            return None
        entry = LedgerEntry(
            number=message.number, id=message.id, state=settlement.state, at=self._now()
        )
        if await self._ledger.enter(entry):
            return None
        try:
            return self._word(await self._ledger.entry(message.number), message.id)
        except PermanentError:
            return None

    def _word(self, entry: LedgerEntry | None, exchange_id: str) -> Carried | None:
        """What carrying comes to where the ledger has the last word already.

        Raises where the entry cannot settle this exchange: its body would be lost by a forgery.
        """
        settled = None if entry is None else _LAST_WORDS.get(entry.state)
        if entry is None or settled is None:
            return None
        if entry.id != exchange_id:
            raise RecordInvalid("the ledger has another exchange under the message's number")
        if not self._custody.believes(entry):
            raise SignatureInvalid("the ledger's entry of this number bears no trusted signature")
        return settled

    async def _store(self, message: Message) -> Carried:
        """Open, redact and keep; what an order bars is known as early as can be.

        By its id before it is opened, by consumer and session before it is redacted: so it goes
        although its body or its key is missing, or its redaction fails.
        """
        order = await self._custody.barred(Subject(message.id))
        if order is not None:
            return await self._erase(_unopened(message), order)
        async with self._bodies.room(message):
            return await self._redact(await self._opened(message))

    async def _opened(self, message: Message) -> Sheaf:
        """Fetch the body and open it; on return nobody holds the sealed bytes any more."""
        return await asyncio.to_thread(
            clear_records,
            await self._bodies.fetch(message),
            self._open_envelope,
            self._reassemble,
        )

    async def _redact(self, clear: Sheaf) -> Carried:
        order = await self._custody.barred(self._custody.subject(*clear))
        if order is not None:
            return await self._erase(entry_of_records(clear, at=self._now()), order)
        redacted = _checked(clear, await self._redactor.redact_sheaf(clear))
        return await self._keep(redacted, self._custody.subject(*clear, *redacted))

    async def _keep(self, redacted: Sequence[RedactedRecord], subject: Subject) -> Carried:
        """Put the records and enter them, unless an order or their own time says otherwise."""
        ruling = await self._custody.ruling(subject)
        entry = msgspec.structs.replace(
            entry_of_records(redacted, at=self._now()), record_digest=None
        )
        if ruling.erase is not None:
            return await self._erase(entry, ruling.erase)
        if ruling.hold is not None:
            redacted = [with_hold(each, hold=True) for each in redacted]
        elif is_over(redacted[0], self._now()):
            expired = await self._custody.expire([entry])
            return Carried.EXPIRED if expired else Carried.REMOVED_BEFORE
        held = redacted[0].retention.hold
        put = [await self._put(each) for each in redacted]
        digests = [digest for _, digest in put if digest is not None]
        if len(digests) < len(put):
            return await self._gone(entry)
        new = all(is_new for is_new, _ in put)
        entry = msgspec.structs.replace(entry, record_digest=sheaf_digest(digests))
        return await self._enter(entry, subject, new=new, held=held)

    async def _put(self, record: RedactedRecord) -> tuple[bool, str | None]:
        """Put one record: whether it is new, and what the stored one digests to, if any is.

        Where an earlier try got this far, the ledger must speak of the record that it stored.
        Raises `SignatureInvalid` where what is there is none that a worker stored: an entry over
        it would make a forgery ours, and the message is all there is of the exchange.
        """
        new = await self._records.put(self._sign_record(record))
        if new:
            return True, record.integrity.record_digest
        there = await self._records.stored(record)
        return False, None if there is None else self._custody.digest_of(there, record)

    async def _enter(
        self, entry: LedgerEntry, subject: Subject, *, new: bool, held: bool
    ) -> Carried:
        ruling = await self._custody.ruling(subject)
        if ruling.hold is not None:
            # Where the record stands without its hold, this sets it and enters it, both at once.
            await self._custody.hold(entry, ruling.hold)
        elif held or not new:
            # Whoever released the hold before the record was put did not find it.
            await self._custody.hold(entry, None, hold=False)
        if ruling.erase is not None:
            return await self._erase(entry, ruling.erase)
        if not await self._ledger.enter(entry):
            # An amendment has entered it, or somebody else has, of whom there must be a word.
            settled = self._word(await self._ledger.entry(entry.number), entry.id)
            if settled is Carried.REMOVED_BEFORE:
                return settled
            if settled is None:
                raise RecordInvalid("the ledger has another word on the message's number")
        return Carried.STORED if new else Carried.STORED_BEFORE

    async def _gone(self, entry: LedgerEntry) -> Carried:
        """A record was there and is not: by an order or its age, as only the ledger can tell.

        Else it went by no lawful way, and the message is all there is of the exchange.
        """
        settled = self._word(await self._ledger.entry(entry.number), entry.id)
        if settled is None:
            raise StoreUnavailable("a record that was there is gone, and the ledger has no word")
        return settled

    async def _erase(self, entry: LedgerEntry, order: Order) -> Carried:
        """Enter it as erased, and remove what an earlier try may have stored."""
        there = await self._ledger.entry(entry.number)
        # What was set aside unopened was entered without a consumer.
        known = there if there is not None and there.consumer is not None else entry
        erased = await self._custody.erase([known], order, "erased")
        return Carried.ERASED if erased else Carried.REMOVED_BEFORE

    def _now(self) -> str:
        return timestamp(self._now_ns())


def _unopened(message: Message) -> LedgerEntry:
    return LedgerEntry(number=message.number, id=message.id, state=LedgerState.STORED)


def _checkpoint(message: Message, vouched: Callable[[Checkpoint], bool]) -> Checkpoint:
    """The checkpoint in a message; one that no trusted tap signed is set aside."""
    try:
        checkpoint = from_json(message.body, Checkpoint)
    except msgspec.DecodeError:
        raise RecordInvalid("the checkpoint has another shape") from None
    if not vouched(checkpoint):
        raise SignatureInvalid("the checkpoint bears no trusted tap's signature")
    return checkpoint


def _checked(clear: Sheaf, redacted: Sequence[RedactedRecord]) -> Sequence[RedactedRecord]:
    """Hold the redactor to its contract: the same exchange, and digests that cover it."""
    whole = len(clear) == len(redacted)
    if not whole or not all(map(_is_redaction, clear, redacted)):
        raise PolicyViolation("the redacted record is not this exchange's, or its digest is wrong")
    return redacted


def _is_redaction(clear: AuditRecord, redacted: RedactedRecord) -> bool:
    same = (clear.id, clear.tap, clear.consumer, clear.day) == (
        redacted.id,
        redacted.tap,
        redacted.consumer,
        redacted.day,
    )
    return same and redacted.integrity.record_digest == record_digest(redacted)
