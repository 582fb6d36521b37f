"""Parts for a worker that need neither keys nor detectors, and that can be made to fail."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import msgspec

from audit.digest import record_digest
from audit.errors import EnvelopeDamaged
from audit.exchange import Identity, Level, Opening
from audit.ledger import Checkpoint
from audit.record import AuditRecord, Integrity, RedactedRecord, Redaction, Request
from audit.sheaf import Sheaf, record_ids, sheaf_json
from audit.signing import Role
from audit.telemetry import EVENTS, LOG_KEYS
from storage.keys import TrustedKey, signing_key
from storage.opened import OpenedRecord, OpenedRemnant, clear_piece
from storage.queue.memory import MemoryQueue
from storage.queue.port import Message, MessageKind
from storage.records.memory import MemoryLedger, MemoryRecords
from storage.records.memory_keeper import MemoryKeeper, MemoryOrderBook
from storage.records.signed_ledger import SigningLedger, signed_record
from storage.signing import Ed25519Signer, TrustedKeys
from storage.spool.port import PieceKind
from tests.contract.samples import a_record, number, record_id
from workers.carrier import Carrier
from workers.custody import Custody
from workers.ports import Redacts

__all__ = [
    "SESSION_KEY",
    "SIGNER",
    "TRUST",
    "Bench",
    "KeptLog",
    "PlainRedactor",
    "a_clear_record",
    "a_clear_sheaf",
    "a_remnant",
    "a_sealed_record",
    "a_sealed_sheaf",
    "an_opening",
    "as_the_worker",
    "believed",
    "open_plain",
    "reassemble",
]

NOW_NS = 1_795_170_000 * 10**9
SESSION_KEY = b"s" * 32
_KEY = signing_key(base64.b64encode(b"w" * 32).decode())
SIGNER = Ed25519Signer(_KEY)
TRUST = TrustedKeys([TrustedKey(Role.WORKER, _KEY.key_id, _KEY.public_key)])
SECRET = "jane@example.com"


def a_clear_record(seq: int = 1) -> AuditRecord:
    """A record with something in it that must not be seen."""
    sample = a_record(seq, prompt=f"write to {SECRET}")
    return AuditRecord(
        id=sample.id,
        consumer=sample.consumer,
        day=sample.day,
        level=Level.REDACTED,
        tap=sample.tap,
        exchange=sample.exchange,
        timing=sample.timing,
        identity=sample.identity,
        request=sample.request,
        response=sample.response,
        integrity=Integrity(salt="00", commitment="c0ffee"),
    )


def a_clear_sheaf(seq: int = 1, records: int = 3) -> Sheaf:
    """The records of a session, each with something in it that must not be seen."""
    record = a_clear_record(seq)
    tap = [
        msgspec.structs.replace(record.tap, record=nth, records=records)
        for nth in range(1, records + 1)
    ]
    named = zip(record_ids(record.id, records), tap, strict=True)
    return tuple(msgspec.structs.replace(record, id=name, tap=of) for name, of in named)


def a_sealed_record(seq: int = 1) -> Message:
    """A message whose "seal" is a prefix: the worker must not know the difference."""
    return a_sealed_sheaf((a_clear_record(seq),))


def a_sealed_sheaf(records: Sheaf) -> Message:
    """The same of a session."""
    first, seq = records[0], records[0].tap.seq
    return Message(first.id, MessageKind.RECORD, number(seq), b"sealed:" + sheaf_json(records))


def a_remnant(seq: int = 1) -> Message:
    """A message with what a crash left."""
    return Message(record_id(seq), MessageKind.REMNANT, number(seq), b"remnant")


def an_opening(seq: int = 1) -> Opening:
    """The opening of the sample."""
    return Opening(
        id=record_id(seq),
        number=number(seq),
        received_at_ns=NOW_NS,
        consumer="demo",
        day="2026-11-20",
        level=Level.REDACTED,
        method="POST",
        target_path="/",
        query={},
        content_type=None,
        content_encoding=None,
        identity=Identity(),
    )


def open_plain(body: bytes) -> OpenedRecord | OpenedRemnant:
    """Open the tests' envelope."""
    if body == b"remnant":
        return OpenedRemnant(an_opening(), [clear_piece(PieceKind.REQUEST_BODY, b"{}")])
    if not body.startswith(b"sealed:"):
        raise EnvelopeDamaged
    return OpenedRecord(body.removeprefix(b"sealed:"))


