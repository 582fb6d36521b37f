"""A stand-in for Azure OpenAI's chat API, for trying things out and for tests.

It answers on the paths of the real service, classic and v1, with the service's headers, chunk
shapes and errors, at the pace of a model. What it does is decided by the deployment or model
name (`cli.demo.scenarios`). It keeps nothing, checks no key beyond its presence, and logs
nothing that it is sent. `python -m cli.demo.upstream` runs it as a process of its own.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import sys
import time
import uuid
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import click
import uvloop
from aiohttp import web

from cli.demo.chat import ChatRequest, Fault, Reply, error_body, read_request
from cli.demo.pacing import REALISTIC, UNPACED, Pace
from cli.demo.scenarios import SCENARIOS, answer
from cli.demo.wire import Stamp, beats, completion

__all__ = ["DemoUpstream", "main", "start_demo_upstream"]

SERVED_MODEL = "gpt-4o-2024-11-20"

_PATHS = (
    "/openai/deployments/{deployment}/chat/completions",
    "/openai/v1/chat/completions",
    "/v1/chat/completions",
    "/models/chat/completions",
)
_CREDENTIALS = ("api-key", "Authorization", "Ocp-Apim-Subscription-Key")
# Prompts are long: the service takes a million tokens, and a megabyte would turn them away.
_LARGEST_BODY = 64 * 2**20
_LONGEST_HEADER = 64 * 2**10
_PACE = web.AppKey("pace", Pace)


@dataclass(frozen=True, slots=True)
class DemoUpstream:
    """A running demo upstream; `url` is its base, without a trailing slash."""

    url: str
    runner: web.AppRunner

    async def close(self) -> None:
        """Stop listening and break what is still being answered. Idempotent."""
        await self.runner.cleanup()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()


async def start_demo_upstream(
    host: str = "127.0.0.1", port: int = 0, *, pace: Pace = REALISTIC
) -> DemoUpstream:
    """Start answering; port 0 takes a free one. Raises `OSError` when the port is in use."""
    app = web.Application(client_max_size=_LARGEST_BODY)
    app[_PACE] = pace
    for path in _PATHS:
        app.router.add_post(path, _chat)
    app.router.add_route("*", "/{anything:.*}", _not_found)
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=0.5,
        max_field_size=_LONGEST_HEADER,
        max_line_size=_LONGEST_HEADER,
    )
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    bound = runner.addresses[0]
    shown = f"[{host}]" if ":" in host else host
    return DemoUpstream(f"http://{shown}:{bound[1]}", runner)


async def _chat(request: web.Request) -> web.StreamResponse:
    if not any(name in request.headers for name in _CREDENTIALS):
        message = "Access denied due to invalid subscription key or wrong API endpoint."
        return _fault(Fault(401, error_body("401", message)))
    asked = read_request(await request.read(), request.match_info.get("deployment"))
    if isinstance(asked, Fault):
        return _fault(asked)
    reply = answer(asked)
    if isinstance(reply, Fault):
        return _fault(reply)
    speak = _stream if asked.stream else _whole
    return await speak(request, asked, reply)


async def _whole(request: web.Request, asked: ChatRequest, reply: Reply) -> web.StreamResponse:
    body, made = completion(asked, reply, _stamp())
    await request.app[_PACE].meter().charge(made)
    if reply.hangs_up:
        return _hang_up(request, web.Response())
    if reply.error is not None:
        return _fault(Fault(500, reply.error))
    return web.Response(body=body, content_type="application/json", headers=_headers(asked.name))


async def _stream(request: web.Request, asked: ChatRequest, reply: Reply) -> web.StreamResponse:
    headers = {**_headers(asked.name), "Content-Type": "text/event-stream; charset=utf-8"}
    response = web.StreamResponse(headers=headers)
    meter = request.app[_PACE].meter()
    try:
        await response.prepare(request)
        for beat in beats(asked, reply, _stamp()):
            await meter.charge(beat.tokens)
            await response.write(beat.data)
        if reply.hangs_up:
            return _hang_up(request, response)
        await response.write_eof()
    except ConnectionError:
        # The client left; a model that keeps talking to nobody would only cost.
        pass
    return response


def _hang_up(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return response


async def _not_found(request: web.Request) -> web.Response:
    del request
    return _fault(Fault(404, error_body("404", "Resource not found")))


def _fault(fault: Fault) -> web.Response:
    headers = _request_ids()
    if fault.retry_after is not None:
        headers["retry-after"] = str(fault.retry_after)
        headers["retry-after-ms"] = str(fault.retry_after * 1000)
    return web.json_response(fault.body, status=fault.status, headers=headers)


def _headers(deployment: str) -> dict[str, str]:
    return {
        **_request_ids(),
        "x-ms-deployment-name": _token(deployment),
        "x-ms-served-model": SERVED_MODEL,
        "x-ms-rai-invoked": "true",
        "x-ms-is-spilled-over": "false",
        "x-ratelimit-limit-requests": "1000",
        "x-ratelimit-remaining-requests": "999",
        "x-ratelimit-limit-tokens": "1000000",
        "x-ratelimit-remaining-tokens": "999000",
    }


def _request_ids() -> dict[str, str]:
    return {
        "apim-request-id": str(uuid.uuid4()),
        "x-request-id": str(uuid.uuid4()),
        "x-ms-region": "Demo Region",
        "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
        "x-content-type-options": "nosniff",
    }


def _token(text: str) -> str:
    """Keep what may stand in a header's value: the name comes from the request."""
    return "".join(mark for mark in text if mark.isascii() and mark.isprintable())


def _stamp() -> Stamp:
    return Stamp(f"chatcmpl-{secrets.token_hex(12)}", int(time.time()), SERVED_MODEL)


def _scenario_lines() -> str:
    rows = (f"{name:<20} {scenario.what}" for name, scenario in SCENARIOS.items())
    return "\b\nDeployment or model names and what they do:\n" + "\n".join(rows)


@click.command(epilog=_scenario_lines())
@click.option("--listen", default="127.0.0.1:0", show_default=True, help="Host and port.")
@click.option("--rate", default=50.0, show_default=True, help="Tokens a second; 0: no waiting.")
@click.option("--with-parent", is_flag=True, help="Stop when standard input closes.")
def main(listen: str, rate: float, with_parent: bool) -> None:
    """Answer like Azure OpenAI's chat API, until told to stop.

    The first line written is the base URL, so that whoever started this knows the port.
    """
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal():
        raise click.BadParameter("must be HOST:PORT", param_hint="--listen")
    pace = Pace(tokens_per_second=rate) if rate > 0 else UNPACED
    uvloop.run(_serve(host.strip("[]"), int(port), pace, with_parent=with_parent))


async def _serve(host: str, port: int, pace: Pace, *, with_parent: bool) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    try:
        upstream = await start_demo_upstream(host, port, pace=pace)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port}: {error.strerror}") from None
    if with_parent:
        await loop.connect_read_pipe(lambda: _Orphaned(stopped), sys.stdin)
    click.echo(upstream.url)
    sys.stdout.flush()
    await stopped.wait()
    await upstream.close()


class _Orphaned(asyncio.Protocol):
    """Notices the parent's end: the kernel closes its side of the pipe, even on `kill -9`."""

    def __init__(self, stopped: asyncio.Event) -> None:
        self._stopped = stopped

    def connection_lost(self, error: Exception | None) -> None:
        del error
        self._stopped.set()


if __name__ == "__main__":
    main()
