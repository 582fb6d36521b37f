"""The parts of a Gemini content, of a prompt or of an answer, read into those of a record.

The law of this module: one mapping serves both sides. A part is what its one speaking field
says; what stands beside that field (`thoughtSignature`, `videoMetadata`) is an `Extra` after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from audit.parts import Extra, Media, Part, Reasoning, ToolCall, ToolResult
from audit.record import Reference
from audit.value import Json
from tap.dialects.keeping import Keeper, bare_url
from tap.dialects.tool_calls import joined_arguments
from tap.wire_json import as_dict, as_text, clean_text, dump

__all__ = ["CODE_EXECUTION", "camelled", "cleaned", "file_of", "part_of"]

# What a record calls the tool with which the model ran code of its own.
CODE_EXECUTION = "code_execution"

_SNAKE = re.compile(r"_([a-z])")


def cleaned(value: Json) -> str | None:
    """A string that says something, fit for a record; else None."""
    text = as_text(value)
    return clean_text(text) if text else None


def camelled(value: Json) -> dict[str, Json]:
    """An object under the names of the REST reference; the API takes snake case as well."""
    return {_SNAKE.sub(_raised, name): inner for name, inner in as_dict(value).items()}


def _raised(found: re.Match[str]) -> str:
    return found[1].upper()


def part_of(value: Json, keeper: Keeper) -> list[Part]:
    """Read one part. What nothing here knows is kept as it is."""
    part = camelled(value)
    known = next((name for name in _READERS if part.get(name) is not None), None)
    read = _READERS[known](part, keeper) if known is not None else []
    if known is None or not read:
        silent = isinstance(value, dict) and not any(_without_thought(part))
        return [] if silent or value is None else [keeper.as_extra("part", value)]
    return [*read, *_beside(part, known, keeper)]


def _without_thought(part: dict[str, Json]) -> list[Json]:
    return [value for name, value in part.items() if name != "thought"]


def _beside(part: dict[str, Json], known: str, keeper: Keeper) -> list[Extra]:
    said = {known, "thought"} if known == "text" else {known}
    return [
        keeper.as_extra(f"part.{name}", inner)
        for name, inner in part.items()
        if name not in said and inner is not None
    ]


def _text(part: dict[str, Json], keeper: Keeper) -> list[Part]:
    text = part["text"]
    if not isinstance(text, str) or not text:
        return []
    if part.get("thought") is True:
        return [Reasoning(text=keeper.inline(text))]
    return keeper.text_parts(text)


def _inline_data(part: dict[str, Json], keeper: Keeper) -> list[Part]:
    blob = camelled(part["inlineData"])
    data = as_text(blob.get("data"))
    mime, name = cleaned(blob.get("mimeType")), cleaned(blob.get("displayName"))
    return [keeper.base64_as_media(data, mime, name)] if data else []


def _file_data(part: dict[str, Json], _keeper: Keeper) -> list[Part]:
    file = camelled(part["fileData"])
    uri = as_text(file.get("fileUri"))
    mime, name = cleaned(file.get("mimeType")), cleaned(file.get("displayName"))
    return [Media(mime=mime, name=name, url=bare_url(uri))] if uri else []


def file_of(value: Json) -> Reference | None:
    """The file that a part only points to."""
    uri = as_text(camelled(camelled(value).get("fileData")).get("fileUri"))
    return Reference(kind="file", id=bare_url(uri)) if uri else None


def _function_call(part: dict[str, Json], keeper: Keeper) -> list[Part]:
    call = camelled(part["functionCall"])
    said = call.get("args")
    arguments = "" if said is None else joined_arguments(keeper.kept(said))
    named = cleaned(call.get("name"))
    return [ToolCall(id=cleaned(call.get("id")), name=named, arguments=clean_text(arguments))]


def _function_response(part: dict[str, Json], keeper: Keeper) -> list[Part]:
    answer = camelled(part["functionResponse"])
    rest = {name: inner for name, inner in answer.items() if name not in ("id", "name")}
    only = rest["response"] if list(rest) == ["response"] else rest
    text = dump(keeper.kept(only)) if rest else ""
    return [ToolResult(id=cleaned(answer.get("id")), name=cleaned(answer.get("name")), text=text)]


def _executable_code(part: dict[str, Json], keeper: Keeper) -> list[Part]:
    code = as_text(as_dict(part["executableCode"]).get("code"))
    return [ToolCall(name=CODE_EXECUTION, arguments=keeper.inline(code))] if code else []


def _code_result(part: dict[str, Json], keeper: Keeper) -> list[Part]:
    result = as_dict(part["codeExecutionResult"])
    output, outcome = as_text(result.get("output")), as_text(result.get("outcome"))
    if output is None and outcome is None:
        return []
    failed = outcome is not None and outcome != "OUTCOME_OK"
    return [ToolResult(name=CODE_EXECUTION, text=keeper.inline(output or ""), is_error=failed)]


_READERS: dict[str, Callable[[dict[str, Json], Keeper], list[Part]]] = {
    "text": _text,
    "inlineData": _inline_data,
    "fileData": _file_data,
    "functionCall": _function_call,
    "functionResponse": _function_response,
    "executableCode": _executable_code,
    "codeExecutionResult": _code_result,
}
