"""Taps broken on purpose: one function each is replaced by one that does what a proxy might.

The law: what is replaced is named by what it does to the bytes, so that each breakage is a defect
that somebody could really write.
"""

from __future__ import annotations

import asyncio
import gzip
import re
import sys
from collections.abc import Callable
from typing import Any

import pytest

from storage.spool.disk import _RealFile
from storage.spool.spool import FileSpool
from tap.answer import Answer
from tap.connection import ClientConnection
from tap.recording import Recording
from tap.upstream import UpstreamConnection

__all__ = ["BREAKAGES", "Break"]

Break = Callable[[pytest.MonkeyPatch], None]
Edit = Callable[[bytes], bytes]


def _everywhere(monkeypatch: pytest.MonkeyPatch, name: str, made: Callable[[Any], Any]) -> None:
    """Replace a function of `tap.heads` wherever it was imported to."""
    original = getattr(sys.modules["tap.heads"], name)
    replacement = made(original)
    for module in [each for key, each in sys.modules.items() if key.startswith("tap.")]:
        if getattr(module, name, None) is original:
            monkeypatch.setattr(module, name, replacement)


def requests(edit: Edit) -> Break:
    """Edit each request's head on its way up."""
    return lambda patch: _everywhere(
        patch, "request_head", lambda real: lambda *args, **kw: edit(real(*args, **kw))
    )


def answers(edit: Edit) -> Break:
    """Edit each answer's head on its way down."""
    return lambda patch: _everywhere(
        patch, "answer_head", lambda real: lambda *args, **kw: edit(real(*args, **kw))
    )


def bytes_down(edit: Edit) -> Break:
    """Edit what the upstream sends, before anything has read it."""
    real = UpstreamConnection.data_received

    def received(self: UpstreamConnection, data: bytes) -> None:
        real(self, edit(data))

    return lambda patch: patch.setattr(UpstreamConnection, "data_received", received)


def _lower(head: bytes) -> bytes:
    return re.sub(rb"\r\n[^:\r\n]+:", lambda name: name[0].lower(), head)


def _capital(head: bytes) -> bytes:
    return re.sub(rb"\r\n[^:\r\n]+:", lambda name: name[0].title(), head)


def _once(head: bytes) -> bytes:
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    kept = {line.partition(b":")[0].lower(): line for line in reversed(lines)}
    return b"\r\n".join([first, *reversed(kept.values())]) + b"\r\n\r\n"


def _sorted(head: bytes) -> bytes:
    first, *lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
    return b"\r\n".join([first, *sorted(lines)]) + b"\r\n\r\n"


def _with(field: bytes) -> Edit:
    return lambda head: head.replace(b"\r\n\r\n", b"\r\n" + field + b"\r\n\r\n", 1)


def _unzipped(data: bytes) -> bytes:
    head, end, body = data.partition(b"\r\n\r\n")
    if b"gzip" not in head:
        return data
    plain = gzip.decompress(body)
    head = re.sub(rb"Content-Length: \d+", b"Content-Length: %d" % len(plain), head)
    return head.replace(b"Content-Encoding: gzip\r\n", b"") + end + plain


def chunk_behind(patch: pytest.MonkeyPatch) -> None:
    """Hold each piece of an answer until the next one comes."""
    real, held = UpstreamConnection.data_received, dict[int, bytes]()

    def received(self: UpstreamConnection, data: bytes) -> None:
        before = held.get(id(self), b"")
        held[id(self)] = data
        if before:
            real(self, before)

    patch.setattr(UpstreamConnection, "data_received", received)


def upload_behind(patch: pytest.MonkeyPatch) -> None:
    """Hold each piece of a request until the next one comes."""
    real, held = ClientConnection.data_received, dict[int, bytes]()

    def received(self: ClientConnection, data: bytes) -> None:
        before = held.get(id(self), b"")
        held[id(self)] = data
        if before or b"\r\n\r\n" in data:
            held[id(self)] = b"" if not before else data
            real(self, before or data)

    patch.setattr(ClientConnection, "data_received", received)


def continues_itself(patch: pytest.MonkeyPatch) -> None:
    """Say 100 before the upstream does."""
    real = ClientConnection.data_received

    def received(self: ClientConnection, data: bytes) -> None:
        if b"100-continue" in data:
            self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        real(self, data)

    patch.setattr(ClientConnection, "data_received", received)


def no_interim(patch: pytest.MonkeyPatch) -> None:
    """Keep informational answers to itself."""

    def interim(*_: object) -> None:
        """Do nothing."""

    patch.setattr(Answer, "interim", interim)


def hops_pass(patch: pytest.MonkeyPatch) -> None:
    """Send on what belongs to one connection."""

    def dropped(_: object) -> set[bytes]:
        return set()

    patch.setattr(sys.modules["tap.heads"], "_dropped", dropped)


def closes(patch: pytest.MonkeyPatch) -> None:
    """Serve one request a connection."""
    real = ClientConnection.over

    def over(self: ClientConnection, *, keep_alive: bool) -> None:
        del keep_alive
        real(self, keep_alive=False)

    patch.setattr(ClientConnection, "over", over)


