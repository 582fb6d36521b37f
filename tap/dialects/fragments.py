"""Values that arrive in fragments under one name, joined the way their kind suggests.

The law of this module: text that was sent in pieces is kept in one piece, because a detector
finds an address in `jo` + `hn@example.com` only when they stand together.
"""

from __future__ import annotations

from audit.value import Json

__all__ = ["Fragments", "join_indexed"]


class Fragments:
    """Gathers values by name.

    Strings are joined, unless it was the same one each time; lists are joined, their objects
    merged by `index` and `type`; of other values the last one holds. Null says nothing.
    """

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._lists: dict[str, list[Json]] = {}
        self._last: dict[str, Json] = {}

    def add(self, name: str, value: Json) -> None:
        """Take the next fragment of `name`."""
        if isinstance(value, str):
            self._texts.setdefault(name, []).append(value)
        elif isinstance(value, list):
            self._lists.setdefault(name, []).extend(value)
        elif isinstance(value, dict) and value:
            self._lists.setdefault(name, []).append(value)
        elif value is not None and value != {}:
            self._last[name] = value

    def replace(self, name: str, value: Json) -> None:
        """Take `value` as the whole of `name`, whatever came before."""
        self._last[name] = value

    def joined(self) -> dict[str, Json]:
        """Everything gathered, by name."""
        joined: dict[str, Json] = {name: _text(texts) for name, texts in self._texts.items()}
        joined.update((name, join_indexed(items)) for name, items in self._lists.items())
        for name, value in self._last.items():
            joined.setdefault(name, value)
        return joined


def _text(texts: list[str]) -> str:
    return texts[0] if len(set(texts)) == 1 else "".join(texts)


def join_indexed(items: list[Json]) -> list[Json]:
    """Merge those objects of a list that carry the same `index` and `type`; keep the order."""
    merged: dict[tuple[int, str], dict[str, list[Json]]] = {}
    out: list[Json] = []
    for item in items:
        index = item.get("index") if isinstance(item, dict) else None
        if not isinstance(index, int):
            out.append(item)
            continue
        key = (index, str(item.get("type")))
        if key not in merged:
            merged[key] = {}
            out.append(key)
        for name, value in item.items():
            merged[key].setdefault(name, []).append(value)
    return [_merged(merged[item]) if isinstance(item, tuple) else item for item in out]


def _merged(fields: dict[str, list[Json]]) -> dict[str, Json]:
    return {name: _one(values) for name, values in fields.items()}


def _one(values: list[Json]) -> Json:
    said = [value for value in values if value is not None]
    texts = [value for value in said if isinstance(value, str)]
    if texts and len(texts) == len(said):
        return _text(texts)
    return said[-1] if said else None
