"""Azure OpenAI and Anthropic as an upstream that says the same to everyone who asks the same.

What is said comes from the demo's table of scenarios; ids, times and headers are fixed, and the
headers are as awkward as real ones: doubled, empty, in mixed case, in an order of their own. A
model whose name ends in `-gzip` answers compressed, each piece flushed by itself.
"""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from audit.value import Json
from cli.demo.chat import ChatRequest, Fault, Reply, read_request
from cli.demo.scenarios import answer
from cli.demo.wire import Stamp, beats, completion
from tests.harness.replay import Answer, Asked

__all__ = ["CLAUDE_TEXT", "steady"]

_STAMP = Stamp("chatcmpl-steady", 1_760_000_000, "gpt-4o-2024-11-20")
_DEPLOYMENT = re.compile(r"/deployments/([^/]+)/")
_HEADERS = (
    ("apim-request-id", "11111111-2222-3333-4444-555555555555"),
    ("Set-Cookie", "first=1; Path=/"),
    ("X-Mixed-CASE", "Kept As It Is"),
    ("set-cookie", "second=2; Path=/"),
    ("x-empty", ""),
    ("x-ms-served-model", _STAMP.model),
    ("Warning", '199 - "one"'),
    ("warning", '199 - "two"'),
    ("x-request-id", "99999999-8888-7777-6666-555555555555"),
)

CLAUDE_TEXT = "A steady answer. Überall gleich."
_CLAUDE: dict[str, Json] = {
    "id": "msg_steady",
    "type": "message",
    "role": "assistant",
    "model": "claude-steady",
    "content": [],
    "stop_reason": None,
    "stop_sequence": None,
    "usage": {"input_tokens": 11, "output_tokens": 1},
}


def steady(asked: Asked) -> Answer:
    """Answer by path, model and body, and by nothing else."""
    if asked.path.endswith("/v1/messages"):
        streamed = json.loads(asked.body).get("stream") is True
        return _events(_claude_events()) if streamed else _whole(200, "OK", _claude_message())
    named = _DEPLOYMENT.search(asked.path)
    request = read_request(asked.body, named.group(1) if named else None)
    if isinstance(request, Fault):
        return _fault(request)
    reply = answer(request)
    if isinstance(reply, Fault):
        return _fault(reply)
    said = _streamed(request, reply) if request.stream else _unstreamed(request, reply)
    return _compressed(said) if request.name.endswith("-gzip") else said


def _compressed(plain: Answer) -> Answer:
    kept = [header for header in plain.headers if header[0] != "Content-Length"]
    pieces = tuple(_gzip(plain.pieces))
    return replace(plain, headers=[*kept, ("Content-Encoding", "gzip")], pieces=pieces)


def _gzip(pieces: Sequence[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(wbits=31)
    for piece in pieces:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


def _streamed(request: ChatRequest, reply: Reply) -> Answer:
    return _events([beat.data for beat in beats(request, reply, _STAMP)], cut=reply.hangs_up)


def _unstreamed(request: ChatRequest, reply: Reply) -> Answer:
    if reply.error is not None:
        return _whole(500, "Internal Server Error", json.dumps(reply.error).encode())
    body, _ = completion(request, reply, _STAMP)
    return _whole(200, "OK", body, cut=reply.hangs_up)


def _fault(fault: Fault) -> Answer:
    wait = fault.retry_after
    headers = [("Retry-After", str(wait)), ("retry-after-ms", str(wait * 1000))] if wait else []
    return _whole(fault.status, "Not Now", json.dumps(fault.body).encode(), headers)


def _whole(
    status: int,
    reason: str,
    body: bytes,
    headers: Sequence[tuple[str, str]] = (),
    *,
    cut: bool = False,
) -> Answer:
    own = (("Content-Type", "application/json"), ("Content-Length", str(len(body))))
    kept = body[: len(body) // 2] if cut else body
    return Answer(status, reason, (*_HEADERS, *headers, *own), [kept], cut)


def _events(events: Sequence[bytes], *, cut: bool = False) -> Answer:
    kind = ("Content-Type", "text/event-stream; charset=utf-8")
    return Answer(200, "OK", (kind, *_HEADERS), events, cut)


def _claude_message() -> bytes:
    content = [{"type": "text", "text": CLAUDE_TEXT}]
    usage = {"input_tokens": 11, "output_tokens": 7}
    said = {**_CLAUDE, "content": content, "stop_reason": "end_turn", "usage": usage}
    return json.dumps(said).encode()


def _claude_events() -> list[bytes]:
    block = {"type": "text", "text": ""}
    end = {"stop_reason": "end_turn", "stop_sequence": None}
    events: list[dict[str, Json]] = [
        {"type": "message_start", "message": _CLAUDE},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "ping"},
        *(
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": word},
            }
            for word in re.findall(r"\S+\s*", CLAUDE_TEXT)
        ),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": end, "usage": {"output_tokens": 7}},
        {"type": "message_stop"},
    ]
    return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events]
