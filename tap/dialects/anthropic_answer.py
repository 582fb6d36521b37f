"""The answer of the Messages API, plain or folded, read into outputs, safety and usage.

The law of this module: there is one mapping, and it starts from the message that a plain call
returns; a streamed answer is folded into that message first. A stream that began its answer
anew has an output for each attempt, and the last one is the answer.
"""

from __future__ import annotations

from itertools import groupby

from audit.exchange import Ending
from audit.flags import EndingDetail, Flag
from audit.parts import Citation, Part, Text
from audit.record import Output, Response, Safety, Usage
from audit.value import Json
from tap.dialects.answers import beside, with_beside
from tap.dialects.anthropic_blocks import BlockReader
from tap.dialects.error_bodies import error_of, error_parts, is_filter_error
from tap.dialects.filters import error_filters, merge_filters, safety_of
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading
from tap.wire_json import as_count, as_dict, as_list, as_text, clean_text

__all__ = ["anthropic_usage", "read_anthropic_answer"]

Message = dict[str, Json]

_READ = frozenset(("type", "role", "content", "stop_reason"))
# Of the answer itself these have a place in the record; of an attempt before it they have not.
_READ_LAST = _READ | {"id", "model", "usage"}
# A classifier of the provider cut the answer. What the model declines in words is `end_turn`.
_CUT = "refusal"


def read_anthropic_answer(
    attempts: list[Message],
    rest: dict[str, Json],
    errors: list[Json],
    keeper: Keeper,
    *,
    counted: bool = True,
) -> AnswerReading:
    """Read the attempts at an answer, of which the last one counts.

    `rest` is what stood beside them, `counted` says that the counts are final. `terminal` is
    left to whoever knows how they came. Never raises.
    """
    last = attempts[-1] if attempts else {}
    outputs = [
        _output(index, attempt, _READ_LAST if attempt is last else _READ, keeper)
        for index, attempt in enumerate(attempts)
    ]
    parts = [*beside(rest, frozenset(), keeper), *_of_errors(errors, keeper)]
    ending, detail = _evidence(last, errors)
    return AnswerReading(
        response=Response(
            outputs=_with_last(outputs, parts),
            error=error_of(errors[0], keeper) if errors else None,
        ),
        safety=_safety(last, len(attempts) - 1, errors),
        usage=anthropic_usage(last.get("usage"), keeper, final=counted),
        model=_served_model(last),
        response_id=_clean(last.get("id")),
        finished=as_text(last.get("stop_reason")) is not None,
        ending=ending,
        detail=detail,
        flags=frozenset(keeper.flags | ({Flag.ANSWER_RESTARTED} if len(attempts) > 1 else set())),
    )


def _clean(value: Json) -> str | None:
    text = as_text(value)
    return clean_text(text) if text else None


def _output(index: int, message: Message, read: frozenset[str], keeper: Keeper) -> Output:
    parts = BlockReader(keeper).content(message.get("content"))
    return Output(
        index=index,
        role=_clean(message.get("role")) or "assistant",
        parts=(*_in_one_piece(parts), *beside(message, read, keeper)),
        finish_reason=_clean(message.get("stop_reason")),
    )


def _in_one_piece(parts: list[Part]) -> list[Part]:
    """Join what was said in one go: sources to cite cut a sentence into blocks anywhere.

    The sources follow the text, in their order.
    """
    joined: list[Part] = []
    for is_said, run in groupby(parts, lambda part: isinstance(part, Text | Citation)):
        said = list(run)
        texts = [part.text for part in said if isinstance(part, Text)]
        if not is_said or len(texts) < 2:
            joined += said
            continue
        joined.append(Text(text="".join(texts)))
        joined += [part for part in said if isinstance(part, Citation)]
    return joined


def _with_last(outputs: list[Output], parts: list[Part]) -> tuple[Output, ...]:
    """The outputs, the last of them with what stood beside the answer."""
    return (*outputs[:-1], *with_beside(outputs[-1:], parts))


def _of_errors(errors: list[Json], keeper: Keeper) -> list[Part]:
    return [part for error in errors for part in error_parts(error, keeper)]


def _served_model(message: Message) -> str | None:
    """The model that spoke last: another one may have taken over in the middle of an answer."""
    blocks = [as_dict(block) for block in as_list(message.get("content"))]
    took_over = [as_dict(block.get("to")) for block in blocks if block.get("type") == "fallback"]
    models = (_clean(each.get("model")) for each in reversed(took_over))
    return next(filter(None, models), None) or _clean(message.get("model"))


def _evidence(message: Message, errors: list[Json]) -> tuple[Ending | None, EndingDetail | None]:
    if any(is_filter_error(error) for error in errors):
        return Ending.FILTERED, EndingDetail.PROMPT_FILTERED
    if message.get("stop_reason") == _CUT:
        return Ending.FILTERED, EndingDetail.OUTPUT_FILTERED
    return (Ending.FAILED, EndingDetail.ERROR_EVENT) if errors else (None, None)


def _safety(message: Message, index: int, errors: list[Json]) -> Safety:
    """The classifier's category, where the answer was cut; a gateway's verdicts in errors."""
    prompt: dict[str, Json] = {}
    output: dict[str, Json] = {}
    if message.get("stop_reason") == _CUT:
        category = as_text(as_dict(message.get("stop_details")).get("category"))
        output[category or _CUT] = {"filtered": True}
    for error in errors:
        of_prompt, of_output = error_filters(as_dict(error))
        merge_filters(prompt, of_prompt)
        merge_filters(output, of_output)
    return safety_of(prompt, {max(index, 0): output})


def anthropic_usage(reported: Json, keeper: Keeper, *, final: bool = True) -> Usage:
    """Usage as counted by the provider; unknown counts stay null.

    `input_tokens` leaves out what was written to a cache or read from one; here it is all of
    them. Thinking is contained in `output_tokens`. Until the counts are `final`, those of the
    output are of what had been said when they were sent, and are not the answer's.
    """
    if not isinstance(reported, dict):
        return Usage()
    details = as_dict(reported.get("output_tokens_details"))
    asked = as_count(reported.get("input_tokens"))
    written = as_count(reported.get("cache_creation_input_tokens"))
    cached = as_count(reported.get("cache_read_input_tokens"))
    whole = None if asked is None else asked + (written or 0) + (cached or 0)
    said = as_count(reported.get("output_tokens")) if final else None
    return Usage(
        input=whole,
        output=said,
        total=None if whole is None or said is None else whole + said,
        cached=cached,
        reasoning=as_count(details.get("thinking_tokens")),
        source="reported",
        reported=keeper.kept(reported),
    )
