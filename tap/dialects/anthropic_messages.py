"""The Messages API of Anthropic, native and as Foundry serves it.

The law of this module: the end of a stream is `message_stop` or an error; the end of a plain
answer is the end of its JSON.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.exchange import Dialect as DialectName
from audit.exchange import Ending
from audit.flags import EndingDetail, Flag
from audit.parts import Part
from audit.record import Output, Response
from audit.value import Json
from tap.dialects.anthropic_answer import anthropic_usage, read_anthropic_answer
from tap.dialects.anthropic_fold import AnthropicFold
from tap.dialects.anthropic_request import read_anthropic_request, read_batch_request
from tap.dialects.error_bodies import error_in
from tap.dialects.json_body import read_object
from tap.dialects.keeping import Keeper
from tap.dialects.loose_fold import with_unknown
from tap.dialects.reading import AnswerReading, Body, RequestReading
from tap.sse import Event
from tap.wire_json import as_text, clean_text

__all__ = ["AnthropicMessages"]


class AnthropicStream:
    """A `Fold` of the events of one answer."""

    def __init__(self) -> None:
        self.fold = AnthropicFold()

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self.fold.feed(event)

    def reading(self, keeper: Keeper) -> AnswerReading:
        """Read what has been folded so far."""
        fold = self.fold
        read = read_anthropic_answer(
            fold.attempts(), fold.beside(), fold.errors, keeper, counted=fold.counted
        )
        flags = read.flags | ({Flag.STREAM_MALFORMED} if fold.malformed else set())
        read = with_unknown(read, fold.unknown, keeper)
        return replace(read, terminal=fold.done or bool(fold.errors), flags=flags)


class AnthropicMessages:
    """Reads `anthropic.messages`: answers, counts of tokens, and batches."""

    name = DialectName.ANTHROPIC_MESSAGES

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the request; one that is no JSON object is flagged and has no messages."""
        value = read_object(body, keeper)
        if value is None:
            return RequestReading(flags=frozenset(keeper.flags))
        is_batch = isinstance(value.get("requests"), list) and "messages" not in value
        return (read_batch_request if is_batch else read_anthropic_request)(value, keeper)

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read a plain answer: a message, an error, a count, or a batch as it stands."""
        if not isinstance(value, dict):
            keeper.flags.add(Flag.ANSWER_MALFORMED)
            value = {"body": value}
        error = error_in(value)
        if error is not None:
            return _failed(value, error, keeper)
        if "content" in value or value.get("type") == "message":
            return replace(read_anthropic_answer([value], {}, [], keeper), terminal=True)
        return _beside_messages(value, keeper)

    def fold(self) -> AnthropicStream:
        """Begin to read a stream."""
        return AnthropicStream()


def _failed(value: dict[str, Json], error: Json, keeper: Keeper) -> AnswerReading:
    rest = {name: inner for name, inner in value.items() if name not in ("type", "error")}
    attempts = [rest] if "content" in rest else []
    read = read_anthropic_answer(attempts, {} if attempts else rest, [error], keeper)
    is_failure = read.ending is Ending.FAILED
    return replace(
        read, terminal=True, detail=EndingDetail.ERROR_BODY if is_failure else read.detail
    )


def _beside_messages(value: dict[str, Json], keeper: Keeper) -> AnswerReading:
    """A count of tokens is usage; of anything else the text is kept as it stands."""
    counted = value if "input_tokens" in value else None
    parts: tuple[Part, ...] = ()
    if counted is None:
        parts = (keeper.as_extra("body", value), *keeper.media)
    answer_id = as_text(value.get("id"))
    return AnswerReading(
        response=Response(outputs=(Output(index=0, parts=parts),) if parts else ()),
        usage=anthropic_usage(counted, keeper),
        response_id=clean_text(answer_id) if answer_id else None,
        terminal=True,
        flags=frozenset(keeper.flags),
    )
