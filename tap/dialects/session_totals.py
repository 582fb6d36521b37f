"""What the responses of one session add up to: usage, and the verdicts of content filters.

The law of this module: a count is the sum of what was reported, and null where nothing was. A
verdict never gets better by what a later response was found to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from audit.record import OutputSafety, Safety, Usage, Verdict
from audit.value import Json

__all__ = ["combined", "summed"]

_COUNTS = ("input", "output", "total", "cached", "reasoning", "audio_in", "audio_out")
_SEVERITIES = (None, "safe", "low", "medium", "high")


def summed(usages: Iterable[Usage], **beside: Sequence[Json]) -> Usage:
    """The usage of a session. `reported` holds each response's own object, in their order.

    `beside` are objects that were reported of something else, and are kept without being counted.
    """
    reported = [usage for usage in usages if usage.reported is not None]
    objects: dict[str, Json] = {"responses": [usage.reported for usage in reported]}
    objects.update({name: list(each) for name, each in beside.items() if each})
    if not any(objects.values()):
        return Usage()
    counts = {name: _sum(getattr(usage, name) for usage in reported) for name in _COUNTS}
    return Usage(**counts, source="reported", reported=objects)


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def combined(safeties: Sequence[Safety]) -> Safety:
    """The verdicts of a session, one `Safety` for each of its outputs, in their order."""
    return Safety(
        prompt=_merged(verdict for safety in safeties for verdict in safety.prompt),
        outputs=tuple(
            OutputSafety(index=index, verdicts=verdicts)
            for index, safety in enumerate(safeties)
            if (verdicts := _merged(each for out in safety.outputs for each in out.verdicts))
        ),
        signals=tuple(sorted({signal for safety in safeties for signal in safety.signals})),
    )


def _merged(verdicts: Iterable[Verdict]) -> tuple[Verdict, ...]:
    merged: dict[str, Verdict] = {}
    for verdict in verdicts:
        known = merged.get(verdict.category)
        merged[verdict.category] = verdict if known is None else _worse(known, verdict)
    return tuple(merged.values())


def _worse(one: Verdict, other: Verdict) -> Verdict:
    detected = {one.detected, other.detected} - {None}
    return Verdict(
        category=one.category,
        filtered=one.filtered or other.filtered,
        detected=any(detected) if detected else None,
        severity=max(one.severity, other.severity, key=_SEVERITIES.index),
        detail=other.detail or one.detail,
    )
