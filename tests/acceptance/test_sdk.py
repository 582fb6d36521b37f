"""The official SDKs cannot tell the tap from the upstream, and each of their calls is recorded.

One `auditstream up` stands in front of an upstream that always says the same. Every call is
made twice, straight and through the tap, and what the two callers are given must be equal.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from anthropic import Anthropic, AsyncAnthropic
from openai import BadRequestError, InternalServerError, RateLimitError, pydantic_function_tool
from pydantic import BaseModel

from tests.harness.callers import CLIENTS, Heard, accumulated, hear
from tests.harness.raw_upstream import RawUpstream
from tests.harness.replay import Replay
from tests.harness.said import recorded, returned
from tests.harness.steady import CLAUDE_TEXT, steady
from tests.harness.tree import Tree, records

pytestmark = pytest.mark.asyncio(loop_scope="module")

Json = Any

QUESTION = "How do I keep a change small?"


class FindOrder(BaseModel):
    """Find an order."""

    subject: str


class CloseOrder(BaseModel):
    """Close an order."""

    reason: str


TOOLS = [pydantic_function_tool(tool) for tool in (FindOrder, CloseOrder)]


@dataclass(frozen=True)
class Case:
    """One thing to ask for, and how its exchange ends when streamed and when not."""

    model: str
    streamed: str = "complete"
    whole: str = "complete"
    more: dict[str, Json] = field(default_factory=dict)

    def asked(self, trace: str, *, stream: bool | None) -> dict[str, Json]:
        """Give the SDK's arguments; the trace id goes with the call into its record."""
        asked: dict[str, Json] = {
            "model": self.model,
            "messages": [{"role": "user", "content": QUESTION}],
            "extra_headers": {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
            **self.more,
        }
        if stream is not False:
            asked["stream_options"] = {"include_usage": True}
        return asked if stream is None else {**asked, "stream": stream}


CASES = {
    "text": Case("gpt-4o"),
    "text in German": Case("demo-bank"),
    "compressed text": Case("steady-gzip"),
    "two choices": Case("gpt-4o", more={"n": 2}),
    "tool calls": Case("demo-agent", more={"tools": TOOLS}),
    "reasoning": Case("demo-reasoner"),
    "refusal": Case("demo-refuse"),
    "late filter": Case("demo-filter-answer", "filtered", "filtered"),
    "blocked prompt": Case("demo-filter-prompt", "filtered", "filtered"),
    "busy": Case("demo-busy", "rejected", "rejected"),
    "broken": Case("demo-broken", "rejected", "rejected"),
    "error inside": Case("demo-fails-halfway", "failed", "rejected"),
    "cut off": Case("demo-hangs-up", "upstream_disconnected", "upstream_disconnected"),
}
RAISED = {"blocked prompt": BadRequestError, "busy": RateLimitError, "broken": InternalServerError}

each_client = pytest.mark.parametrize("kind", CLIENTS)
each_case = pytest.mark.parametrize("name", CASES)
streamed_or_not = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


@dataclass
class Field:
    """The upstream, and the tree in front of it."""

    replay: Replay
    straight: str
    tree: Tree


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    """Run one tree for all tests of this module; it must stop well."""
    replay = Replay(steady)
    async with RawUpstream(replay) as upstream:
        straight = f"http://127.0.0.1:{upstream.port}"
        tree = Tree(tmp_path_factory.mktemp("sdk") / "data", straight)
        await tree.start()
        yield Field(replay, straight, tree)
        code = await tree.stop()
        assert code == 0, tree.log.read_text()
        assert not upstream.errors


@each_client
@each_case
@streamed_or_not
async def test_a_call_is_answered_the_same_through_the_tap(
    ground: Field, kind: str, name: str, stream: bool
) -> None:
    """Objects, chunks, headers and errors equal those that the upstream itself gives."""
    asked = CASES[name].asked(secrets.token_hex(16), stream=stream)
    straight = await hear(kind, ground.straight, asked)
    tapped = await hear(kind, ground.tree.url, asked)
    assert tapped == straight
    assert tapped.objects or tapped.error
    if name in RAISED:
        assert tapped.error is not None
        assert tapped.error["class"] is RAISED[name]
    if name == "busy":
        assert tapped.error is not None
        assert (b"Retry-After", b"2") in tapped.error["headers"]


@each_client
async def test_the_upstream_is_asked_the_same_through_the_tap(ground: Field, kind: str) -> None:
    """Target, headers in their order, and body reach the upstream as the client sent them."""
    asked = CASES["tool calls"].asked(secrets.token_hex(16), stream=True)
    await hear(kind, ground.straight, asked)
    await hear(kind, ground.tree.url, asked)
    straight, tapped = ground.replay.asked[-2:]
    assert tapped.body == straight.body
    assert tapped.lines == [
        line for line in straight.lines if not line.lower().startswith(b"connection:")
    ]


@each_client
@pytest.mark.parametrize("name", ["text", "two choices", "tool calls", "refusal"])
async def test_the_sdks_accumulator_makes_the_same_of_it(
    ground: Field, kind: str, name: str
) -> None:
    """Events, parsed tool arguments and the final completion are equal."""
    asked = CASES[name].asked(secrets.token_hex(16), stream=None)
    straight = await accumulated(kind, ground.straight, asked)
    tapped = await accumulated(kind, ground.tree.url, asked)
    assert tapped == straight
    if name == "tool calls":
        calls = tapped[-1]["choices"][0]["message"]["tool_calls"]
        assert [call["function"]["parsed_arguments"] for call in calls] == [
            {"subject": QUESTION},
            {"reason": QUESTION},
        ]


@streamed_or_not
async def test_a_message_of_another_provider_is_the_same(ground: Field, stream: bool) -> None:
    """Anthropic's clients, too, are given equal messages and equal events in equal order."""
    trace = secrets.token_hex(16)
    straight = await _messages(ground.straight, trace, stream=stream)
    tapped = await _messages(ground.tree.url, trace, stream=stream)
    assert tapped == straight
    assert CLAUDE_TEXT in str(tapped)
    found = await _records_of(ground, {trace}, count=2)
    assert [record["exchange"]["dialect"] for record in found] == ["anthropic.messages"] * 2
    assert [record["exchange"]["status"] for record in found] == [200, 200]


@pytest.mark.timeout(180)
async def test_each_call_has_one_record_that_says_what_the_sdk_returned(ground: Field) -> None:
    """Text, refusal, calls, finish reasons, usage, error and ending are those the caller had."""
    calls: dict[str, tuple[Case, bool, Heard]] = {}
    for kind in CLIENTS:
        for case in CASES.values():
            for stream in (True, False):
                trace = secrets.token_hex(16)
                asked = case.asked(trace, stream=stream)
                calls[trace] = (case, stream, await hear(kind, ground.tree.url, asked))
    found = await _records_of(ground, set(calls), count=len(calls))
    assert {record["identity"]["trace_id"] for record in found} == set(calls)
    for record in found:
        case, stream, heard = calls[record["identity"]["trace_id"]]
        assert record["exchange"]["ending"] == (case.streamed if stream else case.whole)
        assert record["exchange"]["dialect"] == "openai.chat"
        assert record["request"]["messages"][0]["parts"][0]["text"] == QUESTION
        if heard.objects:
            assert recorded(record) == returned(heard.objects)
        if heard.error is not None and heard.error["body"] is not None:
            assert record["response"]["error"]["message"] == heard.error["body"]["message"]


async def _records_of(ground: Field, traces: set[str], *, count: int) -> list[dict[str, Json]]:
    """Read the store again until so many records of these traces are in it."""
    async with asyncio.timeout(90):
        while True:
            everything = await asyncio.to_thread(records, ground.tree.data)
            found = [each for each in everything if each["identity"]["trace_id"] in traces]
            if len(found) >= count:
                return found


async def _messages(url: str, trace: str, *, stream: bool) -> list[Json]:
    """Ask Anthropic's API with both of its clients; give everything they returned."""
    asked: dict[str, Json] = {
        "model": "claude-steady",
        "max_tokens": 64,
        "messages": [{"role": "user", "content": QUESTION}],
        "extra_headers": {"traceparent": f"00-{trace}-00f067aa0ba902b7-01"},
    }
    synchronous = await asyncio.to_thread(_messages_synchronously, url, asked, stream=stream)
    async with AsyncAnthropic(base_url=url, api_key="steady", max_retries=0) as client:
        if not stream:
            raw = await client.messages.with_raw_response.create(**asked)
            message = await raw.parse()
            return [*synchronous, raw.headers.raw, message.model_dump()]
        async with client.messages.stream(**asked) as events:
            told = [event.model_dump() async for event in events]
            return [*synchronous, *told, await events.get_final_text()]


def _messages_synchronously(url: str, asked: dict[str, Json], *, stream: bool) -> list[Json]:
    with Anthropic(base_url=url, api_key="steady", max_retries=0) as client:
        if not stream:
            raw = client.messages.with_raw_response.create(**asked)
            return [raw.headers.raw, raw.parse().model_dump()]
        with client.messages.stream(**asked) as events:
            return [*(event.model_dump() for event in events), events.get_final_text()]
