"""The caller first: what comes before a byte is sent on, and what must not be waited for."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from tests.conformance.promises import PROMISES
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import Conversation, RawUpstream
from tests.harness.tap import running_tap

BLOCK = bytes(range(256)) * 256
BLOCKS = 512


@pytest.mark.parametrize("name", PROMISES)
async def test_a_promise_is_kept(tmp_path: Path, name: str) -> None:
    """The opening comes first, and after it nothing of ours is waited for."""
    await PROMISES[name](tmp_path, 20.0)


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_megabytes_pass_both_ways_in_flat_memory(tmp_path: Path, framing: str) -> None:
    """An upload and a download of 32 MB each take less memory than two of their hundred parts."""
    head = b"HTTP/1.1 200 OK\r\n" + announced(framing)

    async def script(conversation: Conversation) -> None:
        await conversation.head()
        for _ in range(BLOCKS):
            await conversation.exactly(len(framed(framing)))
            conversation.received = b""
        await conversation.exactly(len(end(framing)))
        await conversation.send(head)
        for _ in range(BLOCKS):
            await conversation.send(framed(framing))
        await conversation.send(end(framing))

    async with (
        RawUpstream(script) as upstream,
        running_tap(tmp_path, upstream.port, capture_limit=65_536) as tap,
        RawClient(tap.port) as client,
    ):
        tracemalloc.start()
        try:
            await client.send(b"POST / HTTP/1.1\r\nHost: t\r\n" + announced(framing))
            for _ in range(BLOCKS):
                await client.send(framed(framing))
            await client.send(end(framing))
            await client.head()
            for _ in range(BLOCKS):
                assert await client.exactly(len(framed(framing))) == framed(framing)
            assert await client.exactly(len(end(framing))) == end(framing)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert upstream.errors == []
        assert peak < 4_000_000
        [record] = await tap.records()
        assert {"request_truncated", "answer_truncated"} <= set(record.exchange.flags)


def announced(framing: str) -> bytes:
    """The end of a head whose body is sent in blocks."""
    if framing == "chunked":
        return b"Transfer-Encoding: chunked\r\n\r\n"
    return b"Content-Length: %d\r\n\r\n" % (len(BLOCK) * BLOCKS)


def framed(framing: str) -> bytes:
    """One block as it is sent."""
    return b"%x\r\n%b\r\n" % (len(BLOCK), BLOCK) if framing == "chunked" else BLOCK


def end(framing: str) -> bytes:
    """What comes behind the last block."""
    return b"0\r\n\r\n" if framing == "chunked" else b""
