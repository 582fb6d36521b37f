"""Requests to threads and runs, read into messages, tools, parameters and references.

The law of this module: a body may open a thread, add a message, start a run or hand in what
tools gave, and each brings its part of the prompt; what it only names is a reference.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from audit.parts import Part, ToolResult
from audit.record import Message, Reference, Tool
from audit.value import Json, canonical_json
from tap.dialects.answers import beside
from tap.dialects.assistants_content import ThreadContent
from tap.dialects.keeping import Keeper
from tap.dialects.prompts import request_reading
from tap.dialects.reading import RequestReading
from tap.wire_json import as_dict, as_list, as_text, clean_text, clean_tree, dump

__all__ = ["read_assistants_request", "thread_message"]

_INSTRUCTIONS = ("instructions", "additional_instructions")
_TURNS = ("messages", "additional_messages")
_PROMPTS = frozenset((*_INSTRUCTIONS, *_TURNS, "tools", "tool_outputs"))
# Of a body that is itself a message.
_MESSAGE = frozenset(("role", "content", "attachments"))
_READ = frozenset(("role", "content"))


def read_assistants_request(body: dict[str, Json], keeper: Keeper) -> RequestReading:
    """Read a request's JSON object. Never raises."""
    content = ThreadContent(keeper)
    thread = as_dict(body.get("thread"))
    is_message = "content" in body
    messages = [
        *_instructions(body, content),
        *(thread_message(turn, content, keeper) for turn in as_list(thread.get("messages"))),
        *(
            thread_message(turn, content, keeper)
            for name in _TURNS
            for turn in as_list(body.get(name))
        ),
        *([_own_message(body, content, keeper)] if is_message else []),
        *(_handed_in(output, keeper) for output in as_list(body.get("tool_outputs"))),
    ]
    reading = request_reading(
        {**body, "thread": _beside_messages(thread)} if thread else body,
        messages,
        keeper,
        prompts=_PROMPTS | _MESSAGE if is_message else _PROMPTS,
        stream=body.get("stream") is True,
        references=dict.fromkeys([*_references(body), *content.references]),
    )
    return replace(reading, request=replace(reading.request, tools=tuple(_tools(body, keeper))))


def _clean(value: Json) -> str | None:
    text = as_text(value)
    return clean_text(text) if text else None


def _beside_messages(thread: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in thread.items() if name != "messages"}


def _instructions(body: dict[str, Json], content: ThreadContent) -> list[Message]:
    said = [content.parts(body.get(name)) for name in _INSTRUCTIONS]
    return [Message(role="system", parts=tuple(parts)) for parts in said if parts]


def thread_message(value: Json, content: ThreadContent, keeper: Keeper) -> Message:
    """Read one message of a thread."""
    if not isinstance(value, dict):
        return Message(role="unknown", parts=(keeper.as_extra("message", value),))
    parts: list[Part] = content.parts(value.get("content"))
    parts += beside(value, _READ, keeper, "message.")
    content.references += [
        Reference(kind="file", id=file_id) for file_id in _attached(value.get("attachments"))
    ]
    return Message(role=_clean(value.get("role")) or "unknown", parts=tuple(parts))


def _own_message(body: dict[str, Json], content: ThreadContent, keeper: Keeper) -> Message:
    message = {name: value for name, value in body.items() if name in _MESSAGE}
    return thread_message(message, content, keeper)


def _attached(attachments: Json) -> list[str]:
    ids = (_clean(as_dict(each).get("file_id")) for each in as_list(attachments))
    return [file_id for file_id in ids if file_id]


def _handed_in(value: Json, keeper: Keeper) -> Message:
    """What a tool gave, in answer to a call that an earlier answer holds."""
    output = as_dict(value)
    before = len(keeper.media)
    said = output.get("output")
    text = keeper.inline(said) if isinstance(said, str) else dump(keeper.kept(said))
    result = ToolResult(id=_clean(output.get("tool_call_id")), text=text if said else "")
    rest = beside(output, frozenset(("tool_call_id", "output")), keeper, "tool_outputs.")
    return Message(role="tool", parts=(result, *rest, *keeper.media[before:]))


def _tools(body: dict[str, Json], keeper: Keeper) -> Iterator[Tool]:
    for tool in as_list(body.get("tools")):
        fields = as_dict(tool)
        name = _clean(as_dict(fields.get("function")).get("name")) or _clean(fields.get("type"))
        digest = keeper.digest(canonical_json(clean_tree(tool)))
        yield Tool(name=name or "unnamed", digest=digest)


def _references(body: dict[str, Json]) -> Iterator[Reference]:
    """The assistant, whose instructions are elsewhere, and what its tools may look into."""
    if assistant := _clean(body.get("assistant_id")):
        yield Reference(kind="assistant", id=assistant)
    for holder in (body, as_dict(body.get("thread"))):
        resources = as_dict(holder.get("tool_resources"))
        for resource in resources.values():
            yield from _resource(as_dict(resource))


def _resource(resource: dict[str, Json]) -> Iterator[Reference]:
    stores = [as_dict(store) for store in as_list(resource.get("vector_stores"))]
    for store in (resource, *stores):
        for file_id in filter(None, map(_clean, as_list(store.get("file_ids")))):
            yield Reference(kind="file", id=file_id)
    for store_id in filter(None, map(_clean, as_list(resource.get("vector_store_ids")))):
        yield Reference(kind="vector_store", id=store_id)
