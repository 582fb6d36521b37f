"""The request of the Responses API, read into messages, tools, parameters and references.

The law of this module: every item of the input is a message, in its place and its order. A prompt
that the server holds (an earlier response, a conversation, a stored prompt, an item, a file) is
a reference; what is neither is a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator

from audit.flags import Flag
from audit.parts import Part
from audit.record import Message, Reference, Request, Tool
from audit.value import Json, canonical_json
from tap.dialects.keeping import Keeper, bare_url
from tap.dialects.reading import RequestReading
from tap.dialects.responses_content import cleaned, says_nothing
from tap.dialects.responses_items import ItemReader, role_of
from tap.wire_json import as_dict, as_list, as_text, clean_text, clean_tree

__all__ = ["named_by_tools", "read_responses_request", "tools_of"]

_NOT_PARAMETERS = frozenset(("input", "instructions", "tools", "prompt"))
_SESSION_NAMES = ("session_id", "session", "conversation_id", "thread_id")


def read_responses_request(body: dict[str, Json], keeper: Keeper) -> RequestReading:
    """Read a request's JSON object. Never raises."""
    inside: list[Json] = []
    reader = ItemReader(keeper, inside)
    messages = [*_instructions(body, reader), *_variables(body, reader), *_input(body, reader)]
    pointed = [*_references(body), *reader.references]
    if body and says_nothing(body.get("input")) and not pointed:
        keeper.flags.add(Flag.REQUEST_MALFORMED)
    offered = [*as_list(body.get("tools")), *inside]
    before = len(keeper.media)
    parameters = keeper.kept(_parameters(body))
    if lifted := keeper.media[before:]:
        messages.append(Message(role="unknown", parts=tuple(lifted)))
    metadata = as_dict(body.get("metadata"))
    sessions = (cleaned(metadata.get(name)) for name in _SESSION_NAMES)
    return RequestReading(
        request=Request(
            messages=tuple(messages),
            tools=tuple(tools_of(offered, keeper)),
            parameters=parameters,
            references=tuple(dict.fromkeys([*pointed, *named_by_tools(offered)])),
        ),
        model=cleaned(body.get("model")),
        user=cleaned(body.get("user")) or cleaned(body.get("safety_identifier")),
        session=next(filter(None, sessions), None),
        stream=body.get("stream") is True,
        flags=frozenset(keeper.flags),
    )


def _parameters(body: dict[str, Json]) -> dict[str, Json]:
    """All that is neither text nor tool; tools and input out of shape stay visible here."""
    parameters = {name: value for name, value in body.items() if name not in _NOT_PARAMETERS}
    if "tools" in body and not isinstance(body["tools"], list):
        parameters["tools"] = body["tools"]
    prompt = body.get("prompt")
    if isinstance(prompt, dict):
        prompt = {name: value for name, value in prompt.items() if name != "variables"}
    return {**parameters, "prompt": prompt} if prompt is not None else parameters


def _instructions(body: dict[str, Json], reader: ItemReader) -> Iterator[Message]:
    said = body.get("instructions")
    if isinstance(said, list):
        yield from _items(said, reader)
    elif parts := reader.content(said):
        yield Message(role="system", parts=tuple(parts))


def _variables(body: dict[str, Json], reader: ItemReader) -> Iterator[Message]:
    """What is filled into a stored prompt: all of it that the request shows."""
    for name, value in as_dict(as_dict(body.get("prompt")).get("variables")).items():
        if parts := reader.content(value):
            yield Message(role="user", name=clean_text(name), parts=tuple(parts))


def _input(body: dict[str, Json], reader: ItemReader) -> Iterator[Message]:
    said = body.get("input")
    if isinstance(said, list):
        yield from _items(said, reader)
    elif said is not None and (parts := reader.parts(said)):
        yield _message(said, parts)


def _items(items: list[Json], reader: ItemReader) -> Iterator[Message]:
    for item in items:
        if not reader.reference(item):
            yield _message(item, reader.parts(item))


def _message(item: Json, parts: list[Part]) -> Message:
    role = role_of(item) if isinstance(item, dict) else "user"
    return Message(role=role, parts=tuple(parts))


def _references(body: dict[str, Json]) -> Iterator[Reference]:
    """The prompts that the server adds."""
    prompt, agent = as_dict(body.get("prompt")), body.get("agent_reference") or body.get("agent")
    conversation = body.get("conversation")
    named = (
        ("previous_response", body.get("previous_response_id")),
        ("conversation", as_dict(conversation).get("id") or conversation),
        ("prompt", prompt.get("id")),
        ("agent", as_dict(agent).get("name") or agent),
    )
    for kind, value in named:
        if name := cleaned(value):
            yield Reference(kind=kind, id=name)


def named_by_tools(tools: list[Json]) -> Iterator[Reference]:
    """Stores that are searched, and remote servers that describe their tools to the model."""
    for tool in map(as_dict, tools):
        for store in as_list(tool.get("vector_store_ids")):
            if name := cleaned(store):
                yield Reference(kind="vector_store", id=name)
        if url := as_text(tool.get("server_url")):
            yield Reference(kind="mcp_server", id=bare_url(url))
        if connector := cleaned(tool.get("connector_id")):
            yield Reference(kind="mcp_connector", id=connector)


def tools_of(offered: list[Json], keeper: Keeper) -> Iterator[Tool]:
    """The tools offered, those inside a namespace by themselves as well."""
    for tool in offered:
        fields = as_dict(tool)
        digest = keeper.digest(canonical_json(clean_tree(tool)))
        yield Tool(name=_tool_name(fields), digest=digest)
        if fields.get("type") == "namespace":
            for inner in as_list(fields.get("tools")):
                inside = keeper.digest(canonical_json(clean_tree(inner)))
                name = f"{_tool_name(fields)}.{_tool_name(as_dict(inner))}"
                yield Tool(name=name, digest=inside)


def _tool_name(tool: dict[str, Json]) -> str:
    holders = (tool, as_dict(tool.get("function")), as_dict(tool.get("custom")))
    names = [cleaned(holder.get("name")) for holder in holders]
    names += [cleaned(tool.get("server_label")), cleaned(tool.get("type"))]
    return next(filter(None, names), None) or "unnamed"
