"""What a look before the start found, a line for each, and what was provisioned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from audit.preflight import Finding, Standing, all_well
from audit.value import Json
from cli.render.neutral import neutral_line

__all__ = ["finding_document", "finding_lines"]


def finding_lines(findings: Sequence[Finding]) -> list[str]:
    """One line for each and one that counts them; nothing is cut, and none goes on in another."""
    width = max((len(each.name) for each in findings), default=0)
    lines = [f"{each.standing:8}{each.name:{width}}  {_told(each)}" for each in findings]
    return [*lines, _counted(findings)]


def finding_document(findings: Sequence[Finding]) -> Json:
    """The same for programs."""
    rows: list[Json] = [
        {
            "name": each.name,
            "standing": each.standing.value,
            "found": neutral_line(each.found),
            "advice": neutral_line(each.advice),
        }
        for each in findings
    ]
    return {"well": all_well(findings), "findings": rows}


def _told(finding: Finding) -> str:
    advice = f"; {finding.advice}" if finding.advice else ""
    return neutral_line(f"{finding.found}{advice}")


def _counted(findings: Sequence[Finding]) -> str:
    counts = Counter(each.standing for each in findings)
    always = {Standing.PASSED: "passed", Standing.FAILED: "failed", Standing.SKIPPED: "skipped"}
    words = always | ({Standing.DIFFERS: "not as it should be"} if counts[Standing.DIFFERS] else {})
    return ", ".join(f"{counts[each]} {word}" for each, word in words.items())
