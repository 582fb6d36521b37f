"""Text completions, the format before chat, of OpenAI, Azure and those who host their own models.

The law of this module: it is chat with the text in another place, so chat's fold and chat's
mapping read it. Each prompt is a message; an output's index is the number of its prompt times
`n`, plus the number of the choice. With `echo` the prompt is part of the answer, as it was sent.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.exchange import Dialect as DialectName
from audit.exchange import Ending
from audit.flags import EndingDetail, Flag
from audit.value import Json
from tap.dialects.chat_answer import read_chat_answer
from tap.dialects.chat_fold import ChatFold
from tap.dialects.completions_chunk import as_chat, read_text_chunk
from tap.dialects.json_body import read_object
from tap.dialects.keeping import Keeper
from tap.dialects.openai_chat import ChatStream
from tap.dialects.prompts import prompt_messages, request_reading
from tap.dialects.reading import AnswerReading, Body, RequestReading

__all__ = ["CompletionsFold", "OpenAICompletions"]

_PROMPTS = ("prompt", "suffix")


class CompletionsFold(ChatFold):
    """`ChatFold` for chunks whose choices carry `text`."""

    def feed(self, data: str, event_type: str = "message") -> None:
        """Take one event's data."""
        common = read_text_chunk(data) if event_type != "error" else None
        if common is not None and self._take_common(common):
            self.events += 1
        else:
            super().feed(data, event_type)

    def _take(self, chunk: Json, event_type: str) -> None:
        super()._take(as_chat(chunk, "delta"), event_type)


class OpenAICompletions:
    """Reads `openai.completions`."""

    name = DialectName.OPENAI_COMPLETIONS

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the prompts, and after them the text that an insertion is to end with."""
        value = read_object(body, keeper)
        if value is None:
            return RequestReading(flags=frozenset(keeper.flags))
        messages = [
            message
            for name in _PROMPTS
            for message in prompt_messages(name, value.get(name), keeper)
        ]
        return request_reading(
            value,
            messages,
            keeper,
            prompts=frozenset(_PROMPTS),
            stream=value.get("stream") is True,
        )

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read a plain answer."""
        if not isinstance(value, dict):
            keeper.flags.add(Flag.ANSWER_MALFORMED)
            value = {"body": value}
        read = read_chat_answer(as_chat(value, "message"), keeper)
        if read.ending is Ending.FAILED:
            read = replace(read, detail=EndingDetail.ERROR_BODY)
        return replace(read, terminal=True)

    def fold(self) -> ChatStream:
        """Begin to read a stream."""
        return ChatStream(CompletionsFold())
