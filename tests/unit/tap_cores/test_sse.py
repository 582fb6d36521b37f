"""The event-stream decoder: the grammar of the standard, and what a witness does differently."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap.sse import Event, SseDecoder

LINES = st.sampled_from(
    [
        *("data: a", "data:b", "data", "data:  two", 'data: {"x":"\u2028\x85\x0b"}'),
        *("event: ping", "event:", "id: 7", "id: a\0b", "retry: 10", "retry: 1_000"),
        *(": note", ":", "unknown: x", "", "", "\ufeffdata: bom", "data: 🚀漢"),
        *('{"error": {', '  "code": 1', "}}", "{}"),
    ]
)
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def decoded(*pieces: bytes) -> tuple[list[Event], SseDecoder]:
    """Everything a stream gives when it comes in these pieces."""
    decoder = SseDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    return [*events, *decoder.finish()], decoder


def seen(events: list[Event], decoder: SseDecoder) -> tuple[object, ...]:
    """All that can be observed of a decoding."""
    counts = (decoder.comments, decoder.retry, decoder.last_event_id)
    return (events, *counts, decoder.invalid_utf8, decoder.unterminated)


@given(
    lines=st.lists(st.tuples(LINES, ENDS), max_size=12),
    noise=st.binary(max_size=6),
    at=st.integers(0, 400),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_where_the_bytes_are_cut_never_changes_the_events(
    lines: list[tuple[str, str]], noise: bytes, at: int, cuts: list[int]
) -> None:
    """Whole, byte by byte and cut anywhere, a stream gives the same events and counts."""
    data = "".join(line + end for line, end in lines).encode()
    data = data[:at] + noise + data[at:]
    whole = seen(*decoded(data))
    assert seen(*decoded(*(data[i : i + 1] for i in range(len(data))))) == whole
    edges = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    pieces = [data[a:b] for a, b in pairwise(edges)]
    assert seen(*decoded(*pieces)) == whole


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"data: a\n\ndata:b\n\n", ["a", "b"]),
        (b"data: a\r\n\r\ndata: b\r\rdata: c\n\n", ["a", "b", "c"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data\n\n", [""]),
        (b"data:  x\n\n", [" x"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"event: x\n\ndata: a\n\n", ["a"]),
        (": c\n\ndata: a\u2028b\x85c\x0bd\n\n".encode(), ["a\u2028b\x85c\x0bd"]),
    ],
)
def test_the_grammar_of_the_standard(data: bytes, expected: list[str]) -> None:
    """Line ends, joined data lines, one stripped space and the byte order mark follow the rules."""
    events, decoder = decoded(data)
    assert [event.data for event in events] == expected
    assert not decoder.unterminated


def test_a_type_lasts_for_one_event_and_an_id_until_the_next() -> None:
    """The event type is reset by each blank line; the last event id persists."""
    events, _ = decoded(b"event: error\nid: 4\ndata: a\n\ndata: b\n\n")
    assert [(event.type, event.id) for event in events] == [("error", "4"), ("message", "4")]


def test_the_event_that_the_end_of_the_stream_cut_short_is_given_and_marked() -> None:
    """`[DONE]` without its blank line, or without any line end, is an event all the same."""
    for data in (b"data: [DONE]\n", b"data: [DONE]"):
        events, decoder = decoded(data)
        assert events == [Event(data="[DONE]", unterminated=True)]
        assert decoder.unterminated


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'data: a\n\n{"e": {\r\n  "c": 1\r\n}}\r\n\r\n', ["a", '{"e": {\n  "c": 1\n}}']),
        (b'data: a\n\n{"error": 1}', ["a", '{"error": 1}']),
        (b'{"error":\n: note\n1}\ndata: a\n\n', ["a", '{"error":\n1}']),
        (b'unknown: {"a": 1}\n"b"\n\ndata: a\n\n', ["a"]),
    ],
)
def test_json_that_stands_bare_in_a_stream_is_an_event(data: bytes, expected: list[str]) -> None:
    """An error that was written into a stream without `data:` is read; other noise is not."""
    events, _ = decoded(data)
    assert [event.data for event in events] == expected


def test_a_bare_event_has_the_type_that_was_named_for_it() -> None:
    """`event: error` and then the bare JSON is an error event; the type ends with it."""
    events, decoder = decoded(b'event: error\n{"x": 1}\n\ndata: a\n\n{')
    assert [event.type for event in events] == ["error", "message", "message"]
    assert (events[-1].unterminated, decoder.unterminated) == (True, True)


def test_bytes_that_are_not_utf8_are_replaced_and_noted() -> None:
    """Invalid bytes become U+FFFD and set the mark; a U+FFFD that was sent does not."""
    events, decoder = decoded(b"data: a\xff\xe6b\n\n")
    assert events[0].data == "a\ufffd\ufffdb"
    assert decoder.invalid_utf8
    assert not decoded("data: \ufffd\n\n".encode())[1].invalid_utf8


def test_a_retry_that_is_not_all_digits_and_an_id_with_a_nul_are_ignored() -> None:
    """`retry` takes ASCII digits only, `id` no NUL."""
    _, decoder = decoded("retry: 1_000\nretry: ٣\nid: a\0b\n: x\n:\n".encode())
    assert (decoder.retry, decoder.last_event_id, decoder.comments) == (None, "", 2)


def test_an_event_never_shows_its_data() -> None:
    """The representation of an event names its class only."""
    assert "secret" not in repr(Event(data="secret"))
