"""What the audit itself says of a record: verdicts of filters, what was taken out, its seals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from operator import attrgetter

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from audit.reading.neutral import neutral_line
from audit.reading.words import gap, place, review
from audit.record import Finding, Integrity, RedactedRecord, Redaction, Retention, Verdict
from cli.render.facts import Row
from cli.render.styles import entity_style

__all__ = ["integrity_rows", "redaction_rows", "safety_rows", "taken_out"]


def safety_rows(record: RedactedRecord) -> Iterator[Row]:
    """Give what content filters said: signals first, then each verdict."""
    safety = record.safety
    for signal in safety.signals:
        yield "signal", Text(neutral_line(signal), style="bold magenta")
    if safety.prompt:
        yield "prompt", _verdicts(safety.prompt)
    for output in safety.outputs:
        if output.verdicts:
            yield f"answer {output.index + 1}", _verdicts(output.verdicts)


def _verdicts(verdicts: Sequence[Verdict]) -> Text:
    struck = [verdict for verdict in verdicts if verdict.filtered or verdict.detected]
    passed = [verdict for verdict in verdicts if verdict not in struck]
    text = Text("; ").join([_struck(verdict) for verdict in struck])
    if passed:
        names = ", ".join(_passed(verdict) for verdict in passed)
        text = Text.assemble(text, "; " if struck else "", (f"nothing found: {names}", "dim"))
    return text


def _struck(verdict: Verdict) -> Text:
    said = "filtered" if verdict.filtered else "detected"
    extra = [word for word in (verdict.severity, verdict.detail) if word]
    tail = f" ({', '.join(extra)})" if extra else ""
    return Text(neutral_line(f"{verdict.category} {said}{tail}"), style="magenta")


def _passed(verdict: Verdict) -> str:
    mild = verdict.severity not in {None, "safe"}
    return neutral_line(f"{verdict.category} ({verdict.severity})" if mild else verdict.category)


def redaction_rows(redaction: Redaction) -> Iterator[Row]:
    """Give the policy, what looked, and what could not be seen."""
    yield "policy", Text(neutral_line(f"{redaction.policy}, level {redaction.level}"))
    if redaction.engines:
        engines = (f"{engine.name} {engine.version}" for engine in redaction.engines)
        yield "looked", Text(neutral_line(", ".join(engines)))
    if redaction.languages:
        yield "languages", Text(neutral_line(", ".join(redaction.languages)))
    for each in redaction.receipts:
        yield "read again", Text(neutral_line(review(each)))
    for name in redaction.degraded:
        yield "degraded", Text(neutral_line(f"{name} did not answer"), style="yellow")
    for code in redaction.gaps:
        yield "not seen", Text(gap(code), style="yellow")


def taken_out(findings: Sequence[Finding]) -> RenderableType:
    """List what was taken out: each token once, how often, by whom, where."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("taken out", overflow="fold")
    table.add_column("times", justify="right")
    table.add_column("found by", overflow="fold")
    table.add_column("score", justify="right")
    table.add_column("where", overflow="fold")
    ranked = sorted(findings, key=attrgetter("type", "token"))
    for _, group in groupby(ranked, key=attrgetter("type", "token")):
        table.add_row(*_token_row(list(group)))
    return table


def _token_row(group: list[Finding]) -> tuple[Text, Text, Text, Text, Text]:
    # Dicts, not sets: the order of first appearance is the order of reading.
    detectors = dict.fromkeys(found.detector for found in group)
    places = dict.fromkeys(place(found.path) for found in group)
    return (
        Text(neutral_line(group[0].token), style=entity_style(group[0].type)),
        Text(str(len(group))),
        Text(neutral_line(", ".join(detectors))),
        Text(f"{max(found.score for found in group):.2f}"),
        Text(", ".join(places)),
    )


def integrity_rows(
    integrity: Integrity, retention: Retention, *, intact: bool | None
) -> Iterator[Row]:
    """Give what makes an alteration visible, and how long the record is kept."""
    yield "content", _intact(intact)
    if integrity.record_digest:
        yield "digest", Text(neutral_line(integrity.record_digest))
    if integrity.commitment:
        yield "commitment", Text(neutral_line(integrity.commitment))
    if integrity.signature:
        yield "signature", Text(neutral_line(integrity.signature))
    if retention.expires_at:
        yield "kept until", Text(neutral_line(retention.expires_at))
    if retention.hold:
        yield "hold", Text("a hold forbids its removal", style="yellow")


def _intact(intact: bool | None) -> Text:
    if intact is None:
        return Text("carries no digest to compare with", style="yellow")
    if intact:
        return Text("agrees with its digest", style="green")
    return Text("ALTERED: it does not agree with its digest", style="bold red")
