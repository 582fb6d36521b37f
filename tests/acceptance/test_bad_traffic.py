"""Bad traffic: no upstream, bodies that cannot be read, bytes that mean nothing."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.harness.live import Live
from tests.harness.placements import JSON, chat
from tests.harness.raw_client import RawClient
from tests.harness.scripted_upstream import Answer, ScriptedUpstream, chunks_of
from tests.harness.starting import UPSTREAM, assert_one_line, up_in
from tests.harness.tree import Tree


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def live(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Live]:
    """One tree for all tests of bad traffic; none of them may leave a traceback."""
    upstream = ScriptedUpstream()
    await upstream.start()
    tree = Tree(tmp_path_factory.mktemp("bad") / "data", upstream.url)
    await tree.start()
    yield Live(tree, upstream)
    assert await tree.stop() == 0, tree.log.read_text()
    await upstream.stop()
    logged = tree.log.read_text()
    assert "Traceback" not in logged
    assert "unexpected" not in logged


in_module_loop = pytest.mark.asyncio(loop_scope="module")


@in_module_loop
async def test_a_data_folder_in_use_is_said_in_one_line(live: Live) -> None:
    """A second tree on the folder of a running one does not start, and leaves that one alone."""
    result = await asyncio.to_thread(
        up_in, live.tree.data.parent, *UPSTREAM, "--data", str(live.tree.data)
    )
    assert_one_line(result, f"setting data: {live.tree.data} ")
    held = await live.ask("still there?")
    assert held.status == 200
    await live.record(held.trace)
    assert (await live.tree.state())["pid"]


@in_module_loop
async def test_an_unreachable_upstream_is_a_502_of_the_tap_and_is_recorded(live: Live) -> None:
    """The caller gets JSON that says who answers; the record has the prompt."""
    await live.upstream.stop()
    prompt = chat({"role": "user", "content": "is anybody there?"}, model="m")
    try:
        held = await live.post(prompt, Answer())
    finally:
        await live.upstream.start()
    assert held.status == 502
    assert held.headers["Content-Type"] == "application/json"
    error = json.loads(held.body)["error"]
    assert error["type"] == "auditstream_tap_error"
    assert error["code"] == held.headers["X-AuditStream-Error"] == "upstream_unreachable"
    assert error["message"].startswith("AuditStream tap: ")
    record = await live.record(held.trace)
    assert record["exchange"]["ending"] == "upstream_unreachable"
    assert record["exchange"]["status"] is None
    assert record["request"]["messages"][0]["parts"][0]["text"] == "is anybody there?"
    assert record["exchange"]["requested_model"] == "m"


_REQUESTS = {
    "no JSON": (b"{ this is no JSON", {"request_unparsed"}),
    "bytes": (bytes(range(256)), {"request_unparsed", "invalid_utf8"}),
    "a list": (b'["not", "an", "object"]', {"request_malformed"}),
    "odd messages": (b'{"messages": [1, {"role": 7, "content": {}}]}', {"request_malformed"}),
    "deep": (b'{"messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}", {"request_unparsed"}),
    "said to be gzip": (b'{"messages": []}', {"encoding_absent"}),
}


@in_module_loop
@pytest.mark.parametrize("what", _REQUESTS)
async def test_a_request_that_cannot_be_read_passes_and_is_flagged(live: Live, what: str) -> None:
    """The upstream gets it byte for byte, the caller its answer, the record a flag."""
    body, flags = _REQUESTS[what]
    headers = {**JSON, "Content-Encoding": "gzip"} if "gzip" in what else JSON
    answer = Answer(
        [chunks_of({"content": "so it is"}), b"data: [DONE]\n\n"], 200, "text/event-stream"
    )
    held = await live.post(body, answer, headers)
    assert live.upstream.bodies[held.trace] == body
    assert (held.status, held.body) == (200, b"".join(answer.pieces))
    record = await live.record(held.trace)
    assert flags <= set(record["exchange"]["flags"]), record["exchange"]["flags"]
    assert record["exchange"]["flags"]
    assert record["response"]["outputs"][0]["parts"][0]["text"] == "so it is"


_GOOD = chunks_of({"content": "half a "})
_STREAMS = {
    "no JSON": ((_GOOD, b"data: {nonsense\n\n", _GOOD), "stream_malformed", "half a half a "),
    "no events": ((b"just some text\n", b"\x00\xff\xfe\n"), None, ""),
    "bytes": ((_GOOD, b"data: \xff\xfe\n\n"), "stream_malformed", "half a "),
    "cut": ((_GOOD, _GOOD[:-2]), "unterminated_final_event", "half a half a "),
    "odd": ((_GOOD, b'data: {"choices": [{"delta": 7}, null]}\n\n'), None, "half a "),
}


@in_module_loop
@pytest.mark.parametrize("what", _STREAMS)
async def test_a_stream_that_cannot_be_read_passes_and_is_flagged(live: Live, what: str) -> None:
    """The caller gets every byte; the record has what was understood, and says that it is less."""
    pieces, flag, text = _STREAMS[what]
    held = await live.ask("go on", Answer(pieces, kind="text/event-stream"))
    assert (held.status, held.body) == (200, b"".join(pieces))
    record = await live.record(held.trace)
    flags = record["exchange"]["flags"]
    assert flags if flag is None else flag in flags
    parts = [part for output in record["response"]["outputs"] for part in output["parts"]]
    assert "".join(part["text"] for part in parts if part["kind"] == "text") == text


@in_module_loop
async def test_a_plain_answer_that_cannot_be_read_passes_and_is_flagged(live: Live) -> None:
    """The same holds for a whole answer that says it is JSON."""
    broken = Answer([b'{"choices": [{"message": {"content": "so'])
    held = await live.ask("well?", broken)
    assert held.body == broken.pieces[0]
    assert "answer_unparsed" in (await live.record(held.trace))["exchange"]["flags"]


_REJECTED = "auditstream_requests_rejected_total"
_LONG = b"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %b" + b"x" * 70_000 + b"\r\n\r\n"
_GARBAGE = {
    "noise": (b"\x00\x01%b\xff\r\n\r\n", 400),
    "a TLS hello": (b"\x16\x03\x01\x02\x00%b\r\n\r\n", 400),
    "an odd version": (b"GET /%b HTTP/9.9\r\nHost: a\r\n\r\n", 400),
    "a broken field": (b"GET / HTTP/1.1\r\nHost: a\r\nno colon %b\r\n\r\n", 400),
    "a space in a name": (b"GET / HTTP/1.1\r\nHost: a\r\napi key: %b\r\n\r\n", 400),
    "two lengths": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\nX: %b\r\n\r\nab",
        400,
    ),
    "a long head": (_LONG, 431),
}


@in_module_loop
@pytest.mark.parametrize("what", _GARBAGE)
async def test_bytes_that_are_no_request_are_answered_counted_and_not_repeated(
    live: Live, what: str
) -> None:
    """Neither the answer nor the log holds any of them, and nothing reaches the upstream."""
    template, status = _GARBAGE[what]
    secret = secrets.token_hex(12).encode()
    before, seen = await live.metric(_REJECTED), len(live.upstream.bodies)
    async with RawClient(live.tree.port) as client:
        answer = await client.ask(template.replace(b"%b", secret))
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "bad_request"
    assert await live.metric(_REJECTED) == before + 1
    assert len(live.upstream.bodies) == seen
    assert secret not in answer
    assert secret not in live.tree.log.read_bytes()
