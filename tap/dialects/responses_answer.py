"""The answer of the Responses API, plain or folded, read into outputs, safety and usage.

The law of this module: there is one mapping, and it starts from the object that a plain call
returns. Each item is an output. What the object repeats of the request is left out, since the
request's own record holds it; instructions that the server put in are kept.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit.exchange import Ending
from audit.flags import EndingDetail
from audit.parts import Part, Text
from audit.record import Output, Response, Safety
from audit.value import Json
from tap.dialects.answers import counted
from tap.dialects.error_bodies import error_in, error_of, error_parts, is_filter_error
from tap.dialects.filters import error_filters, merge_filters, safety_of
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading
from tap.dialects.responses_content import cleaned, says_nothing
from tap.dialects.responses_fold import Folded
from tap.dialects.responses_items import ItemReader, role_of
from tap.wire_json import as_dict, as_list, as_text

__all__ = ["read_responses_answer"]

_ENDED = frozenset(("completed", "incomplete", "failed", "cancelled"))
_READ = frozenset(
    (
        *("id", "object", "created_at", "completed_at", "model", "usage", "error", "errors"),
        *("output", "status", "content_filters", "obfuscation"),
    )
)
# What the answer repeats of the request, with the defaults filled in.
_REPEATED = frozenset(
    (
        *("background", "frequency_penalty", "include", "input", "instructions"),
        *("max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls"),
        *("presence_penalty", "prompt_cache_key", "prompt_cache_options"),
        *("prompt_cache_retention", "reasoning", "safety_identifier", "store", "stream"),
        *("temperature", "text", "tool_choice", "tools", "top_logprobs", "top_p"),
        *("truncation", "user"),
    )
)
# With any of these, the server may have put instructions in that no request holds.
_SERVER_SIDE = ("prompt", "agent", "agent_reference")


def read_responses_answer(
    folded: Folded, keeper: Keeper, *, streamed: bool, beside: Iterable[Part] = ()
) -> AnswerReading:
    """Read a response; `beside` are parts that its stream gave next to it. Never raises.

    `terminal` is left to whoever knows how it came.
    """
    response = folded.response
    errors = _errors(folded)
    outputs = _outputs(folded, keeper)
    before = len(keeper.media)
    parts = [*beside, *_beside(response, outputs, keeper)]
    parts += [part for error in errors for part in error_parts(error, keeper)]
    parts += [keeper.as_extra("error", error) for error in errors[1:]]
    parts += [keeper.as_extra(f"streamed.{where}", text) for where, text in folded.unkept]
    ending, detail = _evidence(response, errors, bool(outputs), streamed=streamed)
    return AnswerReading(
        response=Response(
            outputs=_with_beside(outputs, [*parts, *keeper.media[before:]]),
            error=error_of(errors[0], keeper) if errors else None,
        ),
        safety=_safety([*folded.filters, *as_list(response.get("content_filters"))], errors),
        usage=counted(response.get("usage"), keeper),
        model=cleaned(response.get("model")),
        response_id=cleaned(response.get("id")),
        finished=as_text(response.get("status")) in _ENDED,
        ending=ending,
        detail=detail,
        flags=frozenset(keeper.flags),
    )


def _errors(folded: Folded) -> list[Json]:
    """What error events said, and the response's own error where that is not one of them."""
    own = error_in(folded.response)
    if not own:
        return folded.errors
    known = {_essence(error) for error in folded.errors}
    return folded.errors if _essence(own) in known else [*folded.errors, own]


def _essence(error: Json) -> tuple[str, str]:
    fields = as_dict(error)
    return str(fields.get("code")), str(fields.get("message"))


def _outputs(folded: Folded, keeper: Keeper) -> list[Output]:
    reader = ItemReader(keeper)
    reason = _reason(folded.response)
    items = _items(folded.response)
    places = folded.places or range(len(items))
    return [
        Output(
            index=place,
            role=role_of(as_dict(item)),
            parts=tuple(reader.parts(item)),
            finish_reason=_finish(as_dict(item), reason),
        )
        for place, item in zip(places, items, strict=False)
    ]


def _items(response: dict[str, Json]) -> list[Json]:
    """A response's output, or the page of a list of items."""
    return as_list(response.get("data" if _is_page(response) else "output"))


