"""Calls of the official SDKs, of every dialect, and what a caller is given for them.

The law: a call is data, and one driver makes it with a synchronous client or an asynchronous one.
What was heard is plain data too: two callers were told the same when it compares equal.
"""

from __future__ import annotations

import asyncio
import inspect
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from operator import attrgetter
from typing import Any

import anthropic
import openai
from anthropic import Anthropic, AsyncAnthropic
from openai import AssistantEventHandler, AsyncAssistantEventHandler, AsyncAzureOpenAI, OpenAI

from tests.harness.sdk_upstream import WANTED

__all__ = ["KINDS", "Call", "Heard", "Way", "hear"]

Json = Any

# Of either maker, one client that blocks and asks the maker, and one that does not and asks Azure.
KINDS = ("synchronous", "asynchronous")

# Read once: each client would read all certificates of the machine again, and none is needed.
_TLS = ssl.create_default_context()


class Way(Enum):
    """How a call is made, and how its answer is taken."""

    WHOLE = "one object"
    EVENTS = "one event after another"
    MANAGED = "through the SDK's own accumulator"
    SOUND = "bytes"
    FLOWING = "bytes, as they come"


@dataclass(frozen=True)
class Call:
    """One call: the SDK's method, its arguments, and the example that it is answered with.

    `finals` are the methods of an accumulator that give what it made of the stream. `prompts`
    are the texts among the arguments, and `ending` is how the exchange ends.
    """

    method: str
    answer: str
    asked: Mapping[str, Json]
    way: Way = Way.WHOLE
    finals: tuple[str, ...] = ()
    prompts: tuple[str, ...] = ()
    ending: str = "complete"

    @property
    def of_anthropic(self) -> bool:
        """Whether it is a call of Anthropic's SDK."""
        return self.method.removeprefix("beta.").startswith("messages.")


@dataclass
class Heard:
    """One call as its caller saw it: every event, then what the SDK made of them, or an error."""

    events: list[Json] = field(default_factory=list)
    final: Json = None
    error: tuple[str, str, Json] | None = None


async def hear(kind: str, url: str, call: Call, trace: str) -> Heard:
    """Make a call with a client of that kind; the trace id goes with it into its record."""
    headers = {WANTED: call.answer, "traceparent": f"00-{trace}-00f067aa0ba902b7-01"}
    if kind == "asynchronous":
        return await _hear(kind, url, call, headers)
    # A client that blocks does so on a loop of its own, beside the tap's.
    return await asyncio.to_thread(asyncio.run, _hear(kind, url, call, headers))


async def _hear(kind: str, url: str, call: Call, headers: Mapping[str, str]) -> Heard:
    heard = Heard()
    async with _entered(_client(kind, url, call)) as client:
        asked = {**call.asked, "extra_headers": headers}
        if call.method.endswith("runs.stream"):
            asked["event_handler"] = Noting() if kind == "synchronous" else NotingLater()
        try:
            await _TAKEN[call.way](heard, partial(attrgetter(call.method)(client), **asked), call)
        except (openai.APIError, anthropic.APIError) as error:
            heard.error = (type(error).__name__, error.message, error.body)
    return heard


def _client(kind: str, url: str, call: Call) -> object:
    own: dict[str, Json] = {"api_key": "steady", "max_retries": 0}
    if call.of_anthropic and kind == "synchronous":
        http = anthropic.DefaultHttpxClient(verify=_TLS)
        return Anthropic(base_url=url, http_client=http, **own)
    if call.of_anthropic:
        later = anthropic.DefaultAsyncHttpxClient(verify=_TLS)
        return AsyncAnthropic(base_url=f"{url}/anthropic", http_client=later, **own)
    if kind == "synchronous":
        return OpenAI(
            base_url=f"{url}/v1", http_client=openai.DefaultHttpxClient(verify=_TLS), **own
        )
    return AsyncAzureOpenAI(
        azure_endpoint=url,
        api_version="2025-04-01-preview",
        http_client=openai.DefaultAsyncHttpxClient(verify=_TLS),
        **own,
    )


async def _whole(heard: Heard, ask: Callable[[], Json], call: Call) -> None:
    heard.final = _plain(await _given(ask()))


async def _events(heard: Heard, ask: Callable[[], Json], call: Call) -> None:
    async for event in _each(await _given(ask())):
        heard.events.append(_plain(event))


async def _managed(heard: Heard, ask: Callable[[], Json], call: Call) -> None:
    async with _entered(ask()) as stream:
        async for event in _each(stream):
            heard.events.append(_plain(event))
        heard.final = {name: _plain(await _given(getattr(stream, name)())) for name in call.finals}
        if isinstance(stream, Noting | NotingLater):
            heard.events.append(stream.noted)


async def _sound(heard: Heard, ask: Callable[[], Json], call: Call) -> None:
    heard.final = (await _given(ask())).content


async def _flowing(heard: Heard, ask: Callable[[], Json], call: Call) -> None:
    async with _entered(ask()) as response:
        heard.final = b"".join([piece async for piece in _each(response.iter_bytes())])


_TAKEN: dict[Way, Callable[[Heard, Callable[[], Json], Call], Awaitable[None]]] = {
    Way.WHOLE: _whole,
    Way.EVENTS: _events,
    Way.MANAGED: _managed,
    Way.SOUND: _sound,
    Way.FLOWING: _flowing,
}


class Noting(AssistantEventHandler):
    """A handler as an application writes it; `noted` is what it was called with."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[Json] = []

    def on_text_delta(self, delta: Json, snapshot: Json) -> None:
        """Note what was added, and what there is now."""
        self.noted.append((delta.value, snapshot.value))

    def on_tool_call_done(self, tool_call: Json) -> None:
        """Note a call that is whole."""
        self.noted.append(_plain(tool_call))


class NotingLater(AsyncAssistantEventHandler):
    """As `Noting`, of an asynchronous client."""

    def __init__(self) -> None:
        super().__init__()
        self.noted: list[Json] = []

    async def on_text_delta(self, delta: Json, snapshot: Json) -> None:
        """Note what was added, and what there is now."""
        self.noted.append((delta.value, snapshot.value))

    async def on_tool_call_done(self, tool_call: Json) -> None:
        """Note a call that is whole."""
        self.noted.append(_plain(tool_call))


def _plain(value: Json) -> Json:
    """An SDK's object as a dict; lists of them, and texts, as they are."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    # Pydantic warns of fields that an example leaves out; the SDK's callers never see that.
    return value.model_dump(warnings=False) if hasattr(value, "model_dump") else value


async def _given(value: Json) -> Json:
    """What a client gives: at once, or to be awaited."""
    return await value if inspect.isawaitable(value) else value


async def _each(stream: Json) -> AsyncIterator[Json]:
    if hasattr(stream, "__aiter__"):
        async for event in stream:
            yield event
    else:
        for event in stream:
            yield event


@asynccontextmanager
async def _entered(manager: Json) -> AsyncIterator[Json]:
    if hasattr(manager, "__aenter__"):
        async with manager as inside:
            yield inside
    else:
        with manager as inside:
            yield inside
