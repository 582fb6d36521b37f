"""A way to Cosmos DB's emulator that has the service's troubles: throttling, outage, lost answers.

A reverse proxy over TLS, in the test's own process. Faults are told one by one and used up; the
rest goes through. It keeps the service's limit on the size of a document, which the emulator
does not know.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import aiohttp
from aiohttp import web

from tests.emulators.cosmos import CosmosEmulator

__all__ = ["Fault", "FaultyCosmos", "faulty_cosmos"]

_HOP = frozenset({"host", "connection", "content-length", "transfer-encoding", "keep-alive"})
_MAX_DOCUMENT = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Fault:
    """What becomes of the next requests for items: an answer, or none where `status` is 0.

    With `done` the emulator has carried the request out before; with a `gate` the request waits
    there and is then carried out. `times` is how often it happens; `verb` restricts it to one
    HTTP method, `container` to one container. With a `delay`, in seconds, it is carried out and
    answered that much later.
    """

    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    verb: str | None = None
    container: str = ""
    done: bool = False
    gate: asyncio.Event | None = None
    delay: float = 0.0


@dataclass(slots=True)
class FaultyCosmos:
    """Where to reach it, what goes wrong next, how many requests for items came and met a fault.

    `waiting` is set when a request has come to a gate.
    """

    emulator: CosmosEmulator
    faults: list[Fault] = field(default_factory=list)
    requests: int = 0
    failures: int = 0
    waiting: asyncio.Event = field(default_factory=asyncio.Event)

    def next_fault(self, verb: str, path: str) -> Fault | None:
        """Use up the first fault that fits."""
        for place, fault in enumerate(self.faults):
            if fault.verb in (None, verb) and f"/colls/{fault.container}" in path:
                left = replace(fault, times=fault.times - 1)
                self.faults[place : place + 1] = [left] if left.times else []
                self.failures += 1
                return fault
        return None


@asynccontextmanager
async def faulty_cosmos(behind: CosmosEmulator, port: int = 0) -> AsyncIterator[FaultyCosmos]:
    """Stand in front of a running emulator, on a free loopback port or one that was free before."""
    async with _session(behind) as session:
        app = web.Application(client_max_size=2 * _MAX_DOCUMENT)
        runner = web.AppRunner(app, access_log=None)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(behind.ca)
        shell = FaultyCosmos(behind)
        app.router.add_route("*", "/{path:.*}", _Proxy(shell, behind.endpoint, session).handle)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port, ssl_context=context).start()
        port = runner.addresses[0][1]
        shell.emulator = replace(behind, endpoint=f"https://127.0.0.1:{port}")
        try:
            yield shell
        finally:
            await runner.cleanup()


def _session(behind: CosmosEmulator) -> aiohttp.ClientSession:
    context = ssl.create_default_context(cafile=str(behind.ca))
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=context), auto_decompress=False, trust_env=False
    )


class _Proxy:
    """Passes requests on, or has them fail."""

    def __init__(self, shell: FaultyCosmos, behind: str, session: aiohttp.ClientSession) -> None:
        self._shell = shell
        self._behind = behind
        self._session = session

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        fault = None
        if "/docs" in request.path:
            self._shell.requests += 1
            fault = self._shell.next_fault(request.method, request.path)
        if fault is None and len(body) > _MAX_DOCUMENT:
            fault = Fault(413)
        if fault is not None and fault.gate is not None:
            self._shell.waiting.set()
            await fault.gate.wait()
            fault = None
        if fault is not None and fault.delay:
            await asyncio.sleep(fault.delay)
            fault = None
        if fault is not None and not fault.done:
            return self._failed(request, fault)
        answer = await self._passed_on(request, body)
        return self._failed(request, fault) if fault is not None else answer

    async def _passed_on(self, request: web.Request, body: bytes) -> web.Response:
        headers = {name: value for name, value in request.headers.items() if _kept(name)}
        async with self._session.request(
            request.method, f"{self._behind}{request.raw_path}", headers=headers, data=body
        ) as answer:
            said = await answer.read()
            if request.path == "/":
                # The account tells its clients where to go.
                said = said.replace(_port(self._behind), _port(self._shell.emulator.endpoint))
            kept = {name: value for name, value in answer.headers.items() if _kept(name)}
            return web.Response(status=answer.status, headers=kept, body=said)

    def _failed(self, request: web.Request, fault: Fault) -> web.Response:
        if not fault.status and request.transport is not None:
            request.transport.abort()
        headers = dict(fault.headers)
        return web.Response(status=fault.status or 500, headers=headers, body=b'{"message": ""}')


def _kept(name: str) -> bool:
    return name.lower() not in _HOP


def _port(endpoint: str) -> bytes:
    return endpoint.rpartition(":")[2].encode()
