"""The judge has to be able to find against us: each kind of wrong, made by hand, is named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.faults.judge import Case, judge
from tests.faults.ledgers import Call, History, Plan, Told

_PLAN = Plan("The word is banana.", "banana", ("the ", "quick ", "fox "), streamed=True, key="k")
_TEXT = "the quick fox "


def _call(trace: str = "a", **more: Any) -> Call:
    seen: dict[str, Any] = {"begun": 0.0, "ended": 1.0, "status": 200, "text": _TEXT, "done": True}
    return Call(trace, _PLAN, **(seen | more))


def _record(trace: str = "a", ending: str = "complete", answer: str = _TEXT) -> dict[str, Any]:
    part = {"kind": "text", "text": answer}
    return {
        "identity": {"trace_id": trace},
        "exchange": {"ending": ending, "ending_detail": None},
        "request": {"messages": [{"text": _PLAN.prompt}]},
        "response": {"outputs": [{"parts": [part]}]},
    }


def _report(stored: int, *, unrecorded: int = 0) -> dict[str, Any]:
    counts = {"stored": stored, "dead_lettered": 0, "unreadable": 0}
    passed = [{"first": 1, "last": unrecorded, "reason": "forwarded:spool.full"}]
    report = {"verdict": "complete", "flaws": [], "unread": [], "counts": counts}
    return report | {"unrecorded": passed if unrecorded else []}


def _case(
    call: Call, records: list[dict[str, Any]], *, told: Told | None = None, unrecorded: int = 0
) -> Case:
    return Case(
        calls={call.trace: call},
        told={call.trace: told or Told(times=1, text=_TEXT, end="whole")},
        records=records,
        report=_report(len(records), unrecorded=unrecorded),
        history=History(),
        patience=2.5,
    )


def _kinds(case: Case) -> list[str]:
    return [line.partition(":")[0] for line in judge(case)]


def test_a_call_with_its_one_true_record_is_in_order() -> None:
    """Nothing is wrong where nothing is wrong."""
    assert judge(_case(_call(), [_record()])) == []


@pytest.mark.parametrize(
    ("records", "kinds"),
    [
        ([], ["lost", "miscounted"]),
        ([_record(), _record()], ["doubled"]),
        ([_record(), _record("b")], ["stranger"]),
        ([_record(ending="tap_crashed")], ["wrong ending"]),
        ([_record(ending="client_disconnected")], ["wrong ending"]),
        ([_record(answer="the quick ")], ["wrong text"]),
        ([_record(answer="the slow fox ")], ["wrong text", "wrong text"]),
        ([_record() | {"request": {}}], ["wrong text"]),
    ],
)
def test_what_is_lost_doubled_foreign_or_untrue_is_named(
    records: list[dict[str, Any]], kinds: list[str]
) -> None:
    """One sentence for each thing that is wrong with a call that came to its end."""
    assert _kinds(_case(_call(), records)) == kinds


def test_an_upstream_that_was_asked_twice_is_named() -> None:
    """The tap never makes a call of its own out of one."""
    told = Told(times=2, text=_TEXT, end="whole")
    assert _kinds(_case(_call(), [_record()], told=told)) == ["asked twice"]


@pytest.mark.parametrize(
    ("call", "told", "ending"),
    [
        ({"done": False, "left": True}, "", "client_disconnected"),
        ({"done": False}, "cut", "upstream_disconnected"),
        ({"done": False, "status": 429}, "rejected", "rejected"),
        ({"done": False}, "silent", "upstream_timeout"),
    ],
)
def test_a_cut_is_whose_the_ledgers_say_it_is(call: dict[str, Any], told: str, ending: str) -> None:
    """The true ending passes; each other one does not."""
    case = _case(_call(**call), [_record(ending=ending)], told=Told(1, _TEXT, told))
    assert judge(case) == []
    for other in {"complete", "tap_crashed", "client_disconnected", "rejected"} - {ending}:
        assert _kinds(replace(case, records=[_record(ending=other)])) == ["wrong ending"]


def test_a_whole_answer_that_its_caller_did_not_get_is_named() -> None:
    """Only a death of the tap, or the caller itself, may stand between them."""
    case = _case(_call(done=False), [_record()])
    assert _kinds(case) == ["cut off"]
    assert judge(_case(_call(done=False, left=True), [_record()])) == []
    assert judge(replace(case, history=History(deaths=[(0.5, 0.5)]))) == []


def test_only_a_death_makes_a_crashed_ending_true() -> None:
    """And an answer that its caller has acted on is not cut even then."""
    case = _case(_call(), [_record(ending="tap_crashed", answer="the ")])
    assert _kinds(case) == ["wrong ending"]
    died = replace(case, history=History(deaths=[(0.5, 0.5)]))
    assert judge(died) == []
    acted = replace(died, calls={"a": _call(acted_on=True)})
    assert _kinds(acted) == ["wrong ending"]


def test_a_gap_needs_an_excuse_and_has_to_be_counted() -> None:
    """A failing disk excuses a missing record; `verify` must count it all the same."""
    excuse = History(disk=[(0.0, 1.0)])
    case = replace(_case(_call(), [], unrecorded=1), history=excuse)
    assert judge(case) == []
    assert _kinds(replace(case, history=History())) == ["lost"]
    assert _kinds(replace(case, report=_report(0))) == ["miscounted"]
    assert _kinds(replace(case, report=_report(0, unrecorded=2))) == ["miscounted"]


def test_a_number_is_not_asked_of_a_tap_that_died_while_its_disk_failed() -> None:
    """It may take calls until it has gone, a while after whoever started it was killed."""
    call = _call(begun=0.7)
    case = replace(_case(call, []), report=_report(0))
    for end, kinds in ((0.8, []), (0.6, ["miscounted"])):
        died = History(disk=[(0.0, 0.6)], deaths=[(0.5, end)])
        assert _kinds(replace(case, history=died)) == kinds


def test_a_call_that_nobody_received_needs_no_record_and_may_have_a_number() -> None:
    """It may have died in a socket's buffer, or just after its number was given out."""
    call = _call(status=None, done=False, text="")
    for counted in (0, 1):
        assert judge(replace(_case(call, [], unrecorded=counted), told={})) == []
    assert _kinds(replace(_case(call, [], unrecorded=2), told={})) == ["miscounted"]


def test_the_word_of_verify_is_held_against_the_records() -> None:
    """Another verdict, another count, and dead letters are wrong by themselves."""
    case = _case(_call(), [_record()])
    assert _kinds(replace(case, report=_report(1) | {"verdict": "incomplete"})) == ["verify"]
    assert _kinds(replace(case, report=_report(2))) == ["verify"]
    dead = _report(1)
    dead["counts"]["dead_lettered"] = 1
    assert _kinds(replace(case, report=dead)) == ["dead letters"]
