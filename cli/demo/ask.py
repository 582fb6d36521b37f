"""How a conversation is put to the API: paths and bodies of the forms that are in use."""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.value import Json

__all__ = ["Conversation", "classic", "messages", "models", "tool", "v1"]

_API_VERSION = "2024-10-21"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One request to send.

    `path` begins with a slash and carries the query. `leaves_after` is the number of text
    pieces after which the client hangs up, None when it stays to the end.
    """

    name: str
    path: str
    body: dict[str, Json] = field(repr=False)
    leaves_after: int | None = None

    @property
    def streamed(self) -> bool:
        """Whether the answer is asked for as a stream."""
        return self.body.get("stream") is True


def messages(system: str, user: str) -> dict[str, Json]:
    """A prompt of a system message and a user message."""
    turns = [{"role": "system", "content": system}, {"role": "user", "content": user}]
    return {"messages": turns}


def classic(name: str, deployment: str, body: dict[str, Json]) -> Conversation:
    """Ask as Azure's classic API is asked: the deployment in the path; streamed."""
    path = f"/openai/deployments/{deployment}/chat/completions?api-version={_API_VERSION}"
    return Conversation(name, path, _streaming(body))


def v1(name: str, model: str, body: dict[str, Json]) -> Conversation:
    """Ask as the v1 API is asked: the model in the body; streamed."""
    return Conversation(name, "/openai/v1/chat/completions", {"model": model, **_streaming(body)})


def models(name: str, model: str, body: dict[str, Json]) -> Conversation:
    """Ask as the model catalogue's API is asked, for one whole answer."""
    path = "/models/chat/completions?api-version=2024-05-01-preview"
    return Conversation(name, path, {"model": model, **body})


def _streaming(body: dict[str, Json]) -> dict[str, Json]:
    return {**body, "stream": True, "stream_options": {"include_usage": True}}


def tool(name: str, *parameters: str) -> dict[str, Json]:
    """Offer a function whose parameters are all text."""
    schema = {
        "type": "object",
        "properties": {parameter: {"type": "string"} for parameter in parameters},
        "required": list(parameters),
    }
    return {"type": "function", "function": {"name": name, "parameters": schema}}
