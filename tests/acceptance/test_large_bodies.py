"""Exchanges of every size on Azure's services: whole in the store, and nothing left in blobs."""

from __future__ import annotations

import base64
import io
import json
import random
import secrets
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from cli.engines_blobs import blobs_of
from storage.queue.claim import CLAIMS
from tests.harness.engines import AZURE, on_engines, settings_here
from tests.harness.load import CountingUpstream
from tests.harness.scripted_upstream import traced
from tests.harness.settling import settled
from tests.harness.tree import Tree, records
from tests.unit.claims.measured import peak_from_now, peak_of

pytestmark = pytest.mark.timeout(300)

IMAGE = 22_000_000
# What the policy takes as one text at most is two million characters.
TEXTS = {"1 KB": [1_000], "200 KB": [200_000], "2 MB": [500_000] * 4}


@dataclass
class Sent:
    """An exchange as its client sent it, its record, and the worker's peak in bytes meanwhile."""

    body: bytes
    record: dict[str, Any]
    beyond: int

    def texts(self) -> list[str]:
        """The texts of the request, as they are stored."""
        parts = [part for each in self.record["request"]["messages"] for part in each["parts"]]
        return [part["text"] for part in parts if part["kind"] == "text"]


@dataclass
class Running:
    """A tree on emulators, and what became of what was sent through it."""

    tree: Tree

    async def send(self, *contents: object) -> Sent:
        """Send one chat, and wait for it to come to rest in the store."""
        trace, headers = traced()
        messages = [{"role": "user", "content": each} for each in contents]
        body = json.dumps({"model": "m", "messages": messages}).encode()
        worker = (await self.tree.state())["pids"]["worker"]
        before = peak_from_now(worker)
        async with (
            ClientSession(headers=headers | {"Content-Type": "application/json"}) as client,
            client.post(f"{self.tree.url}/v1/chat/completions", data=io.BytesIO(body)) as response,
        ):
            assert response.status == 200
            await response.read()
        await settled(self.tree)
        beyond = peak_of(worker) - before
        sys.stdout.write(f"{len(body):>10} bytes: worker {beyond / 1e6:.1f} MB beyond\n")
        (record,) = records(self.tree.data, f"trace:{trace}")
        return Sent(body, record, beyond)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One tree for all sizes."""
    folder = tmp_path_factory.mktemp("large")
    upstream = CountingUpstream()
    await upstream.start()
    async with on_engines(AZURE, folder):
        tree = Tree(folder / "data", upstream.url)
        await tree.start()
        yield Running(tree)
        assert await tree.stop() == 0, tree.log.read_text()
    await upstream.stop()


in_module_loop = pytest.mark.asyncio(loop_scope="module")


@in_module_loop
@pytest.mark.parametrize("sizes", TEXTS.values(), ids=TEXTS)
async def test_a_text_of_any_size_is_stored_whole(running: Running, sizes: list[int]) -> None:
    """Every character that was asked stands in the record, whatever way it took there."""
    texts = [prose(size) for size in sizes]
    assert (await running.send(*texts)).texts() == texts


@in_module_loop
async def test_thirty_megabytes_of_media_are_carried(running: Running) -> None:
    """The record has the words and says of the image what it was.

    The worker's memory is bound to the size of one body, sealed: of what is opened of it, there are
    never more than a few pieces.
    """
    image = base64.b64encode(secrets.token_bytes(IMAGE)).decode()
    asked = [
        {"type": "text", "text": "what is this?"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{image}"}},
    ]
    sent = await running.send(asked)
    assert sent.texts() == ["what is this?"]
    (media,) = [
        part
        for each in sent.record["request"]["messages"]
        for part in each["parts"]
        if part["kind"] == "media"
    ]
    assert (media["mime"], media["bytes"]) == ("image/png", IMAGE)
    assert sent.beyond < 2 * len(sent.body)


@in_module_loop
async def test_nothing_is_left_in_blobs(running: Running) -> None:
    """Each body went after its record was stored."""
    async with blobs_of(settings_here(running.tree.data)) as blobs:
        assert [each.name async for each in blobs.listing(CLAIMS)] == []


def prose(size: int) -> str:
    """So many characters of made-up words: no detector finds anything, and little is squeezed."""
    rng = random.Random(size)
    words = [
        "".join(rng.choice("bcdfglmnprstv") + rng.choice("aeiou") for _ in range(3))
        for _ in range(4_096)
    ]
    return " ".join(rng.choice(words) for _ in range(size // 7 + 1))[:size]
