"""The Responses API over WebSocket: several responses on one connection, told apart by their lane.

The law of this module: what the client sends for a response is the body that a plain call would
have had, and what the server sends are the events that such a call's stream would have had; so
both go to their readers. A response ends with its terminal event, and its lane takes the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from msgspec.structs import replace

from audit.flags import Flag
from audit.parts import Part
from audit.record import Message, Output, Request, Response, Safety
from audit.value import Json
from tap.dialects.error_bodies import error_of, error_parts
from tap.dialects.keeping import Digest, Keeper
from tap.dialects.loose_fold import LooseFold
from tap.dialects.openai_responses import OpenAIResponses, ResponsesStream
from tap.dialects.reading import AnswerReading, RequestReading, SessionTurn, Span
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
    ended: bool = False
    span: Span = field(default_factory=Span)


class ResponsesSession:
    """Gathers one connection: a `Session`."""

    def __init__(self) -> None:
        # Each with its lane; steering has none.
        self._asked: list[tuple[str | None, _Event]] = []
        self._strange = LooseFold()
        self._open: dict[str, _Answered] = {}
        self._begun: dict[str, int] = {}
        self._answered: list[_Answered] = []
        self._at = -1
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
        self._at += 1
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
        if answered.span.said is None and kind.endswith(".delta"):
            answered.span = replace(answered.span, said=self._at)
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
        answered = self._open[lane] = _Answered(lane, number, span=Span(begun=self._at))
        self._answered.append(answered)
        return answered

    def _end(self, answered: _Answered, kind: str, response: _Event) -> None:
        status = cleaned(response.get("status")) or kind.rpartition(".")[2]
        reason = cleaned(as_dict(response.get("incomplete_details")).get("reason"))
        answered.finish = reason if status == "incomplete" and reason else status
        answered.ended = True
        answered.span = replace(answered.span, over=self._at)
        del self._open[answered.lane]

    def _aside(self, kind: str, value: _Event) -> None:
        """Take an event outside of any response: an error, or news of the connection."""
        if kind == "error" or value.get("error"):
            self._errors.append(value.get("error") or value)
        else:
            self._loose.take(kind, dump(value))

    # -- reading ---------------------------------------------------------------------------

    def turns(self, digest: Digest, most: int) -> Iterator[SessionTurn]:
        """A turn for each response, in the order of their beginnings."""
        count = max(1, min(len(self._answered), most))
        bodies = self._bodies(count)
        for number in range(count):
            last = number == count - 1
            answered = self._answered[number : None if last else number + 1]
            keeper = Keeper(digest)
            yield SessionTurn(
                asked=self._request(bodies[number], Keeper(digest), last=last),
                answered=self._answer(answered, keeper, last=last),
                beside=tuple(self._beside(keeper)) if last else (),
                span=answered[0].span if len(answered) == 1 else Span(),
            )

    def _bodies(self, turns: int) -> list[list[_Event]]:
        """What was asked, by turn.

        Where a lane had a response for each request, each is its own response's. Otherwise nobody
        can tell, and all of a lane's requests stand with the first response of it. What is of no
        lane that answered, steering too, stands in the last turn.
        """
        of_lane: dict[str | None, list[_Event]] = {}
        for lane, body in self._asked:
            of_lane.setdefault(lane, []).append(body)
        bodies: list[list[_Event]] = [[] for _ in range(turns)]
        for at, answered in enumerate(self._answered):
            place = bodies[min(at, turns - 1)]
            asked = of_lane.get(answered.lane, [])
            if len(asked) == self._begun[answered.lane]:
                place.append(asked[answered.number])
            elif answered.number == 0:
                place += asked
        for lane, asked in of_lane.items():
            if lane not in self._begun:
                bodies[-1] += asked
        return bodies

    def _request(self, bodies: list[_Event], keeper: Keeper, *, last: bool) -> RequestReading:
        """What was asked, one request after the other."""
        readings = [read_responses_request(body, keeper) for body in bodies]
        messages = [each for reading in readings for each in reading.request.messages]
        if last:
            messages += _strange(self._strange, keeper)
        if last and self._malformed[0]:
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

    def _answer(self, said: list[_Answered], keeper: Keeper, *, last: bool) -> AnswerReading:
        readings = [each.stream.reading(keeper) for each in said]
        pairs = enumerate(zip(said, readings, strict=True))
        outputs = [self._output(index, each, reading, keeper) for index, (each, reading) in pairs]
        if last and self._malformed[1]:
            keeper.flags.add(Flag.STREAM_MALFORMED)
        if last and len(said) > 1:
            keeper.flags.add(Flag.SHEAF_FULL)
        own = error_of(self._errors[0], keeper) if last and self._errors else None
        single = readings[0] if len(readings) == 1 else AnswerReading()
        ended = bool(said) and all(each.ended for each in said)
        return AnswerReading(
            response=Response(
                outputs=tuple(outputs),
                error=own or next((e.response.error for e in readings if e.response.error), None),
            ),
            safety=combined([each.safety for each in readings]) if readings else Safety(),
            usage=summed(each.usage for each in readings),
            model=_first(each.model for each in readings),
            response_id=single.response_id,
            terminal=ended,
            finished=ended,
            ending=single.ending,
            detail=single.detail,
            flags=frozenset(keeper.flags),
        )

    def _output(
        self, index: int, answered: _Answered, reading: AnswerReading, keeper: Keeper
    ) -> Output:
        parts = [part for output in reading.response.outputs for part in output.parts]
        known = {"id": reading.response_id, "stream_id": answered.lane or None}
        beside = {name: value for name, value in known.items() if value is not None}
        return Output(
            index=index,
            role="assistant",
            parts=(*parts, *([keeper.as_extra("response", beside)] if beside else [])),
            finish_reason=answered.finish,
        )

    def _beside(self, keeper: Keeper) -> Iterator[Part]:
        """Errors of the connection, and what is not understood."""
        for error in self._errors[:1]:
            yield from error_parts(error, keeper)
        for error in self._errors[1:]:
            yield keeper.as_extra("error", error)
        for output in self._loose.reading(Keeper(keeper.digest)).response.outputs:
            yield from output.parts


def _lane(value: _Event) -> str:
    return cleaned(value.get("stream_id")) or ""


def _first(values: Iterator[str | None]) -> str | None:
    return next(filter(None, values), None)


def _strange(loose: LooseFold, keeper: Keeper) -> Iterator[Message]:
    """What the client sent that is not understood."""
    for output in loose.reading(Keeper(keeper.digest)).response.outputs:
        yield Message(role="unknown", parts=output.parts)
