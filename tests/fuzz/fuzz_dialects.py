"""Fuzz target: every reader of the registry, through reassembly as the tap does it.

An input is the number of a reader, what kind of body follows, four lengths of pieces, and the
body. No body raises; twice the same gives the same record, which survives its JSON; an event
stream that comes in pieces gives what it gives at once. For a reader of connections the body's
lines are the messages of both sides, the client's after a `>`.
"""

from __future__ import annotations

from functools import cache

import msgspec

from audit.record import AuditRecord
from audit.sheaf import MOST_RECORDS
from tap.dialects.keeping import Keeper
from tap.dialects.reading import AnswerReading, ReadsSessions
from tap.sse import SseDecoder
from tests.fuzz.mutation import changed
from tests.fuzz.targets import bounded, cut, found
from tests.harness.dialects import Example, Reader, every_reader, every_session
from tests.harness.hostile_json import words_of
from tests.unit.tap_cores.kit import head, opened, recorded

__all__ = ["check", "mutate", "seeds", "words"]

_BODIES = len(every_reader())
_READERS = [*every_reader(), *every_session()]
_TYPES = [
    "text/event-stream",
    "application/json",
    "application/x-ndjson",
    "multipart/form-data; boundary=B",
    None,
    "text/plain",
]
_REQUEST, _HEAD = 8, 6


def check(data: bytes) -> None:
    """Make the record of an exchange with this body, on one of its sides."""
    if len(data) < _HEAD:
        return
    reader = _READERS[data[0] % len(_READERS)]
    kind, body = data[1], data[_HEAD:]
    if data[0] % len(_READERS) >= _BODIES:
        read = bounded(len(body), lambda: _spoken(reader, body))
        assert _spoken(reader, body) == read
        return
    record = bounded(len(body), lambda: _record(reader, kind, body))
    assert _record(reader, kind, body) == record
    assert msgspec.json.decode(msgspec.json.encode(record), type=AuditRecord) == record
    if _TYPES[kind % _REQUEST % len(_TYPES)] == "text/event-stream":
        assert _reading(reader, list(cut(body, data[2:_HEAD]))) == _reading(reader, [body])


def _record(reader: Reader, kind: int, body: bytes) -> AuditRecord:
    media_type = _TYPES[kind % _REQUEST % len(_TYPES)]
    asked = kind >= _REQUEST
    return recorded(
        b"" if asked else body,
        request=body if asked else b"",
        opening=opened(reader.path, content_type=media_type),
        answer_head=head(200, media_type),
    )


def _reading(reader: Reader, pieces: list[bytes]) -> AnswerReading:
    decoder, fold = SseDecoder(), reader.dialect.fold()
    for piece in pieces:
        for event in decoder.feed(piece):
            fold.feed(event)
    for event in decoder.finish():
        fold.feed(event)
    return fold.reading(Keeper(lambda data: f"{len(data)}"))


def _spoken(reader: Reader, body: bytes) -> bytes:
    """What is read of a connection, as JSON."""
    assert isinstance(reader.dialect, ReadsSessions)
    session = reader.dialect.session()
    for line in body.decode("utf-8", "replace").split("\n"):
        if line.startswith(">"):
            session.client(line[1:])
        else:
            session.server(line)
    return msgspec.json.encode(list(session.turns(lambda data: f"{len(data)}", MOST_RECORDS)))


def mutate(data: bytes, seed: int) -> bytes:
    """Change the body as its format is made; what stands before it stays."""
    return data[:_HEAD] + changed(data[_HEAD:], words(), seed)


@cache
def words() -> list[str]:
    """The names and short values of every example."""
    known = {word for reader in _READERS for word in words_of(reader)}
    return sorted(word for word in known if word.isascii() and word.isidentifier())


def seeds() -> list[bytes]:
    """Every example of every dialect, and what was found before."""
    kept = [
        _seed(number, example)
        for number, reader in enumerate(_READERS)
        for example in reader.examples()
        if number < _BODIES
    ]
    connections = list(enumerate(_READERS))[_BODIES:]
    kept += [_head(number, 0) + _both(reader) for number, reader in connections]
    return kept + found("fuzz_dialects")


def _both(reader: Reader) -> bytes:
    """What both sides said in the examples, the client first."""
    told = [line for each in reader.examples("client") for line in each.data.splitlines()]
    answered = [line for each in reader.examples("server") for line in each.data.splitlines()]
    return b"\n".join([*(b">" + line for line in told), *answered])


def _seed(number: int, example: Example) -> bytes:
    side = _REQUEST if example.kind == "request" else 0
    return _head(number, side + _TYPES.index(example.content_type)) + example.data


def _head(number: int, kind: int) -> bytes:
    return bytes([number, kind, 1, 7, 0, 3])
