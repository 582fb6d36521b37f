"""Threads and runs of the Assistants API, of OpenAI and of Azure OpenAI.

The law of this module: the end of a stream is `done`, an error, or a state in which the run
waits for nobody but the client; the end of a plain answer is the end of its JSON.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.exchange import Dialect as DialectName
from audit.exchange import Ending
from audit.flags import EndingDetail, Flag
from audit.value import Json
from tap.dialects.assistants_answer import read_assistants_answer
from tap.dialects.assistants_fold import AssistantsFold
from tap.dialects.assistants_request import read_assistants_request
from tap.dialects.error_bodies import error_in
from tap.dialects.json_body import read_object
from tap.dialects.keeping import Keeper
from tap.dialects.loose_fold import with_unknown
from tap.dialects.reading import AnswerReading, Body, RequestReading
from tap.sse import Event
from tap.wire_json import as_dict, as_list, as_text

__all__ = ["OpenAIAssistants"]

_ITEMS = ("thread.message", "thread.run.step")


class AssistantsStream:
    """A `Fold` of the events of one run."""

    def __init__(self) -> None:
        self.fold = AssistantsFold()

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self.fold.feed(event)

    def reading(self, keeper: Keeper) -> AnswerReading:
        """Read what has been folded so far."""
        fold = self.fold
        read = read_assistants_answer(fold.items(), fold.run, fold.beside(), fold.errors, keeper)
        flags = read.flags | ({Flag.STREAM_MALFORMED} if fold.malformed else set())
        read = with_unknown(read, fold.unknown, keeper)
        return replace(read, terminal=fold.done or bool(fold.errors), flags=flags)


class OpenAIAssistants:
    """Reads `openai.assistants`: threads, their messages, and runs."""

    name = DialectName.OPENAI_ASSISTANTS

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the request; one that is no JSON object is flagged and has no messages."""
        value = read_object(body, keeper)
        if value is None:
            return RequestReading(flags=frozenset(keeper.flags))
        return read_assistants_request(value, keeper)

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read a plain answer: a run, a message, a list of either, a thread, or an error."""
        if not isinstance(value, dict):
            keeper.flags.add(Flag.ANSWER_MALFORMED)
            value = {"body": value}
        read = _read_plain(value, keeper)
        if read.ending is Ending.FAILED:
            read = replace(read, detail=EndingDetail.ERROR_BODY)
        return replace(read, terminal=True)

    def fold(self) -> AssistantsStream:
        """Begin to read a stream."""
        return AssistantsStream()


def _is_item(value: Json) -> bool:
    return as_dict(value).get("object") in _ITEMS


def _read_plain(value: dict[str, Json], keeper: Keeper) -> AnswerReading:
    kind = value.get("object")
    if (error := error_in(value)) is not None:
        rest = {name: inner for name, inner in value.items() if name != "error"}
        return read_assistants_answer([], None, rest, [error], keeper)
    if kind == "thread.run":
        return read_assistants_answer([], value, {}, [], keeper)
    if kind in _ITEMS:
        return read_assistants_answer([value], None, {}, [], keeper)
    if kind == "list":
        listed = as_list(value.get("data"))
        items = [item for item in listed if _is_item(item)]
        others = [item for item in listed if not _is_item(item)]
        rest = {name: inner for name, inner in value.items() if name not in ("object", "data")}
        return read_assistants_answer(items, None, {**rest, "data": others}, [], keeper)
    return read_assistants_answer([], None, {as_text(kind) or "body": value}, [], keeper)
