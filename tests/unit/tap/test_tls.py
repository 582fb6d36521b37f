"""TLS to the upstream: verified by default, against the CA that the settings name."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from audit.exchange import Ending
from audit.settings import Settings, TapSettings
from cli.gateway import endpoint_of
from tests.harness.certificate import make_certificate
from tests.harness.raw_client import RawClient
from tests.harness.tap import running_tap

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for `localhost` with its key, as PEM."""
    return make_certificate(tmp_path)


@asynccontextmanager
async def secure_upstream(certificate: Path) -> AsyncIterator[int]:
    """A TLS server on a loopback port that answers every request alike."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(ANSWER)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


def tls_of(ca: Path | None) -> ssl.SSLContext:
    """The context that the settings give."""
    upstream = Settings(upstream="https://localhost:1", tap=TapSettings(upstream_ca=ca))
    context = endpoint_of(upstream).tls
    assert context is not None
    return context


async def test_a_known_authority_is_spoken_to(tmp_path: Path, certificate: Path) -> None:
    """With the CA file of the settings the connection is made and the answer passes."""
    async with (
        secure_upstream(certificate) as port,
        running_tap(tmp_path / "data", port, tls=tls_of(certificate)) as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert await client.exactly(len(ANSWER)) == ANSWER


async def test_an_unknown_authority_is_not_spoken_to(tmp_path: Path, certificate: Path) -> None:
    """Verification is on by default: no request is sent to whoever cannot prove its name."""
    async with (
        secure_upstream(certificate) as port,
        running_tap(tmp_path / "data", port, tls=tls_of(None)) as tap,
        RawClient(tap.port) as client,
    ):
        answer = await client.ask(b"GET / HTTP/1.1\r\nHost: t\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 502 ")
        [record] = await tap.records()
        assert record.exchange.ending is Ending.UPSTREAM_UNREACHABLE
