"""What two parsers could read in two ways is refused, and nothing of it is passed on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.shapes import SHAPES, SPLIT
from tests.conformance.stage import staged
from tests.conformance.ways import tapped

HEAD = b"POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize("name", SHAPES)
async def test_a_shape_of_smuggling_is_refused_whole(tmp_path: Path, name: str) -> None:
    """The status is right, no byte reaches the upstream, none is repeated, and it is counted."""
    status, request = SHAPES[name]
    async with staged() as stage, tapped(stage, tmp_path) as tap:
        client = await stage.client()
        client.send(request)
        answer = await client.to_end()
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"planted" not in answer
        assert stage.upstreams == []
        assert tap.notes.counts["auditstream_requests_rejected_total"] == 1
        assert "planted" not in str(tap.notes.events)
        assert await tap.records() == []


@pytest.mark.parametrize("name", SPLIT)
async def test_a_body_that_goes_wrong_on_the_way_is_cut(tmp_path: Path, name: str) -> None:
    """The upstream gets what was well made and then the connection's end, never the bad line."""
    good, bad = SPLIT[name]
    async with staged() as stage, tapped(stage, tmp_path) as tap:
        client = await stage.client()
        client.send(HEAD + good)
        upstream, _ = await stage.asked()
        await upstream.until(b"hello")
        client.send(bad)
        await client.to_end()
        got = await upstream.to_end()
        assert b"bad" not in got
        assert b"0\r\n\r\n" not in got
        [record] = await tap.records()
        assert record.exchange.ending == "client_disconnected"
        assert "request_incomplete" in record.exchange.flags
