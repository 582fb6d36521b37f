"""Holds, erasures and dead letters on Azure's services, by the commands that an operator types."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cli.engines_blobs import blobs_of
from storage.queue.claim import CLAIMS
from tests.harness.engines import AZURE, on_engines, settings_here
from tests.harness.live import Live
from tests.harness.scripted_upstream import ScriptedUpstream
from tests.harness.tree import Tree, auditstream

# Over the policy's budget of text, and sealed over what a message carries.
TOO_LONG = "x" * 3_000_000


@pytest_asyncio.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """A running tree on the emulators."""
    upstream = ScriptedUpstream()
    await upstream.start()
    async with on_engines(AZURE, tmp_path, lease=5.0):
        tree = Tree(tmp_path / "data", upstream.url)
        await tree.start()
        yield Live(tree, upstream)
        assert await tree.stop() == 0, tree.log.read_text()
    await upstream.stop()
    assert "Traceback" not in tree.log.read_text()


async def command(live: Live, *words: str, code: int = 0) -> str:
    """Run a command to its end; gives what it printed."""
    run = await asyncio.to_thread(auditstream, *words, "--data", str(live.tree.data))
    assert run.returncode == code, run.stdout + run.stderr
    return run.stdout + run.stderr


async def letters(live: Live, replays: int) -> list[dict[str, Any]]:
    """Wait for the dead letters, until one has been replayed so often."""
    async with asyncio.timeout(60):
        while True:
            found: list[dict[str, Any]] = json.loads(
                await command(live, "dead-letters", "list", "--json")
            )
            if [each["replays"] for each in found] == [replays]:
                return found


async def claims(live: Live) -> list[str]:
    """The bodies that lie in blobs."""
    async with blobs_of(settings_here(live.tree.data)) as blobs:
        return [each.name async for each in blobs.listing(CLAIMS)]


async def test_a_hold_keeps_and_an_erasure_removes_and_all_is_accounted_for(
    live: Live, tmp_path: Path
) -> None:
    """The hold is named where it forbids; what is erased is certified, and the rest stays."""
    held, erased, kept = [await live.record((await live.ask()).trace) for _ in range(3)]
    added = json.loads(
        await command(live, "hold", "add", "--id", held["id"], "--why", "court", "--json")
    )
    refusal = await command(live, "erase", "--id", held["id"], "--why", "asked", code=2)
    assert added["hold"] in refusal
    certificate = str(tmp_path / "certificate.json")
    await command(live, "erase", "--id", erased["id"], "--why", "asked", "--out", certificate)
    assert "confirmed" in await command(live, "verify", "--certificate", certificate)
    await command(live, "hold", "release", added["hold"], "--why", "over")
    report = json.loads(await command(live, "verify", "--json"))
    assert (report["verdict"], report["counts"]["stored"], report["counts"]["erased"]) == (
        "complete",
        2,
        1,
    )
    found = [json.loads(line) for line in (await command(live, "query", "--jsonl")).splitlines()]
    assert {each["id"] for each in found} == {held["id"], kept["id"]}


# The client's advice to give it a file: the loop waits for nobody else here.
@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_dead_letter_keeps_its_large_body_until_it_is_discarded(live: Live) -> None:
    """Set aside and replayed it is still there; discarded, its blob is gone too."""
    await live.ask(TOO_LONG)
    (letter,) = await letters(live, replays=0)
    assert letter["code"] == "redaction.text_too_large"
    assert len(await claims(live)) == 1
    await command(live, "dead-letters", "replay", letter["id"])
    await letters(live, replays=1)
    assert len(await claims(live)) == 1
    await command(live, "dead-letters", "discard", letter["id"], "--why", "too long")
    assert await claims(live) == []
    report = json.loads(await command(live, "verify", "--json"))
    assert (report["verdict"], report["counts"]["erased"]) == ("complete", 1)
