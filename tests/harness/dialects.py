"""Every reader of the registry, with example bodies of its format to start from.

The examples are the project's own, in `tests/fixtures/dialects/`, one folder for each module of
`tap/dialects/` that the registry names; a file's ending says what it is: a streamed answer (`.sse`,
`.lines`), a plain one (`.answer.json`), a request (`.request.json`, or `.form` with boundary B), or
one side's messages of a WebSocket (`.client.lines`, `.server.lines`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tap.dialects import registry
from tap.dialects.reading import Dialect

__all__ = ["FIXTURES", "Example", "Reader", "by_name", "every_reader", "every_session"]

Json = Any

FIXTURES = Path(__file__).parents[1] / "fixtures" / "dialects"

# An example of a path for each operation of the registry.
_PATHS = {
    "chat.completions": "/v1/chat/completions",
    "completions": "/v1/completions",
    "responses": "/v1/responses",
    "responses.compact": "/v1/responses/compact",
    "responses.cancel": "/v1/responses/resp_1/cancel",
    "responses.input_items": "/v1/responses/resp_1/input_items",
    "responses.item": "/v1/responses/resp_1",
    "threads": "/v1/threads",
    "threads.messages": "/v1/threads/t_1/messages",
    "threads.runs": "/v1/threads/t_1/runs",
    "threads.runs.submit_tool_outputs": "/v1/threads/t_1/runs/r_1/submit_tool_outputs",
    "messages": "/v1/messages",
    "messages.count_tokens": "/v1/messages/count_tokens",
    "messages.batches": "/v1/messages/batches",
    "embeddings": "/v1/embeddings",
    "images": "/v1/images/generations",
    "audio.speech": "/v1/audio/speech",
    "audio.transcriptions": "/v1/audio/transcriptions",
    "realtime": "/v1/realtime/client_secrets",
    "moderations": "/v1/moderations",
    "batches": "/v1/batches",
    "files": "/v1/files",
    "models": "/v1/models",
    "generate_content": "/v1beta/models/m:streamGenerateContent",
    "generate": "/api/chat",
}

_BODIES = ("request", "answer", "stream")
_SIDES = (".request", ".answer", ".client", ".server")
_TYPES = {
    ".sse": "text/event-stream",
    ".lines": "application/x-ndjson",
    ".form": "multipart/form-data; boundary=B",
}


@dataclass(frozen=True)
class Example:
    """One body: `request`, `answer` or an answer in a `stream`, and its media type.

    Of a WebSocket, what the `client` or the `server` said.
    """

    name: str
    kind: str
    content_type: str
    data: bytes = field(repr=False)

    def documents(self) -> list[Json]:
        """The JSON documents in it, in order."""
        if self.content_type == _TYPES[".form"]:
            return []
        if self.content_type == "application/json":
            return [json.loads(self.data)]
        lines = self.data.decode().split("\n")
        texts = [line.removeprefix("data:").strip() for line in lines]
        return [
            json.loads(text) for text in texts if text.startswith(("{", "[")) and text != "[DONE]"
        ]

    def event_types(self) -> set[str]:
        """The types its events name."""
        lines = self.data.decode("utf-8", "replace").split("\n")
        return {line[6:].strip() for line in lines if line.startswith("event:")}


@dataclass(frozen=True)
class Reader:
    """A reader, the first operation it is registered for, and the name of its module."""

    name: str
    operation: str
    dialect: Dialect = field(repr=False)

    @property
    def path(self) -> str:
        """A path that leads to this reader."""
        return _PATHS.get(self.operation, f"/v1/{self.operation}")

    @property
    def folder(self) -> Path:
        """Where its examples are."""
        return FIXTURES / self.name

    def examples(self, *kinds: str) -> list[Example]:
        """Its examples of these kinds, of all kinds of bodies when none is named."""
        found = [_example(path) for path in sorted(self.folder.glob("*"))]
        return [each for each in found if each.kind in (kinds or _BODIES)]


def by_name(reader: Reader) -> str:
    """Name a test's parameter."""
    return f"{reader.name}-{reader.operation}"


def every_session() -> list[Reader]:
    """Each reader of connections that were upgraded, with the examples of its operation."""
    readers = {reader.operation: reader for reader in every_reader()}
    return [
        Reader(name=readers[operation].name, operation=operation, dialect=dialect)
        for operation, dialect in registry._SESSIONS.items()
    ]


def every_reader() -> list[Reader]:
    """Each reader there is, `opaque` included, once."""
    return list(_readers())


def _readers() -> Iterator[Reader]:
    seen: set[int] = set()
    opaque = {"other": registry.route("POST", "/other", None).dialect}
    for operation, dialect in {**registry._READERS, **opaque}.items():
        if id(dialect) not in seen:
            seen.add(id(dialect))
            name = type(dialect).__module__.rpartition(".")[2]
            yield Reader(name=name, operation=operation, dialect=dialect)


def _example(path: Path) -> Example:
    side = next((word.removeprefix(".") for word in path.suffixes if word in _SIDES), None)
    return Example(
        name=path.name,
        kind=side or ("request" if path.suffix == ".form" else "stream"),
        content_type=_TYPES.get(path.suffix, "application/json"),
        data=path.read_bytes(),
    )
