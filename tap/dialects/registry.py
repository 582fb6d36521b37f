"""Which dialect an exchange speaks, from its method, path and upgrade.

The law of this module: only the end of the path decides, since any gateway puts a prefix of its
own before it. A path that is known but has no reader yet is opaque, and its operation still
tells what it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

from tap.dialects.opaque import Opaque
from tap.dialects.openai_chat import OpenAIChat
from tap.dialects.reading import Dialect
from tap.wire_json import clean_text

__all__ = ["Route", "deployment_in", "route"]

_OPAQUE = Opaque()

# The readers there are, by operation: a further dialect is a further line.
_READERS: dict[str, Dialect] = {
    "chat.completions": OpenAIChat(),
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
    (rf"threads/runs|threads/{_ID}/runs", "threads.runs"),
    (rf"threads/{_ID}/messages", "threads.messages"),
    (r"threads", "threads"),
    (r"messages/count_tokens", "messages.count_tokens"),
    (r"messages/batches", "messages.batches"),
    (r"messages", "messages"),
    (r"embeddings", "embeddings"),
    (r"images/(?:generations|edits|variations)", "images"),
    (r"audio/speech", "audio.speech"),
    (r"audio/(?:transcriptions|translations)", "audio.transcriptions"),
    (r"realtime(?:/(?:client_secrets|sessions|calls))?", "realtime"),
    (r"moderations", "moderations"),
    (r"batches", "batches"),
    (r"files", "files"),
    (r"models", "models"),
    (r"[^/]+:(?:streamG|g)enerateContent", "generate_content"),
    (r"api/(?:chat|generate)", "generate"),
)
_OPERATIONS = tuple((re.compile(rf"(?:.*/)?(?:{end})/?"), name) for end, name in _SUFFIXES)
_DEPLOYMENT = re.compile(r"/(?:deployments|engines)/([^/]+)(?:/|$)")

# What only a POST means; a GET of the same path lists or fetches what is stored.
_POSTED = frozenset(("chat.completions", "completions", "messages", "embeddings"))


@dataclass(frozen=True, slots=True)
class Route:
    """Who reads the exchange, and what was called: a name from this module, or `other`."""

    dialect: Dialect
    operation: str


def route(method: str, path: str, upgrade: str | None) -> Route:
    """Choose by method and path; an upgraded connection is no dialect's yet."""
    operation = next((name for end, name in _OPERATIONS if end.fullmatch(path)), "other")
    if method.upper() != "POST" and operation in _POSTED:
        return Route(_OPAQUE, f"{operation}.stored")
    if upgrade is not None:
        return Route(_OPAQUE, operation)
    return Route(_READERS.get(operation, _OPAQUE), operation)


def deployment_in(path: str) -> str | None:
    """The deployment that a path names, decoded; None where it names none."""
    found = _DEPLOYMENT.search(path)
    return clean_text(unquote(found[1])) if found else None
