"""Streamed responses folded into the object that a plain call would have returned.

The law of this module: the object of the terminal event holds; where it lacks what was streamed,
as one of a failed response does, the items of the stream stand in. Text that was streamed and
that the object does not hold in the end is given out beside it. Events that are not known are
gathered by their type.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from msgspec import field

from audit.value import Json, Value
from tap.dialects.fragments import Fragments
from tap.dialects.loose_fold import LooseFold
from tap.dialects.responses_output_fold import OutputFold
from tap.dialects.streamed_media import StreamedMedia
from tap.sse import Event
from tap.wire_json import (
    NOT_JSON,
    as_dict,
    as_list,
    as_text,
    clean_text,
    dump,
    read_json,
    salvage_json,
)

__all__ = ["Folded", "ResponsesFold"]

_TERMINAL = frozenset(("completed", "incomplete", "failed", "cancelled"))
_LIFECYCLE = frozenset(("created", "queued", "in_progress", *_TERMINAL))
# The states that an event of an item tells by its name alone.
_STATES = frozenset(
    (
        *("in_progress", "searching", "interpreting", "generating", "calling"),
        *("completed", "failed", "incomplete"),
    )
)
_SILENT = frozenset(("keepalive", "ping", "response.audio.done", "response.audio.transcript.done"))
# What an event of a known type may carry and what is then read or of no use to a record.
_READ = frozenset(
    (
        *("type", "sequence_number", "item_id", "output_index", "content_index", "stream_id"),
        *("summary_index", "command_index", "annotation_index", "obfuscation", "logprobs"),
        *("delta", "text", "refusal", "arguments", "input", "code", "diff", "command", "output"),
        *("item", "part", "annotation", "response", "partial_image_b64", "partial_image_index"),
        *("size", "quality", "background", "output_format"),
    )
)
_ERRORS = frozenset(("error", "response.error"))
_SKIPPED = frozenset(("sequence_number", "item_id", "obfuscation", "stream_id"))
_STATE_READ = frozenset(("type", "output_index", *_SKIPPED))


class Folded(Value, frozen=True):
    """What a stream added up to.

    `response` is the object and `places` the index of each of its items; `errors` is what error
    events said, `filters` the verdicts of every snapshot. `unkept` holds the texts that were
    streamed and that the object does not hold, by where they stood.
    """

    response: dict[str, Json] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)
    errors: list[Json] = field(default_factory=list)
    filters: list[Json] = field(default_factory=list)
    unkept: list[tuple[str, str]] = field(default_factory=list)


class ResponsesFold:
    """Takes one event after another; never raises on any input.

    `done` says that the format's own end was seen, `malformed` counts the events that were no
    JSON object or not of the expected shape. `voice` and `transcript` are of the whole response.
    """

    def __init__(self) -> None:
        self.done = False
        self.malformed = 0
        self.voice = StreamedMedia()
        self.loose = LooseFold()
        self.output = OutputFold()
        self._transcript: list[str] = []
        self._errors: list[Json] = []
        self._filters: list[Json] = []
        self._top: dict[str, Json] = {}
        self._extra = Fragments()
        self._numbers: tuple[int, int] | None = None
        self._opened = False
        self._ended = False

    def feed(self, event: Event) -> None:
        """Take the next event."""
        value = read_json(event.data)
        if isinstance(value, dict):
            self.take(self._kind(event, value), value)
        else:
            self._no_object(event, value)

    def take(self, kind: str, value: dict[str, Json]) -> None:
        """Take the next event, already decoded, by its type."""
        taker = self._TAKERS.get(kind)
        if taker is not None:
            fits = taker(self, kind, value)
        elif self.output.knows(kind):
            fits = self.output.take(kind, value)
        else:
            self._other(kind, value)
            return
        if not fits:
            self.malformed += 1
        if not value.keys() <= _READ:
            self._beyond(kind, value)
        self._count(value.get("sequence_number"))

    def _kind(self, event: Event, value: dict[str, Json]) -> str:
        """The type as the data names it; the event's own name where that says more."""
        kind = value.get("type")
        if not isinstance(kind, str) or (event.type == "error" and not self._knows(kind)):
            return event.type
        return kind

    def _knows(self, kind: str) -> bool:
        return kind in self._TAKERS or self.output.knows(kind)

    def folded(self) -> Folded:
        """What has been gathered so far."""
        # A snapshot on the way holds less than the events that followed it.
        holds = self._ended or not self.output
        items, places = self.output.merged(as_list(self._top.get("output")) if holds else [])
        resumed = self._numbers is not None and self._numbers[0] > 0 and not self._opened
        response = {**self._extra.joined(), **self._top, "output": items}
        if self._numbers is not None and (resumed or not self.done):
            response["sequence_numbers"] = list(self._numbers)
        return Folded(
            response=response,
            places=places,
            errors=self._errors,
            filters=self._filters,
            unkept=list(self.output.unkept(items, resumed=resumed)),
        )

    @property
    def transcript(self) -> str:
        """What was spoken."""
        return clean_text("".join(self._transcript))

    def _no_object(self, event: Event, value: Json) -> None:
        text = event.data.strip()
        if text == "[DONE]":
            self.done = True
        elif event.type == "error" and text:
            self._torn_error(text)
        elif text:
            self.malformed += 1
            # A torn event is left out: what only the whole would have masked may stand in it.
            if value is not NOT_JSON or text[0] not in "{[":
                self.loose.take(event.type, event.data)

    def _torn_error(self, text: str) -> None:
        """An error in words, or one that is torn: then what stands before the break."""
        if text[0] not in "{[":
            self._errors.append(text)
            return
        self.malformed += 1
        self._errors.append(as_dict(salvage_json(text)))

    def _other(self, kind: str, value: dict[str, Json]) -> None:
        """An event without a known type: a state of an item, an error, or news."""
        words = kind.split(".")
        if kind in _SILENT:
            return
        if len(words) == 3 and words[2] in _STATES and value.keys() <= _STATE_READ:
            self.output.state(value, words[2])
        elif value.get("error"):
            self._error(kind, value)
        else:
            news = {name: inner for name, inner in value.items() if name not in _SKIPPED}
            self.loose.take(kind, dump(news))

    def _count(self, number: Json) -> None:
        if type(number) is int:
            self._numbers = (self._numbers[0] if self._numbers else number, number)

    def _lifecycle(self, kind: str, value: dict[str, Json]) -> bool:
        word = kind.rpartition(".")[2]
        snapshot = value.get("response")
        said = {name: inner for name, inner in as_dict(snapshot).items() if inner is not None}
        self._filters += as_list(said.get("content_filters"))
        self._top.update(said)
        self._opened |= word == "created"
        if word in _TERMINAL:
            self.done = self._ended = True
            self._top["status"] = said.get("status") or word
        return isinstance(snapshot, dict)

    def _beyond(self, kind: str, value: dict[str, Json]) -> None:
        """Keep what an event says beyond what its type is known for."""
        if kind not in _ERRORS:
            for name, inner in value.items():
                if name not in _READ:
                    self._extra.add(f"{kind}.{name}", inner)

    def _error(self, _kind: str, value: dict[str, Json]) -> bool:
        said = {name: inner for name, inner in value.items() if name not in _STATE_READ}
        if value.get("type") not in (None, "error", "response.error"):
            said["type"] = value["type"]
        inner = said.pop("error", None)
        if isinstance(inner, dict):
            self._errors.append({**said, **inner})
        else:
            self._errors.append({"message": inner, **said} if inner else said)
        return True

    def _audio(self, _kind: str, value: dict[str, Json]) -> bool:
        self.voice.take(as_text(value.get("delta")) or "")
        return True

    def _spoken(self, _kind: str, value: dict[str, Json]) -> bool:
        self._transcript.append(as_text(value.get("delta")) or "")
        return True

    # One table for all: a connection can hold very many responses.
    _TAKERS: ClassVar[dict[str, Callable[[ResponsesFold, str, dict[str, Json]], bool]]] = {
        **dict.fromkeys((f"response.{word}" for word in _LIFECYCLE), _lifecycle),
        **dict.fromkeys(_ERRORS, _error),
        "response.audio.delta": _audio,
        "response.audio.transcript.delta": _spoken,
    }
