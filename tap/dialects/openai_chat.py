"""Chat completions of OpenAI, of Azure OpenAI, and of everyone who speaks their format.

The law of this module: the end of a stream is `[DONE]` or an error; the end of a plain answer is
the end of its JSON.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.exchange import Dialect as DialectName
from audit.exchange import Ending
from audit.flags import EndingDetail, Flag
from audit.value import Json
from tap.dialects.chat_answer import read_chat_answer
from tap.dialects.chat_fold import ChatFold
from tap.dialects.chat_request import read_chat_request
from tap.dialects.json_body import read_body
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading, Body, RequestReading
from tap.sse import Event
from tap.wire_json import NOT_JSON

__all__ = ["ChatStream", "OpenAIChat"]


class ChatStream:
    """A `Fold` of chat completion chunks, or of what `fold` makes into them."""

    def __init__(self, fold: ChatFold) -> None:
        self.fold = fold

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self.fold.feed(event.data, event.type)

    def reading(self, keeper: Keeper) -> AnswerReading:
        """Read what has been folded so far."""
        read = read_chat_answer(self.fold.final(), keeper)
        flags = read.flags | ({Flag.STREAM_MALFORMED} if self.fold.malformed else set())
        terminal = self.fold.done or bool(self.fold.errors)
        return replace(read, terminal=terminal, flags=flags)


class OpenAIChat:
    """Reads `openai.chat`."""

    name = DialectName.OPENAI_CHAT

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the request; one that is no JSON object is flagged and has no messages."""
        value = read_body(body, keeper, Flag.REQUEST_SALVAGED)
        if isinstance(value, dict):
            return read_chat_request(value, keeper)
        if value is NOT_JSON:
            keeper.flags.add(Flag.REQUEST_UNPARSED)
            return RequestReading(flags=frozenset(keeper.flags))
        return read_chat_request({"body": value}, keeper)

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read a plain answer."""
        if not isinstance(value, dict):
            keeper.flags.add(Flag.ANSWER_MALFORMED)
            value = {"body": value}
        read = read_chat_answer(value, keeper)
        if read.ending is Ending.FAILED:
            read = replace(read, detail=EndingDetail.ERROR_BODY)
        return replace(read, terminal=True)

    def fold(self) -> ChatStream:
        """Begin to read a stream."""
        return ChatStream(ChatFold())
