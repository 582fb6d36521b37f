"""The table of conversations, each with the differences that are allowed it, and how to write one.

The law: a case without rules must come through byte for byte, in both directions. `@HOST` in a
request stands for the upstream's own authority.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.conformance.stage import Line, Stage

__all__ = [
    "CASES",
    "CHUNKED",
    "CLOSED",
    "GET",
    "OK",
    "Case",
    "add",
    "afterwards",
    "case",
    "filled",
    "once",
    "post",
]

Play = Callable[[Stage], Awaitable[str]]

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: @HOST\r\n\r\n"
GOES_ON, CLOSED = "goes on", "closed"


@dataclass(frozen=True)
class Case:
    """One conversation. `play` tells what became of the client's connection after it.

    `rules` are the differences that the tap makes in it; `endings` those of its records.
    """

    name: str
    play: Play
    rules: tuple[str, ...] = ()
    endings: tuple[str, ...] = ("complete",)


CASES: dict[str, Case] = {}


def add(name: str, play: Play, *rules: str, endings: tuple[str, ...] = ("complete",)) -> None:
    """Put a case into the table."""
    CASES[name] = Case(name, play, rules, endings)


def case(
    name: str, *rules: str, endings: tuple[str, ...] = ("complete",)
) -> Callable[[Play], Play]:
    """Put a script into the table."""

    def taken(play: Play) -> Play:
        add(name, play, *rules, endings=endings)
        return play

    return taken


def filled(stage: Stage, request: bytes) -> bytes:
    """Put the upstream's authority into a request."""
    return request.replace(b"@HOST", stage.authority)


async def afterwards(stage: Stage, client: Line) -> str:
    """Ask once more on the same connection: whether it goes on or was closed."""
    if not client.ended:
        client.send(b"GET /again HTTP/1.1\r\nHost: %b\r\n\r\n" % stage.authority)
    await stage.bell.until(
        lambda: client.ended or stage.asking, "an answer or the end of the connection"
    )
    if client.ended:
        return CLOSED
    upstream, _ = await stage.request()
    upstream.send(OK)
    await client.answer()
    return GOES_ON


def once(request: bytes, answer: bytes = OK, *, closes: bool = False) -> Play:
    """One request and one answer; an upstream that `closes` ends its connection after it."""

    async def play(stage: Stage) -> str:
        client = await stage.client()
        client.send(filled(stage, request))
        upstream, _ = await stage.request()
        upstream.send(answer)
        if closes:
            upstream.close()
        await client.answer(head_only=request.startswith(b"HEAD "))
        return await afterwards(stage, client)

    return play


def post(fields: bytes, body: bytes) -> bytes:
    """Write a request with a body."""
    return b"POST /v1/x HTTP/1.1\r\nHost: @HOST\r\n%b\r\n" % fields + body
