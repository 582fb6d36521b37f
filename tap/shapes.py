"""What an answer's body is, by its bytes first and by its content type second.

The law of this module: the bytes are believed. Gateways send event streams as JSON, JSON where a
stream was asked for, and either without a type.
"""

from __future__ import annotations

from enum import Enum

from tap.wire_json import NOT_JSON, read_json

__all__ = ["HEAD", "Shape", "shape_of"]

# How much of a body is looked at to tell what it is.
HEAD = 4096

_BOM = b"\xef\xbb\xbf"
_LINE_TYPES = ("application/x-ndjson", "application/jsonl", "application/stream+json")


class Shape(Enum):
    """The ways a body can be read."""

    EMPTY = "empty"
    EVENTS = "events"
    JSON = "json"
    LINES = "lines"
    OTHER = "other"


def shape_of(head: bytes, content_type: str | None) -> Shape:
    """Tell the shape from the first `HEAD` bytes of a body, free of content coding."""
    start = head.removeprefix(_BOM).lstrip()
    named = (content_type or "").partition(";")[0].strip().lower()
    if not start:
        return Shape.EMPTY
    if start.startswith((b"data:", b"event:")):
        return Shape.EVENTS
    if start[:1] in (b"{", b"["):
        return Shape.LINES if named in _LINE_TYPES or _two_documents(start) else Shape.JSON
    if named == "text/event-stream" or _opens_with_fields(start):
        return Shape.EVENTS
    return Shape.OTHER


def _opens_with_fields(start: bytes) -> bool:
    """A comment, id or retry line is a stream's only where an event follows it."""
    if not start.startswith((b":", b"id:", b"retry:")):
        return False
    return any(mark in start for mark in (b"\ndata:", b"\nevent:", b"\rdata:", b"\revent:"))


def _two_documents(start: bytes) -> bool:
    line, _, rest = start.partition(b"\n")
    if not rest.lstrip().startswith((b"{", b"[")):
        return False
    return read_json(line.decode("utf-8", "replace")) is not NOT_JSON
