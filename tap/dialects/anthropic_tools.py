"""Calls of tools and their results, the client's, the provider's own and those of MCP servers.

The law of this module: a call keeps the arguments that were sent, and a result the order of its
contents: each text is one result under the id of its call, each picture stands between them.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby
from typing import TypeAlias

from audit.parts import Part, Text, ToolCall, ToolResult
from audit.value import Json
from tap.dialects.anthropic_sealed import without_sealed
from tap.dialects.keeping import Keeper
from tap.wire_json import NOT_JSON, as_dict, as_text, clean_text, clean_tree, dump, read_json

__all__ = ["call_parts", "result_parts"]

Block: TypeAlias = dict[str, Json]
ReadBlock: TypeAlias = Callable[[Json], list[Part]]

# The blocks that a result is made of where a client's tool gave it.
_CONTENTS = frozenset(("text", "image", "document", "search_result"))
# `input_json` is what the fold calls the arguments that came in pieces.
_CALL_READ = frozenset(("type", "id", "name", "input", "input_json", "cache_control"))
_RESULT_READ = frozenset(("type", "tool_use_id", "content", "is_error", "cache_control"))
# Who called: the model itself, unless something else is said.
_DIRECT = {"type": "direct"}


def call_parts(kind: str, block: Block, keeper: Keeper) -> list[Part]:
    """Read a call (`tool_use`, `server_tool_use`, `mcp_tool_use`)."""
    given, streamed = block.get("input"), as_text(block.get("input_json"))
    said = _as_sent(streamed, keeper) if streamed else _arguments(given, keeper)
    call = ToolCall(id=_clean(block.get("id")), name=_clean(block.get("name")), arguments=said)
    left = _left(kind, block, _CALL_READ, keeper)
    if streamed and given and given != read_json(streamed):
        left.append(keeper.as_extra(f"{kind}.input", given))
    return [call, *left]


def _clean(value: Json) -> str | None:
    text = as_text(value)
    return clean_text(text) if text else None


def _arguments(value: Json, keeper: Keeper) -> str:
    if isinstance(value, str):
        return keeper.inline(value)
    return "" if value is None else dump(keeper.kept(value))


def _as_sent(text: str, keeper: Keeper) -> str:
    """Arguments stay letter by letter, unless something in them may not be kept."""
    value = read_json(text)
    if value is NOT_JSON:
        return keeper.inline(text)
    value = clean_tree(value)
    kept = keeper.kept(value)
    return clean_text(text) if kept == value else dump(kept)


def _left(kind: str, block: Block, read: frozenset[str], keeper: Keeper) -> list[Part]:
    return [
        keeper.as_extra(f"{kind}.{name}", without_sealed(value, keeper))
        for name, value in block.items()
        if name not in read
        and value not in (None, "", [], {})
        and not (name == "caller" and value == _DIRECT)
    ]


def result_parts(kind: str, block: Block, read_block: ReadBlock, keeper: Keeper) -> list[Part]:
    """Read a result (`tool_result`, `web_search_tool_result`, `mcp_tool_result`, …)."""
    result = _Result(block, read_block, keeper)
    return [*result.parts(block.get("content")), *_left(kind, block, _RESULT_READ, keeper)]


class _Result:
    def __init__(self, block: Block, read_block: ReadBlock, keeper: Keeper) -> None:
        self._id = _clean(block.get("tool_use_id"))
        self._is_error = block.get("is_error") is True or _tells_error(block.get("content"))
        self._read_block = read_block
        self._keeper = keeper

    def parts(self, content: Json) -> list[Part]:
        """A result that holds no text at all is still a result."""
        parts = self._content(content)
        if not any(isinstance(part, ToolResult) for part in parts):
            parts.insert(0, self._result(""))
        return parts

    def _content(self, content: Json) -> list[Part]:
        if isinstance(content, list):
            return [
                part
                for known, run in groupby(content, _is_content)
                for part in self._run(list(run), known=known)
            ]
        if isinstance(content, str):
            return [self._as_result(part) for part in self._keeper.text_parts(content)]
        return [] if content is None else [self._as_json(content)]

    def _run(self, blocks: list[Json], *, known: bool) -> list[Part]:
        if not known:
            return [self._as_json(blocks)]
        return [self._as_result(part) for block in blocks for part in self._read_block(block)]

    def _as_result(self, part: Part) -> Part:
        return self._result(part.text) if isinstance(part, Text) else part

    def _as_json(self, content: Json) -> ToolResult:
        """What the provider's own tools give is structured, and kept as its JSON."""
        return self._result(dump(self._keeper.kept(without_sealed(content, self._keeper))))

    def _result(self, text: str) -> ToolResult:
        return ToolResult(id=self._id, text=text, is_error=self._is_error)


def _is_content(block: Json) -> bool:
    return isinstance(block, str) or as_text(as_dict(block).get("type")) in _CONTENTS


def _tells_error(content: Json) -> bool:
    kind = as_text(as_dict(content).get("type")) or ""
    return kind.endswith("_error")
