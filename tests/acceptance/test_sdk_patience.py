"""The SDKs' own patience is the same through the tap: timeouts, retries and cancellations.

Each call is made twice against the same plan, straight and through the tap; what the caller is
given and how often the upstream is asked must be equal. The waiting that shows here is the SDKs'.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from audit.record import AuditRecord
from audit.value import to_json
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import Conversation, RawUpstream
from tests.harness.scripted_upstream import chunks_of
from tests.harness.tap import running_tap
from tests.harness.wait import until

Json = Any
DONE = b"data: [DONE]\n\n"


@dataclass(frozen=True)
class Step:
    """What one request is answered: bytes, and then silence, a cut, or the next request."""

    sent: bytes = b""
    then: str = "next"


@dataclass
class Plan:
    """A script for `RawUpstream`: each request takes the next step, the last one again and again.

    `asked` counts the requests, `left` those whose caller went away while they were held.
    """

    steps: list[Step]
    asked: int = 0
    left: int = 0
    going_on: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, conversation: Conversation) -> None:
        """Answer until the plan or the caller ends the connection."""
        while True:
            await _request(conversation)
            step = self.steps[min(self.asked, len(self.steps) - 1)]
            self.asked += 1
            await conversation.send(step.sent)
            if step.then == "cut":
                return
            if step.then == "silence":
                await conversation.until_closed()
                self.left += 1
                return


async def _request(conversation: Conversation) -> None:
    head = (await conversation.head()).lower()
    at = head.find(b"content-length:")
    await conversation.exactly(int(head[at + 15 : head.index(b"\r\n", at)]))


def whole(status: str, body: Json, *fields: str) -> Step:
    """A whole JSON answer."""
    data = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status}", *fields, "Content-Type: application/json"]
    lines += [f"Content-Length: {len(data)}", "", ""]
    return Step("\r\n".join(lines).encode() + data)


def events(*data: bytes, then: str) -> Step:
    """The beginning of a stream, and what comes of it."""
    head = (
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    return Step(head.encode() + b"".join(b"%x\r\n%b\r\n" % (len(e), e) for e in data), then)


Call = Callable[[str, dict[str, Json]], Awaitable[Json]]


@dataclass(frozen=True)
class Provider:
    """One SDK: how it is asked whole and in a stream, and how its upstream answers well."""

    ask: Call
    stream: Callable[[str, dict[str, Json]], AsyncIterator[str]]
    good: Step
    first: bytes
    error: type[Exception]
    unreachable: type[Exception]


async def _ask_openai(url: str, options: dict[str, Json]) -> Json:
    async with openai.AsyncOpenAI(base_url=url + "/v1", api_key="k", **options) as client:
        said = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}]
        )
        return said.model_dump()


async def _stream_openai(url: str, options: dict[str, Json]) -> AsyncIterator[str]:
    async with openai.AsyncOpenAI(base_url=url + "/v1", api_key="k", **options) as client:
        stream = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}], stream=True
        )
        async with stream:
            async for chunk in stream:
                yield chunk.choices[0].delta.content or ""


async def _ask_anthropic(url: str, options: dict[str, Json]) -> Json:
    async with anthropic.AsyncAnthropic(base_url=url, api_key="k", **options) as client:
        said = await client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        )
        return said.model_dump()


async def _stream_anthropic(url: str, options: dict[str, Json]) -> AsyncIterator[str]:
    async with anthropic.AsyncAnthropic(base_url=url, api_key="k", **options) as client:
        stream = await client.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}], stream=True
        )
        async with stream:
            async for event in stream:
                if event.type == "content_block_delta":
                    yield getattr(event.delta, "text", "")


_CHOICE = {
    "index": 0,
    "message": {"role": "assistant", "content": "hello"},
    "finish_reason": "stop",
}
_DELTA = {"type": "text_delta", "text": "partly"}
_BLOCK = {"type": "content_block_delta", "index": 0, "delta": _DELTA}
_MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "m", "stop_reason": None}
PROVIDERS = {
    "openai": Provider(
        _ask_openai,
        _stream_openai,
        whole("200 OK", {"id": "c", "object": "chat.completion", "choices": [_CHOICE]}),
        chunks_of({"content": "partly"}),
        openai.APIStatusError,
        openai.APIConnectionError,
    ),
    "anthropic": Provider(
        _ask_anthropic,
        _stream_anthropic,
        whole("200 OK", {**_MESSAGE, "content": [{"type": "text", "text": "hello"}]}),
        b"event: content_block_delta\ndata: " + json.dumps(_BLOCK).encode() + b"\n\n",
        anthropic.APIStatusError,
        anthropic.APIConnectionError,
    ),
}
SOON = ("Retry-After-Ms: 1", "Retry-After: 1")
BUSY = whole("429 Too Many Requests", {"error": {"message": "busy", "type": "t"}}, *SOON)
BROKEN = whole("500 Internal Server Error", {"error": {"message": "broken"}}, *SOON)
REFUSED = whole("400 Bad Request", {"error": {"message": "no"}})

each_provider = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


async def outcome(call: Awaitable[Json]) -> Json:
    """What a caller is given: the object, or the error's class, status and body."""
    try:
        return await call
    except (openai.OpenAIError, anthropic.AnthropicError) as error:
        return type(error), getattr(error, "status_code", None), getattr(error, "body", None)
    except Exception as error:  # noqa: BLE001 - what the SDK lets through counts too
        return type(error)