def reassemble(remnant: OpenedRemnant) -> Sheaf:
    """Make a record of a remnant."""
    assert [each.opened() for each in remnant.pieces] == [b"{}"]
    return (a_clear_record(remnant.opening.number.seq),)


class PlainRedactor:
    """Redacts by leaving the prompt out; `policy` tells two redactions of one record apart."""

    def __init__(self, policy: str = "default-1") -> None:
        self.policy = policy
        self.calls = 0

    async def redact_sheaf(self, records: Sheaf) -> Sequence[RedactedRecord]:
        """Redact one after the other."""
        return [await self.redact(each) for each in records]

    async def redact(self, record: AuditRecord) -> RedactedRecord:
        """Leave the prompt out."""
        self.calls += 1
        bare = RedactedRecord(
            id=record.id,
            consumer=record.consumer,
            day=record.day,
            tap=record.tap,
            exchange=record.exchange,
            timing=record.timing,
            identity=record.identity,
            request=Request(),
            response=record.response,
            safety=record.safety,
            usage=record.usage,
            redaction=Redaction(level=record.level, policy=self.policy),
            integrity=record.integrity,
            retention=record.retention,
        )
        stated = msgspec.structs.replace(bare.integrity, record_digest=record_digest(bare))
        return msgspec.structs.replace(bare, integrity=stated)


def as_the_worker(record: RedactedRecord) -> RedactedRecord:
    """Sign the record."""
    return signed_record(record, SIGNER)


def believed(checkpoint: Checkpoint) -> bool:
    """Believe any checkpoint."""
    return True


class KeptLog:
    """Keeps every line; a line that the catalogue does not allow fails the test."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, object]]] = []

    def info(self, event: str, **keys: object) -> object:
        """Keep it."""
        assert event in EVENTS
        assert set(keys) <= LOG_KEYS
        assert SECRET not in repr(keys)
        self.lines.append((event, keys))
        return None

    warning = info
    error = info

    def events(self) -> list[str]:
        """The events in their order."""
        return [event for event, _ in self.lines]


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = NOW_NS / 1e9

    def __call__(self) -> float:
        """What time it is."""
        return self.now


@dataclass
class Bench:
    """A queue, a store, a ledger and everything to carry between them."""

    clock: Clock = field(default_factory=Clock)
    records: MemoryRecords = field(default_factory=MemoryRecords)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    redactor: Redacts = field(default_factory=PlainRedactor)
    sign_record: Callable[[RedactedRecord], RedactedRecord] = as_the_worker
    vouched: Callable[[Checkpoint], bool] = believed
    book: MemoryOrderBook = field(default_factory=MemoryOrderBook)
    queue: MemoryQueue = field(init=False)
    pauses: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.queue = MemoryQueue(lease=60.0, clock=self.clock)
        self.records.ledger = self.ledger

    def carrier(self, now_ns: Callable[[], int] = lambda: NOW_NS) -> Carrier:
        """A carrier over these parts."""
        return Carrier(
            open_envelope=open_plain,
            reassemble=reassemble,
            redactor=self.redactor,
            records=self.records,
            ledger=SigningLedger(self.ledger, SIGNER),
            custody=self.custody(now_ns),
            now_ns=now_ns,
            sign_record=self.sign_record,
            vouched=self.vouched,
        )

    def custody(self, now_ns: Callable[[], int] = lambda: NOW_NS) -> Custody:
        """Custody over these parts."""
        return Custody(
            orders=self.book,
            keeper=MemoryKeeper(self.records, self.ledger),
            signer=SIGNER,
            trust=TRUST,
            session_key=SESSION_KEY,
            now_ns=now_ns,
        )

    async def sleep(self, seconds: float) -> None:
        """Pause for no time: the clock stands still, so that no lease lapses meanwhile."""
        self.pauses.append(seconds)
        await asyncio.sleep(0)
