"""The journal: what the broker accepted, in a file that outlives it.

Law: `append` returns when the bytes have been handed to the operating system, so they survive
the death of the process (`kill -9`), not that of the machine; with `sync` they survive that too.
The broker writes here before it answers. A record torn by its end is cut off on opening: nobody
was told of it.

It only grows: a broker of tests is thrown away before that matters.

A record is length and CRC-32, four bytes each and big-endian, then a line of JSON (the event
without its content) and the content.
"""

from __future__ import annotations

import json
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, cast

from tests.emulators.service_bus.events import (
    Counted,
    Created,
    DeadLettered,
    Deferred,
    Enqueued,
    Event,
    Removed,
)

__all__ = ["Journal"]

_HEAD = struct.Struct(">II")

_KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (Created, Enqueued, Removed, Counted, Deferred, DeadLettered)
}  # fmt: skip


class Journal:
    """An open journal. `path` is made when it is missing."""

    def __init__(self, path: Path, *, sync: bool = False) -> None:
        self._path = path
        self._sync = sync
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def replay(self) -> Iterator[Event]:
        """Every event so far, oldest first; cuts a torn end off when it comes to it."""
        data = self._path.read_bytes()
        at = 0
        while (record := _record(data, at)) is not None:
            at += _HEAD.size + len(record)
            yield _event(record)
        os.truncate(self._file, at)

    def append(self, events: Sequence[Event]) -> None:
        """Write events, all in one go."""
        data = memoryview(b"".join(_packed(event) for event in events))
        while data:
            data = data[os.write(self._file, data) :]
        if self._sync:
            os.fsync(self._file)

    def close(self) -> None:
        """Give the file up."""
        os.close(self._file)


def _packed(event: Event) -> bytes:
    told: dict[str, Any] = {field.name: getattr(event, field.name) for field in fields(event)}
    content: bytes = told.pop("content", b"")
    line = json.dumps({"kind": type(event).__name__, **told}).encode() + b"\n"
    return (
        _HEAD.pack(len(line) + len(content), zlib.crc32(content, zlib.crc32(line))) + line + content
    )


def _record(data: bytes, at: int) -> bytes | None:
    if at + _HEAD.size > len(data):
        return None
    length, crc = cast("tuple[int, int]", _HEAD.unpack_from(data, at))
    record = data[at + _HEAD.size : at + _HEAD.size + length]
    whole = len(record) == length and zlib.crc32(record) == crc
    return record if whole else None


def _event(record: bytes) -> Event:
    line, _, content = record.partition(b"\n")
    told: dict[str, Any] = json.loads(line)
    kind = _KINDS[told.pop("kind")]
    return kind(**told, content=content) if kind is Enqueued else kind(**told)
