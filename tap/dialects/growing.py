"""A JSON object that grows by deltas which have its own shape.

The law of this module: strings are joined, items of a list are found again by their `index`, and
what names a thing is said once. Nothing is joined before the end, so that the work is linear in
what was sent.
"""

from __future__ import annotations

from audit.value import Json

__all__ = ["Growing"]

# Repeated in one delta after another, or sent once; never in pieces.
_NAMES = frozenset(("id", "type", "object", "role", "name", "file_id", "message_id", "status"))


class Growing:
    """Takes deltas of any shape; never raises."""

    def __init__(self) -> None:
        self._texts: dict[str, list[str]] = {}
        self._inner: dict[str, Growing] = {}
        self._lists: dict[str, _GrowingList] = {}
        self._whole: dict[str, Json] = {}

    def add(self, delta: dict[str, Json]) -> None:
        """Take the next delta. Null says nothing."""
        for name, value in delta.items():
            if name in _NAMES:
                if value and not self._whole.get(name):
                    self._whole[name] = value
            elif isinstance(value, str):
                self._texts.setdefault(name, []).append(value)
            elif isinstance(value, dict):
                inner = self._inner.get(name)
                if inner is None:
                    inner = self._inner[name] = Growing()
                inner.add(value)
            elif isinstance(value, list):
                listed = self._lists.get(name)
                if listed is None:
                    listed = self._lists[name] = _GrowingList()
                listed.add(value)
            elif value is not None:
                self._whole[name] = value

    def final(self) -> dict[str, Json]:
        """The object as far as it has grown."""
        final: dict[str, Json] = dict(self._whole)
        final.update((name, listed.final()) for name, listed in self._lists.items())
        final.update((name, inner.final()) for name, inner in self._inner.items())
        final.update((name, "".join(texts)) for name, texts in self._texts.items())
        return final


class _GrowingList:
    """Items by index, in its order; what has none stands behind them as it came."""

    def __init__(self) -> None:
        self._by_index: dict[int, Growing] = {}
        self._others: list[Json] = []

    def add(self, items: list[Json]) -> None:
        for item in items:
            index = item.get("index") if isinstance(item, dict) else None
            if not isinstance(index, int):
                self._others.append(item)
                continue
            known = self._by_index.get(index)
            if known is None:
                known = self._by_index[index] = Growing()
            known.add(item)

    def final(self) -> list[Json]:
        indexed: list[Json] = [self._by_index[index].final() for index in sorted(self._by_index)]
        return indexed + self._others
