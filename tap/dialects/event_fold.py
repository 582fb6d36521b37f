"""Streams whose events name their type: sorted, errors among them, and nothing dropped.

The law of this module: an event goes to whoever takes its type; an error is kept and the reading
goes on; any other event is gathered without knowing what it means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from msgspec.structs import replace

from audit.flags import Flag
from audit.value import Json
from tap.dialects.answers import with_beside
from tap.dialects.keeping import Keeper
from tap.dialects.loose_fold import LooseFold
from tap.dialects.reading import AnswerReading
from tap.sse import Event
from tap.wire_json import as_text, read_json

__all__ = ["Taker", "TypedEvents"]

Taker: TypeAlias = Callable[[dict[str, Json]], None]


class TypedEvents:
    """Takes the events of one stream; never raises where its takers do not.

    `done` says that `[DONE]` was seen, `errors` holds the errors that arrived, as they came.
    """

    def __init__(self, takers: Mapping[str, Taker]) -> None:
        self.done = False
        self.errors: list[Json] = []
        self._takers = takers
        self._malformed = False
        self._rest = LooseFold()

    def feed(self, event: Event) -> None:
        """Take the next event."""
        text = event.data.strip()
        if text == "[DONE]":
            self.done = True
        elif text:
            self._take(read_json(text), event)

    def _take(self, value: Json, event: Event) -> None:
        if not isinstance(value, dict):
            self._malformed = True
            self._rest.take(event.type, event.data)
            return
        kind = as_text(value.get("type")) or event.type
        taker = self._takers.get(kind)
        if taker is not None:
            taker(value)
        elif value.get("error") or "error" in (kind, event.type):
            self.errors.append(value.get("error") or value)
        else:
            self._rest.take(event.type, event.data)

    def completed(self, read: AnswerReading, keeper: Keeper) -> AnswerReading:
        """The reading with what no taker took, and with what was wrong of the events."""
        flags = read.flags | ({Flag.STREAM_MALFORMED} if self._malformed else set())
        aside = self._rest.reading(Keeper(keeper.digest)).response.outputs
        outputs = with_beside(list(read.response.outputs), aside[0].parts if aside else ())
        return replace(read, response=replace(read.response, outputs=outputs), flags=flags)
