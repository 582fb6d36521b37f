"""What was found of a certificate of erasure, for people and for scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from audit.certified import CertificateReport, CertificateVerdict
from audit.reading.neutral import neutral_line
from audit.reasons import REASONS
from audit.value import Json

__all__ = ["CertificateView", "certificate_document"]

_STYLES = {
    CertificateVerdict.CONFIRMED: "bold green",
    CertificateVerdict.CONTRADICTED: "bold red",
    CertificateVerdict.UNDETERMINED: "bold yellow",
}


@dataclass(frozen=True, slots=True)
class CertificateView:
    """A renderable report: the verdict, and each id that contradicts the certificate."""

    report: CertificateReport = field(repr=False)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        del console, options
        yield Text(_sentence(self.report), style=_STYLES[self.report.verdict])
        for source in self.report.unread:
            yield Text(f"not readable: {source}", style="yellow")
        for line in _lines(self.report):
            yield Text(neutral_line(line))


def certificate_document(report: CertificateReport) -> dict[str, Json]:
    """The report as a JSON document."""
    certificate = report.certificate
    return {
        "verdict": report.verdict.value,
        "order": certificate.order,
        "at": certificate.at,
        "erased": len(certificate.erased),
        "contradictions": [
            {"reason": each.reason, "means": REASONS[each.reason], "id": each.id}
            for each in report.contradictions
        ],
        "waiting": list(report.waiting),
        "unread": list(report.unread),
    }


def _sentence(report: CertificateReport) -> str:
    count = len(report.certificate.erased)
    records = f"{count} exchange{'' if count == 1 else 's'}"
    match report.verdict:
        case CertificateVerdict.CONFIRMED:
            return (
                f"confirmed: the ledger says of {records} that they are gone, and no record is left"
            )
        case CertificateVerdict.CONTRADICTED:
            return "contradicted: what the certificate says is not so"
        case CertificateVerdict.UNDETERMINED if not count:
            return (
                "could not tell: the certificate covers no exchange; where sealed messages waited"
                " when it was given, erase again once they have been carried"
            )
        case CertificateVerdict.UNDETERMINED:
            return "could not tell: something that might hold the answer could not be read"


def _lines(report: CertificateReport) -> Iterator[str]:
    for each in report.contradictions:
        yield f"contradicted: {each.id or report.certificate.order}: {REASONS[each.reason]}"
    for record_id in report.waiting:
        yield (
            f"waiting: {record_id}: still sealed in a spool or in the queue; the ledger and the"
            " standing order keep it from being stored"
        )
