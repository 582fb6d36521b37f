"""How long recording holds the event loop: the longest single step, for bodies at the limits.

Up to 64 KiB of captured bytes become a record at once, or as much of it as a millisecond or two
allow, up to 128 KiB in steps; more, and what no step can read, is left to the worker. Each figure
is the CPU time of the longest turn (thread time, so that what else the machine
does is not counted), the median over rounds, beside the 5 ms that no step may take and beside a
bare `json.loads` of the same bytes in the same rounds.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass

from audit.exchange import AnswerHead, Identity, Level, Opening
from audit.ids import ExchangeNumber
from audit.sheaf import Sheaf, sheaf_json
from tap.bodies import MOST_MARKS, TooLargeError
from tap.capture import Captured
from tap.reassembly import assemble_steps
from tap.recorder import AT_ONCE, AT_ONCE_SECONDS
from tap.recording import LARGE

_LAW_MS = 5.0
_KEY = bytes(32)
# As many strings and escapes as a document may have that is still read in one step.
_MARKS = MOST_MARKS - 100


@dataclass(frozen=True)
class Shape:
    """A kind of exchange: `make` gives request and answer of about so many bytes together."""

    name: str
    content_type: str
    make: Callable[[int], tuple[bytes, bytes]]


def _prose(size: int) -> str:
    return ("What was said stays between those who said it. " * (size // 47 + 1))[:size]


def _plain(size: int) -> tuple[bytes, bytes]:
    asked = {"model": "m", "messages": [{"role": "user", "content": _prose(size // 2)}]}
    message = {"role": "assistant", "content": _prose(size // 2)}
    answer = {"id": "1", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    return json.dumps(asked).encode(), json.dumps(answer).encode()


def _history(size: int) -> tuple[bytes, bytes]:
    count = min(size // 110, _MARKS // 8)
    said = _prose(size // count - 50)
    turns = [{"role": "user", "content": f"turn {each} {said}"} for each in range(count)]
    return json.dumps({"model": "m", "messages": turns}).encode(), _plain(1000)[1]


def _stream(size: int) -> tuple[bytes, bytes]:
    chunk = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    events = [
        {
            **chunk,
            "choices": [{"index": 0, "delta": {"content": f" w{each}"}, "finish_reason": None}],
        }
        for each in range(size // 150)
    ]
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return _plain(400)[0], text.encode()


def _deep(size: int) -> tuple[bytes, bytes]:
    count = min(size // 60, _MARKS // 8)
    said = _prose(size // count - 50)
    fields = {f"field{each}": {"inner": [each, {"deeper": said}]} for each in range(count)}
    return json.dumps({"model": "m", "messages": [], "extra": fields}).encode(), _plain(400)[1]


def _escaped(size: int) -> tuple[bytes, bytes]:
    count = min(size // 6, _MARKS)
    said = "\\ud83d" * count + _prose(size - 6 * count)
    return b'{"messages":[{"role":"user","content":"%b"}]}' % said.encode(), _plain(400)[1]


_SHAPES = (
    Shape("plain JSON, long texts", "application/json", _plain),
    Shape("plain JSON, many turns", "application/json", _history),
    Shape("stream of small chunks", "text/event-stream", _stream),
    Shape("unknown nested fields", "application/json", _deep),
    Shape("lone surrogates", "application/json", _escaped),
)


def _opening() -> Opening:
    return Opening(
        id="018f0000-0000-7000-8000-000000000001",
        number=ExchangeNumber(tap="tap", boot="boot", seq=1),
        received_at_ns=0,
        consumer="bench",
        day="2026-01-01",
        level=Level.REDACTED,
        method="POST",
        target_path="/openai/deployments/m/chat/completions",
        query={},
        content_type="application/json",
        content_encoding=None,
        identity=Identity(),
    )


def _longest_turn(shape: Shape, request: bytes, answer: bytes, *, at_once: bool) -> float:
    """Milliseconds of the longest turn; a turn that comes first goes on for a while."""
    head = AnswerHead(200, shape.content_type, None, 0)
    captured = Captured(request_body=request, answer_head=head, answer_body=answer, ended_ns=1)
    steps = assemble_steps(_opening(), captured, digest_key=_KEY, salt="00", most=LARGE)
    turns, turn = [0.0], 0.0
    while True:
        begun = time.thread_time()
        over = _step(steps)
        turn += time.thread_time() - begun
        if over or not at_once or turn > AT_ONCE_SECONDS:
            turns.append(turn)
            turn, at_once = 0.0, False
        if over:
            return max(turns) * 1000


def _step(steps: Generator[None, None, Sheaf]) -> bool:
    try:
        next(steps)
    except StopIteration as end:
        sheaf_json(end.value)
        return True
    except TooLargeError:
        return True
    return False


def _floor(request: bytes, answer: bytes) -> float:
    begun = time.thread_time()
    json.loads(request)
    for line in answer.split(b"\n\n") if answer.startswith(b"data:") else [answer]:
        text = line.removeprefix(b"data: ")
        if text not in {b"", b"[DONE]"}:
            json.loads(text)
    return (time.thread_time() - begun) * 1000


def main() -> None:
    """Print the table; exit code 1 when a step took longer than it may."""
    rounds = int(os.environ.get("BENCH_ROUNDS", "15"))
    say = sys.stdout.write
    say(f"{'':>28}{'of 64 KiB':>18}{'of 128 KiB':>20}{'json.loads':>12}\n")
    worst = 0.0
    for shape in _SHAPES:
        small, large = shape.make(AT_ONCE - 1024), shape.make(LARGE - 1024)
        ways: dict[str, list[float]] = {"once": [], "steps": [], "floor": []}
        for _ in range(rounds):
            ways["once"].append(_longest_turn(shape, *small, at_once=True))
            ways["steps"].append(_longest_turn(shape, *large, at_once=False))
            ways["floor"].append(_floor(*large))
        once, steps, floor = (statistics.median(each) for each in ways.values())
        worst = max(worst, once, steps)
        say(f"{shape.name:>28}{once:15.2f} ms{steps:17.2f} ms{floor:9.2f} ms\n")
    say(f"longest: {worst:.2f} ms of at most {_LAW_MS} ms\n")
    sys.exit(worst > _LAW_MS)


if __name__ == "__main__":
    main()
