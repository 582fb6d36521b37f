"""The conversation of a realtime session, put together from what both of its sides tell.

The law of this module: the server's events give the order, the client's give the words. What the
client said and the server repeated is one turn; what only one of them said is a turn as well, the
client's in its own order. Which of the server's items a client's is, the item's id tells, else its
words.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

from audit.record import Message
from audit.value import Json
from tap.dialects.realtime_items import turn
from tap.dialects.responses_content import cleaned, says_nothing
from tap.dialects.responses_items import ItemReader, kind_of, role_of
from tap.wire_json import as_dict, as_list, as_text, clean_text

__all__ = ["Conversation", "Stretch", "read_items"]

_Item: TypeAlias = dict[str, Json]
_NAMED = frozenset(("user", "system", "developer"))
_TEXTS = ("text", "transcript")
_FIELDS = ("role", "call_id", "name", "arguments", "output")


@dataclass(slots=True)
class _Said:
    """A turn as the client sent it; `echoed` says that a server repeats such turns."""

    item: _Item
    echoed: bool
    placed: bool = False


@dataclass(slots=True)
class _Heard:
    """A turn as the server told of it, and what was understood of its sound, by content index."""

    item: _Item
    pieces: dict[int, list[str]] = field(default_factory=dict)
    wholes: dict[int, str] = field(default_factory=dict)

    def whole(self) -> _Item:
        """The item, with the transcripts of its sound where that stands."""
        spoken = {at: clean_text("".join(pieces)) for at, pieces in self.pieces.items()}
        spoken.update(self.wholes)
        if not spoken:
            return self.item
        content = as_list(self.item.get("content"))
        filled = [_spoken(part, spoken.pop(at, None)) for at, part in enumerate(content)]
        filled += [_spoken({"type": "input_audio"}, spoken[at]) for at in sorted(spoken)]
        return {"type": "message", "role": "user", **self.item, "content": filled}


@dataclass(slots=True)
class Stretch:
    """What was said between two responses: items, and the keys under which a server told them.

    `instructed` are the server's instructions where they changed in it, `in_force` those that it
    had told before.
    """

    items: list[_Item] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    instructed: _Item | None = None
    in_force: _Item | None = None


class Conversation:
    """Gathers the turns. Nothing of it raises."""

    def __init__(self) -> None:
        self._said: list[_Said] = []
        # How many turns the client had sent when it asked for each response.
        self._asked: list[int] = []
        self._instructing: set[str] = set()
        self._heard: dict[str, _Heard] = {}
        # In order: the key of an item, or the number of a response that began there.
        self._course: list[str | int] = []
        self._instructions: str | None = None

    def say(self, item: _Item, *, echoed: bool) -> None:
        """Take a turn of the client."""
        self._said.append(_Said(item, echoed))

    def hear(self, item: _Item) -> None:
        """Take an item that the server told of, for the first time or again."""
        heard = self._of(as_text(item.get("id")) or f"#{len(self._course)}")
        heard.item.update((name, each) for name, each in item.items() if not says_nothing(each))

    def instruct(self, text: Json) -> None:
        """Take the instructions in force, as the server tells them with every session event."""
        said = as_text(text)
        if said and said != self._instructions:
            self._instructions = said
            self._instructing.add(f"#{len(self._course)}")
            self.hear(turn("system", said))

    def transcribe(self, item_id: Json, place: int, text: str, *, whole: bool) -> None:
        """Take what was understood of an item's sound, or a piece of it."""
        heard = self._of(as_text(item_id) or "")
        if whole:
            heard.wholes[place] = text
        else:
            heard.pieces.setdefault(place, []).append(text)

    def ask(self) -> None:
        """Note that the client asks for a response, behind all that it has said so far."""
        self._asked.append(len(self._said))

    def answered(self, number: int) -> None:
        """Note that the response of this number begins."""
        self._course.append(number)

    def _of(self, key: str) -> _Heard:
        heard = self._heard.get(key)
        if heard is None:
            heard = self._heard[key] = _Heard({})
            self._course.append(key)
        return heard

    # -- reading ---------------------------------------------------------------------------

    def stretches(self, own: set[str]) -> Iterator[Stretch]:
        """The turns in order, cut where a response began, and at last what was said after all.

        Items of `own` are left out: the model said them in its responses.
        """
        merge = _Merge(self._said)
        stretch = Stretch()
        begun = sum(isinstance(key, int) for key in self._course)
        # Where each response was asked for, what went with the asking stands before it.
        asked = iter(self._asked if len(self._asked) == begun else ())
        for key in self._course:
            if isinstance(key, int):
                stretch.items += merge.unechoed(next(asked, 0))
                yield stretch
                stretch = Stretch(in_force=stretch.instructed or stretch.in_force)
            elif key not in own:
                self._hear(key, merge, stretch)
        stretch.items += merge.rest()
        yield stretch

    def _hear(self, key: str, merge: _Merge, stretch: Stretch) -> None:
        heard = self._heard[key]
        stretch.items += merge.heard(heard)
        stretch.keys.append(key)
        if key in self._instructing:
            stretch.instructed = heard.item


