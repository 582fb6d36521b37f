"""The official client takes the demo upstream for the real service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI
from openai.types.chat import (
    ChatCompletionMessageFunctionToolCallParam,
    ChatCompletionMessageParam,
    ChatCompletionToolParam,
)

from cli.demo.upstream import SERVED_MODEL, DemoUpstream

ASKED: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "Write to ada.12345@example.org about card 4111 1111 1111 1111."}
]
TOOLS: list[ChatCompletionToolParam] = [
    {
        "type": "function",
        "function": {
            "name": name,
            "parameters": {"type": "object", "properties": {parameter: {"type": "string"}}},
        },
    }
    for name, parameter in (("find_customer", "email"), ("block_card", "card_number"))
]


@pytest.fixture
async def azure(upstream: DemoUpstream) -> AsyncIterator[AsyncAzureOpenAI]:
    """Give a client of the classic API that does not retry."""
    async with AsyncAzureOpenAI(
        azure_endpoint=upstream.url, api_key="key", api_version="2024-10-21", max_retries=0
    ) as client:
        yield client


async def test_azure_streams_prompt_verdict_text_finish_and_usage(azure: AsyncAzureOpenAI) -> None:
    """The chunks come in the service's order, and the details come back in the text."""
    stream = await azure.chat.completions.create(
        model="demo-support", messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices == []
    assert chunks[0].model_extra is not None
    assert chunks[0].model_extra["prompt_filter_results"][0]["prompt_index"] == 0
    assert chunks[1].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert "ada.12345@example.org" in text
    assert chunks[-2].choices[0].finish_reason == "stop"
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.completion_tokens == len(chunks) - 4
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


async def test_streamed_and_whole_answers_say_the_same(azure: AsyncAzureOpenAI) -> None:
    """Asking without a stream gives the text that the stream adds up to."""
    async with azure.chat.completions.stream(model="demo-hr", messages=ASKED) as stream:
        streamed = await stream.get_final_completion()
    whole = await azure.chat.completions.create(model="demo-hr", messages=ASKED)
    assert streamed.choices[0].message.content == whole.choices[0].message.content
    assert whole.model == SERVED_MODEL
    assert whole.usage is not None


async def test_the_service_headers_are_there(azure: AsyncAzureOpenAI) -> None:
    """Request ids, region, served model and rate limits come with each answer."""
    raw = await azure.chat.completions.with_raw_response.create(model="gpt-4o", messages=ASKED)
    for name in ("apim-request-id", "x-request-id", "x-ms-region", "x-ms-rai-invoked"):
        assert raw.headers[name]
    assert raw.headers["x-ms-served-model"] == SERVED_MODEL
    assert raw.headers["x-ratelimit-remaining-tokens"]


async def test_parallel_tool_calls_arrive_in_fragments(azure: AsyncAzureOpenAI) -> None:
    """Two calls come by index, their arguments in pieces that join to JSON."""
    stream = await azure.chat.completions.create(
        model="demo-agent", messages=ASKED, tools=TOOLS, stream=True
    )
    arguments: dict[int, list[str]] = {}
    finish = None
    async for chunk in stream:
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            for call in choice.delta.tool_calls or ():
                assert call.function is not None
                arguments.setdefault(call.index, []).append(call.function.arguments or "")
    assert finish == "tool_calls"
    assert [len(pieces) > 2 for pieces in arguments.values()] == [True, True]
    found = [json.loads("".join(pieces)) for pieces in arguments.values()]
    assert found == [
        {"email": "ada.12345@example.org"},
        {"card_number": "4111 1111 1111 1111"},
    ]


async def test_a_tool_result_is_read_out(azure: AsyncAzureOpenAI) -> None:
    """With a result at the end of the history, the answer says what it holds."""
    call: ChatCompletionMessageFunctionToolCallParam = {
        "id": "c1",
        "type": "function",
        "function": {"name": "find_customer", "arguments": "{}"},
    }
    answer = await azure.chat.completions.create(
        model="demo-agent",
        messages=[
            *ASKED,
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": '{"phone": "+1 212 555 0123"}'},
        ],
    )
    assert "phone: +1 212 555 0123" in (answer.choices[0].message.content or "")


async def test_a_refusal_comes_in_its_own_field(azure: AsyncAzureOpenAI) -> None:
    """The content is empty and `refusal` speaks, streamed and whole."""
    async with azure.chat.completions.stream(model="demo-refuse", messages=ASKED) as stream:
        streamed = await stream.get_final_completion()
    whole = await azure.chat.completions.create(model="demo-refuse", messages=ASKED)
    assert whole.choices[0].message.content is None
    assert whole.choices[0].message.refusal == streamed.choices[0].message.refusal


async def test_a_blocked_prompt_is_the_services_400(azure: AsyncAzureOpenAI) -> None:
    """Code, parameter and the inner verdict stand where the service puts them."""
    with pytest.raises(openai.BadRequestError) as caught:
        await azure.chat.completions.create(model="demo-filter-prompt", messages=ASKED)
    error = caught.value
    assert (error.code, error.param, error.status_code) == ("content_filter", "prompt", 400)
    assert isinstance(error.body, dict)
    inner = error.body["innererror"]
    assert inner["code"] == "ResponsibleAIPolicyViolation"
    assert inner["content_filter_result"]["jailbreak"] == {"filtered": True, "detected": True}


async def test_the_late_filter_cuts_a_stream_after_its_text(azure: AsyncAzureOpenAI) -> None:
    """Text was delivered, then a chunk without id and delta says `content_filter`."""
    stream = await azure.chat.completions.create(
        model="demo-filter-answer", messages=ASKED, stream=True
    )
    chunks = [chunk async for chunk in stream]
    last = chunks[-1]
    assert last.id == ""
    assert last.choices[0].finish_reason == "content_filter"
    assert any(chunk.choices[0].delta.content for chunk in chunks[1:-1])


@pytest.mark.parametrize(
    ("model", "error"),
    [("demo-busy", openai.RateLimitError), ("demo-broken", openai.InternalServerError)],
)
async def test_errors_are_the_sdks_own(
    azure: AsyncAzureOpenAI, model: str, error: type[openai.APIStatusError]
) -> None:
    """429 and 500 raise what the SDK raises for them, and 429 says when to come back."""
    with pytest.raises(error) as caught:
        await azure.chat.completions.create(model=model, messages=ASKED, stream=True)
    if model == "demo-busy":
        assert caught.value.response.headers["retry-after"] == "2"
        assert caught.value.response.headers["retry-after-ms"] == "2000"


async def test_an_error_inside_a_stream_raises_after_the_text(azure: AsyncAzureOpenAI) -> None:
    """The 200 and half a sentence arrive before the SDK raises."""
    stream = await azure.chat.completions.create(
        model="demo-fails-halfway", messages=ASKED, stream=True
    )
    for _ in range(4):
        await anext(stream)
    with pytest.raises(openai.APIError, match="invalid answer"):
        [chunk async for chunk in stream]


async def test_a_broken_connection_is_noticed(azure: AsyncAzureOpenAI) -> None:
    """The stream that hangs up has no proper end, and the client says so."""
    stream = await azure.chat.completions.create(model="demo-hangs-up", messages=ASKED, stream=True)
    with pytest.raises(openai.APIConnectionError):
        [chunk async for chunk in stream]


async def test_alternatives_are_interleaved_and_differ(upstream: DemoUpstream) -> None:
    """With n=2 both choices speak in turns, on the v1 path with a bearer token."""
    async with AsyncOpenAI(base_url=f"{upstream.url}/openai/v1", api_key="key") as client:
        stream = await client.chat.completions.create(
            model="gpt-4o", messages=ASKED, n=2, stream=True
        )
        order = [choice.index async for chunk in stream for choice in chunk.choices]
        whole = await client.chat.completions.create(model="gpt-4o", messages=ASKED, n=2)
    assert order[:6] == [0, 1, 0, 1, 0, 1]
    first, second = (choice.message.content for choice in whole.choices)
    assert first != second


async def test_reasoning_comes_beside_the_content(upstream: DemoUpstream) -> None:
    """The catalogue's path gives `reasoning_content` before the answer."""
    async with AsyncOpenAI(base_url=f"{upstream.url}/models", api_key="key") as client:
        whole = await client.chat.completions.create(model="demo-reasoner", messages=ASKED)
    extra = whole.choices[0].message.model_extra or {}
    assert "ada.12345@example.org" in extra["reasoning_content"]


async def test_the_synchronous_clients_work_too(upstream: DemoUpstream) -> None:
    """OpenAI and AzureOpenAI, streaming and not, from a thread of their own."""

    def talk() -> list[str | None]:
        said: list[str | None] = []
        azure = AzureOpenAI(
            azure_endpoint=upstream.url, api_key="key", api_version="2024-10-21", max_retries=0
        )
        plain = OpenAI(base_url=f"{upstream.url}/v1", api_key="key", max_retries=0)
        for client in (azure, plain):
            with client:
                whole = client.chat.completions.create(model="demo-bank", messages=ASKED)
                said.append(whole.choices[0].message.content)
                with client.chat.completions.stream(model="demo-bank", messages=ASKED) as stream:
                    said.append(stream.get_final_completion().choices[0].message.content)
        return said

    said = await asyncio.to_thread(talk)
    assert len(said) == 4
    assert len(set(said)) == 1
