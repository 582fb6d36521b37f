"""A tap with a certificate of its own: the whole program, and the SDKs in front of it."""

from __future__ import annotations

import asyncio
import json
import ssl
from pathlib import Path

from anthropic import AsyncAnthropic
from anthropic import DefaultAsyncHttpxClient as AnthropicHttp
from openai import AsyncOpenAI, DefaultAsyncHttpxClient

from tests.harness.certificate import make_certificate
from tests.harness.raw_upstream import RawUpstream
from tests.harness.replay import Answer, Asked, Replay
from tests.harness.tree import Tree, auditstream, clean_environment, records

_SAID = {"role": "assistant", "content": "hello"}
_CHAT = {"id": "c", "choices": [{"index": 0, "message": _SAID, "finish_reason": "stop"}]}
_MESSAGE = {"id": "m", "type": "message", "content": [{"type": "text", "text": "hello"}]}


def answered(asked: Asked) -> Answer:
    """A whole answer in the shape of either provider."""
    body = json.dumps(_MESSAGE if asked.path.endswith("/messages") else _CHAT).encode()
    fields = [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    return Answer(headers=fields, pieces=[body])


async def test_the_sdks_reach_a_tap_in_tls(tmp_path: Path) -> None:
    """With `tap.tls_certificate` the traffic port is HTTPS, and the calls have their records."""
    certificate = make_certificate(tmp_path)
    trusted = ssl.create_default_context(cafile=str(certificate))
    replay = Replay(answered)
    async with RawUpstream(replay) as upstream:
        tree = Tree(
            tmp_path / "data",
            f"http://127.0.0.1:{upstream.port}",
            extra={
                "AUDITSTREAM_TAP__TLS_CERTIFICATE": str(certificate),
                "AUDITSTREAM_TAP__FORWARDED": "x-forwarded-for",
            },
        )
        await tree.start()
        await _talk(f"https://localhost:{tree.port}", trusted)
        assert await tree.stop() == 0, tree.log.read_text()
    assert {each["exchange"]["ending"] for each in await _stored(tree)} == {"complete"}
    assert all(b"X-Forwarded-For: 127.0.0.1" in asked.lines for asked in replay.asked)
    assert all(b"X-Forwarded-Proto: https" in asked.lines for asked in replay.asked)
    assert f"https://127.0.0.1:{tree.port}" in tree.log.read_text()


async def _talk(url: str, trusted: ssl.SSLContext) -> None:
    async with DefaultAsyncHttpxClient(verify=trusted, trust_env=False) as http:
        openai = AsyncOpenAI(base_url=url + "/v1", api_key="k", http_client=http, max_retries=0)
        chat = await openai.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}]
        )
        assert chat.choices[0].message.content == "hello"
    async with AnthropicHttp(verify=trusted, trust_env=False) as http:
        anthropic = AsyncAnthropic(base_url=url, api_key="k", http_client=http, max_retries=0)
        message = await anthropic.messages.create(
            model="m", max_tokens=9, messages=[{"role": "user", "content": "hi"}]
        )
        assert getattr(message.content[0], "text", "") == "hello"


async def _stored(tree: Tree) -> list[dict[str, dict[str, str]]]:
    found = await asyncio.to_thread(records, tree.data)
    assert len(found) == 2
    return found


def test_a_certificate_that_cannot_be_used_stops_the_start(tmp_path: Path) -> None:
    """One line names the setting, before anything is made or bound."""
    absent = tmp_path / "absent.pem"
    words = ("up", "--upstream", "http://127.0.0.1:1", "--data", str(tmp_path / "data"))
    env = clean_environment(AUDITSTREAM_TAP__TLS_CERTIFICATE=str(absent))
    result = auditstream(*words, env=env)
    assert result.returncode != 0
    assert result.stderr.count("\n") == 1
    assert f"setting tap.tls_certificate: {absent}: No such file" in result.stderr
    assert not (tmp_path / "data").exists()
