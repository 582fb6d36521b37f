"""What goes over the wire in the benches: one plain answer, and events that carry their time.

Each event holds, in its text, the monotonic clock at which it was sent; on one machine that clock
is the same for every process, so that whoever receives it knows the delay.
"""

from __future__ import annotations

import json
import re
import time

__all__ = [
    "LENGTH",
    "PATH",
    "SENT_AT",
    "chunked",
    "end_of_stream",
    "event",
    "head",
    "plain",
    "request",
]

PATH = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
SENT_AT = re.compile(rb"@(\d+)@")
LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")

_WORDS = "A reply of ordinary length says some forty words about the matter at hand. "


def request(*, chunks: int, interval_ms: float, size: int, upload: int = 0) -> bytes:
    """One call: `chunks` 0 asks for a plain answer; `size` is the text of an event or answer."""
    asked = {
        "model": "gpt-4o",
        "stream": chunks > 0,
        "messages": [
            {"role": "system", "content": "You are a helpful assistant."},
            {"role": "user", "content": (_WORDS * (upload // len(_WORDS) + 4))[: upload or 300]},
        ],
    }
    body = json.dumps(asked).encode()
    lines = (
        f"POST {PATH} HTTP/1.1",
        "Host: bench",
        "Content-Type: application/json",
        "api-key: 0123456789abcdef0123456789abcdef",
        f"X-Bench: {chunks} {interval_ms} {size}",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def head(*, length: int | None) -> bytes:
    """The head of an answer: chunked where there is no `length`."""
    kind = "application/json" if length is not None else "text/event-stream"
    framing = f"Content-Length: {length}" if length is not None else "Transfer-Encoding: chunked"
    return (
        f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nx-request-id: 1\r\n"
        f"apim-request-id: 2\r\nx-ratelimit-remaining-tokens: 1000\r\n{framing}\r\n\r\n"
    ).encode()


def plain(size: int) -> bytes:
    """A whole completion with a text of `size` characters."""
    text = (_WORDS * (size // len(_WORDS) + 1))[:size]
    message = {"role": "assistant", "content": text}
    usage = {"prompt_tokens": 80, "completion_tokens": size // 4, "total_tokens": 80 + size // 4}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    whole = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o"}
    return json.dumps(whole | {"choices": [choice], "usage": usage}).encode()


def event(size: int) -> bytes:
    """One event as a chunk, stamped with now."""
    text = f"@{time.monotonic_ns()}@" + "a" * size
    data = (
        'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o",'
        f'"choices":[{{"index":0,"delta":{{"content":"{text}"}},"finish_reason":null}}]}}\n\n'
    )
    return chunked(data.encode())


def end_of_stream() -> bytes:
    """The last events and the last chunk."""
    data = (
        'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o",'
        '"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    )
    return chunked(data.encode()) + b"0\r\n\r\n"


def chunked(data: bytes) -> bytes:
    """Frame as one HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)