async def heard(provider: Provider, url: str, options: dict[str, Json]) -> Json:
    """What a caller hears of a stream, and how it ends."""
    said: list[str] = []

    async def listen() -> None:
        async with aclosing(provider.stream(url, options)) as pieces:  # type: ignore[type-var]  # a generator
            async for piece in pieces:
                said.append(piece)  # noqa: PERF401 - what was said before an error counts

    return said, await outcome(listen())


async def both(
    folder: Path, steps: list[Step], call: Callable[[str], Awaitable[Json]]
) -> tuple[list[tuple[Json, int]], list[AuditRecord]]:
    """Make a call straight and through the tap: (outcome, requests) of each, and the records."""
    seen: list[tuple[Json, int]] = []
    straight = Plan(steps)
    async with RawUpstream(straight) as upstream:
        seen.append((await call(f"http://127.0.0.1:{upstream.port}"), straight.asked))
    tapped = Plan(steps)
    async with RawUpstream(tapped) as upstream, running_tap(folder, upstream.port) as tap:
        seen.append((await call(f"http://127.0.0.1:{tap.port}"), tapped.asked))
        return seen, await tap.records(at_least=tapped.asked)


def retries(provider: Provider) -> dict[str, tuple[list[Step], int, tuple[str, ...]]]:
    """Plans of retries: the steps, how many requests they lead to, and the records' endings."""
    good = provider.good
    return {
        "429 with Retry-After, then well": ([BUSY, good], 2, ("rejected", "complete")),
        "500 twice, then well": ([BROKEN, BROKEN, good], 3, ("rejected",) * 2 + ("complete",)),
        "429 for ever": ([BUSY], 3, ("rejected",) * 3),
        "500 for ever": ([BROKEN], 3, ("rejected",) * 3),
        "400 is not tried again": ([REFUSED], 1, ("rejected",)),
        "cut inside the answer, then well": (
            [Step(good.sent[:-5], "cut"), good],
            2,
            ("upstream_disconnected", "complete"),
        ),
    }


@each_provider
@pytest.mark.parametrize("name", retries(PROVIDERS["openai"]))
async def test_retries_are_the_same(tmp_path: Path, provider: Provider, name: str) -> None:
    """The SDK tries as often, gives the same answer or error, and each try has its record."""
    steps, count, endings = retries(provider)[name]
    seen, records = await both(
        tmp_path, steps, lambda url: outcome(provider.ask(url, {"max_retries": 2}))
    )
    assert seen[0] == seen[1]
    assert seen[0][1] == count
    assert tuple(str(each.exchange.ending) for each in records) == endings


@each_provider
async def test_no_answer_at_all_is_tried_again_as_often(tmp_path: Path, provider: Provider) -> None:
    """Where the upstream hangs up unanswered the tap says 502, which the SDKs retry alike."""
    seen, records = await both(
        tmp_path,
        [Step(then="cut"), provider.good],
        lambda url: outcome(provider.ask(url, {"max_retries": 2})),
    )
    assert seen[0] == seen[1]
    assert seen[0][1] == 2
    endings = [str(each.exchange.ending) for each in records]
    assert endings == ["upstream_disconnected", "complete"]


@each_provider
async def test_a_read_timeout_is_the_sdks_own(tmp_path: Path, provider: Provider) -> None:
    """The SDK gives up when it would, tries again as often, and its upstream is let go."""
    options = {"timeout": 0.2, "max_retries": 1}
    seen, records = await both(
        tmp_path, [Step(then="silence")], lambda url: outcome(provider.ask(url, options))
    )
    assert seen[0] == seen[1]
    assert seen[0][1] == 2
    assert "Timeout" in seen[0][0][0].__name__
    assert [str(each.exchange.ending) for each in records] == ["client_disconnected"] * 2


