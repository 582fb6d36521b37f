"""Requests of the Messages API: one to answer, one to count, or a batch of them.

The law of this module: the system prompt stands first, as it does for the model; every text
stays where it stood; what is not prompt is a parameter. Of a batch, each message carries the id
of the request it belongs to as its name.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from audit.flags import Flag
from audit.record import Message, Reference, Tool
from audit.value import Json, canonical_json
from tap.dialects.answers import beside
from tap.dialects.anthropic_blocks import BlockReader
from tap.dialects.keeping import Keeper, bare_url
from tap.dialects.prompts import request_reading
from tap.dialects.reading import RequestReading
from tap.wire_json import as_dict, as_list, as_text, clean_text, clean_tree, read_json

__all__ = ["read_anthropic_request", "read_batch_request"]

_PROMPTS = frozenset(("system", "messages", "tools"))
_READ = frozenset(("role", "content"))
# Coding agents put their session into the user's id, as its last part or as a member of JSON.
_SESSION_MARK = "_session_"


def read_anthropic_request(body: dict[str, Json], keeper: Keeper) -> RequestReading:
    """Read a request's JSON object. Never raises."""
    prompt = _Prompt(body, None, keeper)
    user = _clean(as_dict(body.get("metadata")).get("user_id"))
    reading = request_reading(
        _bare_servers(body),
        prompt.messages,
        keeper,
        prompts=_PROMPTS,
        stream=body.get("stream") is True,
        references=prompt.references,
    )
    return replace(
        reading,
        request=replace(reading.request, tools=tuple(_tools(body, keeper))),
        user=user,
        session=_session_in(user) or reading.session,
    )


def read_batch_request(body: dict[str, Json], keeper: Keeper) -> RequestReading:
    """Read the requests of a batch as one: their messages, tools and parameters in order."""
    asked = [as_dict(entry) for entry in as_list(body.get("requests"))]
    params = [as_dict(entry.get("params")) for entry in asked]
    prompts = [
        _Prompt(each, _clean(entry.get("custom_id")), keeper)
        for entry, each in zip(asked, params, strict=True)
    ]
    reading = request_reading(
        {**body, "requests": [_beside_prompt(entry) for entry in asked]},
        [message for prompt in prompts for message in prompt.messages],
        keeper,
        prompts=frozenset(),
        stream=False,
        references=[found for prompt in prompts for found in prompt.references],
    )
    tools = tuple(tool for each in params for tool in _tools(each, keeper))
    models = {_clean(each.get("model")) for each in params}
    return replace(
        reading,
        request=replace(reading.request, tools=tools),
        model=models.pop() if len(models) == 1 else None,
    )


def _clean(value: Json) -> str | None:
    text = as_text(value)
    return clean_text(text) if text else None


def _beside_prompt(entry: dict[str, Json]) -> dict[str, Json]:
    params = {
        name: value
        for name, value in _bare_servers(as_dict(entry.get("params"))).items()
        if name not in _PROMPTS
    }
    return {**entry, "params": params}


def _bare_servers(body: dict[str, Json]) -> dict[str, Json]:
    """The body with the URLs of its tool servers bare: what follows the path can be a key."""
    servers = body.get("mcp_servers")
    if not isinstance(servers, list):
        return body
    return {**body, "mcp_servers": [_bare_server(server) for server in servers]}


def _bare_server(server: Json) -> Json:
    url = as_dict(server).get("url")
    return {**server, "url": bare_url(url)} if isinstance(url, str) else server


def _session_in(user: str | None) -> str | None:
    if user is None:
        return None
    if user.startswith("{"):
        return _clean(as_dict(read_json(user)).get("session_id"))
    return user.rpartition(_SESSION_MARK)[2] if _SESSION_MARK in user else None


def _tools(body: dict[str, Json], keeper: Keeper) -> Iterable[Tool]:
    """The tools offered, each digested in canonical JSON; servers' tool sets by their server."""
    for tool in as_list(body.get("tools")):
        fields = as_dict(tool)
        names = (_clean(fields.get(name)) for name in ("name", "mcp_server_name", "type"))
        name = next(filter(None, names), "unnamed")
        yield Tool(name=name, digest=keeper.digest(canonical_json(clean_tree(tool))))


class _Prompt:
    """The messages of one request, and the prompts that it only points to."""

    def __init__(self, body: dict[str, Json], name: str | None, keeper: Keeper) -> None:
        self._keeper = keeper
        self._blocks = BlockReader(keeper)
        self._name = name
        self.messages = [*self._system(body.get("system")), *self._turns(body.get("messages"))]
        self.references = [*self._blocks.references, *_held(body)]

    def _system(self, system: Json) -> list[Message]:
        parts = self._blocks.content(system)
        return [Message(role="system", name=self._name, parts=tuple(parts))] if parts else []

    def _turns(self, messages: Json) -> list[Message]:
        if not isinstance(messages, list):
            self._keeper.flags.add(Flag.REQUEST_MALFORMED)
        return [self._turn(message) for message in as_list(messages)]

    def _turn(self, value: Json) -> Message:
        if not isinstance(value, dict):
            self._keeper.flags.add(Flag.REQUEST_MALFORMED)
            part = self._keeper.as_extra("message", value)
            return Message(role="unknown", name=self._name, parts=(part,))
        role = _clean(value.get("role")) or "unknown"
        parts = self._blocks.content(value.get("content"))
        parts += beside(value, _READ, self._keeper, "message.")
        return Message(role=role, name=self._name, parts=tuple(parts))


def _held(body: dict[str, Json]) -> list[Reference]:
    """What the provider holds of the prompt: the files of a container, the turns of a thread."""
    container, thread = body.get("container"), as_dict(body.get("thread"))
    held = {
        "container": _clean(container) or _clean(as_dict(container).get("id")),
        "previous_message": _clean(thread.get("previous_message_id")),
    }
    return [Reference(kind=kind, id=each) for kind, each in held.items() if each]
