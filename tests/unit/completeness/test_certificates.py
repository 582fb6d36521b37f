"""A certificate of erasure is confirmed by ledger, store and keys, or it is contradicted."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from audit.certificate import Certificate, Erased
from audit.certified import CertificateVerdict, check_certificate
from audit.completeness import Evidence, Held
from audit.ids import ExchangeNumber
from audit.ledger import LedgerEntry, LedgerState
from tests.unit.completeness.signatures import TRUST, certified, entered, mark
from tests.unit.completeness.worlds import AT, amendment, replace_entry

NUMBER = ExchangeNumber(tap="t", boot="1", seq=1)
ENTRY = entered(
    LedgerEntry(
        number=NUMBER,
        id="x",
        state=LedgerState.ERASED,
        commitment="c",
        record_digest="d",
        amendments=(amendment("hold", "e"), amendment("erased", "e")),
    )
)
ERASED = Erased(id="x", number=NUMBER, before="stored", record_digest="e", commitment="c")
CERTIFICATE = certified(Certificate(order="order", at=AT, why="asked", erased=(ERASED,)))
EVIDENCE = Evidence(entries=(ENTRY,), trust=TRUST)


def reasons(certificate: Certificate, evidence: Evidence) -> list[tuple[str, str | None]]:
    """What speaks against the certificate, and of which id."""
    return [(c.reason, c.id) for c in check_certificate(certificate, evidence).contradictions]


def test_an_erasure_that_was_carried_out_is_confirmed() -> None:
    """Signed, entered as erased, and no record of it left."""
    report = check_certificate(CERTIFICATE, EVIDENCE)
    assert (report.verdict, report.contradictions) == (CertificateVerdict.CONFIRMED, ())


@pytest.mark.parametrize("before", ["stored", "waiting", "dead_lettered", "removed"])
def test_wherever_it_was_before_it_is_gone_now(before: str) -> None:
    """What expired, or was never opened, is as gone as what was stored."""
    entry = entered(replace_entry(ENTRY, state=LedgerState.EXPIRED))
    bare = msgspec.structs.replace(ERASED, before=before, record_digest=None, commitment=None)
    certificate = certified(msgspec.structs.replace(CERTIFICATE, erased=(bare,)))
    assert reasons(certificate, replace(EVIDENCE, entries=(entry,))) == []


@pytest.mark.parametrize(
    "certificate",
    [
        msgspec.structs.replace(CERTIFICATE, signature=None),
        msgspec.structs.replace(CERTIFICATE, why="something else"),
        certified(CERTIFICATE, stranger=True),
    ],
)
def test_a_certificate_that_no_worker_signed_is_contradicted(certificate: Certificate) -> None:
    """Word for word as it was signed, or it is no certificate."""
    assert reasons(certificate, EVIDENCE) == [("certificate_forged", None)]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (entered(replace_entry(ENTRY, state=LedgerState.STORED, amendments=())), "not_erased"),
        (entered(replace_entry(ENTRY, id="y")), "entry_differs"),
        (entered(replace_entry(ENTRY, commitment="other")), "entry_differs"),
        (entered(replace_entry(ENTRY, amendments=(amendment("erased", "o"),))), "entry_differs"),
        (replace_entry(ENTRY, signature=None), "not_entered"),
    ],
)
def test_an_entry_that_says_something_else_contradicts(entry: LedgerEntry, reason: str) -> None:
    """The ledger's believed entry has the same id, digest and commitment, and says removed."""
    assert reasons(CERTIFICATE, replace(EVIDENCE, entries=(entry,))) == [(reason, "x")]


def test_an_erasure_of_what_the_ledger_does_not_know_is_contradicted() -> None:
    """An entry that is not there cannot keep a record from coming back."""
    assert reasons(CERTIFICATE, replace(EVIDENCE, entries=())) == [("not_entered", "x")]


@pytest.mark.parametrize("record_id", ["x", "x/2"])
def test_a_record_that_is_still_there_contradicts(record_id: str) -> None:
    """The record, or one of a session's records, in the store: named by the exchange's id."""
    left = replace(EVIDENCE, stored=(mark(record_id, NUMBER, "d"),))
    assert reasons(CERTIFICATE, left) == [("record_there", "x")]


def test_what_still_waits_sealed_is_told_and_contradicts_nothing() -> None:
    """Spool and queue may hold it; its entry keeps it from being stored."""
    waits = replace(EVIDENCE, waiting=(Held("x", NUMBER),), dead=(Held("x", NUMBER),))
    report = check_certificate(CERTIFICATE, waits)
    assert (report.verdict, report.waiting) == (CertificateVerdict.CONFIRMED, ("x",))


def test_an_erasure_that_happens_while_one_looks_is_confirmed() -> None:
    """The entry's later form counts."""
    before = entered(replace_entry(ENTRY, state=LedgerState.STORED, amendments=()))
    moved = replace(EVIDENCE, entries=(before,), later=(ENTRY,))
    assert reasons(CERTIFICATE, moved) == []


@pytest.mark.parametrize(
    ("source", "verdict"),
    [
        ("keys", CertificateVerdict.UNDETERMINED),
        ("ledger", CertificateVerdict.UNDETERMINED),
        ("records", CertificateVerdict.UNDETERMINED),
        ("queue", CertificateVerdict.CONFIRMED),
        ("spool", CertificateVerdict.CONFIRMED),
    ],
)
def test_what_could_not_be_read_confirms_nothing(source: str, verdict: CertificateVerdict) -> None:
    """Ledger, store and keys are needed; what waits would contradict nothing."""
    evidence = replace(EVIDENCE, unread=(source,))
    if source == "keys":
        evidence = replace(evidence, trust=None)
    if source == "ledger":
        evidence = replace(evidence, entries=())
    assert check_certificate(CERTIFICATE, evidence).verdict is verdict


def test_a_verdict_is_an_exit_code() -> None:
    """0 is confirmed, 1 contradicted, 2 could not tell."""
    codes = {verdict: verdict.exit_code for verdict in CertificateVerdict}
    assert codes == {"confirmed": 0, "contradicted": 1, "undetermined": 2}


def test_a_certificate_of_nothing_confirms_nothing() -> None:
    """Given while all of it was still sealed, it names no exchange, and proves none gone."""
    empty = certified(msgspec.structs.replace(CERTIFICATE, erased=()))
    assert check_certificate(empty, EVIDENCE).verdict is CertificateVerdict.UNDETERMINED
