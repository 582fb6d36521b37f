"""Paths of calls: which of their segments name operations and machines.

The law of this module: what follows a collection is an identifier (`deployments/gpt-4o-mini`), the
words of the known formats are words, and every other segment may be anybody's name. Runs of such
segments are passages of their own, so that a pattern sees what stands side by side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby

from redaction.structure import View, views

__all__ = ["PATH", "path_views"]

# The field of a record that holds one, as policies name it.
PATH = "exchange.path"

# Behind these stands what one of them is called.
_COLLECTIONS = frozenset({
    *("assistants", "batches", "calls", "deployments", "engines", "messages", "models"),
    *("responses", "runs", "steps", "threads"),
})  # fmt: skip
_WORDS = _COLLECTIONS | {
    *("accept", "anthropic", "api", "audio", "cancel", "chat", "client_secrets", "compact"),
    *("completions", "content", "count_tokens", "edits", "embeddings", "extensions", "files"),
    *("generate", "generations", "hangup", "images", "input_items", "moderations", "openai"),
    *("realtime", "refer", "reject", "sessions", "speech", "submit_tool_outputs"),
    *("transcription_sessions", "transcriptions", "translations", "variations"),
}  # fmt: skip
_VERSION = re.compile(r"v\d+(?:\.\d+)?(?:alpha|beta)?\d*")
_SEGMENT = re.compile(r"/*[^/]+|/+\Z")


def path_views(path: str) -> Iterator[View]:
    """Read a path as passages in reading order; identifiers and fixed words are `coded`."""
    for coded, segments in groupby(_judged(path), key=lambda judged: judged[0]):
        places = [place for _, place in segments]
        yield from _stretch(path, places[0][0], places[-1][1], coded=coded)


def _judged(path: str) -> Iterator[tuple[bool, tuple[int, int]]]:
    """Give for each segment, with the strokes before it, whether it is known, and its place."""
    behind = ""
    for match in _SEGMENT.finditer(path):
        segment = match[0].strip("/").lower()
        known = not segment or segment in _WORDS or _VERSION.fullmatch(segment) is not None
        yield known or behind in _COLLECTIONS, match.span()
        behind = segment


def _stretch(path: str, start: int, end: int, *, coded: bool) -> Iterator[View]:
    for view in views(path[start:end]):
        origin = [start + place for place in view.origin]
        yield replace(view, origin=origin, coded=coded)
