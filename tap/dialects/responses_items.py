"""The items of the Responses API, read into parts: of a prompt and of an answer alike.

The law of this module: of an item, everything that no part holds stays together in one `Extra`
named `item.<type>`, its id among it, since later requests refer to items by id. What is
encrypted is kept as size and digest. An item of a kind that is not known is one `Extra`.
"""

from __future__ import annotations

from typing import TypeAlias

from audit.parts import Part
from audit.record import Reference
from audit.value import Json
from tap.dialects.keeping import Keeper, decode_base64
from tap.dialects.responses_calls import CALLS, RESULTS, CallReader, Read
from tap.dialects.responses_content import ContentReader, cleaned, says_nothing
from tap.wire_json import as_dict, as_text

__all__ = ["ItemReader", "kind_of", "role_of"]

_Item: TypeAlias = dict[str, Json]

_OF_MODEL = frozenset(("message", "reasoning", "compaction", *CALLS))
_OF_TOOLS = frozenset(("mcp_list_tools", "tool_search_output", *RESULTS))
_OFFERING = frozenset(("additional_tools", "tool_search_output"))
_SEALED = ("encrypted_content", "fingerprint")
# `status` is the finish reason of an answer's item; a prompt's item is finished anyway.
_KNOWN_READ = frozenset(("type", "role", "status", *_SEALED))
_UNKNOWN_READ = frozenset(("type", *_SEALED))


def kind_of(item: _Item) -> str:
    """The type of an item; a prompt's messages need not name theirs."""
    return cleaned(item.get("type")) or ("message" if "role" in item else "unknown")


def role_of(item: _Item) -> str:
    """Whose turn an item is: said by its message, or plain from its kind."""
    kind = kind_of(item)
    if role := cleaned(item.get("role")):
        return role
    if kind in _OF_MODEL:
        return "assistant"
    if kind in _OF_TOOLS:
        return "tool"
    return "user" if kind == "mcp_approval_response" else "unknown"


class ItemReader:
    """Reads items one by one; `references` gathers what they point to.

    Where `tools` is given, it gathers the tools that items offer; else those stay with the item.
    """

    def __init__(self, keeper: Keeper, tools: list[Json] | None = None) -> None:
        self._tools = tools
        self._keeper = keeper
        self._content = ContentReader(keeper)
        self._calls = CallReader(keeper, self._content)
        self.references = self._content.references

    def parts(self, item: Json) -> list[Part]:
        """Read one item, with the media lifted out of it. Never raises."""
        before = len(self._keeper.media)
        if isinstance(item, dict):
            parts = self._item_parts(kind_of(item), item)
        else:
            parts = self._content.content(item, "item")
        return [*parts, *self._keeper.media[before:]]

    def content(self, content: Json) -> list[Part]:
        """Read content that stands outside an item: instructions, or a prompt's variable."""
        before = len(self._keeper.media)
        parts = self._content.content(content)
        return [*parts, *self._keeper.media[before:]]

    def reference(self, item: Json) -> bool:
        """Take an item that only names an earlier one; False for any other."""
        fields = as_dict(item)
        item_id = cleaned(fields.get("id"))
        named = fields.get("type") in (None, "item_reference")
        if item_id is None or not named or not set(fields) <= {"type", "id"}:
            return False
        self.references.append(Reference(kind="item", id=item_id))
        return True

    def _item_parts(self, kind: str, item: _Item) -> list[Part]:
        parts, left = self._read(kind, item)
        parts = [*parts, *self._sealed(item)]
        known = kind in _OF_MODEL or kind in RESULTS
        rest = {
            name: left.get(name, value)
            for name, value in item.items()
            if name not in (_KNOWN_READ if known else _UNKNOWN_READ)
        }
        rest = {name: value for name, value in rest.items() if not says_nothing(value)}
        return [*parts, self._keeper.as_extra(f"item.{kind}", rest)] if rest else parts

    def _read(self, kind: str, item: _Item) -> Read:
        if kind in CALLS:
            return self._calls.call(kind, item)
        if kind in RESULTS:
            return self._calls.result(kind, item)
        if kind in ("message", "reasoning"):
            return self._said(item)
        if kind == "mcp_approval_response" and (reason := as_text(item.get("reason"))):
            return self._keeper.text_parts(reason), {"reason": None}
        if kind in _OFFERING and self._tools is not None and isinstance(item.get("tools"), list):
            self._tools += item["tools"]
            return [], {"tools": None}
        return [], {}

    def _said(self, item: _Item) -> Read:
        """A message's content; of reasoning, the summary before the thoughts themselves."""
        summary = self._content.content(item.get("summary"), "item.summary")
        content = self._content.content(item.get("content"), "item.content")
        return [*summary, *content], {"summary": None, "content": None}

    def _sealed(self, item: _Item) -> list[Part]:
        named = ((name, cleaned(item.get(name))) for name in _SEALED)
        values = ((name, self._keeper.whole(value)) for name, value in named if value)
        return [
            self._keeper.bytes_as_media(decode_base64(value) or value.encode(), None, name)
            for name, value in values
        ]
