"""Content-filter results: merged over segments, and read as verdicts and signals.

The law of this module: a verdict never gets better. Each chunk of a stream describes only its
own segment, so `filtered` and `detected` stay true once they were, and a severity only rises;
the last word alone would hide a segment that was filtered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from audit.record import OutputSafety, Safety, Verdict
from audit.value import Json
from tap.wire_json import as_dict, as_list, as_text, clean_text

__all__ = ["error_filters", "filters_of", "merge_filters", "safety_of", "verdicts_of"]

_SEVERITIES = ("safe", "low", "medium", "high")
# A deployment can name about ten blocklists. Comparing every entry with every other one of a
# hostile list would take for ever.
_ENTRIES = 100
_CATEGORY = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,63}")


def filters_of(holder: dict[str, Json]) -> dict[str, Json]:
    """The results that stand at an object of the wire.

    The name is plural nearly everywhere; it is singular in errors and where the filter itself
    failed.
    """
    merged: dict[str, Json] = {}
    for name in ("content_filter_results", "content_filter_result"):
        if name in holder:
            merge_filters(merged, as_dict(holder[name]))
    return merged


def merge_filters(into: dict[str, Json], segment: dict[str, Json]) -> None:
    """Merge one segment's results into what is known of the segments before it."""
    for category, result in segment.items():
        known = into.get(category)
        if isinstance(known, dict) and isinstance(result, dict):
            _merge_result(known, result)
        elif isinstance(known, list) and isinstance(result, list):
            into[category] = _union(known, result)
        elif isinstance(result, dict):
            into[category] = {}
            _merge_result(into[category], result)
        elif isinstance(result, list):
            into[category] = result[:_ENTRIES]
        elif result is not None and known is None:
            into[category] = result


def _merge_result(known: dict[str, Json], result: dict[str, Json]) -> None:
    for name, value in result.items():
        before = known.get(name)
        if name in ("filtered", "detected"):
            known[name] = bool(before) or bool(value)
        elif name == "severity":
            known[name] = max(before, value, key=_rank)
        elif isinstance(value, list):
            known[name] = _union(before if isinstance(before, list) else [], value)
        elif value is not None:
            known[name] = value


def _union(before: list[Json], after: list[Json]) -> list[Json]:
    """Both lists' entries once, as many as any real deployment could have."""
    return (before + [item for item in after[:_ENTRIES] if item not in before])[:_ENTRIES]


def _rank(severity: Json) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else -1


def verdicts_of(results: dict[str, Json]) -> tuple[Verdict, ...]:
    """Merged results as verdicts, one for each category, in their order."""
    return tuple(_verdict(category, result) for category, result in results.items())


def _verdict(category: str, result: Json) -> Verdict:
    details = _details(result)
    fields = as_dict(result)
    detected = fields.get("detected")
    severity = fields.get("severity")
    return Verdict(
        category=category if _CATEGORY.fullmatch(category) else "unrecognised",
        filtered=bool(fields.get("filtered")) or _any_filtered(details),
        detected=detected if isinstance(detected, bool) else None,
        severity=severity if severity in _SEVERITIES else None,
        detail=_detail(category, fields, details),
    )


def _details(result: Json) -> list[dict[str, Json]]:
    """Blocklist entries: in `details`, or the result itself in older versions."""
    listed = result if isinstance(result, list) else as_list(as_dict(result).get("details"))
    return [entry for entry in listed if isinstance(entry, dict)]


def _any_filtered(details: list[dict[str, Json]]) -> bool:
    return any(entry.get("filtered") is True for entry in details)


def _detail(category: str, fields: dict[str, Json], details: list[dict[str, Json]]) -> str | None:
    citation = as_dict(fields.get("citation"))
    error = fields if category == "error" else as_dict(fields.get("error"))
    words = [as_text(entry.get("id")) for entry in details if entry.get("filtered")]
    words += [as_text(citation.get("license")), as_text(citation.get("URL"))]
    words.append(as_text(error.get("code")))
    return clean_text(" ".join(word for word in words if word)) or None


def error_filters(error: dict[str, Json]) -> tuple[dict[str, Json], dict[str, Json]]:
    """The results that stand inside an error body: of the prompt, and of the completion."""
    prompt: dict[str, Json] = {}
    completion: dict[str, Json] = {}
    for name in ("innererror", "inner_error"):
        merge_filters(prompt, filters_of(as_dict(error.get(name))))
    for entry in as_list(error.get("content_filters")):
        of_completion = as_dict(entry).get("source_type") == "completion"
        merge_filters(completion if of_completion else prompt, filters_of(as_dict(entry)))
    return prompt, completion


def safety_of(prompt: dict[str, Json], outputs: dict[int, dict[str, Json]]) -> Safety:
    """Everything the filters said, and the signals one alerts on, sorted."""
    if not prompt and not any(outputs.values()):
        return Safety()
    of_prompt = verdicts_of(prompt)
    of_outputs = tuple(
        OutputSafety(index=index, verdicts=verdicts_of(results))
        for index, results in sorted(outputs.items())
        if results
    )
    every = [*of_prompt, *(verdict for output in of_outputs for verdict in output.verdicts)]
    return Safety(prompt=of_prompt, outputs=of_outputs, signals=_signals(every))


def _signals(verdicts: Iterable[Verdict]) -> tuple[str, ...]:
    found: set[str] = set()
    for verdict in verdicts:
        if verdict.category == "error":
            found.add("filter.not_run")
            continue
        if verdict.detected:
            found.add(f"{verdict.category}.detected")
        if verdict.filtered:
            found.add(f"{verdict.category}.filtered")
        if verdict.category == "custom_blocklists" and verdict.filtered:
            found.add("blocklist.matched")
    return tuple(sorted(found))
