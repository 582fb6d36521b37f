"""Dead letters: seen without being read, replayed through the newest redaction, or discarded."""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.harness.leaks import files_under, rows_of
from tests.harness.live import Live
from tests.harness.plants import a_marker
from tests.harness.scripted_upstream import ScriptedUpstream
from tests.harness.tree import Tree, auditstream

ROOT = Path(__file__).parents[2]
POLICY = "AUDITSTREAM_REDACTION__POLICY"


@dataclass
class Letters(Live):
    """A tree whose policy is strict at first, so that what is too long is set aside."""

    async def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command over the tree's data."""
        return await asyncio.to_thread(auditstream, *words, "--data", str(self.tree.data))

    async def listed(self) -> list[dict[str, Any]]:
        """What `dead-letters list` says."""
        done = await self.run("dead-letters", "list", "--json")
        assert done.returncode == 0, done.stderr
        letters: list[dict[str, Any]] = json.loads(done.stdout)
        return letters

    async def one_set_aside(self, text: str, replays: int = 0) -> dict[str, Any]:
        """Wait for the one dead letter, replayed so often; nothing may say the text."""
        async with asyncio.timeout(60):
            while [each["replays"] for each in await self.listed()] != [replays]:
                pass
        (letter,) = await self.listed()
        assert text not in json.dumps(letter)
        return letter

    async def counts(self) -> dict[str, int]:
        """What `verify` counts in a complete log."""
        done = await self.run("verify", "--json")
        assert done.returncode == 0, done.stdout
        return {name: n for name, n in json.loads(done.stdout)["counts"].items() if n}


@pytest_asyncio.fixture
async def letters(tmp_path: Path) -> AsyncIterator[Letters]:
    """A running tree under a policy that takes short texts only."""
    policy = tmp_path / "policy.toml"
    ours = (ROOT / "redaction" / "policies" / "default.toml").read_text()
    policy.write_text(ours.replace("max_text_chars = 2_000_000", "max_text_chars = 100"))
    upstream = ScriptedUpstream()
    await upstream.start()
    tree = Tree(tmp_path / "data", upstream.url, extra={POLICY: str(policy)})
    await tree.start()
    yield Letters(tree, upstream)
    if tree.process is not None and tree.process.returncode is None:
        assert await tree.stop() == 0, tree.log.read_text()
    await upstream.stop()
    assert "Traceback" not in tree.log.read_text()


@pytest.fixture
def marker() -> str:
    """A word that no other text has."""
    rng = random.Random(random.SystemRandom().randrange(2**64))
    return a_marker(rng) + a_marker(rng)


async def test_a_replay_goes_through_the_newest_redaction(letters: Letters, marker: str) -> None:
    """Under the same policy it is set aside again; under another one it is stored, redacted."""
    text = f"{marker} wrote to ada@example.com " * 20
    trace = (await letters.ask(text)).trace
    letter = await letters.one_set_aside(marker)
    assert letter["code"] == "redaction.text_too_large"
    assert await letters.counts() == {"dead_lettered": 1}
    for words in ((letter["id"],), ("--all", "--code", letter["code"])):
        done = await letters.run("dead-letters", "replay", *words)
        assert (done.returncode, done.stdout) == (0, "1 replayed\n"), done.stderr
        await letters.one_set_aside(marker, 1 if len(words) == 1 else 2)
    assert await letters.tree.stop() == 0

    letters.tree.extra = {}
    await letters.tree.start()
    done = await letters.run("dead-letters", "replay", "--all")
    assert (done.returncode, done.stdout) == (0, "1 replayed\n"), done.stderr
    record = await letters.record(trace)
    said = record["request"]["messages"][0]["parts"][0]["text"]
    assert said == f"{marker} wrote to <EMAIL_ADDRESS_1> " * 20
    assert await letters.listed() == []
    assert await letters.counts() == {"stored": 1}


async def test_a_discarded_letter_is_gone_and_certified(letters: Letters, marker: str) -> None:
    """The sealed body leaves the queue, verify counts it as erased and confirms the paper."""
    await letters.ask(f"{marker} " * 20)
    letter = await letters.one_set_aside(marker)
    file = letters.tree.data.with_name("certificate.json")
    words = ("discard", letter["id"], "--why", "a test sent it", "--out", str(file))
    done = await letters.run("dead-letters", *words)
    assert done.returncode == 0, done.stderr
    (erased,) = json.loads(file.read_bytes())["erased"]
    assert (erased["id"], erased["before"]) == (letter["id"], "dead_lettered")
    assert await letters.listed() == []
    assert await letters.counts() == {"erased": 1}
    confirmed = await letters.run("verify", "--certificate", str(file))
    assert confirmed.returncode == 0, confirmed.stdout + confirmed.stderr
    data = letters.tree.data
    assert letter["id"].encode() not in b"".join(rows_of(data / "queue.sqlite"))
    assert not [name for name, said in files_under(data).items() if marker.encode() in said]


async def test_a_letter_is_shown_without_its_content(letters: Letters, marker: str) -> None:
    """What it is, why it is there and what to do: for people, and as JSON."""
    await letters.ask(f"{marker} " * 20)
    letter = await letters.one_set_aside(marker)
    shown = await letters.run("dead-letters", "show", letter["id"])
    listed = await letters.run("dead-letters", "list")
    for said in (shown.stdout, listed.stdout):
        assert letter["id"] in said
        assert "redaction.text_too_large" in said
        assert marker not in said
    assert "raise the policy's budget" in shown.stdout
    as_json = await letters.run("dead-letters", "show", letter["id"], "--json")
    assert json.loads(as_json.stdout) == letter


BAD: dict[tuple[str, ...], str] = {
    ("show", "nobody"): "there is no dead letter nobody",
    ("replay", "nobody"): "there is no dead letter nobody",
    ("replay",): "say which: ID..., or --all",
    ("replay", "x", "--all"): "say which: ID..., or --all",
    ("replay", "x", "--code", "key.missing"): "say which: ID..., or --all",
    (
        "replay",
        "--all",
        "--code",
        "key.mising",
    ): "there is no reason code 'key.mising'; there are: ",
    ("discard", "nobody", "--why", "x"): "there is no dead letter nobody",
}


async def test_what_makes_no_sense_is_one_line(letters: Letters, marker: str) -> None:
    """An unknown id among known ones: nothing is done at all."""
    await letters.ask(f"{marker} " * 20)
    letter = await letters.one_set_aside(marker)
    bad = BAD | {
        ("discard", letter["id"], "nobody", "--why", "x"): "there is no dead letter nobody",
        ("replay", letter["id"], "nobody"): "there is no dead letter nobody",
        ("discard", letter["id"], "--why", " "): "--why is empty",
    }
    for words, line in bad.items():
        done = await letters.run("dead-letters", *words)
        assert (done.returncode, done.stdout) == (2, ""), (words, done.stderr)
        assert line in done.stderr
        assert done.stderr.count("\n") == 1
    assert await letters.listed() == [letter]
