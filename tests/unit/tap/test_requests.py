"""Requests out of a client's bytes: the same ones wherever the reads fall."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.chunks import BadChunksError, ChunkReader
from tap.requests import BadRequestError, RequestReader
from tests.conformance.shapes import SHAPES

CHUNKS = b"5;a=b\r\nhello\r\n1\r\n!\r\n000\r\nX-T: t\r\nx-u:\r\n\r\n"
FIELDS = b" HTTP/1.1\r\nHost: t\r\nAuthorization: k\r\n"
STREAM = (
    b"POST /a"
    + FIELDS
    + b"Transfer-Encoding: chunked\r\n\r\n"
    + CHUNKS
    + b"\r\nQUERY /b?c"
    + FIELDS
    + b"\r\n"
    + b"x-odd~ http://other:81/c"
    + FIELDS
    + b"Content-Length: 3\r\n\r\nabc"
    + b"GET /d"
    + FIELDS
    + b"Content-Length: 0\r\n\r\n"
)

Read = tuple[str, bytes, bytes, bytes, bytes]


def a_reader() -> RequestReader:
    """A reader with the default limit."""
    return RequestReader(max_head=65_536)


def read(pieces: Iterable[bytes]) -> list[Read]:
    """Every request, as (method, target, Host, body as it came, content)."""
    reader, found = a_reader(), []
    raw = content = b""
    for piece in pieces:
        reader.feed(piece)
        raw += reader.raw()
        content += reader.content()
        while reader.whole:
            head = reader.head
            assert head is not None
            found.append((head.method, head.target, dict(head.headers)[b"Host"], raw, content))
            reader.next()
            raw, content = reader.raw(), reader.content()
    return found


WHOLE: list[Read] = [
    ("POST", b"/a", b"t", CHUNKS, b"hello!"),
    ("QUERY", b"/b?c", b"t", b"", b""),
    ("x-odd~", b"/c", b"other:81", b"abc", b"abc"),
    ("GET", b"/d", b"t", b"", b""),
]


def test_requests_are_read_whole() -> None:
    """Any method passes, an absolute target gives its authority, and a body has its framing."""
    assert read([STREAM]) == WHOLE


def test_requests_are_read_byte_by_byte() -> None:
    """No read of a socket is too short."""
    assert read(STREAM[at : at + 1] for at in range(len(STREAM))) == WHOLE


@given(st.lists(st.integers(0, len(STREAM)), max_size=8).map(sorted))
def test_where_the_reads_fall_changes_nothing(cuts: list[int]) -> None:
    """However the stream is cut into reads, the requests are the same."""
    edges = [0, *cuts, len(STREAM)]
    assert read(STREAM[a:b] for a, b in pairwise(edges)) == WHOLE


def test_a_trailer_stays_with_its_request() -> None:
    """What ends one request never turns up in the head of the next."""
    reader = a_reader()
    reader.feed(STREAM)
    reader.next()
    assert reader.head is not None
    assert [name for name, _ in reader.head.headers] == [b"Host", b"Authorization"]


@pytest.mark.parametrize("name", SHAPES)
def test_a_shape_of_smuggling_is_refused_byte_by_byte(name: str) -> None:
    """Where the reads fall changes nothing about what is no request either."""
    status, request = SHAPES[name]
    step = 1 if len(request) < 10_000 else 999
    with pytest.raises(BadRequestError) as caught:
        read(request[at : at + step] for at in range(0, len(request), step))
    assert caught.value.status == status
    assert "planted" not in repr(caught.value)


def test_a_part_of_a_head_is_told_from_silence() -> None:
    """`begun` says that somebody has begun to ask, and only until the head is whole."""
    reader, begun = a_reader(), []
    for piece in (b"", b"G", b"ET / HTTP/1.1\r\nHost: t\r\n", b"\r\n"):
        reader.feed(piece)
        begun.append(reader.begun)
    assert begun == [False, True, True, False]


@given(st.binary(max_size=200), st.integers(0, 200))
def test_any_bytes_are_chunks_or_raise(data: bytes, cut: int) -> None:
    """What is given out is the beginning of what came, and the same for every cut."""
    assert chunks_of([data]) == chunks_of([data[:cut], data[cut:]])
    given_out = chunks_of([data])
    assert given_out is None or data.startswith(given_out[0])


def chunks_of(pieces: list[bytes]) -> tuple[bytes, bytes] | None:
    """What a chunked body gives out, as (bytes as they came, content); None where it raises."""
    reader, raw, content = ChunkReader(), b"", b""
    try:
        for piece in pieces:
            if not reader.whole:
                more, inside, _ = reader.feed(piece)
                raw, content = raw + more, content + inside
    except BadChunksError:
        return None
    return raw, content


@pytest.mark.parametrize("line", [b"0" * 9_000, b"5;" + b"x" * 9_000])
def test_a_line_without_end_is_not_waited_for(line: bytes) -> None:
    """A size or an extension that goes on and on is broken long before it fills a memory."""
    with pytest.raises(BadChunksError):
        ChunkReader().feed(line)


def test_trailers_without_end_are_not_waited_for() -> None:
    """Trailers are held until they are whole, and so they are bounded together."""
    reader = ChunkReader()
    with pytest.raises(BadChunksError):
        reader.feed(b"0\r\n" + b"X-T: t\r\n" * 10_000)
