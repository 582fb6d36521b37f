"""One output item of a streamed response, gathered from the events that carry its place.

The law of this module: what was said last of an item holds: its `done` object, else the whole
texts, else the deltas joined. What the deltas said stays known beside it, since that is what a
client showed while it read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from audit.value import Json
from tap.dialects.responses_calls import PARTIALS
from tap.wire_json import as_dict, as_list, as_text, clean_text

__all__ = ["DELTAS", "WHOLES", "ItemFold", "Saying", "place_of"]


@dataclass(frozen=True, eq=False, slots=True)
class Saying:
    """A text that is said in pieces: where in an item it stands, and how its whole is named.

    `path` leads to a string, or, where `index` names a number, to a list. An entry of that list
    is a string where `text` is empty, else an object that holds the string, of type `kind`.
    """

    item: str
    path: tuple[str, ...]
    whole: str
    index: str = ""
    text: str = ""
    kind: str = ""


_SAYINGS = {
    "output_text": Saying("message", ("content",), "text", "content_index", "text", "output_text"),
    "refusal": Saying("message", ("content",), "refusal", "content_index", "refusal", "refusal"),
    "reasoning_text": Saying(
        "reasoning", ("content",), "text", "content_index", "text", "reasoning_text"
    ),
    "reasoning_summary_text": Saying(
        "reasoning", ("summary",), "text", "summary_index", "text", "summary_text"
    ),
    # What a voice said, in a realtime session.
    "output_audio_transcript": Saying(
        "message", ("content",), "transcript", "content_index", "transcript", "output_audio"
    ),
    "function_call_arguments": Saying("function_call", ("arguments",), "arguments"),
    "mcp_call_arguments": Saying("mcp_call", ("arguments",), "arguments"),
    "custom_tool_call_input": Saying("custom_tool_call", ("input",), "input"),
    "code_interpreter_call_code": Saying("code_interpreter_call", ("code",), "code"),
    "apply_patch_call_operation_diff": Saying("apply_patch_call", ("operation", "diff"), "diff"),
    "shell_call_command": Saying("shell_call", ("action", "commands"), "command", "command_index"),
}
DELTAS = {f"response.{name}.delta": saying for name, saying in _SAYINGS.items()}
WHOLES = {f"response.{name}.done": saying for name, saying in _SAYINGS.items()}

_SHELL_SAYINGS = {
    name: Saying("shell_call_output", ("output",), name, "command_index", name)
    for name in ("stdout", "stderr")
}


def place_of(value: Json) -> int:
    """An index as a dictionary can hold it; 0 for what is none."""
    return value if type(value) is int and 0 <= value < 2**31 else 0


class ItemFold:
    """Gathers one item. Nothing of it raises; `done` says that the item was closed."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.done: dict[str, Json] | None = None
        self.partials: dict[int, list[str]] = {}
        self._added: dict[str, Json] = {}
        self._deltas: dict[tuple[Saying, int], list[str]] = {}
        self._wholes: dict[tuple[Saying, int], str] = {}
        self._parts: dict[tuple[str, int], dict[str, Json]] = {}
        self._notes: dict[int, list[Json]] = {}
        self._status: str | None = None

    def add(self, item: dict[str, Json]) -> None:
        """Take the item as it was opened, mostly empty."""
        # In place: a copy for each of many would be quadratic work.
        self._added.update(item)

    def say(self, saying: Saying, place: int, delta: str) -> None:
        """Take the next piece of a text."""
        key = (saying, place)
        pieces = self._deltas.get(key)
        if pieces is None:
            pieces = self._deltas[key] = []
        pieces.append(delta)

    def say_shell(self, place: int, delta: dict[str, Json]) -> None:
        """Take a piece of what a command wrote."""
        for name, saying in _SHELL_SAYINGS.items():
            if isinstance(delta.get(name), str):
                self.say(saying, place, delta[name])

    def said(self, saying: Saying, place: int, whole: str) -> None:
        """Take the whole of a text."""
        self._wholes[saying, place] = whole

    def part(self, name: str, place: int, part: dict[str, Json]) -> None:
        """Take a part of the list `name`, opened or closed."""
        self._parts[name, place] = part

    def note(self, place: int, annotation: Json) -> None:
        """Take an annotation of a content part."""
        self._notes.setdefault(place, []).append(annotation)

    def status(self, word: str) -> None:
        """Take the state that an event's name tells."""
        self._status = word

    def streamed(self) -> Iterator[tuple[str, str]]:
        """Each text as its deltas spelled it, under the name of where it stands."""
        for (saying, place), pieces in self._deltas.items():
            where = ".".join((*saying.path, *([str(place)] if saying.index else [])))
            yield where, clean_text("".join(pieces))

    def item(self) -> dict[str, Json]:
        """The item as far as it is known."""
        item = self.done if self.done is not None else self._built()
        return {**item, PARTIALS: self.shown()} if self.partials else item

    def shown(self) -> list[Json]:
        """The images that were shown before the final one, in their order."""
        return [data for place in sorted(self.partials) for data in self.partials[place]]

    def kind(self) -> str:
        """The item's type: as it was named, or as what was said of it suggests."""
        named = as_text((self.done or self._added).get("type"))
        return named or next(self._suggested(), "unknown")

    def _suggested(self) -> Iterator[str]:
        yield from (saying.item for saying, _ in (*self._deltas, *self._wholes))
        if self.partials:
            yield "image_generation_call"
        yield from ("reasoning" if name == "summary" else "message" for name, _ in self._parts)
        yield from ("message" for _ in self._notes)

    def _built(self) -> dict[str, Json]:
        item = {"type": self.kind(), **self._added}
        if self._status is not None:
            item["status"] = self._status
        texts = {key: clean_text("".join(pieces)) for key, pieces in self._deltas.items()}
        texts.update(self._wholes)
        for name in ("content", "summary", "output"):
            if entries := self._listed(name, texts):
                item[name] = entries
        beside: dict[Saying, dict[int, str]] = {}
        for (saying, place), text in texts.items():
            if not saying.text:
                beside.setdefault(saying, {})[place] = text
        for saying, by_place in beside.items():
            _put(item, saying, by_place)
        return item

    def _listed(self, name: str, texts: dict[tuple[Saying, int], str]) -> list[Json]:
        """The parts of a list: as they were opened or closed, with the texts said of them."""
        entries: dict[tuple[int, str], dict[str, Json]] = {}
        for place, part in enumerate(as_list(self._added.get(name))):
            if isinstance(part, dict):
                entries[place, _kind(part)] = part
        for (held, place), part in self._parts.items():
            if held == name:
                entries[place, _kind(part)] = part
        for (saying, place), text in texts.items():
            if saying.text and saying.path == (name,):
                bare = {"type": saying.kind} if saying.kind else {}
                known = entries.get((place, saying.kind), bare)
                entries[place, saying.kind] = {**known, saying.text: text}
        return [self._noted(name, place, entries[place, kind]) for place, kind in sorted(entries)]

    def _noted(self, name: str, place: int, entry: dict[str, Json]) -> dict[str, Json]:
        """A part with the annotations that came by events of their own."""
        notes = self._notes.get(place) if name == "content" else None
        return {**entry, "annotations": notes} if notes and not entry.get("annotations") else entry


def _kind(part: dict[str, Json]) -> str:
    return as_text(part.get("type")) or ""


def _put(item: dict[str, Json], saying: Saying, texts: dict[int, str]) -> None:
    """Set the texts of one saying at its path, which may lead through an object."""
    holder = item
    for name in saying.path[:-1]:
        holder[name] = dict(as_dict(holder.get(name)))
        holder = holder[name]
    by_place = [texts[place] for place in sorted(texts)]
    holder[saying.path[-1]] = by_place if saying.index else by_place[-1]