def read_items(items: Iterable[_Item], reader: ItemReader) -> Iterator[Message]:
    """Items as messages; those that only name others become references of the reader."""
    for item in items:
        if reader.reference(item):
            continue
        role = role_of(item)
        named = kind_of(item) == "message" and role in _NAMED
        name = cleaned(item.get("name")) if named else None
        yield Message(role=role, name=name, parts=tuple(reader.parts(item)))


class _Merge:
    """Places the client's turns among the server's."""

    def __init__(self, said: list[_Said]) -> None:
        self._said = said
        self._at = self._unechoed = 0
        self._waiting: dict[str, deque[int]] = {}
        for place, each in enumerate(said):
            for mark in _marks(each.item) if each.echoed else ():
                self._waiting.setdefault(mark, deque()).append(place)

    def heard(self, heard: _Heard) -> Iterator[_Item]:
        """The turns that end with this one of the server's, and what was said right behind it."""
        place, item = self._place(heard.item), heard.whole()
        if place is None:
            yield item
            return
        yield from self._up_to(place)
        said = self._said[place]
        said.placed = True
        yield {**item, **_filled(said.item, item)}
        while self._at < len(self._said) and self._passes(self._said[self._at]):
            yield from self._up_to(self._at + 1)

    def unechoed(self, place: int) -> Iterator[_Item]:
        """What the client sent up to here that no server repeats."""
        for said in self._said[self._unechoed : place]:
            if not said.echoed and not said.placed:
                said.placed = True
                yield said.item
        self._unechoed = max(self._unechoed, place)

    def rest(self) -> Iterator[_Item]:
        """What the server told nothing of."""
        yield from self._up_to(len(self._said))

    def _place(self, item: _Item) -> int | None:
        for mark in _marks(item):
            places = self._waiting.get(mark, deque())
            while places:
                place = places.popleft()
                if not self._said[place].placed:
                    return place
        return None

    def _passes(self, said: _Said) -> bool:
        return said.placed or not said.echoed

    def _up_to(self, place: int) -> Iterator[_Item]:
        for said in self._said[self._at : place]:
            if not said.placed:
                said.placed = True
                yield said.item
        self._at = max(self._at, place)


def _filled(said: _Item, heard: _Item) -> _Item:
    """The client's words; where its content is sound, the server knows what was said in it."""
    spoken = any(as_dict(part).get("transcript") for part in as_list(heard.get("content")))
    if not spoken:
        return said
    told = [*as_list(heard.get("content"))]
    own = as_list(said.get("content"))
    return {**said, "content": [_both(part, own, at) for at, part in enumerate(told)]}


def _both(told: Json, own: list[Json], at: int) -> Json:
    sent = own[at] if at < len(own) else {}
    return {**as_dict(told), **as_dict(sent)} if isinstance(told, dict) else told


def _spoken(part: Json, transcript: str | None) -> Json:
    if transcript is None or not isinstance(part, dict):
        return part
    return {**part, "transcript": transcript}


def _marks(item: _Item) -> Iterator[str]:
    """By what an item is known again: its id, else its words."""
    if name := as_text(item.get("id")):
        yield f"id:{name}"
    content = item.get("content")
    listed = content if isinstance(content, list) else [content]
    words = [kind_of(item), *(str(item.get(name)) for name in _FIELDS)]
    for part in listed:
        fields = {"text": part} if isinstance(part, str) else as_dict(part)
        words += [said for name in _TEXTS if (said := as_text(fields.get(name)))]
    yield "\0".join(words)
