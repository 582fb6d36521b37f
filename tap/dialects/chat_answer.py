"""The answer of a chat completion, plain or folded, read into outputs, safety and usage.

The law of this module: there is one mapping, and it starts from the object that a plain call
returns; a streamed answer is folded into that object first.
"""

from __future__ import annotations

from collections.abc import Iterable

from audit.exchange import Ending
from audit.flags import EndingDetail, Flag
from audit.record import Output, Response, Safety
from audit.value import Json
from tap.dialects.answers import beside, counted, errors_in, with_beside
from tap.dialects.chat_message import message_parts
from tap.dialects.error_bodies import error_of, error_parts, is_filter_error
from tap.dialects.filters import error_filters, filters_of, merge_filters, safety_of
from tap.dialects.keeping import Keeper
from tap.dialects.moderation import moderation_filters
from tap.dialects.reading import AnswerReading
from tap.wire_json import as_dict, as_list, as_text, clean_text

__all__ = ["read_chat_answer"]

_READ = frozenset(
    (
        *("id", "object", "created", "model", "choices", "usage", "system_fingerprint"),
        *("prompt_filter_results", "prompt_annotations", "error", "errors", "obfuscation"),
        "prompt_logprobs",
    )
)
_CHOICE_READ = frozenset(
    (
        *("index", "message", "messages", "finish_reason", "logprobs", "usage"),
        "prompt_logprobs",
        *("content_filter_results", "content_filter_result"),
    )
)


def read_chat_answer(final: dict[str, Json], keeper: Keeper) -> AnswerReading:
    """Read the final object. `terminal` is left to whoever knows how it came. Never raises."""
    choices = [choice for choice in as_list(final.get("choices")) if isinstance(choice, dict)]
    errors = errors_in(final)
    outputs = [_output(choice, place, keeper) for place, choice in enumerate(choices)]
    before = len(keeper.media)
    parts = beside(final, _READ, keeper)
    parts += [part for error in errors for part in error_parts(error, keeper)]
    _note_logprobs(final, keeper)
    ending, detail = _evidence(choices, errors)
    return AnswerReading(
        response=Response(
            outputs=with_beside(outputs, (*parts, *keeper.media[before:])),
            error=error_of(errors[0], keeper) if errors else None,
        ),
        safety=_safety(final, choices, errors),
        usage=counted(_reported_usage(final, choices), keeper),
        model=_clean(final.get("model")),
        system_fingerprint=_clean(final.get("system_fingerprint")),
        response_id=_clean(final.get("id")),
        finished=bool(choices) and all(as_text(it.get("finish_reason")) for it in choices),
        ending=ending,
        detail=detail,
        flags=frozenset(keeper.flags),
    )


def _clean(value: Json) -> str | None:
    text = as_text(value)
    return clean_text(text) if text else None


def _index(choice: dict[str, Json], place: int) -> int:
    index = choice.get("index")
    return int(index) if isinstance(index, int) and abs(index) < 2**31 else place


def _output(choice: dict[str, Json], place: int, keeper: Keeper) -> Output:
    message = as_dict(choice.get("message"))
    before = len(keeper.media)
    parts = message_parts(message, as_list(choice.get("messages")), keeper)
    parts += beside(choice, _CHOICE_READ, keeper)
    _note_logprobs(choice, keeper)
    return Output(
        index=_index(choice, place),
        role=_clean(message.get("role")) or "assistant",
        parts=(*parts, *keeper.media[before:]),
        finish_reason=_clean(choice.get("finish_reason")),
    )


def _note_logprobs(holder: dict[str, Json], keeper: Keeper) -> None:
    """Probabilities of the answer's tokens, or, of self-hosted models, of the prompt's."""
    if any(as_dict(holder.get("logprobs")).values()) or holder.get("prompt_logprobs"):
        keeper.flags.add(Flag.LOGPROBS_OMITTED)


def _evidence(
    choices: list[dict[str, Json]], errors: list[Json]
) -> tuple[Ending | None, EndingDetail | None]:
    if any(is_filter_error(error) for error in errors):
        return Ending.FILTERED, EndingDetail.PROMPT_FILTERED
    if any(choice.get("finish_reason") == "content_filter" for choice in choices):
        return Ending.FILTERED, EndingDetail.OUTPUT_FILTERED
    return (Ending.FAILED, EndingDetail.ERROR_EVENT) if errors else (None, None)


def _safety(
    final: dict[str, Json], choices: list[dict[str, Json]], errors: Iterable[Json]
) -> Safety:
    prompt: dict[str, Json] = {}
    outputs: dict[int, dict[str, Json]] = {}
    for name in ("prompt_filter_results", "prompt_annotations"):
        for entry in as_list(final.get(name)):
            merge_filters(prompt, filters_of(as_dict(entry)))
    for place, choice in enumerate(choices):
        merge_filters(outputs.setdefault(_index(choice, place), {}), filters_of(choice))
    of_errors = (error_filters(as_dict(error)) for error in errors)
    for of_prompt, of_completion in (*of_errors, moderation_filters(final.get("moderation"))):
        merge_filters(prompt, of_prompt)
        merge_filters(outputs.setdefault(0, {}), of_completion)
    return safety_of(prompt, outputs)


def _reported_usage(final: dict[str, Json], choices: list[dict[str, Json]]) -> Json:
    """Where providers put it: at the top, at a choice, or under a name of their own."""
    places = [final, *choices, as_dict(final.get("x_groq"))]
    return next((place["usage"] for place in places if isinstance(place.get("usage"), dict)), None)
