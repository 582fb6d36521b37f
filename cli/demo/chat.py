"""What the demo's model is asked and what it answers, as values.

Nothing here knows a socket. A request is read as leniently as a demo allows: what is missing
has a default, and only what no answer could be given to is a `Fault`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

import msgspec

from audit.value import Json

__all__ = ["ChatRequest", "Choice", "Fault", "Reply", "ToolUse", "error_body", "read_request"]

_MOST_CHOICES = 8


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One chat request. `name` is the deployment of the path, else the body's model."""

    name: str
    messages: tuple[dict[str, Json], ...] = field(repr=False)
    tools: tuple[dict[str, Json], ...] = field(default=(), repr=False)
    stream: bool = False
    include_usage: bool = False
    n: int = 1

    @property
    def last_role(self) -> str:
        """Say who spoke last; empty when nobody did."""
        return str(self.messages[-1].get("role", "")) if self.messages else ""

    def last_text(self, role: str) -> str:
        """Give the text of the last message of `role`; empty when there is none."""
        for message in reversed(self.messages):
            if message.get("role") == role:
                return _text_of(message.get("content"))
        return ""

    def prompt_text(self) -> str:
        """Give all text that was sent, for counting."""
        return "\n".join(_text_of(message.get("content")) for message in self.messages)


@dataclass(frozen=True, slots=True)
class ToolUse:
    """A call the model asks for; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Choice:
    """One alternative of the answer.

    `refusal` is the model's own refusal in the field made for it. `blocked_by` names the filter
    category that cut this choice; its finish reason is then `content_filter`.
    """

    text: str = field(default="", repr=False)
    reasoning: str = field(default="", repr=False)
    refusal: str = field(default="", repr=False)
    tools: tuple[ToolUse, ...] = ()
    finish: str = "stop"
    blocked_by: str | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer that begins with a 200.

    `error` is the body of an error that ends it halfway; `hangs_up` says that the connection
    breaks before the end, with no word why.
    """

    choices: tuple[Choice, ...]
    error: dict[str, Json] | None = field(default=None, repr=False)
    hangs_up: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that is an HTTP error. `retry_after` is seconds, sent as Azure sends it."""

    status: int
    body: dict[str, Json] = field(repr=False)
    retry_after: int | None = None


def error_body(code: str | None, message: str, *, kind: str | None = None) -> dict[str, Json]:
    """Shape an error as the OpenAI and Azure APIs do."""
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def read_request(body: bytes, deployment: str | None) -> ChatRequest | Fault:
    """Read a request body; a `Fault` of status 400 when it asks for no answer."""
    try:
        asked = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return _unusable("We could not parse the JSON body of your request.")
    if not isinstance(asked, dict) or not isinstance(asked.get("messages"), list):
        return _unusable("Missing required parameter: 'messages'.")
    n = asked.get("n") or 1
    if not isinstance(n, int) or not 1 <= n <= _MOST_CHOICES:
        return _unusable(f"Invalid 'n': expected an integer from 1 to {_MOST_CHOICES}.")
    options = asked.get("stream_options")
    return ChatRequest(
        name=str(deployment or asked.get("model") or "gpt-4o"),
        messages=_objects(asked["messages"]),
        tools=_objects(asked.get("tools")),
        stream=asked.get("stream") is True,
        include_usage=isinstance(options, dict) and options.get("include_usage") is True,
        n=n,
    )


def _unusable(message: str) -> Fault:
    return Fault(400, error_body(None, message, kind="invalid_request_error"))


def _objects(value: Json) -> tuple[dict[str, Json], ...]:
    if not isinstance(value, list):
        return ()
    return tuple(cast("dict[str, Json]", item) for item in value if isinstance(item, dict))


def _text_of(content: Json) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(str(part["text"]) for part in _objects(content) if "text" in part)
