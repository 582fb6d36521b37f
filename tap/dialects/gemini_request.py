"""The request of a Gemini `generateContent` call, read into messages, tools and parameters.

The law of this module: every text of the prompt stays where it stood; a prompt that the request
only points to (cached content, files) is a reference; what is no prompt is a parameter.
"""

from __future__ import annotations

from audit.flags import Flag
from audit.parts import Part
from audit.record import Message, Reference, Request, Tool
from audit.value import Json, canonical_json
from tap.dialects.gemini_parts import camelled, cleaned, file_of, part_of
from tap.dialects.keeping import Keeper
from tap.dialects.reading import RequestReading
from tap.wire_json import as_dict, as_list, clean_tree

__all__ = ["read_gemini_request"]

_NOT_PARAMETERS = frozenset(("contents", "systemInstruction", "tools", "cachedContent"))


def read_gemini_request(value: dict[str, Json], keeper: Keeper) -> RequestReading:
    """Read a request's JSON object. Never raises.

    `stream` is left open: the path says it, not the body.
    """
    body = camelled(value)
    turns = _turns(body.get("contents"), keeper)
    reader = _Contents(keeper)
    instruction = body.get("systemInstruction")
    system = [reader.message(instruction, "system")] if instruction is not None else []
    if cached := cleaned(body.get("cachedContent")):
        reader.references.append(Reference(kind="cached_content", id=cached))
    parameters = {name: inner for name, inner in body.items() if name not in _NOT_PARAMETERS}
    return RequestReading(
        request=Request(
            messages=(*system, *(reader.message(turn, "user") for turn in turns)),
            tools=tuple(_tools(body.get("tools"), keeper)),
            parameters=keeper.kept(parameters),
            references=tuple(reader.references),
        ),
        model=cleaned(body.get("model")),
        stream=None,
        flags=frozenset(keeper.flags),
    )


def _turns(contents: Json, keeper: Keeper) -> list[Json]:
    """A list of turns; some clients send the one turn they have, or its text."""
    if isinstance(contents, list):
        return contents
    if not isinstance(contents, dict | str):
        keeper.flags.add(Flag.REQUEST_MALFORMED)
    return [] if contents is None else [contents]


class _Contents:
    """Reads contents one by one, gathering the files they only point to."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper
        self.references: list[Reference] = []

    def message(self, value: Json, role: str) -> Message:
        before = len(self._keeper.media)
        content = as_dict(value)
        parts = self._parts(content.get("parts", []) if content else value)
        parts += [
            self._keeper.as_extra(f"content.{name}", inner)
            for name, inner in content.items()
            if name not in ("role", "parts") and inner is not None
        ]
        # The role that a system instruction carries says nothing: the API ignores it.
        said = cleaned(content.get("role")) if role != "system" else None
        return Message(role=said or role, parts=(*parts, *self._keeper.media[before:]))

    def _parts(self, value: Json) -> list[Part]:
        found: list[Part] = []
        for each in value if isinstance(value, list) else [value]:
            part = {"text": each} if isinstance(each, str) else each
            found += part_of(part, self._keeper)
            if (file := file_of(part)) is not None:
                self.references.append(file)
        return found


def _tools(tools: Json, keeper: Keeper) -> list[Tool]:
    """Each declared function by its name; a tool of the provider's own by the name of its kind."""
    return [tool for offered in as_list(tools) for tool in _tool(camelled(offered), keeper)]


def _tool(offered: dict[str, Json], keeper: Keeper) -> list[Tool]:
    found: list[Tool] = []
    for kind, definition in offered.items():
        if kind != "functionDeclarations":
            found.append(_digested(cleaned(kind), {kind: definition}, keeper))
            continue
        found += [
            _digested(cleaned(as_dict(declared).get("name")), declared, keeper)
            for declared in as_list(definition)
        ]
    return found


def _digested(name: str | None, definition: Json, keeper: Keeper) -> Tool:
    digest = keeper.digest(canonical_json(clean_tree(definition)))
    return Tool(name=name or "unnamed", digest=digest)
