"""One response of a realtime session, gathered from its events into one output.

The law of this module: the object of `response.done` holds; what was streamed and is not in it,
as of a response that was cancelled, is given out beside it. Sound is type, size and digest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import ClassVar

from msgspec.structs import replace

from audit.exchange import Ending
from audit.flags import EndingDetail
from audit.parts import Media, Part
from audit.record import Output, Usage
from audit.value import Json
from tap.dialects.answers import counted
from tap.dialects.error_bodies import is_filter_error
from tap.dialects.filters import error_filters, filters_of, merge_filters
from tap.dialects.fragments import Fragments
from tap.dialects.keeping import Keeper
from tap.dialects.reading import Span
from tap.dialects.realtime_items import plain_item, plain_part
from tap.dialects.responses_content import cleaned, says_nothing
from tap.dialects.responses_item_fold import place_of
from tap.dialects.responses_items import ItemReader
from tap.dialects.responses_output_fold import OutputFold
from tap.dialects.streamed_media import StreamedMedia
from tap.wire_json import as_dict, as_list, as_text

__all__ = ["RealtimeResponse"]

_STATES = frozenset(("in_progress", "completed", "failed"))
_READ = frozenset(
    (
        *("type", "event_id", "response_id", "item_id", "output_index", "content_index", "delta"),
        *("text", "transcript", "arguments", "call_id", "name", "item", "part", "response"),
        *("logprobs", "obfuscation", "previous_item_id", "content_filter_results"),
    )
)
_STATE_READ = frozenset(("type", "event_id", "response_id", "item_id", "output_index"))
# Of the object, what is read, and what it repeats of session and request.
_TOP_READ = frozenset(
    (
        *("object", "output", "usage", "status", "status_details", "content_filter_results"),
        *("audio", "modalities", "output_modalities", "voice", "output_audio_format"),
        *("temperature", "max_output_tokens"),
    )
)


class RealtimeResponse:
    """Gathers one response; nothing of it raises. `done` says that it has ended.

    `items` are the ids of what it said, `updates` is how many updates of the session had come into
    force when it began, and `span` is where its events stood.
    """

    def __init__(self, updates: int = 0, at: int | None = None) -> None:
        self.done = False
        self.items: set[str] = set()
        self.updates = updates
        self.span = Span(begun=at)
        self._output = OutputFold()
        self._voices: dict[int, StreamedMedia] = {}
        self._top: dict[str, Json] = {}
        self._filters: dict[str, Json] = {}
        self._extra = Fragments()
        self._notes: dict[str, list[Json]] = {}

    @property
    def id(self) -> str | None:
        """Its id, where it was told."""
        return cleaned(self._top.get("id"))

    @property
    def error(self) -> Json:
        """Why it failed, where it did."""
        return as_dict(self._top.get("status_details")).get("error")

    @property
    def logprobs(self) -> bool:
        """Whether token probabilities came."""
        return self._output.logprobs

    def pass_by(self, kind: str, at: int) -> None:
        """Note where an event of it stands."""
        if self.span.said is None and kind.endswith(".delta"):
            self.span = replace(self.span, said=at)
        if self.span.over is None and kind == "response.done":
            self.span = replace(self.span, over=at)

    def take(self, kind: str, value: dict[str, Json]) -> bool | None:
        """Take an event by its present name: whether it fits; None for one that is not known."""
        taker = self._TAKERS.get(kind)
        if taker is None and not self._output.knows(kind):
            return self._state(kind, value)
        if not value.keys() <= _READ:
            for name in value.keys() - _READ:
                self._extra.add(f"{kind}.{name}", value[name])
        return taker(self, kind, value) if taker else self._output.take(kind, value)

    def note(self, kind: str, said: Json) -> None:
        """Take what an event of the conversation says of one of its items."""
        self._notes.setdefault(kind, []).append(said)

    def _state(self, kind: str, value: dict[str, Json]) -> bool | None:
        words = kind.split(".")
        if len(words) != 3 or words[2] not in _STATES or not value.keys() <= _STATE_READ:
            return None
        self._output.state(value, words[2])
        return True

    def _snapshot(self, kind: str, value: dict[str, Json]) -> bool:
        snapshot = as_dict(value.get("response"))
        self._top.update({name: each for name, each in snapshot.items() if each is not None})
        self.done |= kind == "response.done"
        merge_filters(self._filters, filters_of(snapshot))
        for item in as_list(snapshot.get("output")):
            self._own(item)
        return bool(snapshot)

    def _item(self, kind: str, value: dict[str, Json]) -> bool:
        self._own(value.get("item"))
        if not isinstance(value.get("item"), dict):
            return False
        return self._output.take(kind, {**value, "item": plain_item(value["item"])})

    def _own(self, item: Json) -> None:
        if name := as_text(as_dict(item).get("id")):
            self.items.add(name)

    def _part(self, kind: str, value: dict[str, Json]) -> bool:
        return self._output.take(kind, {**value, "part": plain_part(value.get("part"))})

    def _silent(self, _kind: str, _value: dict[str, Json]) -> bool:
        return True

    def _audio(self, _kind: str, value: dict[str, Json]) -> bool:
        place = place_of(value.get("output_index"))
        voice = self._voices.get(place)
        if voice is None:
            voice = self._voices[place] = StreamedMedia()
        voice.take(as_text(value.get("delta")) or "")
        return isinstance(value.get("delta"), str)

    # One table for all. Before those of `OutputFold`, for some of which they prepare events.
    _TAKERS: ClassVar[dict[str, Callable[[RealtimeResponse, str, dict[str, Json]], bool]]] = {
        "response.created": _snapshot,
        "response.done": _snapshot,
        "response.output_audio.delta": _audio,
        "response.output_audio.done": _silent,
        **dict.fromkeys(("response.output_item.added", "response.output_item.done"), _item),
        **dict.fromkeys(("response.content_part.added", "response.content_part.done"), _part),
    }

    # -- reading ---------------------------------------------------------------------------

    def output(self, index: int, messages: int, mime: str, keeper: Keeper) -> Output:
        """All of it as one output. `messages` is how many were said to the model before it."""
        before = len(keeper.media)
        told = [plain_item(item) for item in as_list(self._top.get("output"))]
        items, places = self._output.merged(told)
        parts = [*self._said(items, places, mime, keeper)]
        for where, text in self._output.unkept(items, resumed=False):
            parts.append(keeper.as_extra(f"streamed.{where}", text))
        beside = {**self._extra.joined(), **self._notes, "response": self._beyond(messages)}
        parts += [keeper.as_extra(name, inner) for name, inner in beside.items()]
        media = _unplaced(keeper.media[before:], parts)
        return Output(
            index=index,
            role="assistant",
            parts=(*parts, *media),
            finish_reason=self._finish(),
        )

    def _said(
        self, items: list[Json], places: list[int], mime: str, keeper: Keeper
    ) -> Iterator[Part]:
        reader = ItemReader(keeper)
        voices = dict(self._voices)
        for item, place in zip(items, places, strict=True):
            yield from reader.parts(item)
            if voice := voices.pop(place, None):
                yield voice.media(keeper, mime)
        for voice in voices.values():
            yield voice.media(keeper, mime)

    def _beyond(self, messages: int) -> dict[str, Json]:
        """What is known of the response beyond what it said."""
        rest = {name: each for name, each in self._top.items() if name not in _TOP_READ}
        details = as_dict(self._top.get("status_details"))
        rest["status_details"] = {
            name: each for name, each in details.items() if name not in ("type", "error")
        }
        said = {name: each for name, each in rest.items() if not says_nothing(each)}
        return {**said, "messages": messages}

    def _finish(self) -> str | None:
        """Its status once it has ended; of one that is incomplete, why it is."""
        status = cleaned(self._top.get("status")) or "done"
        reason = cleaned(as_dict(self._top.get("status_details")).get("reason"))
        if not self.done:
            return None
        return reason if status == "incomplete" and reason else status

    def ending(self) -> tuple[Ending | None, EndingDetail | None]:
        """What it is evidence of: a filter, or a fault; of nothing but success, None."""
        details = as_dict(self._top.get("status_details"))
        cut = is_filter_error({"code": details.get("reason")})
        if cut or is_filter_error(self.error):
            said = EndingDetail.OUTPUT_FILTERED if cut or self.items else None
            return Ending.FILTERED, said or EndingDetail.PROMPT_FILTERED
        if self.error or self._top.get("status") == "failed":
            return Ending.FAILED, EndingDetail.ERROR_EVENT
        return None, None

    def usage(self, keeper: Keeper) -> Usage:
        """What it cost, where that was reported."""
        return counted(self._top.get("usage"), keeper)

    def filters(self) -> tuple[dict[str, Json], dict[str, Json]]:
        """What content filters said of its prompt and of itself."""
        prompt, own = error_filters(as_dict(self.error))
        merge_filters(own, self._filters)
        return prompt, own


def _unplaced(lifted: list[Media], parts: list[Part]) -> list[Media]:
    """Media that were lifted out of extras, and stand nowhere yet."""
    placed = {id(part) for part in parts}
    return [media for media in lifted if id(media) not in placed]
