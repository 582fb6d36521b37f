"""A session's several records under one number: each must be there, and no other."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec
import pytest

from audit.completeness import Evidence, KnownBoot, Outcome, Verdict
from audit.digest import sheaf_digest
from audit.ids import ExchangeNumber
from audit.ledger import LedgerEntry, LedgerState
from audit.report import CompletenessReport
from audit.sheaf import record_ids
from audit.signing import entry_statement
from audit.verification import verify
from tests.unit.completeness.signatures import TRUST, Mark, entered, mark
from tests.unit.completeness.worlds import amendment

ONE = ExchangeNumber(tap="t", boot="1", seq=1)
IDS = record_ids("x", 4)
MARKS = tuple(mark(each, ONE, f"digest of {each}") for each in IDS)


def an_entry(**changes: object) -> LedgerEntry:
    """The entry of a session of four records."""
    values: dict[str, object] = {
        "number": ONE,
        "id": "x",
        "state": LedgerState.STORED,
        "record_digest": sheaf_digest([each.actual_digest for each in MARKS]),
        "commitment": "c",
        "records": 4,
    }
    return entered(msgspec.convert(values | changes, LedgerEntry))


def judged(marks: Iterable[Mark], entry: LedgerEntry | None = None) -> CompletenessReport:
    """Verify a boot of one session."""
    return verify(
        Evidence(
            trust=TRUST,
            entries=(entry or an_entry(),),
            stored=tuple(marks),
            boots=(KnownBoot("t", "1", 1),),
        )
    )


def told(report: CompletenessReport) -> list[tuple[Outcome, str, str | None]]:
    """Each flaw by its outcome, its reason and the record it names."""
    return [(flaw.outcome, flaw.reason, flaw.id) for flaw in report.flaws]


def test_a_whole_sheaf_is_one_number_that_is_stored() -> None:
    """Four records that are what was entered count as one exchange."""
    report = judged(MARKS)
    assert report.verdict is Verdict.COMPLETE
    assert report.counts == {Outcome.STORED: 1}


@pytest.mark.parametrize("missing", range(4))
def test_a_record_that_is_missing_is_named_by_its_id(missing: int) -> None:
    """Wherever in the sheaf it stood; the number is lost once."""
    report = judged(each for at, each in enumerate(MARKS) if at != missing)
    assert told(report) == [(Outcome.LOST, "record_removed", IDS[missing])]
    assert report.counts == {Outcome.LOST: 1}


def test_each_of_several_missing_records_is_named() -> None:
    """All of them are told, and the number is counted once."""
    report = judged((MARKS[0], MARKS[2]))
    expected = [(Outcome.LOST, "record_removed", each) for each in (IDS[1], IDS[3])]
    assert told(report) == expected
    assert report.counts == {Outcome.LOST: 1}


def test_a_session_that_is_gone_is_named_once() -> None:
    """Where none of its records is left, the exchange is named and not each of them."""
    assert told(judged(())) == [(Outcome.LOST, "record_removed", "x")]


def test_a_record_whose_content_was_altered_is_named() -> None:
    """By its own id, with and without a digest that was made to fit."""
    other = replace(MARKS[1], actual_digest="else")
    altered = [MARKS[0], other, *MARKS[2:]]
    assert told(judged(altered)) == [(Outcome.ALTERED, "digest_differs", "x/2")]
    integrity = mark("x/2", ONE, "else", stranger=True).integrity
    fitted = replace(other, stated_digest="else", integrity=integrity)
    altered[1] = fitted
    assert told(judged(altered)) == [(Outcome.ALTERED, "signature_differs", "x/2")]


def test_two_records_that_were_exchanged_are_both_named() -> None:
    """Each bears a signature over the other's id."""
    two, three = (replace(MARKS[at], id=IDS[3 - at]) for at in (1, 2))
    report = judged((MARKS[0], three, two, MARKS[3]))
    expected = [(Outcome.ALTERED, "signature_differs", each) for each in ("x/2", "x/3")]
    assert told(report) == expected


def test_an_older_form_of_one_record_shows_in_the_whole() -> None:
    """It is signed and sound for itself, and is not what the ledger has entered."""
    older = mark("x/3", ONE, "before the hold")
    report = judged((*MARKS[:2], older, MARKS[3]))
    assert told(report) == [(Outcome.ALTERED, "digest_differs", "x")]


@pytest.mark.parametrize("added", ["x/5", "x/9", "x/0", "x/1", "x/02", "x/two"])
def test_a_record_beyond_the_sheaf_is_inserted(added: str) -> None:
    """Also one that a worker has signed; the sheaf itself is still in order."""
    report = judged((*MARKS, mark(added, ONE, "more")))
    assert told(report) == [(Outcome.INSERTED, "beyond_sheaf", added)]
    assert report.counts == {Outcome.STORED: 1, Outcome.INSERTED: 1}


def test_a_second_record_of_a_single_exchange_is_inserted() -> None:
    """An entry of one speaks of no `id/2`."""
    entry = an_entry(records=1, record_digest=MARKS[0].actual_digest)
    assert judged(MARKS[:1], entry).verdict is Verdict.COMPLETE
    assert told(judged(MARKS[:2], entry)) == [(Outcome.INSERTED, "beyond_sheaf", "x/2")]


def test_a_number_of_records_that_was_changed_makes_the_entry_a_forgery() -> None:
    """Whoever cuts a sheaf short would have to sign for it."""
    cut = msgspec.structs.replace(an_entry(), records=3)
    assert told(judged(MARKS[:3], cut)) == [(Outcome.ALTERED, "entry_forged", "x")]


def test_an_amended_sheaf_is_what_its_last_amendment_says() -> None:
    """A hold changes all records, and the ledger has the digest of all of them."""
    held = [mark(each, ONE, f"held {each}") for each in IDS]
    digest = sheaf_digest([each.actual_digest for each in held])
    entry = an_entry(amendments=(amendment("hold", digest),))
    assert judged(held, entry).verdict is Verdict.COMPLETE
    assert judged(MARKS, entry).verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize("left", range(4))
def test_any_record_left_of_an_erased_session_is_named(left: int) -> None:
    """An erasure that spared one record is none."""
    entry = an_entry(state=LedgerState.ERASED, amendments=(amendment("erased", "d"),))
    assert judged((), entry).verdict is Verdict.COMPLETE
    (flaw,) = judged(MARKS[left : left + 1], entry).flaws
    assert flaw.reason == "removed_yet_there"


def test_an_entry_of_one_record_is_signed_as_it_always_was() -> None:
    """Signatures from before there were sheaves hold; the statement names the field beyond one."""
    assert b"records" not in entry_statement(an_entry(records=1))
    assert b'"records":4' in entry_statement(an_entry())


def test_the_digest_of_a_sheaf_is_over_each_of_its_records_in_its_place() -> None:
    """Of one record it is the record's own, so that entries of one are what they were."""
    assert sheaf_digest(["a"]) == "a"
    several = [("a", "b"), ("b", "a"), ("a", "b", "a"), ("a", "a"), ("ab", ""), ("a",)]
    assert len({sheaf_digest(each) for each in several}) == len(several)
