"""The Responses API over WebSocket: several responses on one connection, told apart by their lane.

The law of this module: what the client sends for a response is the body that a plain call would
have had, and what the server sends are the events that such a call's stream would have had; so
both go to their readers. A response ends with its terminal event, and its lane takes the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from audit.flags import Flag
from audit.parts import Part
from audit.record import Message, Output, Request, Response, Safety
from audit.value import Json
from tap.dialects.error_bodies import error_of, error_parts
from tap.dialects.keeping import Keeper
from tap.dialects.loose_fold import LooseFold
from tap.dialects.openai_responses import OpenAIResponses, ResponsesStream
from tap.dialects.reading import AnswerReading, RequestReading
from tap.dialects.responses_content import cleaned
from tap.dialects.responses_request import read_responses_request
from tap.dialects.session_totals import combined, summed
from tap.wire_json import NOT_JSON, as_dict, as_text, clean_tree, dump, read_json

__all__ = ["ResponsesOverWebSocket"]

_Event: TypeAlias = dict[str, Json]

_ENVELOPE = frozenset(("type", "stream_id", "event_id"))
_ASKING = frozenset(("response.create", "response.steer"))
_ENDS = frozenset(f"response.{word}" for word in ("completed", "incomplete", "failed", "cancelled"))
_BEGINS = "response.created"


class ResponsesOverWebSocket(OpenAIResponses):
    """Reads `openai.responses`, and its connections too."""

    def session(self) -> ResponsesSession:
        """Begin to read a connection."""
        return ResponsesSession()


@dataclass(slots=True)
class _Answered:
    """One response; `number` is which one it is on its lane, of those that were asked for."""

    lane: str
    number: int
    stream: ResponsesStream = field(default_factory=ResponsesStream)
    finish: str | None = None
    begun: bool = False


class ResponsesSession:
    """Gathers one connection: a `Session`."""

    def __init__(self) -> None:
        # Each with its lane; steering has none.
        self._asked: list[tuple[str | None, _Event]] = []
        self._strange = LooseFold()
        self._open: dict[str, _Answered] = {}
        self._begun: dict[str, int] = {}
        self._answered: list[_Answered] = []
        self._before: dict[str | None, list[int]] = {}
        self._errors: list[Json] = []
        self._loose = LooseFold()
        self._malformed = [False, False]

    def client(self, text: str) -> None:
        """Take the client's next event."""
        value = self._read(text, self._strange, 0)
        if value is None:
            return
        kind = as_text(value.get("type")) or "client"
        if kind in _ASKING:
            body = {name: each for name, each in value.items() if name not in _ENVELOPE}
            lane = _lane(value) if kind == "response.create" else None
            self._asked.append((lane, clean_tree(body)))
        else:
            self._strange.take(kind, text)

    def server(self, text: str) -> None:
        """Take the server's next event."""
        value = self._read(text, self._loose, 1)
        if value is None:
            return
        kind = as_text(value.get("type")) or "server"
        lane = _lane(value)
        answered = self._open.get(lane)
        # Only the first of a lane may have begun unseen.
        unseen = answered is None and lane not in self._begun and kind.startswith("response.")
        if unseen or (kind == _BEGINS and (answered is None or answered.begun)):
            answered = self._begin(lane)
        if answered is None:
            self._aside(kind, value)
            return
        answered.begun |= kind == _BEGINS
        answered.stream.fold.take(kind, value)
        if kind in _ENDS:
            self._end(answered, kind, as_dict(value.get("response")))

    def _read(self, text: str, loose: LooseFold, side: int) -> _Event | None:
        value = read_json(text)
        if isinstance(value, dict):
            return value
        self._malformed[side] = True
        # A torn event is left out: what only the whole would have masked may stand in it.
        if value is not NOT_JSON or text.lstrip()[:1] not in ("{", "["):
            loose.take("message", text)
        return None

    def _begin(self, lane: str) -> _Answered:
        """Open a response; one that its lane never ended is closed as it is."""
        number = self._begun.get(lane, 0)
        self._begun[lane] = number + 1
        if lane in self._open:
            self._answered.append(self._open[lane])
        answered = self._open[lane] = _Answered(lane, number)
        return answered

    def _end(self, answered: _Answered, kind: str, response: _Event) -> None:
        status = cleaned(response.get("status")) or kind.rpartition(".")[2]
        reason = cleaned(as_dict(response.get("incomplete_details")).get("reason"))
        answered.finish = reason if status == "incomplete" and reason else status
        self._answered.append(self._open.pop(answered.lane))

    def _aside(self, kind: str, value: _Event) -> None:
        """Take an event outside of any response: an error, or news of the connection."""
        if kind == "error" or value.get("error"):
            self._errors.append(value.get("error") or value)
        else:
            self._loose.take(kind, dump(value))

    # -- reading ---------------------------------------------------------------------------

    def request(self, keeper: Keeper) -> RequestReading:
        """Everything that was asked, one request after the other."""
        readings: list[RequestReading] = []
        messages: list[Message] = []
        for lane, body in self._asked:
            readings.append(read_responses_request(body, keeper))
            messages += readings[-1].request.messages
            self._before.setdefault(lane, []).append(len(messages))
        messages += _strange(self._strange, keeper)
        if self._malformed[0]:
            keeper.flags.add(Flag.REQUEST_MALFORMED)
        return RequestReading(
            request=Request(
                messages=tuple(messages),
                tools=tuple(
                    dict.fromkeys(tool for each in readings for tool in each.request.tools)
                ),
                parameters={"responses": [each.request.parameters for each in readings]},
                references=tuple(
                    dict.fromkeys(named for each in readings for named in each.request.references)
                ),
            ),
            model=_first(each.model for each in readings),
            user=_first(each.user for each in readings),
            session=_first(each.session for each in readings),
            stream=True,
            flags=frozenset(keeper.flags),
        )

    def answer(self, keeper: Keeper) -> AnswerReading:
        """The responses in the order of their ends, and then those that did not end."""
        said = [*self._answered, *self._open.values()]
        readings = [each.stream.reading(keeper) for each in said]
        pairs = enumerate(zip(said, readings, strict=True))
        outputs = [self._output(index, each, reading, keeper) for index, (each, reading) in pairs]
        if self._malformed[1]:
            keeper.flags.add(Flag.STREAM_MALFORMED)
        own = error_of(self._errors[0], keeper) if self._errors else None
        return AnswerReading(
            response=Response(
                outputs=tuple(outputs),
                error=own or next((each.response.error for each in readings), None),
            ),
            safety=combined([each.safety for each in readings]) if readings else Safety(),
            usage=summed(each.usage for each in readings),
            model=_first(each.model for each in readings),
            response_id=readings[0].response_id if len(readings) == 1 else None,
            finished=bool(said) and not self._open,
            flags=frozenset(keeper.flags),
        )

    def _output(
        self, index: int, answered: _Answered, reading: AnswerReading, keeper: Keeper
    ) -> Output:
        parts = [part for output in reading.response.outputs for part in output.parts]
        known = {
            "id": reading.response_id,
            "stream_id": answered.lane or None,
            "messages": self._messages_before(answered),
        }
        beside = {name: value for name, value in known.items() if value is not None}
        return Output(
            index=index,
            role="assistant",
            parts=(*parts, *([keeper.as_extra("response", beside)] if beside else [])),
            finish_reason=answered.finish,
        )

    def _messages_before(self, answered: _Answered) -> int | None:
        """How many messages had been sent up to its request; None where that is not certain."""
        before = self._before.get(answered.lane, [])
        certain = len(before) == self._begun.get(answered.lane) and None not in self._before
        return before[answered.number] if certain else None

    def beside(self, keeper: Keeper) -> list[Part]:
        """Errors of the connection, and what is not understood."""
        parts: list[Part] = []
        for error in self._errors[:1]:
            parts += error_parts(error, keeper)
        parts += [keeper.as_extra("error", error) for error in self._errors[1:]]
        aside = self._loose.reading(Keeper(keeper.digest)).response.outputs
        return [*parts, *(part for output in aside for part in output.parts)]


def _lane(value: _Event) -> str:
    return cleaned(value.get("stream_id")) or ""


def _first(values: Iterator[str | None]) -> str | None:
    return next(filter(None, values), None)


def _strange(loose: LooseFold, keeper: Keeper) -> Iterator[Message]:
    """What the client sent that is not understood."""
    for output in loose.reading(Keeper(keeper.digest)).response.outputs:
        yield Message(role="unknown", parts=output.parts)
