"""The traffic port: TLS, the caller's address told on, and its bounds."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import pytest
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from audit.errors import SettingInvalid
from audit.settings import Settings, TapSettings
from cli.listener import listener_tls, most_connections
from tap.hop import Forwarded, Hop
from tests.harness.certificate import make_certificate
from tests.harness.raw_client import RawClient
from tests.harness.raw_upstream import RawUpstream, simple
from tests.harness.replay import Answer, Asked, Replay
from tests.harness.tap import running_tap
from tests.harness.wait import until

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET / HTTP/1.1\r\nHost: t\r\n\r\n"
SAID = (
    b'{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,'
    b'"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}]}'
)
PEER, LOCAL = ("192.0.2.7", 4711), ("2001:db8::1", 443)
HOST = (b"Host", b'a"b.example')


def tls_of(certificate: Path | None, key: Path | None = None) -> ssl.SSLContext | None:
    """The context that these settings give."""
    return listener_tls(Settings(tap=TapSettings(tls_certificate=certificate, tls_key=key)))


async def test_an_sdk_speaks_tls_to_the_tap(tmp_path: Path) -> None:
    """With a certificate the traffic port is HTTPS; the call passes and is recorded."""
    certificate = make_certificate(tmp_path)
    trusted = ssl.create_default_context(cafile=str(certificate))
    async with (
        RawUpstream(Replay(_completion)) as upstream,
        running_tap(tmp_path, upstream.port, listener_tls=tls_of(certificate)) as tap,
        DefaultAsyncHttpxClient(verify=trusted, trust_env=False) as http,
    ):
        url = f"https://localhost:{tap.port}/v1"
        client = AsyncOpenAI(base_url=url, api_key="k", http_client=http, max_retries=0)
        said = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}]
        )
        assert said.choices[0].message.content == "hello"
        [record] = await tap.records()
        assert record.exchange.ending == "complete"


def _completion(_: Asked) -> Answer:
    kind, length = ("Content-Type", "application/json"), ("Content-Length", str(len(SAID)))
    return Answer(headers=[kind, length], pieces=[SAID])


def test_old_tls_is_not_spoken(tmp_path: Path) -> None:
    """TLS 1.2 is the least, and HTTP/1.1 is what is agreed on."""
    context = tls_of(make_certificate(tmp_path))
    assert context is not None
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert tls_of(None) is None


def test_a_key_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    """Certificate and key are read from where the settings say."""
    both = make_certificate(tmp_path).read_bytes()
    start = both.index(b"-----BEGIN CERT")
    (tmp_path / "key.pem").write_bytes(both[:start])
    (tmp_path / "chain.pem").write_bytes(both[start:])
    assert tls_of(tmp_path / "chain.pem", tmp_path / "key.pem") is not None
    with pytest.raises(SettingInvalid, match=r"setting tap\.tls_certificate: .* holds no key"):
        tls_of(tmp_path / "chain.pem")


@pytest.mark.parametrize(
    ("certificate", "key", "said"),
    [
        ("absent.pem", None, r"setting tap\.tls_certificate: .*absent\.pem: No such file"),
        ("text.pem", None, r"setting tap\.tls_certificate: .*text\.pem is no PEM file"),
        ("server.pem", "absent.pem", r"setting tap\.tls_key: .*absent\.pem: No such file"),
        ("server.pem", "other.pem", r"setting tap\.tls_key: .*other\.pem holds no key"),
        (None, "server.pem", r"setting tap\.tls_certificate: is needed beside tap\.tls_key"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    tmp_path: Path, certificate: str | None, key: str | None, said: str
) -> None:
    """The error is one line with the setting and the file, and holds nothing of what is in it."""
    make_certificate(tmp_path)
    (tmp_path / "other").mkdir()
    make_certificate(tmp_path / "other").rename(tmp_path / "other.pem")
    (tmp_path / "text.pem").write_text("planted secret")
    paths = [tmp_path / name if name else None for name in (certificate, key)]
    with pytest.raises(SettingInvalid, match=said) as caught:
        tls_of(*paths)
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    ("style", "fields", "told"),
    [
        ("off", (HOST,), (HOST,)),
        (
            "x-forwarded-for",
            (HOST,),
            (HOST, (b"X-Forwarded-For", b"192.0.2.7"), (b"X-Forwarded-Proto", b"https")),
        ),
        (
            "x-forwarded-for",
            ((b"x-forwarded-proto", b"http"), (b"x-forwarded-for", b"a, b"), HOST),
            ((b"x-forwarded-proto", b"http"), (b"x-forwarded-for", b"a, b, 192.0.2.7"), HOST),
        ),
        (
            "forwarded",
            (HOST,),
            (
                HOST,
                (
                    b"Forwarded",
                    b'for=192.0.2.7;by="[2001:db8::1]";host="a\\"b.example";proto=https',
                ),
            ),
        ),
        (
            "forwarded",
            ((b"Forwarded", b"for=_a"), (b"forwarded", b"for=_b;proto=http")),
            (
                (b"Forwarded", b"for=_a"),
                (
                    b"forwarded",
                    b'for=_b;proto=http, for=192.0.2.7;by="[2001:db8::1]";proto=https',
                ),
            ),
        ),
    ],
)
def test_the_callers_address_is_added_at_the_end(
    style: Forwarded, fields: tuple[tuple[bytes, bytes], ...], told: object
) -> None:
    """What those before us said stays, and we speak last (RFC 7239 §4 and the de-facto field)."""
    assert Hop(style, PEER, LOCAL, secure=True).told(fields) == told


async def test_the_upstream_is_told_of_the_caller_where_that_is_set(tmp_path: Path) -> None:
    """The address is the connection's own, and the host that the caller asked for is told too."""
    async with (
        RawUpstream(simple(ANSWER)) as upstream,
        running_tap(tmp_path, upstream.port, forwarded="forwarded") as tap,
        RawClient(tap.port) as client,
    ):
        await client.send(GET)
        await client.head()
        told = b'Forwarded: for=127.0.0.1;by=127.0.0.1;host="t";proto=http\r\n'
        assert told in upstream.conversations[0].received


