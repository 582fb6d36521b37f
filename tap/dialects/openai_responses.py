"""The Responses API of OpenAI, of Azure OpenAI, and of everyone who speaks their format.

The law of this module: the end of a stream is `response.completed`, `.incomplete`, `.failed` or
`.cancelled`, an error, or the `[DONE]` that some gateways add; the end of a plain answer is the
end of its JSON. A stream may begin anywhere in a response, where a client takes it up again.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.exchange import Dialect as DialectName
from audit.flags import Flag
from audit.parts import Part, Text
from audit.value import Json
from tap.dialects.json_body import read_object
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading, Body, RequestReading
from tap.dialects.responses_answer import read_responses_answer
from tap.dialects.responses_fold import Folded, ResponsesFold
from tap.dialects.responses_request import read_responses_request
from tap.sse import Event

__all__ = ["OpenAIResponses", "ResponsesStream"]


class ResponsesStream:
    """A `Fold` of the events of one response."""

    def __init__(self) -> None:
        self.fold = ResponsesFold()

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self.fold.feed(event)

    def reading(self, keeper: Keeper) -> AnswerReading:
        """Read what has been folded so far."""
        folded = self.fold.folded()
        if self.fold.malformed:
            keeper.flags.add(Flag.STREAM_MALFORMED)
        if self.fold.output.logprobs:
            keeper.flags.add(Flag.LOGPROBS_OMITTED)
        beside = self._beside(keeper)
        read = read_responses_answer(folded, keeper, streamed=True, beside=beside)
        return replace(read, terminal=self.fold.done or bool(folded.errors))

    def _beside(self, keeper: Keeper) -> list[Part]:
        """What is said of no item: speech, and events that are not known."""
        parts: list[Part] = []
        if self.fold.transcript:
            before = len(keeper.media)
            parts.append(Text(text=keeper.inline(self.fold.transcript)))
            parts += keeper.media[before:]
        if self.fold.voice:
            parts.append(self.fold.voice.media(keeper, "audio"))
        # By a keeper of its own: on a connection, this one holds the media of earlier responses.
        outputs = self.fold.loose.reading(Keeper(keeper.digest)).response.outputs
        return [*parts, *(part for output in outputs for part in output.parts)]


class OpenAIResponses:
    """Reads `openai.responses`."""

    name = DialectName.OPENAI_RESPONSES

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the request; one that is no JSON object is flagged and has no messages."""
        value = read_object(body, keeper)
        if value is None:
            return RequestReading(flags=frozenset(keeper.flags))
        return read_responses_request(value, keeper)

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read a plain answer: a response, a page of items, or what became of a response."""
        if not isinstance(value, dict):
            keeper.flags.add(Flag.ANSWER_MALFORMED)
            value = {"body": value}
        read = read_responses_answer(Folded(response=value), keeper, streamed=False)
        return replace(read, terminal=True)

    def fold(self) -> ResponsesStream:
        """Begin to read a stream."""
        return ResponsesStream()
