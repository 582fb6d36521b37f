"""Applications that use the official SDKs, and everything that such a caller is given.

What a caller is given is plain data: two callers were told the same when it compares equal.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from openai import APIError, AsyncAzureOpenAI, AsyncOpenAI, AzureOpenAI, OpenAI

__all__ = ["CLIENTS", "Heard", "accumulated", "hear"]

CLIENTS = ["OpenAI", "AzureOpenAI", "AsyncOpenAI", "AsyncAzureOpenAI"]

Json = Any


@dataclass
class Heard:
    """One call as its caller saw it.

    `headers` are the answer's as they stood on the wire; `objects` are the SDK's objects as
    dicts, one for an answer and one for each chunk of a stream; `error` is what was raised.
    """

    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    objects: list[dict[str, Json]] = field(default_factory=list)
    error: dict[str, Json] | None = None


async def hear(kind: str, url: str, asked: Mapping[str, Json]) -> Heard:
    """Make one raw call with a client of that kind; an API error is heard, not raised."""
    if kind.startswith("Async"):
        return await _hear(kind, url, asked)
    return await asyncio.to_thread(_hear_synchronously, kind, url, asked)


async def accumulated(kind: str, url: str, asked: Mapping[str, Json]) -> list[dict[str, Json]]:
    """Stream through the SDK's own accumulator: its events, then the completion they make."""
    if not kind.startswith("Async"):
        return await asyncio.to_thread(_accumulated_synchronously, kind, url, asked)
    async with (
        _asynchronous(kind, url) as client,
        client.chat.completions.stream(**asked) as stream,
    ):
        events = [event.model_dump() async for event in stream]
        return [*events, (await stream.get_final_completion()).model_dump()]


def _accumulated_synchronously(
    kind: str, url: str, asked: Mapping[str, Json]
) -> list[dict[str, Json]]:
    with _synchronous(kind, url) as client, client.chat.completions.stream(**asked) as stream:
        events = [event.model_dump() for event in stream]
        return [*events, stream.get_final_completion().model_dump()]


async def _hear(kind: str, url: str, asked: Mapping[str, Json]) -> Heard:
    heard = Heard()
    async with _asynchronous(kind, url) as client:
        try:
            raw: Any = await client.chat.completions.with_raw_response.create(**asked)
            heard.headers = raw.headers.raw
            if asked.get("stream"):
                async for chunk in raw.parse():
                    heard.objects.append(chunk.model_dump())
            else:
                heard.objects.append(raw.parse().model_dump())
        except APIError as error:
            heard.error = _told(error)
    return heard


def _hear_synchronously(kind: str, url: str, asked: Mapping[str, Json]) -> Heard:
    heard = Heard()
    with _synchronous(kind, url) as client:
        try:
            raw: Any = client.chat.completions.with_raw_response.create(**asked)
            heard.headers = raw.headers.raw
            answer = raw.parse()
            for one in answer if asked.get("stream") else [answer]:
                heard.objects.append(one.model_dump())
        except APIError as error:
            heard.error = _told(error)
    return heard


def _told(error: APIError) -> dict[str, Json]:
    """Everything that an application could look at, what lies behind the error included."""
    response = getattr(error, "response", None)
    return {
        "class": type(error),
        "message": error.message,
        "body": error.body,
        "code": error.code,
        "param": error.param,
        "type": error.type,
        "status": getattr(error, "status_code", None),
        "request_id": getattr(error, "request_id", None),
        "reason": response.reason_phrase if response is not None else None,
        "headers": response.headers.raw if response is not None else None,
        "cause": repr(error.__cause__),
    }


def _synchronous(kind: str, url: str) -> OpenAI:
    if kind == "OpenAI":
        return OpenAI(base_url=f"{url}/v1", api_key="steady", max_retries=0)
    return AzureOpenAI(
        azure_endpoint=url, api_key="steady", api_version="2024-10-21", max_retries=0
    )


def _asynchronous(kind: str, url: str) -> AsyncOpenAI:
    if kind == "AsyncOpenAI":
        return AsyncOpenAI(base_url=f"{url}/openai/v1", api_key="steady", max_retries=0)
    return AsyncAzureOpenAI(
        azure_endpoint=url, api_key="steady", api_version="2024-10-21", max_retries=0
    )