async def test_one_connection_too_many_is_answered_and_counted(tmp_path: Path) -> None:
    """It gets a 503 at once and takes nobody's place; when one leaves, the next is served."""
    async with (
        RawUpstream(simple(ANSWER)) as upstream,
        running_tap(tmp_path, upstream.port, most_connections=2) as tap,
        RawClient(tap.port) as client,
    ):
        async with RawClient(tap.port):
            await until(lambda: len(tap.server.connections) == 2, "both are in")
            async with RawClient(tap.port) as third:
                answer = await third.to_end()
                assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
                assert b"too_many_connections" in answer
            assert tap.notes.counts["auditstream_connections_refused_total"] == 1
            await client.send(GET)
            assert await client.exactly(len(ANSWER)) == ANSWER
        await until(lambda: len(tap.server.connections) == 1, "the second left")
        assert tap.notes.states["auditstream_connections_open"] == 1
        async with RawClient(tap.port) as fourth:
            await fourth.send(GET)
            assert await fourth.exactly(len(ANSWER)) == ANSWER


@pytest.mark.parametrize("before", [b"", GET])
async def test_a_head_that_never_ends_is_not_waited_for(tmp_path: Path, before: bytes) -> None:
    """Whoever dribbles a head is answered 408; whoever says nothing yet may stay."""
    async with (
        RawUpstream(simple(ANSWER)) as upstream,
        running_tap(tmp_path, upstream.port, head_seconds=0.05) as tap,
        RawClient(tap.port) as silent,
        RawClient(tap.port) as client,
    ):
        await client.send(before + b"GET / HTTP/1.1\r\nHost: t\r\nX-Slow: ")
        answer = await client.to_end()
        assert answer.startswith((ANSWER if before else b"") + b"HTTP/1.1 408 Request Timeout\r\n")
        assert tap.notes.counts["auditstream_heads_timed_out_total"] == 1
        await silent.send(GET)
        assert await silent.exactly(len(ANSWER)) == ANSWER


def test_connections_are_as_many_as_the_system_has_files_for() -> None:
    """Each client may need two descriptors; a limit beyond that would be none."""
    assert most_connections(10) == 10
    assert 10 < most_connections(1 << 40) < 1 << 40


def test_a_plain_caller_of_a_tls_port_is_refused(tmp_path: Path) -> None:
    """What is set to TLS answers nothing in the clear."""
    context = tls_of(make_certificate(tmp_path))
    assert context is not None
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.send(GET)
        with pytest.raises(ssl.SSLError):
            context.wrap_socket(ours, server_side=True)
