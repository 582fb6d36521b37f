"""The demo's client: sends conversations to a base URL and tells what it saw.

It is a plain HTTP client, as strict as an SDK about what it reads and without one's retries.
It never hangs: each conversation has a deadline, and whatever happens to it becomes a `Seen`.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import aiohttp
import msgspec

from audit.value import Json, Value, from_json
from cli.demo.ask import Conversation

__all__ = ["Ended", "Progress", "Seen", "drive"]


class Ended(StrEnum):
    """How a conversation ended for the client."""

    DONE = "done"
    LEFT = "left"
    REJECTED = "rejected"
    FAILED = "failed"
    CUT = "cut"
    TIMED_OUT = "timed_out"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the client saw of one conversation.

    `trace_id` is the one it sent in `traceparent` (32 hex digits); `text` the content it had
    received when it ended, one choice after the other; `pieces` in how many pieces it came.
    """

    name: str
    trace_id: str
    ended: Ended
    status: int | None = None
    text: str = field(default="", repr=False)
    pieces: int = 0


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the run is: pieces of text so far, and what has ended."""

    total: int
    ended: int
    pieces: int


class _Said(Value, frozen=True):
    """What the client reads of a delta or a message."""

    content: str | None = None
    refusal: str | None = None
    reasoning_content: str | None = None


class _Choice(Value, frozen=True):
    """One alternative; a chunk brings a delta, a whole answer a message."""

    index: int = 0
    delta: _Said | None = None
    message: _Said | None = None


class _Body(Value, frozen=True):
    """An event or a whole answer, as far as the client cares."""

    choices: tuple[_Choice, ...] = ()
    error: Json = None


class _Run:
    """The counts of one run, told to whoever watches."""

    def __init__(self, total: int, watch: Callable[[Progress], None] | None) -> None:
        self._total, self._watch = total, watch
        self._ended = self._pieces = 0

    def piece(self) -> None:
        self._pieces += 1
        self._tell()

    def end(self) -> None:
        self._ended += 1
        self._tell()

    def _tell(self) -> None:
        if self._watch is not None:
            self._watch(Progress(self._total, self._ended, self._pieces))


async def drive(
    base_url: str,
    conversations: Sequence[Conversation],
    *,
    api_key: str,
    deadline: float = 30.0,
    watch: Callable[[Progress], None] | None = None,
) -> list[Seen]:
    """Send all conversations at once; give what was seen of each, in their order.

    Raises nothing for what a server or a network does. `deadline` is seconds for each
    conversation from its start to its last byte.
    """
    run = _Run(len(conversations), watch)
    timeout = aiohttp.ClientTimeout(total=deadline)
    connector = aiohttp.TCPConnector(limit=0)
    headers = {"api-key": api_key, "User-Agent": "auditstream-demo"}
    async with aiohttp.ClientSession(
        base_url.rstrip("/") + "/", timeout=timeout, connector=connector, headers=headers
    ) as session:
        talks = (_Talk(session, conversation, run).hold() for conversation in conversations)
        return list(await asyncio.gather(*talks))


class _Talk:
    """One conversation on its way."""

    def __init__(
        self, session: aiohttp.ClientSession, conversation: Conversation, run: _Run
    ) -> None:
        self._session, self._conversation, self._run = session, conversation, run
        self._trace_id = secrets.token_hex(16)
        self._status: int | None = None
        self._text: dict[int, list[str]] = {}

    async def hold(self) -> Seen:
        try:
            ended = await self._exchange()
        except TimeoutError:
            ended = Ended.TIMED_OUT
        except aiohttp.ClientConnectorError:
            ended = Ended.UNREACHABLE
        except (aiohttp.ClientError, OSError, msgspec.DecodeError):
            ended = Ended.CUT
        self._run.end()
        text = "\n\n".join("".join(pieces) for _, pieces in sorted(self._text.items()))
        name = self._conversation.name
        return Seen(name, self._trace_id, ended, self._status, text, self._pieces())

    def _pieces(self) -> int:
        return sum(len(pieces) for pieces in self._text.values())

    async def _exchange(self) -> Ended:
        traceparent = f"00-{self._trace_id}-{secrets.token_hex(8)}-01"
        path = self._conversation.path.lstrip("/")
        async with self._session.post(
            path, json=self._conversation.body, headers={"traceparent": traceparent}
        ) as response:
            self._status = response.status
            if response.status >= 400:
                await response.read()
                return Ended.REJECTED
            if self._conversation.streamed:
                return await self._listen(response)
            self._take(from_json(await response.read(), _Body))
            return Ended.DONE

    async def _listen(self, response: aiohttp.ClientResponse) -> Ended:
        async for data in _events(response):
            if data == b"[DONE]":
                return Ended.DONE
            event = from_json(data, _Body)
            if event.error is not None:
                return Ended.FAILED
            self._take(event)
            if self._has_heard_enough():
                response.close()
                return Ended.LEFT
        return Ended.CUT

    def _has_heard_enough(self) -> bool:
        limit = self._conversation.leaves_after
        return limit is not None and self._pieces() >= limit

    def _take(self, body: _Body) -> None:
        for choice in body.choices:
            said = choice.delta or choice.message or _Said()
            text = said.content or said.refusal or said.reasoning_content
            if text:
                self._text.setdefault(choice.index, []).append(text)
                self._run.piece()


async def _events(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Give the data of each server-sent event; the demo's events have one line each."""
    rest = b""
    async for chunk in response.content.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line.removeprefix(b"data:").strip()
