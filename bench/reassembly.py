"""`python -m bench.reassembly`: what it costs to read a stream beside decoding its JSON.

For each format one stream of small deltas, as a model sends them: a text of so many words, a few
of them in each event, with the events around it that the format has. Its events are read by the
reader's fold and made into a reading; beside it, in each round, `json.loads` of the data of the
same events, below which no reader can be that looks at them at all. A third figure has the
decoding of the event stream before it, as the tap does it.

Figures are CPU seconds of this process in medians over the rounds, which take turns; only the
ratios mean anything.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tap.dialects.keeping import Keeper
from tap.dialects.reading import Dialect
from tap.dialects.registry import route
from tap.sse import Event, SseDecoder

Json = Any

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "15"))
DELTAS = int(os.environ.get("BENCH_DELTAS", "4000"))
_WORDS = ("the ", "harbour ", "lies ", "open ", "to ", "every ", "wind, ", "but ", "one. ")


@dataclass(frozen=True)
class Stream:
    """A stream of one format: its events, their bytes, and who reads them."""

    name: str
    dialect: Dialect
    events: list[Event]
    data: bytes


@dataclass(frozen=True)
class Round:
    """CPU seconds of one round."""

    floor: float
    fold: float
    whole: float


def main() -> None:
    """Measure all three in turns and print the ratios."""
    streams = [_stream(name, path, made()) for name, path, made in FORMATS]
    rounds: dict[str, list[Round]] = {stream.name: [] for stream in streams}
    for _ in range(ROUNDS):
        for stream in streams:
            rounds[stream.name].append(_round(stream))
    print(f"{DELTAS} deltas a stream, {ROUNDS} rounds; json.loads of the same events is 1")
    for stream in streams:
        _report(stream, rounds[stream.name])


def _round(stream: Stream) -> Round:
    return Round(
        floor=_cpu(lambda: _floor(stream.events)),
        fold=_cpu(lambda: _fold(stream, stream.events)),
        whole=_cpu(lambda: _fold(stream, _decoded(stream.data))),
    )


def _floor(events: list[Event]) -> None:
    for event in events:
        if event.data != "[DONE]":
            json.loads(event.data)


def _cpu(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _fold(stream: Stream, events: list[Event]) -> object:
    fold = stream.dialect.fold()
    for event in events:
        fold.feed(event)
    return fold.reading(Keeper(lambda data: f"{len(data)}"))


def _decoded(data: bytes) -> list[Event]:
    decoder = SseDecoder()
    return [*decoder.feed(data), *decoder.finish()]


def _report(stream: Stream, rounds: list[Round]) -> None:
    megabytes = len(stream.data) / 1e6
    floor = statistics.median(each.floor for each in rounds)
    fold = statistics.median(each.fold / each.floor for each in rounds)
    whole = statistics.median(each.whole / each.floor for each in rounds)
    print(
        f"{stream.name:20} {megabytes:5.2f} MB  floor {1e3 * floor / megabytes:6.1f} ms/MB"
        f"  fold {fold:5.2f} x  with SSE {whole:5.2f} x"
    )


def _stream(name: str, path: str, documents: Iterator[tuple[str, Json]]) -> Stream:
    """Frame the documents; one whose type is empty has no `event:` line."""
    lines: list[str] = []
    for kind, document in documents:
        text = document if isinstance(document, str) else json.dumps(document)
        lines.append(f"event: {kind}\n" if kind else "")
        lines.append(f"data: {text}\n\n")
    data = "".join(lines).encode()
    return Stream(name, route("POST", path, None).dialect, _decoded(data), data)


def _chat() -> Iterator[tuple[str, Json]]:
    base = {
        "id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012",
        "object": "chat.completion.chunk",
        "created": 1735689600,
        "model": "gpt-4o-2024-11-20",
        "system_fingerprint": "fp_1",
    }

    def chunk(delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**base, "choices": [choice], "usage": None, "obfuscation": "a1B2c3D4"}

    yield "", chunk({"role": "assistant", "content": "", "refusal": None})
    for number in range(DELTAS):
        yield "", chunk({"content": _WORDS[number % len(_WORDS)]})
    yield "", chunk({}, "stop")
    counts = {"prompt_tokens": 20, "completion_tokens": DELTAS, "total_tokens": DELTAS + 20}
    yield "", {**base, "choices": [], "usage": counts}
    yield "", "[DONE]"


def _responses() -> Iterator[tuple[str, Json]]:
    said = "".join(_WORDS[number % len(_WORDS)] for number in range(DELTAS))
    place = {"item_id": "msg_0123456789abcdef0123456789", "output_index": 0, "content_index": 0}
    response = {"id": "resp_0123456789abcdef", "object": "response", "model": "gpt-4o"}
    item = {"id": place["item_id"], "type": "message", "role": "assistant"}
    part = {"type": "output_text", "annotations": [], "logprobs": []}
    number = 0

    def event(kind: str, **fields: Json) -> tuple[str, Json]:
        nonlocal number
        number += 1
        return kind, {"type": kind, "sequence_number": number - 1, **fields}

    begun = {**response, "status": "in_progress", "output": []}
    yield event("response.created", response=begun)
    yield event("response.in_progress", response=begun)
    open_item = {**item, "status": "in_progress", "content": []}
    yield event("response.output_item.added", output_index=0, item=open_item)
    yield event("response.content_part.added", **place, part={**part, "text": ""})
    for count in range(DELTAS):
        delta = {"delta": _WORDS[count % len(_WORDS)], "logprobs": [], "obfuscation": "a1B2c3"}
        yield event("response.output_text.delta", **place, **delta)
    yield event("response.output_text.done", **place, text=said, logprobs=[])
    yield event("response.content_part.done", **place, part={**part, "text": said})
    done = {**item, "status": "completed", "content": [{**part, "text": said}]}
    yield event("response.output_item.done", output_index=0, item=done)
    usage = {"input_tokens": 20, "output_tokens": DELTAS, "total_tokens": DELTAS + 20}
    final = {**response, "status": "completed", "output": [done], "usage": usage}
    yield event("response.completed", response=final)


def _anthropic() -> Iterator[tuple[str, Json]]:
    message: dict[str, Json] = {
        "id": "msg_01AbCdEfGhIjKlMnOpQrStUv",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5",
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 20, "output_tokens": 1},
    }
    begun = {"type": "message_start", "message": message}
    yield "message_start", begun
    block = {"type": "text", "text": ""}
    yield (
        "content_block_start",
        {"type": "content_block_start", "index": 0, "content_block": block},
    )
    yield "ping", {"type": "ping"}
    for number in range(DELTAS):
        delta = {"type": "text_delta", "text": _WORDS[number % len(_WORDS)]}
        yield (
            "content_block_delta",
            {"type": "content_block_delta", "index": 0, "delta": delta},
        )
    yield "content_block_stop", {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    usage = {"output_tokens": DELTAS}
    yield "message_delta", {"type": "message_delta", "delta": ended, "usage": usage}
    yield "message_stop", {"type": "message_stop"}


FORMATS: list[tuple[str, str, Callable[[], Iterator[tuple[str, Json]]]]] = [
    ("openai.chat", "/v1/chat/completions", _chat),
    ("openai.responses", "/v1/responses", _responses),
    ("anthropic.messages", "/v1/messages", _anthropic),
]

if __name__ == "__main__":
    main()
