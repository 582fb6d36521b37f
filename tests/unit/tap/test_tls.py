"""TLS to the upstream: verified by default, against the CA that the settings name."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from audit.exchange import Ending
from audit.settings import Settings, TapSettings
from cli.run_tap import endpoint_of
from tests.harness.raw_client import RawClient
from tests.harness.tap import running_tap

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A self-signed certificate for `localhost` with its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names: list[x509.GeneralName] = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    ]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + built.public_bytes(serialization.Encoding.PEM)
    )
    return path


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
