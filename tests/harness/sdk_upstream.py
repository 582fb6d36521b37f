"""An upstream that answers with the examples of the dialects: the caller names the one it wants.

The law: what is sent is a file of `tests/fixtures/dialects/`, with nothing of a clock or of
chance in it. A stream leaves event by event, each in a chunk of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

from tests.harness.dialects import FIXTURES
from tests.harness.replay import Answer, Asked

__all__ = ["SOUND", "SUBTITLES", "WANTED", "Library"]

# The header in which a caller names the answer it wants.
WANTED = "x-wanted"

SOUND = b"ID3" + bytes(range(256)) * 8
SUBTITLES = "1\n00:00:00,000 --> 00:00:02,000\nGood morning, mañana.\n\n"

_TYPES = {"sound": "audio/mpeg", "subtitles": "text/plain; charset=utf-8"}
# Answers that are no example of a conversation: without a word, or without JSON.
_BODIES = {"sound": SOUND, "subtitles": SUBTITLES.encode(), "count": b'{"input_tokens": 14}'}
_SEQUENCE = re.compile(rb'"sequence_number": ?(\d+)')


class Library:
    """Chooses the answer for a `Replay`: `sound`, `subtitles`, `count`, or an example by its path.

    `replaced` gives, by path, what is put in the place of an example's own words.
    """

    def __init__(self, replaced: Mapping[str, Sequence[tuple[str, str]]] | None = None) -> None:
        self._replaced = replaced or {}

    def __call__(self, asked: Asked) -> Answer:
        """Give what was wanted; of a response that is taken up again, the events after it."""
        name = _wanted(asked)
        body = self._body(name)
        if name.endswith(".sse"):
            events = [event + b"\n\n" for event in body.split(b"\n\n") if event.strip()]
            return _streamed("text/event-stream; charset=utf-8", _later(events, asked))
        if name == "sound":
            return _streamed(_TYPES[name], [body[:700], body[700:]])
        return _whole(name, body)

    def _body(self, name: str) -> bytes:
        data = _BODIES[name] if name in _BODIES else (FIXTURES / name).read_bytes()
        for said, instead in self._replaced.get(name, ()):
            assert said.encode() in data, f"{name} does not say {said!r}"
            data = data.replace(said.encode(), instead.encode())
        return data


def _wanted(asked: Asked) -> str:
    (named,) = [line for line in asked.lines if line.lower().startswith(WANTED.encode())]
    return named.partition(b":")[2].strip().decode()


def _streamed(kind: str, pieces: Sequence[bytes]) -> Answer:
    return Answer(headers=[("Content-Type", kind), ("x-request-id", "req_sdk")], pieces=pieces)


def _whole(name: str, body: bytes) -> Answer:
    """A plain answer, with the status of an error where the body is one."""
    failed = name not in _BODIES and bool(json.loads(body).get("error"))
    headers = [
        ("Content-Type", _TYPES.get(name, "application/json")),
        ("Content-Length", str(len(body))),
        ("x-request-id", "req_sdk"),
    ]
    status, reason = (400, "Bad Request") if failed else (200, "OK")
    return Answer(status, reason, headers, [body])


def _later(events: list[bytes], asked: Asked) -> list[bytes]:
    """The events behind the one that `starting_after` names; all of them where it names none."""
    query = asked.head.split(b" ", 2)[1].partition(b"?")[2].decode()
    after = int("".join(parse_qs(query).get("starting_after", ["-1"])))
    return [
        event
        for event in events
        if all(int(number) > after for number in _SEQUENCE.findall(event)[:1])
    ]
