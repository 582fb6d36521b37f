"""Calls of the Responses API and what came of them, whoever carried them out.

The law of this module: a call is a `ToolCall`, a result a `ToolResult`, linked by id. Each reading
says which fields it has read and what is left of them, so that nothing else of an item is lost.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from audit.parts import Media, Part, Text, ToolCall, ToolResult
from audit.value import Json
from tap.dialects.keeping import Keeper
from tap.dialects.responses_content import ContentReader, cleaned, says_nothing
from tap.dialects.tool_calls import as_sent
from tap.wire_json import as_dict, as_list, as_text

__all__ = ["CALLS", "PARTIALS", "RESULTS", "CallReader", "Read"]

# Parts, and by name of the field they were read from, what is left of it.
Read: TypeAlias = tuple[list[Part], dict[str, Json]]
_Item: TypeAlias = dict[str, Json]

# Where the fold puts the images that were shown before the final one.
PARTIALS = "partial_images"

# The tool that a call of each kind is for, None where the item names it, and where the call's
# content stands.
CALLS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "function_call": (None, ("arguments",)),
    "custom_tool_call": (None, ("input",)),
    "mcp_call": (None, ("arguments",)),
    "mcp_approval_request": (None, ("arguments",)),
    "tool_search_call": ("tool_search", ("arguments",)),
    "code_interpreter_call": ("code_interpreter", ("code",)),
    "program": ("program", ("code",)),
    "computer_call": ("computer", ("action", "actions")),
    "local_shell_call": ("local_shell", ("action",)),
    "shell_call": ("shell", ("action",)),
    "apply_patch_call": ("apply_patch", ("operation",)),
    "file_search_call": ("file_search", ("queries",)),
    "web_search_call": ("web_search", ("action",)),
    "image_generation_call": ("image_generation", ("revised_prompt", "prompt")),
}
# Where the result stands in an item of each kind.
RESULTS = {
    "function_call_output": "output",
    "custom_tool_call_output": "output",
    "computer_call_output": "output",
    "local_shell_call_output": "output",
    "apply_patch_call_output": "output",
    "shell_call_output": "output",
    "program_output": "result",
}
# What a call or a result holds of its item.
_NAMED: dict[str, Json] = {"name": None, "call_id": None}


class CallReader:
    """Reads the items that are calls or results of calls. Never raises."""

    def __init__(self, keeper: Keeper, content: ContentReader) -> None:
        self._keeper = keeper
        self._content = content
        self._after: dict[str, Callable[[_Item], Read]] = {
            "mcp_call": self._mcp_result,
            "code_interpreter_call": self._interpreter_outputs,
            "file_search_call": self._search_results,
            "image_generation_call": self._images,
        }

    def call(self, kind: str, item: _Item) -> Read:
        """Read a call, and its result where the same item holds it."""
        tool, places = CALLS[kind]
        place = next((each for each in places if not says_nothing(item.get(each))), places[0])
        said, left = item.get(place), None
        if kind == "web_search_call" and isinstance(said, dict):
            left = _without(said, set(said) - {"sources"})
            said = _without(said, {"sources"})
        call = ToolCall(
            id=_call_id(item),
            name=cleaned(item.get("name")) or tool,
            arguments=self._as_text(said),
        )
        after = self._after.get(kind)
        results, beside = after(item) if after else ([], {})
        return [call, *results], {**_NAMED, place: left, **beside}

    def result(self, kind: str, item: _Item) -> Read:
        """Read what came of an earlier call."""
        place = RESULTS[kind]
        said = item.get(place)
        if kind == "shell_call_output" and isinstance(said, list):
            parts = [part for entry in said for part in self._shell(item, as_dict(entry))]
            named = _NAMED if parts else {}
            return parts, {**named, place: _each_without(said, {"stdout", "stderr"})}
        read = self._content.content(said, f"item.{place}") or [Text(text="")]
        spoken = any(isinstance(part, Text) for part in read)
        linked = [self._linked(item, part) for part in read]
        return linked, {**(_NAMED if spoken else {}), place: None}

    def _linked(self, item: _Item, part: Part) -> Part:
        """A text of a result as a result of its own, so that it stays apart from the next."""
        return self._result(item, part.text) if isinstance(part, Text) else part

    def _as_text(self, said: Json) -> str:
        """What was sent as text stays as it came; an object loses its credentials first."""
        return "" if said is None else as_sent(said, self._keeper)

    def _result(self, item: _Item, text: str, name: str | None = None) -> ToolResult:
        named = name or cleaned(item.get("name"))
        return ToolResult(id=_call_id(item), name=named, text=self._keeper.inline(text))

    def _mcp_result(self, item: _Item) -> Read:
        parts: list[Part] = []
        if not says_nothing(item.get("output")):
            parts.append(self._result(item, self._as_text(item["output"])))
        if not says_nothing(item.get("error")):
            text, name = self._as_text(item["error"]), cleaned(item.get("name"))
            parts.append(ToolResult(id=_call_id(item), name=name, text=text, is_error=True))
        return parts, {"output": None, "error": None}

    def _interpreter_outputs(self, item: _Item) -> Read:
        outputs = item.get("outputs")
        if not isinstance(outputs, list):
            return [], {}
        return [self._interpreter_output(item, entry) for entry in outputs], {"outputs": None}

    def _interpreter_output(self, item: _Item, entry: Json) -> Part:
        output = as_dict(entry)
        if logs := as_text(output.get("logs")):
            return self._result(item, logs, "code_interpreter")
        if url := as_text(output.get("url")):
            return self._keeper.url_as_media(url)
        return self._keeper.as_extra("item.outputs", entry)

    def _search_results(self, item: _Item) -> Read:
        found = as_list(item.get("results"))
        texts = (as_text(as_dict(entry).get("text")) for entry in found)
        parts: list[Part] = [self._result(item, text, "file_search") for text in texts if text]
        return parts, {"results": _each_without(found, {"text"})} if found else {}

    def _images(self, item: _Item) -> Read:
        """The images that were shown on the way, then the final one."""
        shown = [data for data in as_list(item.get(PARTIALS)) if isinstance(data, str)]
        parts: list[Part] = [self._image(item, data, "partial image") for data in shown]
        if data := as_text(item.get("result")):
            parts.append(self._image(item, data, None))
        return parts, {PARTIALS: None, "result": None} if parts else {}

    def _image(self, item: _Item, data: str, name: str | None) -> Media:
        if data.startswith(("data:", "http:", "https:")):
            return self._keeper.url_as_media(data, name)
        form = cleaned(item.get("output_format"))
        return self._keeper.base64_as_media(data, f"image/{form}" if form else "image", name)

    def _shell(self, item: _Item, entry: _Item) -> list[Part]:
        said = ((name, as_text(entry.get(name))) for name in ("stdout", "stderr"))
        return [self._result(item, text, name) for name, text in said if text]


def _call_id(item: _Item) -> str | None:
    return cleaned(item.get("call_id")) or cleaned(item.get("id"))


def _without(fields: _Item, names: set[str]) -> _Item:
    return {name: value for name, value in fields.items() if name not in names}


def _each_without(entries: list[Json], names: set[str]) -> list[Json]:
    """The entries without what was read as text; entries of another shape as they are."""
    return [
        _without(entry, {name for name in names if isinstance(entry.get(name), str)})
        if isinstance(entry, dict)
        else entry
        for entry in entries
    ]
