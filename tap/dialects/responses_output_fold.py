"""The output items of a streamed response, each found by the place its events carry.

The law of this module: items are found by `output_index`; an id is asked only where no index
came, since ids may change from event to event. Where the final object of a response holds its
items, those hold; an item that it lacks is added to them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import ClassVar

from audit.value import Json
from tap.dialects.responses_calls import PARTIALS
from tap.dialects.responses_item_fold import DELTAS, WHOLES, ItemFold, Saying, place_of
from tap.wire_json import as_dict, as_list, as_text, clean_text

__all__ = ["OutputFold"]


class OutputFold:
    """Gathers the items. `logprobs` says that token probabilities came. Nothing of it raises."""

    def __init__(self) -> None:
        self.logprobs = False
        self._items: list[ItemFold] = []
        self._by_index: dict[int, ItemFold] = {}
        self._by_id: dict[str, ItemFold] = {}
        self._next = 0

    def __bool__(self) -> bool:
        """Whether any item was seen."""
        return bool(self._items)

    def knows(self, kind: str) -> bool:
        """Whether it takes events of this type."""
        return kind in self._TAKERS

    def take(self, kind: str, value: dict[str, Json]) -> bool:
        """Take an event of a type that it knows: whether it fits; False for any other."""
        taker = self._TAKERS.get(kind)
        return taker is not None and taker(self, kind, value)

    def state(self, value: dict[str, Json], word: str) -> None:
        """Take the state of an item."""
        self._item(value).status(word)

    def merged(self, output: list[Json]) -> tuple[list[Json], list[int]]:
        """The items of the final object, then those that only the stream had; and their places."""
        items = [*output]
        places = list(range(len(items)))
        waiting: dict[str, deque[int]] = {}
        for place, item in enumerate(items):
            if kind := as_text(as_dict(item).get("type")):
                waiting.setdefault(kind, deque()).append(place)
        for fold in sorted(self._items, key=lambda fold: fold.index):
            held = waiting.get(fold.kind())
            if not held:
                places.append(max(fold.index, places[-1] + 1 if places else 0))
                items.append(fold.item())
            else:
                place = held.popleft()
                shown = {PARTIALS: fold.shown()} if fold.partials else {}
                items[place] = {**items[place], **shown}
        return items, places

    def unkept(self, items: list[Json], *, resumed: bool) -> Iterator[tuple[str, str]]:
        """The texts that were streamed and that none of `items` holds, by where they stood.

        The first text of a stream that was resumed may have begun before it.
        """
        held = set(_texts(items))
        for fold in self._items:
            for where, text in fold.streamed():
                begun = resumed and any(whole.endswith(text) for whole in held)
                resumed = False
                if text and text not in held and not begun:
                    yield f"{fold.index}.{where}", text

    def _item(self, value: dict[str, Json]) -> ItemFold:
        """The item an event belongs to; without an index by its id, else the one under way."""
        index = value.get("output_index")
        if type(index) is int and 0 <= index < 2**31:
            return self._by_index.get(index) or self._open(index)
        known = self._by_id.get(as_text(value.get("item_id")) or "")
        return known or (self._items[-1] if self._items else self._open(0))

    def _open(self, index: int) -> ItemFold:
        item = ItemFold(index)
        self._items.append(item)
        self._by_index[index] = item
        self._next = max(self._next, index + 1)
        return item

    def _added(self, _kind: str, value: dict[str, Json]) -> bool:
        item = as_dict(value.get("item"))
        fold = self._item(value) if "output_index" in value else self._open(self._next)
        if fold.done is not None:
            fold = self._open(fold.index)
        fold.add(item)
        self._name(item, fold)
        return bool(item)

    def _done(self, _kind: str, value: dict[str, Json]) -> bool:
        item = value.get("item")
        if not isinstance(item, dict):
            return False
        fold = self._item({"item_id": item.get("id"), **value})
        if fold.done is not None and "output_index" not in value:
            fold = self._open(self._next)
        fold.done = item
        self._name(item, fold)
        return True

    def _name(self, item: dict[str, Json], fold: ItemFold) -> None:
        if item_id := as_text(item.get("id")):
            self._by_id[item_id] = fold

    def _delta(self, kind: str, value: dict[str, Json]) -> bool:
        delta = value.get("delta")
        if not isinstance(delta, str):
            return delta is None
        saying = DELTAS[kind]
        self._item(value).say(saying, _place(saying, value), delta)
        if value.get("logprobs"):
            self.logprobs = True
        return True

    def _whole(self, kind: str, value: dict[str, Json]) -> bool:
        saying = WHOLES[kind]
        whole = value.get(saying.whole)
        if value.get("logprobs"):
            self.logprobs = True
        if isinstance(whole, str):
            self._item(value).said(saying, _place(saying, value), whole)
        return isinstance(whole, str)

    def _part(self, kind: str, value: dict[str, Json]) -> bool:
        part = value.get("part")
        if isinstance(part, dict):
            name = "summary" if "summary" in kind else "content"
            self._item(value).part(name, place_of(value.get(f"{name}_index")), part)
        return isinstance(part, dict)

    def _annotation(self, _kind: str, value: dict[str, Json]) -> bool:
        annotation = value.get("annotation")
        if annotation is not None:
            self._item(value).note(place_of(value.get("content_index")), annotation)
        return annotation is not None

    def _partial_image(self, _kind: str, value: dict[str, Json]) -> bool:
        data = as_text(value.get("partial_image_b64"))
        if data:
            place = place_of(value.get("partial_image_index"))
            self._item(value).partials.setdefault(place, []).append(data)
        return data is not None

    def _shell_delta(self, _kind: str, value: dict[str, Json]) -> bool:
        delta = value.get("delta")
        place = place_of(value.get("command_index"))
        if isinstance(delta, dict):
            self._item(value).say_shell(place, delta)
        return isinstance(delta, dict)

    def _shell_done(self, _kind: str, value: dict[str, Json]) -> bool:
        output = value.get("output")
        first = place_of(value.get("command_index"))
        for place, entry in enumerate(as_list(output), start=first):
            self._item(value).part("output", place, as_dict(entry))
        return isinstance(output, list)

    # One table for all: a connection can hold very many responses.
    _TAKERS: ClassVar[dict[str, Callable[[OutputFold, str, dict[str, Json]], bool]]] = {
        **dict.fromkeys(DELTAS, _delta),
        **dict.fromkeys(WHOLES, _whole),
        "response.output_item.added": _added,
        "response.output_item.done": _done,
        "response.content_part.added": _part,
        "response.content_part.done": _part,
        "response.reasoning_part.added": _part,
        "response.reasoning_part.done": _part,
        "response.reasoning_summary_part.added": _part,
        "response.reasoning_summary_part.done": _part,
        "response.output_text.annotation.added": _annotation,
        "response.image_generation_call.partial_image": _partial_image,
        "response.shell_call_output_content.delta": _shell_delta,
        "response.shell_call_output_content.done": _shell_done,
    }


def _place(saying: Saying, value: dict[str, Json]) -> int:
    return place_of(value.get(saying.index)) if saying.index else 0


def _texts(value: Json) -> Iterator[str]:
    """Every text of a JSON value."""
    if isinstance(value, str):
        yield clean_text(value)
        return
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for each in inner:
        yield from _texts(each)
