"""One content block of a streamed message, gathered from the deltas that carry its index.

The law of this module: the block is what its start said, and each delta adds to it; a field that
no delta is known for is joined under its own name. Arguments stay the text that they were.
"""

from __future__ import annotations

from audit.value import Json
from tap.dialects.fragments import Fragments
from tap.wire_json import as_text

__all__ = ["BlockFold"]

# Where the text of a delta belongs, by the delta's type: its field, and the block's.
_TEXTS = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
    "input_json_delta": ("partial_json", "input_json"),
}
# What a block was, when its deltas are all that is known of it.
_KINDS = {
    "text_delta": "text",
    "citations_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
    "input_json_delta": "tool_use",
    "compaction_delta": "compaction",
}


class BlockFold:
    """Gathers one block. `take` never raises on any delta."""

    __slots__ = ("_citations", "_rest", "_start", "_texts")

    def __init__(self, start: dict[str, Json]) -> None:
        self._start = start
        self._texts: dict[str, list[str]] = {}
        self._citations: list[Json] = []
        self._rest = Fragments()

    @classmethod
    def begun_by(cls, block: Json) -> BlockFold:
        """A block as its start gives it, whatever stands there."""
        if isinstance(block, dict):
            return cls(block)
        return cls({"type": "text", "text": block} if isinstance(block, str) else {"value": block})

    @classmethod
    def implied_by(cls, delta: dict[str, Json]) -> BlockFold:
        """A block whose start was never seen."""
        kind = _KINDS.get(as_text(delta.get("type")) or "", "unknown")
        return cls({"type": kind})

    def take(self, delta: dict[str, Json]) -> None:
        """Take the next delta."""
        kind = delta.get("type")
        known = _TEXTS.get(kind) if isinstance(kind, str) else None
        if known is None:
            self._take_other(as_text(kind) or "unknown", delta)
            return
        name, into = known
        text = delta.get(name)
        if not isinstance(text, str):
            self._take_rest(delta, "delta", "")
            return
        self._texts.setdefault(into, []).append(text)
        if len(delta) != 2:
            self._take_rest(delta, "delta", name)

    def _take_other(self, kind: str, delta: dict[str, Json]) -> None:
        if kind == "citations_delta":
            self._citations.append(delta.get("citation"))
            self._take_rest(delta, "delta", "citation")
        elif kind == "compaction_delta":
            self._take_rest(delta, "", "")
        else:
            self._take_rest(delta, kind, "")

    def _take_rest(self, delta: dict[str, Json], place: str, read: str) -> None:
        for name, value in delta.items():
            if name not in ("type", read):
                self._rest.add(f"{place}.{name}" if place else name, value)

    def final(self) -> dict[str, Json]:
        """The block as a plain answer would hold it; arguments in pieces under `input_json`."""
        block = dict(self._start)
        block.update(self._rest.joined())
        for name, texts in self._texts.items():
            begun = block.get(name)
            if begun is not None and not isinstance(begun, str):
                block[f"start.{name}"] = begun
            block[name] = "".join([begun, *texts] if isinstance(begun, str) else texts)
        if self._citations:
            begun = block.get("citations")
            listed = begun if isinstance(begun, list) else [] if begun is None else [begun]
            block["citations"] = [*listed, *self._citations]
        return block
