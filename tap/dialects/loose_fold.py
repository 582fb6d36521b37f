"""Event streams of a format that has no reader yet, gathered without knowing what they mean.

The law of this module: text that was streamed in pieces is put together before it is kept, since
a detector finds nothing in fragments. Events are grouped by their type and by the indexes they
carry; inside a group each place of the JSON gathers its own text.
"""

from __future__ import annotations

from msgspec.structs import replace

from audit.flags import Flag
from audit.parts import Extra, Media, Part
from audit.record import Output, Response
from audit.value import Json
from tap.dialects.answers import with_beside
from tap.dialects.keeping import (
    Keeper,
    bare_url,
    leads_to_secret,
    leads_to_server,
    masked,
)
from tap.dialects.reading import AnswerReading
from tap.sse import Event
from tap.wire_json import NOT_JSON, as_dict, as_text, clean_text, read_json, salvage_json

__all__ = ["LooseFold", "with_unknown"]

_INDEXES = ("index", "output_index", "content_index", "summary_index")
# How much longer than a document its places may be when they are spelled out. Those of real events
# take a few times its length; a long name above many values would take its square.
_PATHS = 16
# What opens a JSON document, and no line of a log (`[INFO] …`).
_OPENS = ("{", "[{", '["')


class LooseFold:
    """A `Fold` of anything: each group of events becomes one `Extra`, in order of appearance.

    Of a place that always held the same string, one is kept; of other values the last one.
    Data that is no JSON is joined as it is; of JSON that is torn, what stands before the break is
    taken, and what cannot be read at all is size and digest: only the whole would have shown what
    in it must not be kept.
    """

    def __init__(self) -> None:
        self._groups: dict[str, dict[str, list[Json]]] = {}
        self._wholes: dict[str, list[Json]] = {}
        self._unread: list[str] = []
        self._torn = False
        self._done = False

    def feed(self, event: Event) -> None:
        """Take the next event."""
        text = event.data.strip()
        if text == "[DONE]":
            self._done = True
        elif text:
            self.take(event.type, event.data)

    def take(self, kind: str, text: str) -> None:
        """Take one document: an event's data, or a line."""
        value = read_json(text)
        if value is NOT_JSON and text.lstrip().startswith(_OPENS):
            self._torn = True
            value = salvage_json(text)
            if value is NOT_JSON:
                self._unread.append(text)
                return
        if value is NOT_JSON:
            self._groups.setdefault(f"{kind}.text", {}).setdefault("", []).append(text)
            return
        name = _group_name(kind, as_dict(value))
        leaves = _leaves(value, _PATHS * len(text))
        if leaves is None:
            self._wholes.setdefault(name, []).append(value)
            return
        group = self._groups.setdefault(name, {})
        for path, leaf in leaves:
            group.setdefault(path, []).append(leaf)

    def reading(self, keeper: Keeper) -> AnswerReading:
        """Read what has been gathered so far."""
        parts: list[Part] = [self._part(name, keeper) for name in self._groups]
        parts += [keeper.as_extra(name, whole) for name, whole in self._wholes.items()]
        if self._unread:
            parts.append(_unreadable(self._unread, keeper))
        if self._torn:
            keeper.flags.add(Flag.STREAM_MALFORMED)
        outputs = (Output(index=0, parts=(*parts, *keeper.media)),) if parts else ()
        return AnswerReading(
            response=Response(outputs=outputs),
            terminal=self._done,
            flags=frozenset(keeper.flags),
        )

    def _part(self, name: str, keeper: Keeper) -> Extra:
        places = {path: _kept(path, leaves) for path, leaves in self._groups[name].items()}
        return keeper.as_extra(name, places[""] if list(places) == [""] else places)


def with_unknown(read: AnswerReading, unknown: LooseFold, keeper: Keeper) -> AnswerReading:
    """The reading, the last output of which has what was said by events that are not known."""
    aside = unknown.reading(Keeper(keeper.digest)).response.outputs
    outputs = read.response.outputs
    last = with_beside(list(outputs[-1:]), aside[0].parts if aside else ())
    return replace(read, response=replace(read.response, outputs=(*outputs[:-1], *last)))


def _group_name(kind: str, value: dict[str, Json]) -> str:
    said = as_text(value.get("type")) or kind
    indexes = [str(value[name]) for name in _INDEXES if isinstance(value.get(name), int)]
    return ".".join(["event", clean_text(said), *indexes])


def _unreadable(texts: list[str], keeper: Keeper) -> Media:
    data = clean_text("\n".join(texts)).encode()
    return keeper.bytes_as_media(data, "application/json", "unread")


def _leaves(value: Json, room: int) -> list[tuple[str, Json]] | None:
    """Every place of a JSON value that holds no further one, in order.

    None where the places would take more than `room` characters. An object of a list that carries
    an index is found again under it in the next event. A list of plain numbers is one place.
    """
    found: list[tuple[str, Json]] = []
    waiting: list[tuple[str, Json]] = [("", value)]
    while waiting:
        path, node = waiting.pop()
        if isinstance(node, dict | list):
            room -= len(path) * len(node)
            if room < 0:
                return None
        inner = _inner(path, node)
        if inner:
            waiting.extend(reversed(inner))
        else:
            found.append((path, node))
    return found


def _inner(path: str, node: Json) -> list[tuple[str, Json]]:
    if isinstance(node, dict):
        return [(f"{path}.{name}" if path else name, inner) for name, inner in node.items()]
    if not isinstance(node, list) or all(type(item) in (int, float) for item in node):
        return []
    return [(f"{path}[{_place(inner, place)}]", inner) for place, inner in enumerate(node)]


def _place(inner: Json, place: int) -> int:
    index = as_dict(inner).get("index")
    return index if isinstance(index, int) else place


def _kept(path: str, leaves: list[Json]) -> Json:
    """What stood at a place; a credential is known by its name, which the path ends with."""
    joined = _joined(leaves)
    if leads_to_secret(path):
        return masked(joined)
    return bare_url(joined) if isinstance(joined, str) and leads_to_server(path) else joined


def _joined(leaves: list[Json]) -> Json:
    texts = [leaf for leaf in leaves if isinstance(leaf, str)]
    if not texts:
        return leaves[-1]
    return texts[0] if len(set(texts)) == 1 else "".join(texts)
