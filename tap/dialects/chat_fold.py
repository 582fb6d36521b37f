"""Streamed chat completions folded into the object that a plain call would have returned.

The law of this module: the fold believes indexes, not ids, and no field of a chunk is taken for
granted. `id`, `model` and their like are the first that say something; texts are joined; verdicts
merge and never get better; usage is the last that was not null. Whatever is not known is kept
under its own name, its fragments joined like any text, so that one mapping reads streamed and
plain answers alike.
"""

from __future__ import annotations

from audit.value import Json
from tap.dialects.chat_choice import ChoiceFold
from tap.dialects.chat_chunk import CommonChunk, read_common
from tap.dialects.fragments import Fragments
from tap.wire_json import as_dict, as_list, read_json

__all__ = ["ChatFold"]

_FIRST = frozenset(
    ("id", "model", "created", "object", "system_fingerprint", "service_tier", "provider")
)
_REPEATED = ["id", "object", "created", "model", "system_fingerprint", "service_tier"]
_PROMPT_FILTERS = ("prompt_filter_results", "prompt_annotations")


class ChatFold:
    """Takes the data of one event after another; never raises on any input.

    `done` says that `[DONE]` was seen, `errors` holds the errors that arrived inside the
    stream, `events` counts events with data other than `[DONE]`, `malformed` those that were
    no JSON object or not of the expected shape.
    """

    def __init__(self) -> None:
        self.done = False
        self.errors: list[Json] = []
        self.events = 0
        self.malformed = 0
        self._top: dict[str, Json] = {}
        self._unsaid = _REPEATED
        self._extra = Fragments()
        self._prompt_filters: list[Json] = []
        self._usage: dict[str, Json] | None = None
        self._side_usage: dict[str, Json] | None = None
        self._choices: dict[int, ChoiceFold] = {}

    def feed(self, data: str, event_type: str = "message") -> None:
        """Take one event's data."""
        text = data.strip()
        if text == "[DONE]":
            self.done = True
        elif text:
            self.events += 1
            common = read_common(text) if event_type != "error" else None
            if common is None or not self._take_common(common):
                self._take(read_json(text), event_type)

    def final(self) -> dict[str, Json]:
        """The folded object: `choices` by index, and under `errors` what went wrong."""
        final = dict(self._top)
        final.update(self._extra.joined())
        final["choices"] = [self._choices[index].final() for index in sorted(self._choices)]
        usage = self._usage or self._side_usage
        if usage is not None:
            final["usage"] = usage
        if self._prompt_filters:
            final["prompt_filter_results"] = self._prompt_filters
        if self.errors:
            final["errors"] = self.errors
        return final

    def _take_common(self, chunk: CommonChunk) -> bool:
        """Take a common chunk of choices that are known already; False for any other."""
        known = self._choices
        for choice in chunk.choices:
            if choice.index not in known:
                return False
        for name in self._unsaid:
            if value := getattr(chunk, name):
                self._take_field(name, value)
        for choice in chunk.choices:
            known[choice.index].take_common(choice)
        return True

    def _take(self, chunk: Json, event_type: str) -> None:
        if not isinstance(chunk, dict):
            self.malformed += 1
            return
        if event_type == "error" and not chunk.get("error"):
            self.errors.append(chunk)
            return
        for name, value in chunk.items():
            if value is not None:
                self._take_field(name, value)

    def _take_field(self, name: str, value: Json) -> None:
        if name == "choices":
            self._take_choices(value)
        elif name in _FIRST:
            if value and not self._top.get(name):
                self._top[name] = value
                self._unsaid = [each for each in self._unsaid if each != name]
        elif name == "usage" and isinstance(value, dict):
            self._usage = value
        elif name == "error" and value:
            self.errors.append(value)
        elif name in _PROMPT_FILTERS:
            self._prompt_filters.extend(as_list(value))
        elif name != "obfuscation":
            # Gateways repeat such fields whole on every chunk (`citations`): the last one holds.
            self._extra.replace(name, value)
            self._note_side_usage(as_dict(value).get("usage"))

    def _note_side_usage(self, usage: Json) -> None:
        if isinstance(usage, dict):
            self._side_usage = usage

    def _take_choices(self, choices: Json) -> None:
        if not isinstance(choices, list):
            self.malformed += 1
            return
        for choice in choices:
            if isinstance(choice, dict):
                self._note_side_usage(choice.get("usage"))
                self.malformed += self._choice(choice.get("index")).take(choice)
            else:
                self.malformed += 1

    def _choice(self, index: Json) -> ChoiceFold:
        number = index if isinstance(index, int) and abs(index) < 2**31 else 0
        fold = self._choices.get(number)
        if fold is None:
            fold = self._choices[number] = ChoiceFold(int(number))
        return fold
