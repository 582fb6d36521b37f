"""Standard input cut into lines, however it comes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cli.lines import Line, LineCutter, first_line, lines_of

LIMIT = 6


def cut(*chunks: bytes) -> list[Line]:
    """The lines of these chunks, `LIMIT` bytes long at most."""
    return [line for lines in lines_of(chunks, LIMIT) for line in lines]


@given(st.lists(st.binary(max_size=9) | st.just(b"\n"), max_size=12))
def test_lines_do_not_depend_on_how_they_come(chunks: list[bytes]) -> None:
    """One chunk, several or one for each byte: the same lines, with the same numbers."""
    whole = b"".join(chunks)
    expected = whole.split(b"\n")
    if not expected[-1]:
        expected.pop()
    lines = [
        Line(number, data if len(data) <= LIMIT else None)
        for number, data in enumerate(expected, start=1)
    ]
    assert cut(*chunks) == cut(whole) == cut(*(bytes([byte]) for byte in whole)) == lines


def test_a_line_that_is_too_long_is_counted_and_not_kept() -> None:
    """However much of it comes, no more than the limit is held."""
    cutter = LineCutter(LIMIT)
    for _ in range(1000):
        assert cutter.feed(b"x" * LIMIT) == []
        assert cutter.held <= LIMIT
    assert cutter.feed(b"\nab\n") == [Line(1, None), Line(2, b"ab")]


def test_lines_that_are_there_are_given_before_more_is_read() -> None:
    """Whoever sends a line and waits for its answer gets it."""
    chunks = iter([b"a\nb\nc", b"d\n"])
    lines = lines_of(chunks, LIMIT)
    assert next(lines) == [Line(1, b"a"), Line(2, b"b")]
    assert next(chunks) == b"d\n"


def test_the_first_line_is_the_first_that_says_something() -> None:
    """No more is read than it takes; where there is none, little more than the limit."""
    chunks = iter([b"\n ", b"\r\n", b"ab", b"c\nd", b"e\n"])
    assert first_line(chunks, 100) == (b"\n \r\nabc\nd", b"abc")
    assert list(chunks) == [b"e\n"]
    assert first_line(iter([b"ab"]), 100) == (b"ab", b"ab")
    assert first_line(iter([]), 100) == (b"", b"")
    endless = iter([b"x" * 60] * 10)
    assert first_line(endless, 100)[0] == b"x" * 120
