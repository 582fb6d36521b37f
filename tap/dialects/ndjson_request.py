"""The request of an Ollama `api/chat` or `api/generate` call, read into messages and parameters.

The law of this module: every text of the prompt stays where it stood; `api/generate` has a system
text and a prompt where `api/chat` has messages. An answer is streamed unless the request says no.
"""

from __future__ import annotations

from audit.flags import Flag
from audit.parts import Part, Reasoning, Text, ToolResult
from audit.record import Message, Request, Tool
from audit.value import Json, canonical_json
from tap.dialects.chat_request import call_parts
from tap.dialects.keeping import Keeper
from tap.dialects.reading import RequestReading
from tap.wire_json import as_dict, as_list, as_text, clean_text, clean_tree

__all__ = ["images_of", "read_ndjson_request"]

_NOT_PARAMETERS = frozenset(("messages", "tools", "system", "prompt", "suffix", "images"))
_READ = frozenset(("role", "content", "thinking", "images", "tool_calls", "tool_name", "name"))


def read_ndjson_request(body: dict[str, Json], keeper: Keeper) -> RequestReading:
    """Read a request's JSON object. Never raises."""
    messages = [_message(value, keeper) for value in as_list(body.get("messages"))]
    if not isinstance(body.get("messages"), list):
        if "prompt" not in body:
            keeper.flags.add(Flag.REQUEST_MALFORMED)
        messages = _prompted(body, keeper)
    parameters = {name: value for name, value in body.items() if name not in _NOT_PARAMETERS}
    model = as_text(body.get("model"))
    return RequestReading(
        request=Request(
            messages=tuple(messages),
            tools=tuple(_tool(tool, keeper) for tool in as_list(body.get("tools"))),
            parameters=keeper.kept(parameters),
        ),
        model=clean_text(model) if model else None,
        stream=body.get("stream") is not False,
        flags=frozenset(keeper.flags),
    )


def images_of(images: Json, keeper: Keeper) -> list[Part]:
    """Images are bare base64 in a list; their type is not told."""
    parts: list[Part] = []
    for image in images if isinstance(images, list) else [images]:
        if isinstance(image, str) and image:
            parts.append(keeper.base64_as_media(image, "image"))
        elif image is not None:
            parts.append(keeper.as_extra("images", image))
    return parts


def _prompted(body: dict[str, Json], keeper: Keeper) -> list[Message]:
    """What `api/generate` has instead of messages; `suffix` is what is to follow the answer."""
    found: list[Message] = []
    for role, names in (("system", ("system",)), ("user", ("prompt", "suffix", "images"))):
        before = len(keeper.media)
        parts = [part for name in names for part in _field(name, body.get(name), keeper)]
        if parts:
            found.append(Message(role=role, parts=(*parts, *keeper.media[before:])))
    if body.get("messages") is not None:
        found.append(Message(role="unknown", parts=(_odd(body["messages"], keeper),)))
    return found


def _odd(messages: Json, keeper: Keeper) -> Part:
    keeper.flags.add(Flag.REQUEST_MALFORMED)
    return keeper.as_extra("messages", messages)


def _field(name: str, value: Json, keeper: Keeper) -> list[Part]:
    if value in (None, "", []):
        return []
    if name == "images":
        return images_of(value, keeper)
    return keeper.text_parts(value) if isinstance(value, str) else [keeper.as_extra(name, value)]


def _message(value: Json, keeper: Keeper) -> Message:
    if not isinstance(value, dict):
        keeper.flags.add(Flag.REQUEST_MALFORMED)
        return Message(role="unknown", parts=(keeper.as_extra("message", value),))
    before = len(keeper.media)
    role = clean_text(as_text(value.get("role")) or "unknown")
    name = as_text(value.get("tool_name")) or as_text(value.get("name"))
    named = clean_text(name) if name else None
    thought = as_text(value.get("thinking"))
    parts: list[Part] = [Reasoning(text=keeper.inline(thought))] if thought else []
    parts += _content(value.get("content"), role, named, keeper)
    parts += images_of(value.get("images"), keeper)
    parts += call_parts(value, keeper)
    parts += [
        keeper.as_extra(f"message.{field}", inner)
        for field, inner in value.items()
        if field not in _READ and inner is not None
    ]
    return Message(role=role, name=named, parts=(*parts, *keeper.media[before:]))


def _content(content: Json, role: str, name: str | None, keeper: Keeper) -> list[Part]:
    parts = _field("content", content, keeper)
    if role != "tool":
        return parts
    text = "".join(part.text for part in parts if isinstance(part, Text))
    return [ToolResult(name=name, text=text), *(p for p in parts if not isinstance(p, Text))]


def _tool(value: Json, keeper: Keeper) -> Tool:
    name = as_text(as_dict(as_dict(value).get("function")).get("name"))
    digest = keeper.digest(canonical_json(clean_tree(value)))
    return Tool(name=clean_text(name) if name else "unnamed", digest=digest)
