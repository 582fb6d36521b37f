"""The events of a run folded into the objects that its plain calls would have returned.

The law of this module: what an event is stands in its name, not in its data. A snapshot replaces
the one before it and is believed over the deltas, which are all there is of what was cut; where
the two say different things, what was streamed is kept beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from audit.value import Json
from tap.dialects.error_bodies import error_in
from tap.dialects.fragments import Fragments
from tap.dialects.growing import Growing
from tap.dialects.loose_fold import LooseFold
from tap.sse import Event
from tap.wire_json import as_dict, as_list, as_text, dump, read_json

__all__ = ["STREAMED", "AssistantsFold", "has_stopped"]

Chunk: TypeAlias = dict[str, Json]

# The states in which a run waits for nobody, or for the client's next request.
_STOPPED = frozenset(
    ("requires_action", "completed", "incomplete", "failed", "cancelled", "expired")
)
# Where an object keeps what its deltas said, when its last snapshot says something else.
STREAMED = "streamed"
# What deltas are of; the snapshots of what is under way do not hold it yet.
_GROWN = ("content", "step_details")


class _Item:
    """A message or a step: its last snapshot, and what its deltas add up to."""

    def __init__(self) -> None:
        self.snapshot: Chunk = {}
        self.deltas: Growing | None = None

    def grow(self, delta: Json) -> None:
        if self.deltas is None:
            self.deltas = Growing()
        self.deltas.add(as_dict(delta))

    def final(self) -> Chunk:
        grown = self.deltas.final() if self.deltas else {}
        final = {**grown, **{name: each for name, each in self.snapshot.items() if each}}
        if self.snapshot.get("status") in (None, "in_progress"):
            final.update((name, grown[name]) for name in _GROWN if grown.get(name))
        streamed = _text(grown)
        if streamed and streamed != _text(final):
            final[STREAMED] = streamed
        return final


def has_stopped(run: Chunk) -> bool:
    """Whether a run is in a state in which nothing more comes of it by itself."""
    return as_text(run.get("status")) in _STOPPED


def _text(message: Chunk) -> str:
    """The text of a message; nothing of a step."""
    contents = [as_dict(content) for content in as_list(message.get("content"))]
    values = (as_text(as_dict(content.get("text")).get("value")) for content in contents)
    return "".join(value for value in values if value)


class AssistantsFold:
    """Takes one event after another; never raises on any input.

    `done` says that the stream's end or the run's was seen, `run` is its last snapshot, `errors`
    holds the errors that arrived inside the stream, `malformed` counts events that were no JSON
    object.
    """

    def __init__(self) -> None:
        self.done = False
        self.run: Chunk | None = None
        self.errors: list[Json] = []
        self.malformed = 0
        self._items: dict[str, _Item] = {}
        self.unknown = LooseFold()
        self._beside = Fragments()
        self._readers: dict[str, Callable[[Chunk], None]] = {
            "thread.created": self._thread,
            "thread.message.delta": self._delta,
            "thread.run.step.delta": self._delta,
            "error": self._error,
            # Where a gateway left out the event's name, the object says what it is.
            "thread": self._thread,
            "thread.run": self._run,
            "thread.message": self._snapshot,
            "thread.run.step": self._snapshot,
        }
        for state in ("created", "in_progress", "completed", "incomplete"):
            self._readers[f"thread.message.{state}"] = self._snapshot
        for state in ("created", "in_progress", "completed", "failed", "cancelled", "expired"):
            self._readers[f"thread.run.step.{state}"] = self._snapshot
        for state in ("created", "queued", "in_progress", "cancelling", *_STOPPED):
            self._readers[f"thread.run.{state}"] = self._run

    def feed(self, event: Event) -> None:
        """Take the next event."""
        text = event.data.strip()
        if text == "[DONE]" or event.type == "done":
            self.done = True
            return
        if not text:
            return
        chunk = read_json(text)
        if not isinstance(chunk, dict):
            self.malformed += 1
            return
        kind = event.type
        if kind == "message":
            kind = as_text(chunk.get("object")) or kind
        reader = self._readers.get(kind)
        if reader is not None:
            reader(chunk)
        else:
            self._unknown(kind, chunk)

    def items(self) -> list[Chunk]:
        """Messages and steps, in the order in which they began."""
        return [item.final() for item in self._items.values()]

    def beside(self) -> dict[str, Json]:
        """What was said of neither run, message nor step, by name."""
        return self._beside.joined()

    def _item(self, chunk: Chunk) -> _Item:
        """Items are told apart by id alone; a delta without one goes to the last."""
        item_id = as_text(chunk.get("id")) or next(reversed(self._items), "")
        item = self._items.get(item_id)
        if item is None:
            item = self._items[item_id] = _Item()
        return item

    def _thread(self, chunk: Chunk) -> None:
        self._beside.replace("thread", chunk)

    def _run(self, chunk: Chunk) -> None:
        self.run = chunk
        self.done = self.done or has_stopped(chunk)

    def _snapshot(self, chunk: Chunk) -> None:
        self._item(chunk).snapshot = chunk

    def _delta(self, chunk: Chunk) -> None:
        self._item(chunk).grow(chunk.get("delta"))

    def _error(self, chunk: Chunk) -> None:
        self.errors.append(chunk.get("error") or chunk)

    def _unknown(self, kind: str, chunk: Chunk) -> None:
        if (error := error_in(chunk)) is not None:
            self.errors.append(error)
        else:
            self.unknown.take(kind, dump(chunk))