def _is_page(response: dict[str, Json]) -> bool:
    """Whether it lists items; a response that only calls itself a list has an output."""
    return response.get("object") == "list" and not response.get("output")


def _reason(response: dict[str, Json]) -> str | None:
    return cleaned(as_dict(response.get("incomplete_details")).get("reason"))


def _finish(item: dict[str, Json], reason: str | None) -> str | None:
    """An item's own status; of one that is incomplete, why the response is."""
    status = cleaned(item.get("status"))
    return reason if status == "incomplete" and reason else status


def _beside(response: dict[str, Json], outputs: list[Output], keeper: Keeper) -> list[Part]:
    """What stands beside the items and has no place of its own in a record."""
    rest = {name: value for name, value in response.items() if name not in _READ | _REPEATED}
    if response.get("status") not in (None, "completed"):
        rest["status"] = response["status"]
    if any(response.get(name) for name in _SERVER_SIDE):
        rest["instructions"] = response.get("instructions")
    if response.get("output_text") == _said(outputs):
        del rest["output_text"]
    if _is_page(response):
        rest.pop("data", None)
    if "tool_usage" in rest and not _counts(rest["tool_usage"]):
        del rest["tool_usage"]
    for name in ("output", "data"):
        if name in response and not isinstance(response[name], list):
            rest[name] = response[name]
    rest["content_filters"] = [
        _beyond_verdict(it) for it in as_list(response.get("content_filters"))
    ]
    return [keeper.as_extra(name, inner) for name, inner in rest.items() if not says_nothing(inner)]


def _said(outputs: list[Output]) -> str:
    parts = (part for output in outputs if output.role == "assistant" for part in output.parts)
    return "".join(part.text for part in parts if isinstance(part, Text))


def _counts(usage: Json) -> bool:
    """Whether any count of an object of counts is other than 0."""
    return any(map(_counts, usage.values())) if isinstance(usage, dict) else bool(usage)


def _beyond_verdict(entry: Json) -> Json:
    """Of an entry of Azure's verdicts, what the safety group does not hold."""
    if not isinstance(entry, dict):
        return entry
    return {
        name: value
        for name, value in entry.items()
        if name != "content_filter_results" and value is not None
    }


def _with_beside(outputs: list[Output], beside: list[Part]) -> tuple[Output, ...]:
    """The outputs, the last of them with what stands beside them all."""
    if not beside:
        return tuple(outputs)
    if not outputs:
        return (Output(index=0, parts=tuple(beside)),)
    last = outputs[-1]
    joined = Output(
        index=last.index,
        role=last.role,
        parts=(*last.parts, *beside),
        finish_reason=last.finish_reason,
    )
    return (*outputs[:-1], joined)


def _evidence(
    response: dict[str, Json], errors: list[Json], said: bool, *, streamed: bool
) -> tuple[Ending | None, EndingDetail | None]:
    """What the response shows of its ending: a filter, of prompt or output, or a fault."""
    entries = [*as_list(response.get("content_filters"))]
    entries += [
        entry for error in errors for entry in as_list(as_dict(error).get("content_filters"))
    ]
    blocked = {
        as_text(as_dict(entry).get("source_type"))
        for entry in entries
        if as_dict(entry).get("blocked") is True
    }
    if "prompt" in blocked:
        return Ending.FILTERED, EndingDetail.PROMPT_FILTERED
    if blocked or _reason(response) == "content_filter":
        return Ending.FILTERED, EndingDetail.OUTPUT_FILTERED
    if any(map(is_filter_error, errors)):
        return (
            Ending.FILTERED,
            EndingDetail.OUTPUT_FILTERED if said else EndingDetail.PROMPT_FILTERED,
        )
    if not errors and response.get("status") != "failed":
        return None, None
    return Ending.FAILED, EndingDetail.ERROR_EVENT if streamed else EndingDetail.ERROR_BODY


def _safety(filters: list[Json], errors: list[Json]) -> Safety:
    """Azure's verdicts; those on the completion are of the whole answer and stand at output 0."""
    prompt: dict[str, Json] = {}
    completion: dict[str, Json] = {}
    for holder in ({"content_filters": filters}, *map(as_dict, errors)):
        of_prompt, of_completion = error_filters(holder)
        merge_filters(prompt, of_prompt)
        merge_filters(completion, of_completion)
    return safety_of(prompt, {0: completion})