@each_provider
@pytest.mark.parametrize("then", ["silence", "cut"])
async def test_a_stream_that_stops_ends_the_same(
    tmp_path: Path, provider: Provider, then: str
) -> None:
    """What was heard and the error that ends it are equal, and the record has the same text."""
    options = {"timeout": 0.3, "max_retries": 2}
    steps = [events(provider.first, then=then)]
    seen, [record] = await both(tmp_path, steps, lambda url: heard(provider, url, options))
    assert seen[0] == seen[1]
    assert seen[0][1] == 1
    assert seen[0][0][0] == ["partly"]
    ending = "client_disconnected" if then == "silence" else "upstream_disconnected"
    assert record.exchange.ending == ending
    assert "partly" in text_of(record)


def text_of(record: AuditRecord) -> str:
    """Everything that a record keeps of an answer's content."""
    return to_json(record.response.outputs).decode()


@each_provider
async def test_a_stream_that_is_closed_early_is_let_go(tmp_path: Path, provider: Provider) -> None:
    """The upstream of a caller who stops listening is told, and the text so far is kept."""
    plan = Plan([events(provider.first, then="silence")])
    async with RawUpstream(plan) as upstream, running_tap(tmp_path, upstream.port) as tap:
        url = f"http://127.0.0.1:{tap.port}"
        async with aclosing(provider.stream(url, {})) as pieces:  # type: ignore[type-var]  # as above
            async for piece in pieces:
                assert piece == "partly"
                break
        await until(lambda: plan.left, "the upstream was let go")
        [record] = await tap.records()
        assert record.exchange.ending == "client_disconnected"
        assert "partly" in text_of(record)


@each_provider
@pytest.mark.parametrize("started", [False, True], ids=["unanswered", "streaming"])
async def test_a_call_that_is_cancelled_is_let_go(
    tmp_path: Path, provider: Provider, started: bool
) -> None:
    """Cancelling the caller's task closes the upstream's side too, and is recorded."""
    plan = Plan([events(provider.first, then="silence") if started else Step(then="silence")])
    async with RawUpstream(plan) as upstream, running_tap(tmp_path, upstream.port) as tap:
        said: list[str] = []

        async def listen() -> None:
            async for piece in provider.stream(f"http://127.0.0.1:{tap.port}", {}):
                said.append(piece)  # noqa: PERF401 - it is cancelled in the middle

        task = asyncio.create_task(listen())
        await until(lambda: said if started else plan.asked, "the call was under way")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await until(lambda: plan.left, "the upstream was let go")
        [record] = await tap.records()
        assert record.exchange.ending == "client_disconnected"
        assert text_of(record).count("partly") == started


async def test_leaving_right_after_done_is_complete(tmp_path: Path) -> None:
    """The SDK stops at `[DONE]`; that nothing more was read does not make it incomplete."""
    provider = PROVIDERS["openai"]
    ended = chunks_of({}, "stop")
    plan = Plan([events(provider.first, ended, DONE, then="silence")])
    async with RawUpstream(plan) as upstream, running_tap(tmp_path, upstream.port) as tap:
        async with RawClient(tap.port) as client:
            await client.send(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\n{}"
            )
            await asyncio.wait_for(client.reader.readuntil(b"[DONE]\n\n"), 30)
        await until(lambda: plan.left, "the upstream was let go")
        [record] = await tap.records()
        assert record.exchange.ending == "complete"
        assert '"text":"partly"' in text_of(record)


@each_provider
async def test_an_upstream_that_cannot_be_reached_is_tried_as_often(
    tmp_path: Path, provider: Provider
) -> None:
    """Where the caller would be refused a connection the tap says 502: as many tries, recorded."""
    async with RawUpstream(Plan([])) as gone:
        port = gone.port
    options = {"max_retries": 1, "timeout": 20}
    straight = await outcome(provider.ask(f"http://127.0.0.1:{port}", options))
    assert issubclass(straight[0], provider.unreachable)
    async with running_tap(tmp_path, port) as tap:
        kind, status, _ = await outcome(provider.ask(f"http://127.0.0.1:{tap.port}", options))
        assert issubclass(kind, provider.error)
        assert status == 502
        endings = [str(each.exchange.ending) for each in await tap.records()]
        assert endings == ["upstream_unreachable"] * 2
