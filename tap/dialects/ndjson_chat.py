"""Chats in lines of JSON, as Ollama's `api/chat` and `api/generate` send them.

The law of this module: each line adds to the ones before it, and the line that says `done` is the
end and carries the counts; a plain answer is such a line. A guest: it is read, but its dialect is
`opaque`, and its operation (`generate`) tells what it is.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.exchange import Dialect as DialectName
from audit.exchange import Ending
from audit.flags import EndingDetail, Flag
from audit.parts import Part, Reasoning
from audit.record import Output, Response, Usage
from audit.value import Json
from tap.dialects.chat_request import call_parts
from tap.dialects.error_bodies import error_of, error_parts
from tap.dialects.fragments import Fragments
from tap.dialects.json_body import read_body
from tap.dialects.keeping import Keeper
from tap.dialects.ndjson_request import images_of, read_ndjson_request
from tap.dialects.reading import AnswerReading, Body, RequestReading
from tap.dialects.runs import Runs
from tap.sse import Event
from tap.wire_json import NOT_JSON, as_count, clean_text, read_json, salvage_json

__all__ = ["NdjsonChat", "NdjsonFold"]

# The counts and durations (nanoseconds) of the last line.
_COUNTS = (
    *("prompt_eval_count", "eval_count", "total_duration", "load_duration"),
    *("prompt_eval_duration", "eval_duration"),
)
_TEXTS = {"content": "text", "response": "text", "thinking": "thought"}


class NdjsonFold:
    """A `Fold` of lines; an event counts as a line."""

    def __init__(self) -> None:
        self._model: str | None = None
        self._role: str | None = None
        self._said: Runs[Json] = Runs()
        self._counts: dict[str, Json] = {}
        self._done = False
        self._finish: str | None = None
        self._errors: list[Json] = []
        self._extra = Fragments()
        self._malformed = False
        self._logprobs = False

    def feed(self, event: Event) -> None:
        """Take the next line."""
        if not event.data.strip():
            return
        value = read_json(event.data)
        if value is NOT_JSON:
            # Its text is kept as part of what it says only: bare, it could hold what the whole
            # would have shown to be a credential.
            self._malformed = True
            value = salvage_json(event.data)
        if value is not NOT_JSON:
            self.take(value)

    def take(self, value: Json) -> None:
        """Take one line's JSON."""
        if not isinstance(value, dict):
            self._malformed = True
            self._extra.add("line", [value])
            return
        for name, inner in value.items():
            if inner is not None:
                self._take_field(name, inner)

    def reading(self, keeper: Keeper) -> AnswerReading:
        """Read what has been gathered so far."""
        outputs = self._outputs(keeper)
        if self._malformed:
            keeper.flags.add(Flag.STREAM_MALFORMED)
        if self._logprobs:
            keeper.flags.add(Flag.LOGPROBS_OMITTED)
        failed = bool(self._errors)
        return AnswerReading(
            response=Response(
                outputs=outputs, error=error_of(self._errors[0], keeper) if failed else None
            ),
            usage=_usage_of(self._counts, keeper),
            model=clean_text(self._model) if self._model else None,
            terminal=self._done or failed,
            finished=self._done,
            ending=Ending.FAILED if failed else None,
            detail=EndingDetail.ERROR_EVENT if failed else None,
            flags=frozenset(keeper.flags),
        )

    def _take_field(self, name: str, value: Json) -> None:
        if name == "message" and isinstance(value, dict):
            for field, inner in value.items():
                if inner is not None:
                    self._take_said(field, inner, f"message.{field}")
        elif name in _COUNTS:
            self._counts[name] = value
        elif name == "done" and isinstance(value, bool):
            self._done = self._done or value
        elif name == "done_reason" and isinstance(value, str):
            self._finish = value or self._finish
        elif name == "model" and isinstance(value, str):
            self._model = self._model or value
        elif name == "error" and value:
            self._errors.append(value)
        elif name not in ("created_at", "error"):
            self._take_said(name, value, name)

    def _take_said(self, name: str, value: Json, place: str) -> None:
        if name in _TEXTS and isinstance(value, str):
            if value:
                self._said.add(_TEXTS[name], value)
        elif name == "role" and isinstance(value, str):
            self._role = self._role or value
        elif name == "tool_calls" and isinstance(value, list):
            self._said.add("calls", value)
        elif name == "images":
            self._said.alone("images", value)
        elif name == "logprobs":
            self._logprobs = True
        else:
            self._extra.add(place, value)

    def _outputs(self, keeper: Keeper) -> tuple[Output, ...]:
        parts = [part for kind, items in self._said.all() for part in _read(kind, items, keeper)]
        parts += [keeper.as_extra(name, value) for name, value in self._extra.joined().items()]
        for error in self._errors:
            parts += error_parts(error, keeper)
        if not parts and not self._done:
            return ()
        return (
            Output(
                index=0,
                role=clean_text(self._role or "assistant"),
                parts=(*parts, *keeper.media),
                finish_reason=clean_text(self._finish) if self._finish else None,
            ),
        )


class NdjsonChat:
    """Reads `api/chat` and `api/generate`."""

    name = DialectName.OPAQUE

    def request(self, body: Body, keeper: Keeper) -> RequestReading:
        """Read the request; one that is no JSON object is flagged and has no messages."""
        value = read_body(body, keeper, Flag.REQUEST_SALVAGED)
        if value is NOT_JSON:
            keeper.flags.add(Flag.REQUEST_UNPARSED)
            return RequestReading(flags=frozenset(keeper.flags))
        return read_ndjson_request(value if isinstance(value, dict) else {"body": value}, keeper)

    def answer(self, value: Json, keeper: Keeper) -> AnswerReading:
        """Read a plain answer: one line that says everything."""
        fold = NdjsonFold()
        fold.take(value)
        read = fold.reading(keeper)
        flags = read.flags
        if Flag.STREAM_MALFORMED in flags:
            flags = (flags - {Flag.STREAM_MALFORMED}) | {Flag.ANSWER_MALFORMED}
        detail = EndingDetail.ERROR_BODY if read.ending is Ending.FAILED else read.detail
        return replace(read, terminal=True, detail=detail, flags=flags)

    def fold(self) -> NdjsonFold:
        """Begin to read a stream."""
        return NdjsonFold()


def _read(kind: str, items: list[Json], keeper: Keeper) -> list[Part]:
    if kind == "text":
        return keeper.text_parts("".join(items))
    if kind == "thought":
        return [Reasoning(text=keeper.inline("".join(items)))]
    if kind == "calls":
        return call_parts({"tool_calls": [call for calls in items for call in calls]}, keeper)
    return [part for images in items for part in images_of(images, keeper)]


def _usage_of(counts: dict[str, Json], keeper: Keeper) -> Usage:
    """Usage as counted by the server, which leaves out the count of a prompt it had cached."""
    asked, answered = as_count(counts.get("prompt_eval_count")), as_count(counts.get("eval_count"))
    if asked is None and answered is None:
        return Usage()
    return Usage(
        input=asked,
        output=answered,
        total=None if asked is None or answered is None else asked + answered,
        source="reported",
        reported=keeper.kept(counts),
    )
