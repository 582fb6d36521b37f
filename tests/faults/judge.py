"""The judge: what both ends of the wire know, against what AuditStream says.

The law: a pure function from evidence to sentences, each a thing that is wrong; none of them is
made up for by another. An exchange that was answered, or that reached the upstream, has exactly
one record, with an ending that is true by both ledgers and no text that was not said; or, where
the spool could not be had and the consumer's policy let it pass or refused it, it is one of the
numbers that `verify` counts as such.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.faults.ledgers import Call, History, Told, meets

__all__ = ["Case", "judge"]

Json = Any

# How long after a call's end its last frame may still be on its way to the file.
_GRACE = 2.0
_CUT = "tap_crashed"
_REFUSED = "audit_unavailable"


@dataclass(frozen=True, slots=True)
class Case:
    """All evidence: the ledgers by trace id, the stored records, what `verify` reported.

    `patience` is the tap's: silence for longer than that many seconds ends an exchange.
    """

    calls: Mapping[str, Call]
    told: Mapping[str, Told]
    records: Sequence[Json]
    report: Json
    history: History
    patience: float


def judge(case: Case) -> list[str]:
    """Everything that is wrong; empty when nothing is."""
    return [*_counted(case), *_each(case), *_gaps(case), *_verified(case)]


def _counted(case: Case) -> Iterator[str]:
    """One record at most for each call, none that nobody asked for, and no call made twice."""
    times = Counter(_trace(record) for record in case.records)
    for trace, count in times.items():
        if trace not in case.calls:
            yield f"stranger: a record of the trace {trace}, which nobody began"
        elif count > 1:
            yield f"doubled: {count} records of {case.calls[trace]}"
    for trace, told in case.told.items():
        if told.times > 1:
            yield f"asked twice: the upstream was asked {told.times} times by {case.calls[trace]}"


def _each(case: Case) -> Iterator[str]:
    by_trace: dict[str, list[Json]] = defaultdict(list)
    for record in case.records:
        by_trace[_trace(record)].append(record)
    for trace, call in case.calls.items():
        for record in by_trace[trace]:
            yield from _truthful(case, call, record)


def _truthful(case: Case, call: Call, record: Json) -> Iterator[str]:
    ending = record["exchange"]["ending"]
    told = case.told.get(call.trace, Told())
    true = _true_endings(case, call, told)
    if ending not in true:
        detail = record["exchange"]["ending_detail"]
        wanted = " or ".join(sorted(true)) or "no ending"
        yield f"wrong ending: {ending} ({detail}) instead of {wanted}: {call} {told}"
    if told.end == "whole" and not (call.done or call.left) and _CUT not in true:
        yield f"cut off: the answer was whole, and its caller did not get it: {call}"
    yield from _said(call, told, record, ending)


def _true_endings(case: Case, call: Call, told: Told) -> set[str]:
    """Every ending that is true of the call by what both ends know."""
    died = case.history.died_during(call, grace=_GRACE)
    if call.done:
        kept = call.acted_on and not case.history.excused(call, grace=_GRACE)
        return {"complete", _CUT} if died and not kept else {"complete"}
    true = {_CUT} if died else set()
    ends = {"whole": "complete", "cut": "upstream_disconnected", "rejected": "rejected"}
    true |= {ends[told.end]} if told.end in ends else set()
    if told.end == "silent" or told.longest_gap > case.patience / 2:
        true.add("upstream_timeout")
    if call.left:
        true.add("client_disconnected")
    if meets(case.history.gone, call.begun, call.ended):
        true |= {"upstream_unreachable", "upstream_disconnected"}
    return true


def _said(call: Call, told: Told, record: Json, ending: str) -> Iterator[str]:
    """What the record says was said is what was said, as far as it was not taken out."""
    parts = [part for out in record["response"]["outputs"] for part in out["parts"]]
    answer = "".join(part["text"] for part in parts if part["kind"] == "text")
    kept, _, _ = answer.partition("<")
    if not told.text.startswith(kept) or len(kept.split()) > len(told.text.split()):
        yield f"wrong text: the record has words that were not said: {call}"
    if ending == "complete" and "<" not in answer and answer != told.text:
        yield f"wrong text: the record has not all of a complete answer: {call} {told}"
    if ending == "complete" and call.plan.marker not in str(record["request"]):
        yield f"wrong text: the record has not the prompt of {call}"


def _gaps(case: Case) -> Iterator[str]:
    """Calls without a record are as many as `verify` counts, and each has its excuse."""
    recorded = {_trace(record) for record in case.records}
    missing = [call for trace, call in case.calls.items() if trace not in recorded]
    refused = [call for call in missing if call.code == _REFUSED]
    unknown = [call for call in missing if _nowhere(case, call)]
    lost = [call for call in missing if not _nowhere(case, call) and call.code != _REFUSED]
    for call in (*lost, *refused):
        if not case.history.excused(call, grace=_GRACE):
            yield f"lost: no record, and nothing that excuses it: {call}"
    counted = sum(each["last"] - each["first"] + 1 for each in case.report["unrecorded"])
    dark = sum(case.history.in_the_dark(call, grace=_GRACE) for call in (*lost, *refused))
    least = len(lost) + len(refused) - dark
    if not least <= counted <= len(lost) + len(refused) + len(unknown):
        yield (
            f"miscounted: verify counts {counted} numbers without a record; {len(lost)} were"
            f" forwarded, {len(refused)} refused, {len(unknown)} came to nobody, {dark} in the dark"
        )


def _nowhere(case: Case, call: Call) -> bool:
    """Whether nobody but a socket's buffer may ever have had the call."""
    return call.status is None and call.trace not in case.told


def _verified(case: Case) -> Iterator[str]:
    report = case.report
    if report["verdict"] != "complete":
        yield f"verify: {report['verdict']}: {report['flaws']} unread {report['unread']}"
    if report["counts"]["stored"] != len(case.records):
        yield f"verify: counts {report['counts']} and {len(case.records)} records are stored"
    if report["counts"]["dead_lettered"] or report["counts"]["unreadable"]:
        yield f"dead letters: {report['counts']}"


def _trace(record: Json) -> str:
    return str(record["identity"]["trace_id"])
