"""What can be said for a record: whether its content, its ledger entry and its signature agree.

The law: a check that could not be made is said as such. It is never left out, and never passes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from audit.digest import document_digest
from audit.ledger import LedgerEntry, LedgerState
from audit.reading.neutral import neutral_line
from audit.reading.words import SOURCES, ending_detail, flag, gap, review
from audit.record import Integrity, RedactedRecord
from audit.sheaf import record_ids
from audit.signing import Role, Trust, entry_statement, record_statement
from console.marks import Marks, Piece, Pieces

__all__ = ["Check", "Standing", "checks", "facts", "kept", "looked"]


class Standing(StrEnum):
    """How a check came out."""

    GOOD = "good"
    BAD = "bad"
    UNKNOWN = "warn"


@dataclass(frozen=True, slots=True)
class Check:
    """One check: what was looked at, how it came out, and the same in words."""

    name: str
    standing: Standing
    words: str


Fact = tuple[str, Pieces]


def checks(
    document: bytes, record: RedactedRecord, entry: LedgerEntry | None, trust: Trust | None
) -> tuple[Check, ...]:
    """Make every check that can be made here; `auditstream verify` makes those over all records."""
    stated = record.integrity.record_digest
    actual = document_digest(msgspec.json.decode(document))
    return (
        _content(stated, actual),
        _ledger(record, entry, actual),
        _signed("signature of the record", trust, record.id, record.integrity),
        _entry_signed(trust, entry),
    )


def _content(stated: str | None, actual: str) -> Check:
    if stated is None:
        return Check("content", Standing.UNKNOWN, "carries no digest to compare with")
    if stated == actual:
        return Check("content", Standing.GOOD, "agrees with the digest it carries")
    return Check("content", Standing.BAD, "ALTERED: it does not agree with the digest it carries")


def _ledger(record: RedactedRecord, entry: LedgerEntry | None, actual: str) -> Check:
    name = "ledger"
    if entry is None:
        return Check(name, Standing.UNKNOWN, "has no entry for this number yet")
    if record.id not in record_ids(entry.id, entry.records):
        return Check(name, Standing.BAD, "has another record under this number")
    if entry.state is not LedgerState.STORED:
        state = entry.state.value.replace("_", " ")
        return Check(name, Standing.BAD, f"says {state}, and yet the record is here")
    if entry.records > 1:
        # They are entered by one digest over all of them, and only this one was read.
        words = f"says stored, together with {entry.records - 1} others of its session; only verify"
        return Check(name, Standing.UNKNOWN, f"{words} holds all of them against it")
    return _entered(name, entry, actual)


def _entered(name: str, entry: LedgerEntry, actual: str) -> Check:
    """Compare the content with what was entered last: a hold or a release changes the digest."""
    amended = bool(entry.amendments)
    entered = entry.amendments[-1].record_digest if amended else entry.record_digest
    if not entered:
        return Check(name, Standing.UNKNOWN, "says stored, without a digest")
    if entered != actual:
        return Check(name, Standing.BAD, "ALTERED: its digest is not that of this content")
    since = f", amended {len(entry.amendments)} times since it was stored" if amended else ""
    return Check(name, Standing.GOOD, f"says stored, with this very content{since}")


def _signed(name: str, trust: Trust | None, record_id: str, integrity: Integrity) -> Check:
    if integrity.signature is None:
        return Check(name, Standing.UNKNOWN, "is missing")
    statement = record_statement(record_id, integrity)
    return _borne_out(name, trust, statement, integrity.signature)


def _entry_signed(trust: Trust | None, entry: LedgerEntry | None) -> Check:
    name = "signature of the entry"
    if entry is None or entry.signature is None:
        return Check(name, Standing.UNKNOWN, "is missing")
    return _borne_out(name, trust, entry_statement(entry), entry.signature)


def _borne_out(name: str, trust: Trust | None, statement: bytes, signature: str) -> Check:
    if trust is None:
        return Check(name, Standing.UNKNOWN, "could not be checked: no public key is at hand")
    if trust.bears_out(Role.WORKER, statement, signature):
        return Check(name, Standing.GOOD, "is that of a trusted worker")
    return Check(name, Standing.BAD, "is of no worker that is trusted here")


def facts(record: RedactedRecord) -> dict[str, tuple[Fact, ...]]:
    """The facts of a record by group, in reading order; what is not known has no line."""
    marks = Marks(record.redaction.findings)
    return {
        "Exchange": tuple(_exchange(record, marks)),
        "Caller": tuple(_caller(record, marks)),
        "Tokens": tuple(_tokens(record)),
    }


_EXCHANGE = {
    "deployment": "deployment",
    "asked for": "requested_model",
    "answered as": "reported_model",
    "served by": "served_model",
    "API version": "api_version",
    "fingerprint": "system_fingerprint",
    "response id": "response_id",
    "follows": "previous_response_id",
}
_CALLER = {
    "app": "app_id",
    "tenant": "tenant_id",
    "user": "user",
    "session": "session",
    "trace": "trace_id",
    "upstream id": "upstream_request_id",
    "key fingerprint": "key_fingerprint",
}
_TOKENS = {
    "input": "input",
    "of it cached": "cached",
    "output": "output",
    "of it reasoning": "reasoning",
    "audio in": "audio_in",
    "audio out": "audio_out",
    "in all": "total",
}


def _exchange(record: RedactedRecord, marks: Marks) -> Iterator[Fact]:
    facts = record.exchange
    if facts.ending_detail:
        yield "because", _plain(ending_detail(facts.ending_detail))
    if facts.status is not None:
        yield "status", _plain(str(facts.status))
    path = marks.line(facts.path, "/exchange/path")
    yield "request", (*_plain(f"{facts.method} "), *path)
    streamed = "streamed" if facts.streamed else "not streamed"
    yield "format", _plain(f"{facts.dialect}, {facts.operation}, {streamed}")
    for label, name in _EXCHANGE.items():
        if (value := getattr(facts, name)) is not None:
            yield label, marks.line(value, f"/exchange/{name}")
    yield "received", _plain(record.timing.received_at)
    yield "number", _plain(f"{record.tap.name}/{record.tap.boot}/{record.tap.seq}")
    for code in facts.flags:
        yield "note", _plain(flag(code))


def _caller(record: RedactedRecord, marks: Marks) -> Iterator[Fact]:
    yield "consumer", _plain(record.consumer)
    yield "known", _plain(SOURCES[record.identity.source])
    for label, name in _CALLER.items():
        if (value := getattr(record.identity, name)) is not None:
            yield label, marks.line(value, f"/identity/{name}")


def _tokens(record: RedactedRecord) -> Iterator[Fact]:
    for label, name in _TOKENS.items():
        value = getattr(record.usage, name)
        # A part of the whole that is 0 is what one expects; the whole that is 0 is news.
        if value or (value == 0 and name in ("input", "output", "total")):
            yield label, _plain(f"{value:,}")
    if record.usage.source:
        yield "source", _plain(record.usage.source)


def looked(record: RedactedRecord) -> tuple[Fact, ...]:
    """What looked for people's data, under which policy, and what it could not see."""
    redaction = record.redaction
    found: list[Fact] = [("policy", _plain(f"{redaction.policy}, level {redaction.level}"))]
    if redaction.engines:
        engines = ", ".join(f"{each.name} {each.version}" for each in redaction.engines)
        found.append(("looked", _plain(engines)))
    if redaction.languages:
        found.append(("languages", _plain(", ".join(redaction.languages))))
    found += [("read again", _plain(review(each))) for each in redaction.receipts]
    found += [("degraded", _plain(f"{name} did not answer")) for name in redaction.degraded]
    found += [("not seen", _plain(gap(code))) for code in redaction.gaps]
    return tuple(found)


def kept(record: RedactedRecord) -> tuple[Fact, ...]:
    """Digest, commitment and signature as they stand, and how long the record is kept."""
    integrity, retention = record.integrity, record.retention
    found: list[Fact] = [
        (name, _plain(value))
        for name, value in (
            ("digest", integrity.record_digest),
            ("commitment", integrity.commitment),
            ("signature", integrity.signature),
            ("kept until", retention.expires_at),
        )
        if value
    ]
    if retention.hold:
        found.append(("hold", _plain("a hold forbids its removal")))
    return tuple(found)


def _plain(text: str) -> Pieces:
    return (Piece(neutral_line(text)),)
