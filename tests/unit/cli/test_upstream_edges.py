"""The demo upstream where no SDK goes: bad requests, other paths, its own process."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import AsyncIterator

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.demo.chat import ChatRequest, Fault, Reply, read_request
from cli.demo.pacing import UNPACED, Pace
from cli.demo.scenarios import SCENARIOS, answer
from cli.demo.speech import tokens
from cli.demo.upstream import DemoUpstream, start_demo_upstream
from cli.demo.wire import Stamp, beats, completion

CHAT = "/v1/chat/completions"
STAMP = Stamp(id="chatcmpl-1", created=1, model="m")


@pytest.fixture
async def client(upstream: DemoUpstream) -> AsyncIterator[aiohttp.ClientSession]:
    """Give a client with a key."""
    async with aiohttp.ClientSession(upstream.url, headers={"api-key": "key"}) as session:
        yield session


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"messages": [], "n": 99}', b"\xff"])
async def test_a_request_that_asks_nothing_is_a_400(
    client: aiohttp.ClientSession, body: bytes
) -> None:
    """The error has the API's shape and says what is missing."""
    async with client.post(CHAT, data=body) as response:
        assert response.status == 400
        assert (await response.json())["error"]["type"] == "invalid_request_error"


async def test_other_paths_and_methods_are_not_found(client: aiohttp.ClientSession) -> None:
    """Everything else is a 404 in JSON, whatever the method."""
    for method, path in (("GET", CHAT), ("POST", "/v1/responses"), ("PURGE", "/")):
        async with client.request(method, path) as response:
            assert response.status == 404
            assert "error" in await response.json()


async def test_a_request_without_a_credential_is_a_401(upstream: DemoUpstream) -> None:
    """A key is not checked, but it has to be there."""
    async with (
        aiohttp.ClientSession(upstream.url) as session,
        session.post(CHAT, json={"messages": []}) as response,
    ):
        assert response.status == 401


async def test_a_hostile_deployment_name_cannot_reach_a_header(
    client: aiohttp.ClientSession,
) -> None:
    """Line breaks in the path's name do not become headers."""
    path = "/openai/deployments/a%0D%0Ax-evil%3A%201/chat/completions"
    async with client.post(path, json={"messages": []}) as response:
        assert response.status == 200
        assert "x-evil" not in response.headers


async def test_a_port_in_use_is_an_error_at_the_start(upstream: DemoUpstream) -> None:
    """Starting on a taken port raises instead of sharing it."""
    port = int(upstream.url.rpartition(":")[2])
    with pytest.raises(OSError, match="in use"):
        await start_demo_upstream(port=port, pace=UNPACED)


async def test_a_meter_makes_the_caller_wait_for_its_tokens() -> None:
    """At one token in an hour the second one does not come now."""
    meter = Pace(tokens_per_second=1 / 3600, first_after=0).meter()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(meter.charge(1), timeout=0.01)


async def test_a_meter_without_a_rate_never_waits() -> None:
    """Any number of tokens is there at once: the charge finishes without a pause."""
    charge = UNPACED.meter().charge(10**12)
    with pytest.raises(StopIteration):
        charge.send(None)


async def test_closing_breaks_what_is_still_being_answered() -> None:
    """A slow answer does not keep the upstream from stopping; its client sees the break."""
    slow = await start_demo_upstream(pace=Pace(tokens_per_second=1 / 3600, first_after=0))
    async with (
        aiohttp.ClientSession(slow.url, headers={"api-key": "key"}) as session,
        session.post(CHAT, json={"messages": [], "stream": True}) as response,
    ):
        assert (await response.content.readline()).startswith(b"data: ")
        await slow.close()
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_the_process_says_where_it_listens_and_stops_on_a_signal() -> None:
    """The first line is the base URL; SIGTERM ends the process with success."""
    process = await _started("--rate", "0")
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    async with (
        aiohttp.ClientSession(headers={"api-key": "key"}) as session,
        session.post(f"{url}{CHAT}", json={"messages": []}) as response,
    ):
        assert response.status == 200
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_the_process_ends_with_its_parent() -> None:
    """When the pipe to its standard input closes, as a killed parent's does, it stops."""
    process = await _started("--rate", "0", "--with-parent")
    assert process.stdout is not None
    assert process.stdin is not None
    await process.stdout.readline()
    process.stdin.close()
    assert await process.wait() == 0


async def test_a_process_that_cannot_listen_says_so() -> None:
    """A port in use gives one line that names it and exit code 1."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        process = await _started("--listen", listen)
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert f"cannot listen on {listen}" in errors.decode()


async def _started(*options: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cli.demo.upstream", *options, stdin=pipe, stdout=pipe, stderr=pipe
    )


@given(st.text())
def test_tokens_join_to_the_text(text: str) -> None:
    """Cutting into tokens loses nothing."""
    assert "".join(tokens(text)) == text


@given(st.binary(), st.one_of(st.none(), st.text()))
def test_any_body_is_a_request_or_a_400(body: bytes, deployment: str | None) -> None:
    """Reading a request never raises."""
    asked = read_request(body, deployment)
    assert isinstance(asked, ChatRequest) or asked.status == 400


@pytest.mark.parametrize("name", SCENARIOS)
@pytest.mark.parametrize("text", ["", "no details", 'a@example.com, 12345678 and "quotes"'])
def test_every_scenario_answers_everything(name: str, text: str) -> None:
    """Each row of the table can be streamed and given whole, with alternatives."""
    message = {"role": "user", "content": text}
    request = ChatRequest(name, (message,), stream=True, include_usage=True, n=2)
    given_answer = answer(request)
    if isinstance(given_answer, Reply):
        events = list(beats(request, given_answer, STAMP))
        assert all(event.data.startswith(b"data: ") for event in events)
        assert completion(request, given_answer, STAMP)[0]
    else:
        assert isinstance(given_answer, Fault)
        assert given_answer.status >= 400


def test_every_scenario_says_what_it_does() -> None:
    """The table is the documentation: no row is without its words."""
    assert all(scenario.what for scenario in SCENARIOS.values())
