"""The completeness report, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

import msgspec
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from audit.completeness import REASONS, Outcome, Verdict
from audit.reading.neutral import neutral_line
from audit.report import CompletenessReport, Flaw, Named, Uncertain, Unrecorded
from audit.selection import Selection
from audit.spans import joined
from audit.value import Json

__all__ = ["CompletenessView", "report_document"]

_STYLES = {Verdict.COMPLETE: "bold green", Verdict.INCOMPLETE: "bold red"}
_SENTENCES = {
    Verdict.COMPLETE: "complete: every number that was given out is accounted for",
    Verdict.INCOMPLETE: "incomplete: something is lost, altered or inserted",
    Verdict.UNDETERMINED: "could not tell: something that might hold the answer could not be read",
}
_NOTHING = "complete: nothing was recorded here yet"
_NOTHING_SELECTED = "nothing of this selection was recorded here"
_SELECTED = "complete for this selection: every number in it is accounted for"
_SHOWN = 50
# Of what was removed on purpose there may be any number, and nobody looks for one of them here.
_REMOVED = (Outcome.ERASED, Outcome.EXPIRED)
_RANGES = 10


@dataclass(frozen=True, slots=True)
class CompletenessView:
    """A renderable report: the verdict, the counts, and by name what is not simply stored."""

    report: CompletenessReport = field(repr=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        report = self.report
        verdict = report.verdict
        yield Text(_sentence(report), style=_STYLES.get(verdict, "bold yellow"))
        yield from (Text(neutral_line(line)) for line in _selected(report))
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for outcome in Outcome:
            if count := report.counts.get(outcome):
                table.add_row(Text(outcome.value.replace("_", " ")), Text(str(count)))
        yield table
        for source in report.unread:
            yield Text(f"not readable: {source}", style="yellow")
        yield from _lines([_flaw_line(flaw) for flaw in report.flaws])
        yield from _lines([_unrecorded_line(each) for each in report.unrecorded])
        for outcome in Outcome:
            yield from _lines(_named_lines(outcome, report.named))
        yield from _lines([_uncertain_line(each) for each in report.uncertain])


def report_document(report: CompletenessReport) -> dict[str, Json]:
    """The report as a JSON document; counts of every outcome, zero included.

    With its `heads` it can be the anchor of a later look.
    """
    return {
        "verdict": report.verdict.value,
        "counts": {outcome.value: report.counts.get(outcome, 0) for outcome in Outcome},
        "unread": list(report.unread),
        "selection": _selection_document(report.selection),
        "outside": report.outside,
        "flaws": [dict(_members(flaw)) for flaw in report.flaws],
        "unrecorded": [msgspec.to_builtins(each) for each in report.unrecorded],
        "numbers": [msgspec.to_builtins(each) for each in report.named],
        "uncertain": [msgspec.to_builtins(each) for each in report.uncertain],
        "heads": [msgspec.to_builtins(each) for each in report.heads],
    }


def _selection_document(selection: Selection) -> dict[str, Json]:
    return {
        "from": selection.first_day,
        "to": selection.last_day,
        "consumer": selection.consumer,
    }


def _selected(report: CompletenessReport) -> Iterator[str]:
    """What the report speaks of, where that is not everything, and what it leaves out."""
    chosen = report.selection
    if chosen.everything:
        return
    words = [
        f"from {chosen.first_day}" if chosen.first_day else "",
        f"to {chosen.last_day}" if chosen.last_day else "",
        f"of the consumer {chosen.consumer}" if chosen.consumer else "",
    ]
    yield f"only {' '.join(filter(None, words))}, and what could be anyone's"
    flaws = "1 flaw" if report.outside == 1 else f"{report.outside} flaws"
    yield f"{flaws} outside the selection {'is' if report.outside == 1 else 'are'} not shown"


def _sentence(report: CompletenessReport) -> str:
    """The verdict; whoever reads no further still learns what passed unrecorded."""
    if report.verdict is Verdict.COMPLETE and not any(report.counts.values()):
        return _NOTHING if report.selection.everything else _NOTHING_SELECTED
    sentence = _SENTENCES[report.verdict]
    if report.verdict is Verdict.COMPLETE and not report.selection.everything:
        sentence = _SELECTED
    sentence += _sealed(report)
    refused = sum(each.count for each in report.unrecorded if each.refused)
    passed = sum(each.count for each in report.unrecorded) - refused
    told = [_calls(passed, "passed"), _calls(refused, "refused")]
    said = " and ".join(each for each in told if each)
    return f"{sentence}; {said}, as the tap said itself" if said else sentence


def _sealed(report: CompletenessReport) -> str:
    """What is accounted for, but nobody can read it as it is."""
    count = sum(report.counts.get(each, 0) for each in (Outcome.UNREADABLE, Outcome.DEAD_LETTERED))
    if not count:
        return ""
    return f"; {count} set aside and not stored: see `auditstream dead-letters list`"


def _calls(count: int, what: str) -> str:
    plural = "" if count == 1 else "s"
    was = "" if what == "passed" else ("was " if count == 1 else "were ")
    return f"{count} call{plural} {was}{what} unrecorded" if count else ""


def _lines(lines: list[str]) -> Iterator[Text]:
    """Print lines as they are stored: a damaged row may hold anything."""
    yield from (Text(neutral_line(line)) for line in lines[:_SHOWN])
    if len(lines) > _SHOWN:
        yield Text(f"… and {len(lines) - _SHOWN} more; --json lists all")


def _members(flaw: Flaw) -> Iterator[tuple[str, Json]]:
    yield "outcome", flaw.outcome.value
    yield "reason", flaw.reason
    yield "means", REASONS.get(flaw.reason, "")
    yield "tap", flaw.tap
    yield "boot", flaw.boot
    yield "first", flaw.first
    yield "last", flaw.last
    yield "id", flaw.id


def _flaw_line(flaw: Flaw) -> str:
    named = f" {flaw.id}" if flaw.id else ""
    where = f"{flaw.tap}/{flaw.boot}{_numbers(flaw.first, flaw.last)}{named}"
    return f"{flaw.outcome.value}: {where}: {REASONS.get(flaw.reason, flaw.reason)}"


def _unrecorded_line(each: Unrecorded) -> str:
    where = f"{each.tap}/{each.boot}{_numbers(each.first, each.last)}"
    return f"unrecorded: {where}: {each.reason}"


def _named_lines(outcome: Outcome, named: Sequence[Named]) -> list[str]:
    """One line for each number with its id; for what was removed, one line for each boot."""
    lines = []
    for (tap, boot), group in groupby(
        (each for each in named if each.outcome is outcome), attrgetter("tap", "boot")
    ):
        numbers = list(group)
        if outcome in _REMOVED and len(numbers) > 1:
            told = _ranges([each.seq for each in numbers])
            lines.append(f"{outcome.value}: {tap}/{boot}: {len(numbers)} numbers: {told}")
        else:
            lines += map(_named_line, numbers)
    return lines


def _named_line(each: Named) -> str:
    named = f" {each.id}" if each.id else ""
    return f"{each.outcome.value}: {each.tap}/{each.boot}/{each.seq}{named}"


def _ranges(numbers: Sequence[int]) -> str:
    """The numbers as ranges, the first of them where there are many."""
    ranges = joined((seq, seq) for seq in numbers)
    told = ", ".join(_numbers(*each).removeprefix("/") for each in ranges[:_RANGES])
    more = len(ranges) - _RANGES
    return f"{told}, … up to {ranges[-1][1]}; --json lists all" if more > 0 else told


def _uncertain_line(each: Uncertain) -> str:
    where = f"{each.tap}/{each.boot}{_numbers(each.first, each.last)}"
    count = f"{each.count} number{'' if each.count == 1 else 's'}"
    return (
        f"uncertain: {where}: {count} may have been given out and left no trace,"
        " if the power failed when this boot died"
    )


def _numbers(first: int | None, last: int | None) -> str:
    if first is None:
        return ""
    return f"/{first}" if last in {None, first} else f"/{first}…{last}"
