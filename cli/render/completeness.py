"""The completeness report, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

from audit.completeness import REASONS, CompletenessReport, Flaw, Outcome, Verdict
from audit.value import Json

__all__ = ["CompletenessView", "report_document"]

_STYLES = {Verdict.COMPLETE: "bold green", Verdict.INCOMPLETE: "bold red"}
_SENTENCES = {
    Verdict.COMPLETE: "complete: every number that was given out is accounted for",
    Verdict.INCOMPLETE: "incomplete: something is lost, altered or inserted",
    Verdict.UNDETERMINED: "could not tell: something that might hold the answer could not be read",
}
_SHOWN_FLAWS = 50


@dataclass(frozen=True, slots=True)
class CompletenessView:
    """A renderable report: the verdict, the counts, and every flaw by name."""

    report: CompletenessReport = field(repr=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        report = self.report
        verdict = report.verdict
        yield Text(_SENTENCES[verdict], style=_STYLES.get(verdict, "bold yellow"))
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        for outcome in Outcome:
            if count := report.counts.get(outcome):
                table.add_row(Text(outcome.value.replace("_", " ")), Text(str(count)))
        yield table
        for source in report.unread:
            yield Text(f"not readable: {source}", style="yellow")
        yield from map(_line, report.flaws[:_SHOWN_FLAWS])
        if len(report.flaws) > _SHOWN_FLAWS:
            yield Text(f"… and {len(report.flaws) - _SHOWN_FLAWS} more; --json lists all")


def report_document(report: CompletenessReport) -> dict[str, Json]:
    """The report as a JSON document; counts of every outcome, zero included."""
    return {
        "verdict": report.verdict.value,
        "counts": {outcome.value: report.counts.get(outcome, 0) for outcome in Outcome},
        "unread": list(report.unread),
        "flaws": [dict(_members(flaw)) for flaw in report.flaws],
    }


def _members(flaw: Flaw) -> Iterator[tuple[str, Json]]:
    yield "outcome", flaw.outcome.value
    yield "reason", flaw.reason
    yield "means", REASONS.get(flaw.reason, "")
    yield "tap", flaw.tap
    yield "boot", flaw.boot
    yield "first", flaw.first
    yield "last", flaw.last
    yield "id", flaw.id


def _line(flaw: Flaw) -> Text:
    numbers = "" if flaw.first is None else f"/{flaw.first}"
    if flaw.last is not None and flaw.last != flaw.first:
        numbers += f"…{flaw.last}"
    named = f" {flaw.id}" if flaw.id else ""
    where = f"{flaw.tap}/{flaw.boot}{numbers}{named}"
    return Text(f"{flaw.outcome.value}: {where}: {REASONS.get(flaw.reason, flaw.reason)}")
