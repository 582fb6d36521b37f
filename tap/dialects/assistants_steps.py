"""The steps of a run: calls of tools, and what the tools gave.

The law of this module: a call is followed by its results, in the order of the step. What a tool
of the server was asked and what it found are the step's own; a client's result is in the request
that handed it in, and is repeated here by the server.
"""

from __future__ import annotations

from audit.parts import Media, Part, ToolCall, ToolResult
from audit.value import Json
from tap.dialects.answers import beside
from tap.dialects.keeping import Keeper
from tap.dialects.tool_calls import as_sent
from tap.wire_json import as_dict, as_list, as_text, clean_text, dump

__all__ = ["call_of", "step_parts"]

_CALL_READ = frozenset(("id", "type", "index"))
_FUNCTION_READ = frozenset(("name", "arguments", "output"))
_CODE_READ = frozenset(("input", "outputs"))


def _clean(value: Json) -> str | None:
    text = as_text(value)
    return clean_text(text) if text else None


def call_of(call: dict[str, Json], keeper: Keeper) -> ToolCall:
    """A call of one of the client's functions."""
    function = as_dict(call.get("function"))
    said = function.get("arguments")
    text = "" if said is None else as_sent(said, keeper)
    return ToolCall(id=_clean(call.get("id")), name=_clean(function.get("name")), arguments=text)


def step_parts(details: Json, keeper: Keeper) -> list[Part]:
    """Read the details of a step; one that only created a message has no parts."""
    before = len(keeper.media)
    parts: list[Part] = []
    for call in as_list(as_dict(details).get("tool_calls")):
        parts += _call(call, keeper)
    return [*parts, *keeper.media[before:]]


def _call(value: Json, keeper: Keeper) -> list[Part]:
    call = as_dict(value)
    kind = as_text(call.get("type")) or "unknown"
    inner = as_dict(call.get(kind))
    call_id = _clean(call.get("id"))
    parts: list[Part]
    if kind == "function":
        parts = [call_of(call, keeper), *_function_result(call_id, inner, keeper)]
        parts += beside(inner, _FUNCTION_READ, keeper, "function.")
    elif kind == "code_interpreter":
        code = as_sent(inner.get("input") or "", keeper)
        parts = [ToolCall(id=call_id, name=kind, arguments=code)]
        parts += [_output(call_id, output, keeper) for output in as_list(inner.get("outputs"))]
        parts += beside(inner, _CODE_READ, keeper, "code_interpreter.")
    elif kind in call:
        parts = [ToolCall(id=call_id, name=clean_text(kind))]
        parts.append(ToolResult(id=call_id, text=dump(keeper.kept(call[kind]))))
    else:
        return [keeper.as_extra("tool_calls", value)]
    return [*parts, *beside(call, _CALL_READ | {kind}, keeper, "tool_calls.")]


def _function_result(
    call_id: str | None, function: dict[str, Json], keeper: Keeper
) -> list[ToolResult]:
    output = function.get("output")
    if output is None:
        return []
    return [ToolResult(id=call_id, text=as_sent(output, keeper))]


def _output(call_id: str | None, value: Json, keeper: Keeper) -> Part:
    """What code printed, or a picture it drew, which is a file of the server."""
    output = as_dict(value)
    if isinstance(output.get("logs"), str):
        return ToolResult(id=call_id, text=keeper.inline(output["logs"]))
    if file_id := _clean(as_dict(output.get("image")).get("file_id")):
        return Media(mime="image", name=file_id)
    return keeper.as_extra("code_interpreter.outputs", value)
