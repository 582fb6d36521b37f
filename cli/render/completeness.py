"""The completeness report, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from audit.completeness import (
    REASONS,
    CompletenessReport,
    Flaw,
    Outcome,
    Unrecorded,
    Verdict,
)
from audit.value import Json
from cli.render.neutral import neutral_line

__all__ = ["CompletenessView", "report_document"]

_STYLES = {Verdict.COMPLETE: "bold green", Verdict.INCOMPLETE: "bold red"}
_SENTENCES = {
    Verdict.COMPLETE: "complete: every number that was given out is accounted for",
    Verdict.INCOMPLETE: "incomplete: something is lost, altered or inserted",
    Verdict.UNDETERMINED: "could not tell: something that might hold the answer could not be read",
}
_NOTHING = "complete: nothing was recorded here yet"
_SHOWN = 50


@dataclass(frozen=True, slots=True)
class CompletenessView:
    """A renderable report: the verdict, the counts, and every flaw by name."""

    report: CompletenessReport = field(repr=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        report = self.report
        verdict = report.verdict
        yield Text(_sentence(report), style=_STYLES.get(verdict, "bold yellow"))
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for outcome in Outcome:
            if count := report.counts.get(outcome):
                table.add_row(Text(outcome.value.replace("_", " ")), Text(str(count)))
        yield table
        for source in report.unread:
            yield Text(f"not readable: {source}", style="yellow")
        yield from _lines([_flaw_line(flaw) for flaw in report.flaws])
        yield from _lines([_unrecorded_line(each) for each in report.unrecorded])


def report_document(report: CompletenessReport) -> dict[str, Json]:
    """The report as a JSON document; counts of every outcome, zero included."""
    return {
        "verdict": report.verdict.value,
        "counts": {outcome.value: report.counts.get(outcome, 0) for outcome in Outcome},
        "unread": list(report.unread),
        "flaws": [dict(_members(flaw)) for flaw in report.flaws],
        "unrecorded": [
            {
                "tap": each.tap,
                "boot": each.boot,
                "first": each.first,
                "last": each.last,
                "reason": each.reason,
            }
            for each in report.unrecorded
        ],
    }


def _sentence(report: CompletenessReport) -> str:
    """The verdict; whoever reads no further still learns what passed unrecorded."""
    if report.verdict is Verdict.COMPLETE and not any(report.counts.values()):
        return _NOTHING
    sentence = _SENTENCES[report.verdict]
    refused = sum(each.count for each in report.unrecorded if each.refused)
    passed = sum(each.count for each in report.unrecorded) - refused
    told = [_calls(passed, "passed"), _calls(refused, "refused")]
    said = " and ".join(each for each in told if each)
    return f"{sentence}; {said}, as the tap said itself" if said else sentence


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


def _numbers(first: int | None, last: int | None) -> str:
    if first is None:
        return ""
    return f"/{first}" if last in {None, first} else f"/{first}…{last}"
