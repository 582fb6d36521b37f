"""Tool calls of one streamed choice, gathered by index.

The law of this module: fragments of one index are one call, however many stand in one chunk and
wherever the index starts. A call without an index is found by its id. Another id at an index in
use is another call, not a correction. Arguments are text, kept as they came, valid or not.
"""

from __future__ import annotations

from audit.value import Json
from tap.dialects.keeping import Keeper
from tap.wire_json import as_dict, as_text, dump

__all__ = ["CallsFold", "as_sent", "joined_arguments"]


def joined_arguments(value: Json) -> str:
    """Arguments as text; some providers send the object itself."""
    return value if isinstance(value, str) else dump(value)


def as_sent(value: Json, keeper: Keeper) -> str:
    """Arguments or a result as a record holds them: a text as it came, an object as it is kept."""
    return keeper.inline(value if isinstance(value, str) else dump(keeper.kept(value)))


class _Call:
    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.type = ""
        self.name: list[str] = []
        self.custom = False
        self.arguments: list[str] = []

    def take(self, fragment: dict[str, Json]) -> None:
        self.id = self.id or as_text(fragment.get("id")) or ""
        self.type = self.type or as_text(fragment.get("type")) or ""
        for kind, text in (("function", "arguments"), ("custom", "input")):
            body = as_dict(fragment.get(kind))
            if body:
                self.custom = kind == "custom"
                self._take_name(as_text(body.get("name")) or "")
                if body.get(text) is not None:
                    self.arguments.append(joined_arguments(body[text]))

    def _take_name(self, name: str) -> None:
        """Some repeat the whole name on every fragment; some send it in pieces."""
        if name and self.name[:1] != [name]:
            self.name.append(name)

    def final(self) -> dict[str, Json]:
        text = "".join(self.arguments)
        body: dict[str, Json] = {"name": "".join(self.name) or None}
        body["input" if self.custom else "arguments"] = text
        kind = "custom" if self.custom else "function"
        return {
            "index": self.index,
            "id": self.id or None,
            "type": self.type or None,
            kind: body,
        }


class CallsFold:
    """Gathers the tool calls of one choice."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._highest = -1

    def take(self, fragments: Json) -> int:
        """Take the `tool_calls` of one delta; gives how many of them had no shape at all."""
        if not isinstance(fragments, list):
            return 1
        odd = 0
        for fragment in fragments:
            if isinstance(fragment, dict):
                self._call_of(fragment).take(fragment)
            else:
                odd += 1
        return odd

    def final(self) -> list[Json]:
        """The calls by index; calls that share one keep the order they came in."""
        return [call.final() for call in sorted(self._calls, key=lambda call: call.index)]

    def _call_of(self, fragment: dict[str, Json]) -> _Call:
        index = fragment.get("index")
        call_id = as_text(fragment.get("id")) or ""
        if not isinstance(index, int) or abs(index) >= 2**31:
            return self._without_index(call_id)
        known = self._by_index.get(index)
        if known is None or (call_id and known.id and call_id != known.id):
            return self._new(int(index), call_id)
        return known

    def _without_index(self, call_id: str) -> _Call:
        if call_id in self._by_id:
            return self._by_id[call_id]
        if not call_id and self._calls:
            return self._calls[-1]
        return self._new(self._highest + 1, call_id)

    def _new(self, index: int, call_id: str) -> _Call:
        call = _Call(index)
        self._calls.append(call)
        self._by_index[index] = call
        self._highest = max(self._highest, index)
        if call_id:
            self._by_id[call_id] = call
        return call
