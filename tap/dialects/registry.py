"""Which dialect an exchange speaks, from its method, path and upgrade.

The law of this module: only the end of the path decides, since any gateway puts a prefix of its
own before it. A path that is known but has no reader yet is opaque, and its operation still
tells what it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from tap.dialects.anthropic_messages import AnthropicMessages
from tap.dialects.gemini import Gemini
from tap.dialects.ndjson_chat import NdjsonChat
from tap.dialects.opaque import Opaque
from tap.dialects.openai_assistants import OpenAIAssistants
from tap.dialects.openai_audio import OpenAISpeech, OpenAITranscripts
from tap.dialects.openai_chat import OpenAIChat
from tap.dialects.openai_completions import OpenAICompletions
from tap.dialects.openai_embeddings import OpenAIEmbeddings
from tap.dialects.openai_images import OpenAIImages
from tap.dialects.openai_realtime import OpenAIRealtime
from tap.dialects.openai_responses import OpenAIResponses
from tap.dialects.reading import Dialect
from tap.dialects.responses_session import ResponsesOverWebSocket
from tap.wire_json import clean_text

__all__ = ["Route", "deployment_in", "model_in", "route"]

_OPAQUE = Opaque()

# The readers there are, by operation: a further dialect is a further line.
_READERS: dict[str, Dialect] = {
    "chat.completions": OpenAIChat(),
    "completions": OpenAICompletions(),
    "embeddings": OpenAIEmbeddings(),
    "images": OpenAIImages(),
    "audio.speech": OpenAISpeech(),
    "audio.transcriptions": OpenAITranscripts(),
    **dict.fromkeys(
        (
            *("responses", "responses.item", "responses.cancel"),
            *("responses.compact", "responses.input_items"),
        ),
        OpenAIResponses(),
    ),
    **dict.fromkeys(("messages", "messages.count_tokens", "messages.batches"), AnthropicMessages()),
    **dict.fromkeys(
        (
            *("threads", "threads.item", "threads.messages", "threads.runs"),
            *("threads.runs.item", "threads.runs.steps", "threads.runs.submit_tool_outputs"),
        ),
        OpenAIAssistants(),
    ),
    "realtime": OpenAIRealtime(),
    "generate": NdjsonChat(),
    "generate_content": Gemini(),
}

# Who reads a connection that was upgraded to WebSocket.
_SESSIONS: dict[str, Dialect] = {
    "realtime": _READERS["realtime"],
    "responses": ResponsesOverWebSocket(),
}

_ID = r"[^/]+"

# Operation by the end of the path. The first that fits holds, so the longer stands first.
_SUFFIXES: tuple[tuple[str, str], ...] = (
    (r"(?:extensions/)?chat/completions", "chat.completions"),
    (r"completions", "completions"),
    (r"responses", "responses"),
    (r"responses/compact", "responses.compact"),
    (rf"responses/{_ID}/cancel", "responses.cancel"),
    (rf"responses/{_ID}/input_items", "responses.input_items"),
    (rf"responses/{_ID}", "responses.item"),
    (rf"threads/{_ID}/runs/{_ID}/submit_tool_outputs", "threads.runs.submit_tool_outputs"),
    (rf"threads/{_ID}/runs/{_ID}/steps(?:/{_ID})?", "threads.runs.steps"),
    (rf"threads/runs|threads/{_ID}/runs", "threads.runs"),
    (rf"threads/{_ID}/runs/{_ID}(?:/cancel)?", "threads.runs.item"),
    (rf"threads/{_ID}/messages(?:/{_ID})?", "threads.messages"),
    (rf"threads/{_ID}", "threads.item"),
    (r"threads", "threads"),
    (r"messages/count_tokens", "messages.count_tokens"),
    (rf"messages/batches(?:/{_ID}(?:/cancel)?)?", "messages.batches"),
    (r"messages", "messages"),
    (r"embeddings", "embeddings"),
    (r"images/(?:generations|edits|variations)", "images"),
    (r"audio/speech", "audio.speech"),
    (r"audio/(?:transcriptions|translations)", "audio.transcriptions"),
    (r"realtime(?:/(?:sessions|transcription_sessions|calls))?", "realtime"),
    (r"realtime(?:/translations)?(?:/client_secrets)?", "realtime"),
    (rf"realtime/calls/{_ID}/(?:accept|hangup|refer|reject)", "realtime"),
    (r"moderations", "moderations"),
    (r"batches", "batches"),
    (r"files", "files"),
    (r"models", "models"),
    (r"[^/]+:(?:streamG|g)enerateContent", "generate_content"),
    (r"api/(?:chat|generate)", "generate"),
)
_OPERATIONS = tuple((re.compile(rf"(?:.*/)?(?:{end})/?"), name) for end, name in _SUFFIXES)
_MODEL = re.compile(r"/([^/:]+):(?:streamG|g)enerateContent/?$")
_DEPLOYMENT = re.compile(r"/(?:deployments|engines)/([^/]+)(?:/|$)")

# What only a POST means; a GET of the same path lists or fetches what is stored.
_POSTED = frozenset(("chat.completions", "completions", "messages", "embeddings"))


@dataclass(frozen=True, slots=True)
class Route:
    """Who reads the exchange, and what was called: a name from this module, or `other`."""

    dialect: Dialect
    operation: str

    @property
    def read(self) -> bool:
        """Whether the format has a reader of its own, which knows how its answers end."""
        return self.dialect is not _OPAQUE


def route(method: str, path: str, upgrade: str | None) -> Route:
    """Choose by method and path; an `upgrade` to anything but a known WebSocket is opaque."""
    operation = next((name for end, name in _OPERATIONS if end.fullmatch(path)), "other")
    if method.upper() != "POST" and operation in _POSTED:
        return Route(_OPAQUE, f"{operation}.stored")
    if upgrade is not None:
        sessions = _SESSIONS if upgrade.strip().lower() == "websocket" else {}
        return Route(sessions.get(operation, _OPAQUE), operation)
    return Route(_READERS.get(operation, _OPAQUE), operation)


def deployment_in(path: str) -> str | None:
    """The deployment that a path names, decoded; None where it names none."""
    found = _DEPLOYMENT.search(path)
    return clean_text(unquote(found[1])) if found else None


def model_in(path: str) -> str | None:
    """The model that a path names instead of the body, decoded; None where it names none."""
    found = _MODEL.search(path)
    return clean_text(unquote(found[1])) if found else None
