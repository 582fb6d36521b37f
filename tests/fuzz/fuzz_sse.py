"""Fuzz target: the event-stream decoder. How a stream is cut never changes its events.

An input is four lengths of pieces, then the stream.
"""

from __future__ import annotations

from tap.sse import SseDecoder
from tests.fuzz.targets import bounded, cut, found
from tests.harness.dialects import every_reader

__all__ = ["check", "seeds", "words"]

_HEAD = 4


def check(data: bytes) -> None:
    """Decode at once and in pieces; both must tell the same, and neither raise."""
    steps, stream = data[:_HEAD], data[_HEAD:]
    whole = bounded(len(stream), lambda: _told([stream]))
    assert _told(list(cut(stream, steps))) == whole


def _told(pieces: list[bytes]) -> tuple[object, ...]:
    decoder = SseDecoder()
    events = [event for piece in pieces for event in decoder.feed(piece)]
    events += decoder.finish()
    counts = (decoder.comments, decoder.retry, decoder.last_event_id)
    return (events, *counts, decoder.invalid_utf8, decoder.unterminated)


def words() -> list[str]:
    """What the grammar gives a meaning to, written as libFuzzer reads its dictionaries."""
    return ["data:", "event:", "id:", "retry:", r"\x0a\x0a", r"\x0d\x0a", r"\xef\xbb\xbf", r"\x0a{"]


def seeds() -> list[bytes]:
    """Every streamed example of every dialect, and what was found before."""
    examples = [each for reader in every_reader() for each in reader.examples("stream")]
    return [b"\1\7\0\3" + each.data for each in examples] + found("fuzz_sse")
