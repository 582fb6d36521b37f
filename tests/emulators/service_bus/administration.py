"""The management API over HTTPS, as far as `ServiceBusAdministrationClient` is used for queues.

`GET /NAME` gives a queue with its counts, `PUT /NAME` makes one, or with `If-Match` changes it;
nothing else is served. The client knows `https` only, whatever its connection string says
(`aio/management/_management_client_async.py` in SDK 7.15), so it gets a certificate to trust:

    ServiceBusAdministrationClient.from_connection_string(
        admin.connection_string, connection_verify=str(admin.certificate)
    )

A queue that is not there is answered as the service does: 200 with an empty feed.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from pathlib import Path

from tests.emulators.certificates import loopback_certificate
from tests.emulators.service_bus.atom import FEED, entry, rules
from tests.emulators.service_bus.server import ServiceBusEmulator

__all__ = ["Administration"]


class Administration:
    """Serves the management API of an emulator's queues."""

    def __init__(self, emulator: ServiceBusEmulator, folder: Path) -> None:
        self._emulator = emulator
        self._server: asyncio.Server | None = None
        self.certificate = loopback_certificate(folder / "service-bus-administration.pem")
        self.port = 0

    @property
    def connection_string(self) -> str:
        """What the administration client takes; its port is not that of AMQP."""
        return (
            f"Endpoint=sb://127.0.0.1:{self.port};SharedAccessKeyName=RootManageSharedAccessKey;"
            "SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true;"
        )

    async def start(self, port: int = 0) -> None:
        """Listen on 127.0.0.1."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate)
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request, then close: no client here is in a hurry."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        method, target, _ = head.split(" ", 2)
        length = re.search(r"(?im)^content-length: *(\d+)", head)
        body = await reader.readexactly(int(length[1])) if length else b""
        name = target.partition("?")[0].strip("/")
        changing = "\r\nif-match:" in head.lower()
        status, document = self._answer(method, name, body, changing=changing)
        writer.write(
            f"HTTP/1.1 {status}\r\nContent-Type: application/atom+xml;charset=utf-8\r\n"
            f"Content-Length: {len(document)}\r\nConnection: close\r\n\r\n".encode()
            + document
        )
        await writer.drain()
        writer.close()

    def _answer(self, method: str, name: str, body: bytes, *, changing: bool) -> tuple[str, bytes]:
        queue = self._emulator.broker.queues.get(name.lower())
        if method == "GET":
            return "200 OK", FEED if queue is None else entry(queue)
        if method != "PUT":
            return _error("405 Method Not Allowed")
        if queue is None:
            return "201 Created", entry(self._emulator.create_queue(name, rules(body)))
        if not changing:
            return _error("409 Conflict")
        queue.change(rules(body))
        return "200 OK", entry(queue)


def _error(status: str) -> tuple[str, bytes]:
    code, _, detail = status.partition(" ")
    return status, f"<Error><Code>{code}</Code><Detail>{detail}</Detail></Error>".encode()
