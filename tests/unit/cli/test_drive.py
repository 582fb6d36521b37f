"""The demo's client tells what it saw, and never hangs or raises."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from cli.demo.ask import Conversation, classic, messages, models, v1
from cli.demo.conversations import demo_traffic
from cli.demo.drive import Ended, Progress, drive
from cli.demo.upstream import DemoUpstream

ASKED = messages("Be kind.", "Write to ada@example.org.")


async def test_a_whole_run_ends_as_each_conversation_should(upstream: DemoUpstream) -> None:
    """Every conversation of the demo ends as its name says, and most of them well."""
    traffic = demo_traffic(random.Random(1))
    seen = await drive(upstream.url, traffic.conversations, api_key="key")
    ended = {one.name: one.ended for one in seen}
    assert [one.name for one in seen] == [one.name for one in traffic.conversations]
    assert ended.pop("blocked prompt") is Ended.REJECTED
    assert ended.pop("rate limit") is Ended.REJECTED
    assert ended.pop("error in the stream") is Ended.FAILED
    assert ended.pop("client leaves") is Ended.LEFT
    assert set(ended.values()) == {Ended.DONE}


async def test_planted_values_come_back_in_the_answers(upstream: DemoUpstream) -> None:
    """What assistants repeat is there to be redacted on the way back too."""
    traffic = demo_traffic(random.Random(1))
    seen = await drive(upstream.url, traffic.conversations, api_key="key")
    heard = "\n".join(one.text for one in seen)
    repeated = {planted.kind for planted in traffic.planted if planted.value in heard}
    assert repeated == {planted.kind for planted in traffic.planted}
    assert not [planted.kind for planted in traffic.planted if planted.value in repr(seen)]


async def test_the_client_that_leaves_has_only_a_part(upstream: DemoUpstream) -> None:
    """It stops after the pieces it was told to take."""
    asked = classic("leaves", "demo-report", ASKED)
    leaving = Conversation(asked.name, asked.path, asked.body, leaves_after=5)
    (seen,) = await drive(upstream.url, [leaving], api_key="key")
    assert (seen.ended, seen.pieces) == (Ended.LEFT, 5)


async def test_a_connection_that_breaks_is_a_cut(upstream: DemoUpstream) -> None:
    """The text that had arrived is kept."""
    (seen,) = await drive(upstream.url, [v1("cut", "demo-hangs-up", ASKED)], api_key="key")
    assert seen.ended is Ended.CUT
    assert seen.text.startswith("I will now count")


async def test_progress_is_told_to_the_end(upstream: DemoUpstream) -> None:
    """Pieces and endings only grow, and the last word is that all have ended."""
    told: list[Progress] = []
    talks = [v1("one", "gpt-4o", ASKED), models("two", "demo-extract", ASKED)]
    await drive(upstream.url, talks, api_key="key", watch=told.append)
    assert told == sorted(told, key=lambda now: (now.ended, now.pieces))
    assert told[-1].ended == told[-1].total == 2


async def test_nobody_listening_is_unreachable(unused_tcp_port: int) -> None:
    """A refused connection is an outcome, not an exception."""
    url = f"http://127.0.0.1:{unused_tcp_port}"
    (seen,) = await drive(url, [v1("one", "gpt-4o", ASKED)], api_key="key")
    assert (seen.ended, seen.status) == (Ended.UNREACHABLE, None)


@pytest.fixture
async def strange() -> AsyncIterator[tuple[str, list[web.Request]]]:
    """Listen with a server that answers as the path's last word says."""
    taken: list[web.Request] = []
    released = asyncio.Event()

    async def odd(request: web.Request) -> web.StreamResponse:
        taken.append(request)
        match request.path.rpartition("/")[2]:
            case "silence":
                await released.wait()
                return web.Response()
            case "nonsense":
                return web.Response(body=b'data: {"choices": 7}\n\n')
            case _:
                return web.Response(body=b'data: {"choices": [{"delta": {"content": "x"}}]}\n\n')

    app = web.Application()
    app.router.add_post("/{anything:.*}", odd)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/gateway", taken
    released.set()
    await runner.cleanup()


@pytest.mark.parametrize(
    ("path", "ended"),
    [("/silence", Ended.TIMED_OUT), ("/nonsense", Ended.CUT), ("/no-end", Ended.CUT)],
)
async def test_a_strange_server_is_survived(
    strange: tuple[str, list[web.Request]], path: str, ended: Ended
) -> None:
    """Silence, nonsense and a stream without its end each become an outcome."""
    talk = Conversation("strange", path, {"stream": True})
    (seen,) = await drive(strange[0], [talk], api_key="key", deadline=0.2)
    assert seen.ended is ended


async def test_each_request_has_a_trace_of_its_own(strange: tuple[str, list[web.Request]]) -> None:
    """`traceparent` is well-formed, and its trace id is the one that is reported."""
    url, taken = strange
    talks = [Conversation(str(number), "/no-end", {"stream": True}) for number in range(3)]
    seen = await drive(url, talks, api_key="key")
    sent = [request.headers["traceparent"] for request in taken]
    assert all(re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", value) for value in sent)
    assert {value.split("-")[1] for value in sent} == {one.trace_id for one in seen}
    assert len({one.trace_id for one in seen}) == 3
    assert taken[0].path == "/gateway/no-end"
