"""Carries one message from the queue into store and ledger.

The law is the order: record, then ledger, then completion. Each step is idempotent and each
stands durably before the next begins, so that a crash between any two is healed by carrying the
message again. What the ledger calls erased or expired is not stored again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import StrEnum

import msgspec

from audit.digest import record_digest
from audit.errors import PolicyViolation, RecordInvalid
from audit.ids import timestamp
from audit.ledger import Checkpoint, LedgerEntry, LedgerState
from audit.record import AuditRecord, RedactedRecord
from audit.value import from_json
from storage.queue.port import Message, MessageKind
from storage.records.port import LedgerWriter, RecordWriter
from workers.clear import clear_record
from workers.ports import OpensEnvelope, Reassembles, Redacts
from workers.settlement import SetAside

__all__ = ["Carried", "Carrier"]


class Carried(StrEnum):
    """What carrying a message came to."""

    STORED = "stored"
    STORED_BEFORE = "stored_before"
    REMOVED_BEFORE = "removed_before"
    CHECKPOINT = "checkpoint"


class Carrier:
    """Opens, redacts, stores and enters. `now_ns` is the wall clock in nanoseconds."""

    def __init__(
        self,
        *,
        open_envelope: OpensEnvelope,
        reassemble: Reassembles,
        redactor: Redacts,
        records: RecordWriter,
        ledger: LedgerWriter,
        now_ns: Callable[[], int],
    ) -> None:
        self._open_envelope = open_envelope
        self._reassemble = reassemble
        self._redactor = redactor
        self._records = records
        self._ledger = ledger
        self._now_ns = now_ns

    async def carry(self, message: Message) -> Carried:
        """Bring the message where it belongs; on return it may be completed.

        Raises what its parts raise: `TransientError` to be tried again, `PermanentError` to be
        set aside.
        """
        if message.kind is MessageKind.CHECKPOINT:
            await self._ledger.checkpoint(_checkpoint(message))
            return Carried.CHECKPOINT
        before = await self._ledger.entry(message.number)
        if before and before.state in (LedgerState.ERASED, LedgerState.EXPIRED):
            return Carried.REMOVED_BEFORE
        if before and before.state is LedgerState.STORED:
            return Carried.STORED_BEFORE
        return await self._store(message)

    async def set_aside(self, message: Message, settlement: SetAside) -> None:
        """Enter in the ledger that the number is not stored, before it leaves the queue."""
        if message.kind is MessageKind.CHECKPOINT:
            return
        entry = LedgerEntry(
            number=message.number, id=message.id, state=settlement.state, at=self._now()
        )
        await self._ledger.enter(entry)

    async def _store(self, message: Message) -> Carried:
        clear = await asyncio.to_thread(
            clear_record, message, self._open_envelope, self._reassemble
        )
        redacted = _checked(clear, await self._redactor.redact(clear))
        new = await self._records.put(redacted)
        # Where an earlier try got this far, the ledger must speak of the record that it stored.
        digest = redacted.integrity.record_digest if new else await self._records.digest(redacted)
        await self._ledger.enter(
            LedgerEntry(
                number=message.number,
                id=redacted.id,
                state=LedgerState.STORED,
                consumer=redacted.consumer,
                day=redacted.day,
                commitment=redacted.integrity.commitment,
                record_digest=digest,
                at=self._now(),
            )
        )
        return Carried.STORED if new else Carried.STORED_BEFORE

    def _now(self) -> str:
        return timestamp(self._now_ns())


def _checkpoint(message: Message) -> Checkpoint:
    try:
        return from_json(message.body, Checkpoint)
    except msgspec.DecodeError:
        raise RecordInvalid("the checkpoint has another shape") from None


def _checked(clear: AuditRecord, redacted: RedactedRecord) -> RedactedRecord:
    """Hold the redactor to its contract: the same exchange, and a digest that covers it."""
    same = (clear.id, clear.tap, clear.consumer, clear.day) == (
        redacted.id,
        redacted.tap,
        redacted.consumer,
        redacted.day,
    )
    if not same or redacted.integrity.record_digest != record_digest(redacted):
        raise PolicyViolation("the redacted record is not this exchange's, or its digest is wrong")
    return redacted
