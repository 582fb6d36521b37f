"""What the answers of several formats have in common: outputs, errors, usage and the rest.

The law of this module: nothing of an answer is dropped. A field without a place of its own in a
record is an `Extra` of the first output, under the name it had.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from audit.exchange import Ending
from audit.flags import EndingDetail
from audit.parts import Part
from audit.record import Output, Response, Safety, Usage
from audit.value import Json
from tap.dialects.error_bodies import error_in, error_of, error_parts, is_filter_error
from tap.dialects.filters import error_filters, filters_of, merge_filters, safety_of
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading
from tap.wire_json import as_count, as_dict, as_list, as_text, clean_text

__all__ = ["beside", "counted", "errors_in", "one_shot_reading", "with_beside"]

# What every one-shot answer may carry and a record has a place for.
_READ = frozenset(("id", "model", "object", "created", "usage", "error", "errors"))
_PROMPT_FILTERS = ("prompt_filter_results", "prompt_annotations")
_FILTERS = frozenset((*_PROMPT_FILTERS, "content_filter_results", "content_filter_result"))


def errors_in(final: dict[str, Json]) -> list[Json]:
    """The errors a final object holds: those of its stream, or the one a plain body is."""
    alone = error_in(final)
    return [*as_list(final.get("errors")), *([alone] if alone else [])]


def beside(
    holder: dict[str, Json], read: frozenset[str], keeper: Keeper, at: str = ""
) -> list[Part]:
    """An `Extra` for each field that says something and is not among those `read`."""
    return [
        keeper.as_extra(at + name, value)
        for name, value in holder.items()
        if name not in read and value not in (None, "", [], {})
    ]


def with_beside(outputs: list[Output], parts: Iterable[Part]) -> tuple[Output, ...]:
    """The outputs, the first of them with further parts; one is made where there is none."""
    more = tuple(parts)
    if not more:
        return tuple(outputs)
    first = outputs[0] if outputs else Output(index=0)
    return (replace(first, parts=(*first.parts, *more)), *outputs[1:])


def one_shot_reading(
    final: dict[str, Json],
    outputs: list[Output],
    keeper: Keeper,
    *,
    read: frozenset[str],
    entries: Iterable[Json] = (),
    streamed: bool = False,
    terminal: bool = True,
) -> AnswerReading:
    """Read what is common of a final object whose `outputs` are read already.

    `read` names its fields that the outputs hold; `entries` are the objects the outputs were
    made of, one for each, beside which Azure puts its verdicts. Never raises.
    """
    errors = errors_in(final)
    before = len(keeper.media)
    parts = beside(final, read | _READ | _FILTERS, keeper)
    for error in errors:
        parts += error_parts(error, keeper)
    filtered = any(is_filter_error(error) for error in errors)
    ending, detail = _evidence(errors, filtered=filtered, streamed=streamed)
    return AnswerReading(
        response=Response(
            outputs=with_beside(outputs, (*parts, *keeper.media[before:])),
            error=error_of(errors[0], keeper) if errors else None,
        ),
        safety=_safety(final, entries, errors),
        usage=counted(final.get("usage"), keeper),
        model=_clean(final.get("model")),
        response_id=_clean(final.get("id")),
        terminal=terminal or bool(errors),
        finished=terminal and bool(outputs) and not errors,
        ending=ending,
        detail=detail,
        flags=frozenset(keeper.flags),
    )


def _evidence(
    errors: list[Json], *, filtered: bool, streamed: bool
) -> tuple[Ending | None, EndingDetail | None]:
    if filtered:
        return Ending.FILTERED, EndingDetail.PROMPT_FILTERED
    if not errors:
        return None, None
    return Ending.FAILED, EndingDetail.ERROR_EVENT if streamed else EndingDetail.ERROR_BODY


def _safety(final: dict[str, Json], entries: Iterable[Json], errors: Iterable[Json]) -> Safety:
    prompt: dict[str, Json] = {}
    outputs: dict[int, dict[str, Json]] = {0: filters_of(final)}
    for index, entry in enumerate((final, *entries), start=-1):
        holder = as_dict(entry)
        _merge_prompt(prompt, holder)
        if index >= 0:
            merge_filters(outputs.setdefault(index, {}), filters_of(holder))
    for error in errors:
        of_prompt, of_output = error_filters(as_dict(error))
        merge_filters(prompt, of_prompt)
        merge_filters(outputs[0], of_output)
    return safety_of(prompt, outputs)


def _merge_prompt(prompt: dict[str, Json], holder: dict[str, Json]) -> None:
    """Verdicts on the prompt: a list with an entry for each, or, of pictures, one object."""
    for name in _PROMPT_FILTERS:
        found = holder.get(name)
        if isinstance(found, dict):
            merge_filters(prompt, filters_of(found) or found)
        for entry in as_list(found):
            merge_filters(prompt, filters_of(as_dict(entry)))


def counted(reported: Json, keeper: Keeper) -> Usage:
    """Usage of either naming (`prompt_tokens`, `input_tokens`); unknown counts stay null.

    What was cached is contained in the input, what was reasoned or spoken in the output. Usage
    in seconds has no counts, and is kept as it was reported.
    """
    if not isinstance(reported, dict):
        return Usage()
    of_input, of_output = _details(reported, "input"), _details(reported, "output")
    return Usage(
        input=_count(reported, "input_tokens", "prompt_tokens"),
        output=_count(reported, "output_tokens", "completion_tokens"),
        total=_count(reported, "total_tokens"),
        cached=_count(of_input, "cached_tokens"),
        reasoning=_count(of_output, "reasoning_tokens"),
        audio_in=_count(of_input, "audio_tokens"),
        audio_out=_count(of_output, "audio_tokens"),
        source="reported",
        reported=keeper.kept(reported),
    )


def _details(reported: dict[str, Json], side: str) -> dict[str, Json]:
    """The breakdown of one side, whose name is not the same in any two formats."""
    old = "prompt" if side == "input" else "completion"
    holders = (f"{side}_tokens", f"{side}_token", f"{old}_tokens", f"{old}_token")
    names = [f"{holder}_details" for holder in holders]
    return next((as_dict(reported[name]) for name in names if reported.get(name)), {})


def _count(holder: dict[str, Json], *names: str) -> int | None:
    counts = (as_count(holder.get(name)) for name in names)
    return next((count for count in counts if count is not None), None)


def _clean(value: Json) -> str | None:
    text = as_text(value)
    return clean_text(text) if text else None