def unwritten(patch: pytest.MonkeyPatch) -> None:
    """Forward before the opening is written."""

    async def opened(self: FileSpool, opening: object, *, strict: bool) -> None:
        del self, opening, strict

    patch.setattr(FileSpool, "open", opened)


def waits_for_the_disk(patch: pytest.MonkeyPatch) -> None:
    """Send a piece of an answer on only once a write to the spool has come back."""
    real = UpstreamConnection.data_received

    def received(self: UpstreamConnection, data: bytes) -> None:
        loop = asyncio.get_running_loop()
        written = loop.run_in_executor(None, _RealFile.write, _Nowhere(), b"")
        written.add_done_callback(lambda _: real(self, data))

    patch.setattr(UpstreamConnection, "data_received", received)


class _Nowhere(_RealFile):
    """A file of which only the waiting is wanted."""

    def __init__(self) -> None:
        super().__init__(-1)


def lets_defects_through(patch: pytest.MonkeyPatch) -> None:
    """Let an error of the recording reach whoever noted something."""

    def given_up(_: Recording, error: Exception) -> None:
        raise error

    patch.setattr(Recording, "_give_up", given_up)


def lenient_codings(patch: pytest.MonkeyPatch) -> None:
    """Take any transfer coding that ends in chunked."""

    def checked(_: object) -> None:
        """Find nothing wrong."""

    patch.setattr(sys.modules["tap.requests"], "_check_coding", checked)


def lenient_sizes(patch: pytest.MonkeyPatch) -> None:
    """Take a chunk's size line that ends in a bare LF."""
    lenient = re.compile(rb"([0-9A-Fa-f]{1,16})[^\n]*\n")
    patch.setattr(sys.modules["tap.chunks"], "_SIZE", lenient)


# The defect, how it is made, and which check must object.
BREAKAGES: dict[str, tuple[Break, str]] = {
    "drops a duplicate of a request": (
        requests(_once),
        "request fields: order, case, duplicates, empty, spaces, non-ASCII",
    ),
    "drops a duplicate of an answer": (
        answers(_once),
        "answer fields: order, case, duplicates, empty, non-ASCII",
    ),
    "lower-cases a request": (
        requests(_lower),
        "request fields: order, case, duplicates, empty, spaces, non-ASCII",
    ),
    "capitalises an answer": (
        answers(_capital),
        "answer fields: order, case, duplicates, empty, non-ASCII",
    ),
    "sorts a request": (
        requests(_sorted),
        "request fields: order, case, duplicates, empty, spaces, non-ASCII",
    ),
    "sorts an answer": (
        answers(_sorted),
        "answer fields: order, case, duplicates, empty, non-ASCII",
    ),
    "adds Via": (requests(_with(b"Via: 1.1 tap")), "method GET"),
    "adds X-Forwarded-For": (requests(_with(b"X-Forwarded-For: 127.0.0.1")), "method GET"),
    "adds Date": (answers(_with(b"Date: today")), "status 200 OK"),
    "makes an own reason": (answers(lambda head: head.replace(b"Quite~ Fine", b"")), "odd reason"),
    "decodes a target": (
        requests(lambda head: head.replace(b"%7E", b"~")),
        "target with query and escapes",
    ),
    "replaces what is no ASCII": (
        answers(lambda head: head.decode("ascii", "replace").encode()),
        "answer fields: order, case, duplicates, empty, non-ASCII",
    ),
    "upper-cases a method": (
        requests(lambda head: head.replace(b"get", b"GET", 1)),
        "unknown method get",
    ),
    "decompresses": (bytes_down(_unzipped), "answer in gzip"),
    "cuts chunks anew": (
        bytes_down(lambda data: data.replace(b"01;", b"1;")),
        "answer with chunks, extensions and trailers",
    ),
    "drops an extension": (
        bytes_down(lambda data: data.replace(b"5;ext=v", b"5")),
        "answer with chunks, extensions and trailers",
    ),
    "drops trailers": (
        bytes_down(lambda data: data.replace(b"X-T: t\r\nx-t: u\r\n", b"")),
        "answer with chunks, extensions and trailers",
    ),
    "holds a chunk until the next": (chunk_behind, "each chunk of an answer before the next"),
    "holds a piece of a body": (
        chunk_behind,
        "each piece of an answer with length before the next",
    ),
    "holds a piece of an upload": (
        upload_behind,
        "each piece of a chunked request before the next",
    ),
    "says 100 itself": (continues_itself, "Expect: the upstream says 100"),
    "swallows 103": (no_interim, "several 103 before the answer"),
    "passes what belongs to a connection": (
        hops_pass,
        "fields that the request's Connection names",
    ),
    "closes after each answer": (closes, "method GET"),
    "forwards before the opening": (unwritten, "the opening is written first"),
    "waits for the disk": (waits_for_the_disk, "nothing waits for the audit"),
    "lets an error of its own through": (lets_defects_through, "a defect of ours stays ours"),
    "takes two codings": (lenient_codings, "a coding before chunked"),
    "takes a bare LF": (lenient_sizes, "bare LF behind a chunk size"),
}
