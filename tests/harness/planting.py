"""One run with planted values everywhere: a kill, an outage, and whatever is left of it all."""

from __future__ import annotations

import asyncio
import json
import random
import re
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, ClientSession, ClientTimeout
from click.testing import CliRunner
from yarl import URL

from cli.main import cli
from redaction.policy_file import default_policy, read_policy
from tests.harness.engines import AZURE, cosmos_bytes, environment_here, on_engines
from tests.harness.leaks import files_under, rows_of
from tests.harness.outputs import get, process_facts, search_api, tailed
from tests.harness.placements import JSON, Placement, chat, placements, streamed_pieces
from tests.harness.plants import a_marker, plants
from tests.harness.raw_client import RawClient
from tests.harness.scripted_upstream import Answer, ScriptedUpstream, traced
from tests.harness.tree import Tree, auditstream, clean_environment, records
from tests.harness.wait import until

__all__ = ["Aftermath", "run"]


_BUDGET = 30_000


@dataclass
class Aftermath:
    """What was sent, and everything that was left of it."""

    data: Path
    engines: str
    sent: dict[str, Placement] = field(default_factory=dict)
    stored: dict[str, bytes] = field(default_factory=dict)
    letters: list[dict[str, Any]] = field(default_factory=list)
    places: dict[str, bytes] = field(default_factory=dict)
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_words: dict[str, int] = field(default_factory=dict)
    report: dict[str, Any] = field(default_factory=dict)

    @property
    def values(self) -> list[str]:
        """Everything that was planted."""
        return [value for placement in self.sent.values() for value in placement.values]

    def of(self, name: str) -> tuple[Placement, dict[str, Any]]:
        """A placement and the record of its exchange."""
        (trace,) = [trace for trace, each in self.sent.items() if each.name == name]
        return self.sent[trace], self.found[trace]


async def run(folder: Path, after: Aftermath) -> None:
    """Send and plant, kill and lose the upstream, and fill in what was left of it."""
    # What a kill of the whole tree left with a worker comes again when the broker's lock lapses.
    async with on_engines(after.engines, folder, lease=5.0):
        await _live(folder, after)
        await asyncio.to_thread(_gather_rest, after)
        after.stored = await _stored(after)
    after.places |= after.stored
    if after.engines == AZURE:
        after.places |= files_under(folder / "journal", folder / "azurite")


async def _stored(after: Aftermath) -> dict[str, bytes]:
    """All that the store holds, as bytes."""
    if after.engines == AZURE:
        return {"store": await cosmos_bytes(after.data)}
    store = after.data / "records.sqlite"
    file = store.read_bytes() + _log_of(store).read_bytes()
    return {"store": b"".join(rows_of(store)), "file": file}


async def _live(folder: Path, after: Aftermath) -> None:
    rng = random.SystemRandom()
    upstream = ScriptedUpstream()
    await upstream.start()
    policy = _policy_with_a_small_budget(folder)
    settings = {
        "AUDITSTREAM_REDACTION__POLICY": str(policy),
        "AUDITSTREAM_LOG_LEVEL": "debug",
        "PYTHONFAULTHANDLER": "1",
    }
    tree = Tree(after.data, upstream.url, extra=settings)
    await tree.start()
    for placement in [*placements(rng), _too_long(rng)]:
        await _send(tree, upstream, after, placement)
    await _garbage(tree, after, rng)
    await _killed(tree, upstream, after, rng)
    await tree.start()
    await upstream.stop()
    await _send(tree, upstream, after, _unreachable(rng))
    await _gather_live(tree, after)
    assert await tree.stop() == 0, tree.log.read_text()


def _policy_with_a_small_budget(folder: Path) -> Path:
    """The policy that ships, with a budget that one of the exchanges outgrows.

    Without the model of names: what it makes of the made-up words of these texts is not asked here.
    """
    shipped = resources.files("redaction.policies").joinpath("default.toml").read_text("utf-8")
    text = shipped.replace(', "names"]', "]")
    smaller = re.sub(r"max_text_chars = \S+", f"max_text_chars = {_BUDGET}", text)
    file = folder / "policy.toml"
    file.write_text(smaller)
    assert default_policy().max_text_chars > read_policy(smaller, "").max_text_chars == _BUDGET
    return file


async def _send(
    tree: Tree, upstream: ScriptedUpstream, after: Aftermath, placement: Placement
) -> None:
    trace, traceparent = traced()
    after.sent[trace] = placement
    upstream.answers[trace] = placement.answer
    headers = {**placement.headers, **traceparent}
    async with (
        ClientSession(timeout=ClientTimeout(total=30)) as session,
        session.post(
            URL(tree.url + placement.path, encoded=True), data=placement.body, headers=headers
        ) as response,
    ):
        body = await response.read()
        if response.status != 502 or placement.answer.status == 502:
            assert body == b"".join(placement.answer.pieces), placement.name


def _unreachable(rng: random.Random) -> Placement:
    planted, marker = plants(rng), a_marker(rng)
    text = ".\n".join([marker, *(plant.said for plant in planted)])
    body = chat({"role": "user", "content": text})
    return Placement("unreachable upstream", planted, marker, body)


def _too_long(rng: random.Random) -> Placement:
    planted, marker = plants(rng), a_marker(rng)
    text = ".\n".join(plant.said for plant in planted)
    filler = f"The word is {marker}. " * (_BUDGET // 20)
    body = chat({"role": "user", "content": filler + text}, stream=True)
    answer = Answer(streamed_pieces(rng, text), kind="text/event-stream")
    return Placement("more than the budget", planted, marker, body, answer=answer, kept=False)


async def _garbage(tree: Tree, after: Aftermath, rng: random.Random) -> None:
    """Send credentials and data in what is no request at all, and in a head that is too long."""
    planted = plants(rng)
    said = "\r\n".join(plant.said for plant in planted)
    async with RawClient(tree.port) as client:
        answer = await client.ask(f"\x16\x03 {said}\r\n\r\n".encode())
    head = (
        f"POST /v1 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {'x' * 70_000}{said[:40]}\r\n\r\n"
    )
    async with RawClient(tree.port) as client:
        answer += await client.ask(head.encode())
    after.sent["garbage"] = Placement("garbage", planted, "", kept=False, in_sentences=False)
    after.places["answer to garbage"] = answer


async def _killed(
    tree: Tree, upstream: ScriptedUpstream, after: Aftermath, rng: random.Random
) -> None:
    """Kill every process while an answer full of planted values streams."""
    asked, told, marker = plants(rng), plants(rng), a_marker(rng)
    text = ".\n".join(plant.said for plant in asked)
    pieces = streamed_pieces(rng, "It is so. " + ".\n".join(plant.said for plant in told))
    answer = Answer(pieces, kind="text/event-stream", waits=True)
    body = chat({"role": "user", "content": f"{marker} {text}"}, stream=True)
    placement = Placement("killed", [*asked, *told], marker, body, answer=answer)
    trace, traceparent = traced()
    after.sent[trace], upstream.answers[trace] = placement, answer
    spool = tree.data / "spool"
    before = _size(spool)
    async with ClientSession() as session:
        headers = {**JSON, **traceparent}
        async with session.post(tree.url + placement.path, data=body, headers=headers) as response:
            heard = sum(len(piece) for piece in pieces[:-1])
            await response.content.readexactly(heard)
            # What had been flushed is what a kill leaves; so let all of it be flushed.
            await until(lambda: _size(spool) >= before + len(body) + heard, "all is in the spool")
            await tree.kill()
            with pytest.raises(ClientError):
                await response.read()
    at_rest = files_under(tree.data, tree.log)
    after.places |= {f"after the kill, {path}": data for path, data in at_rest.items()}
    upstream.release.set()


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


async def _gather_live(tree: Tree, after: Aftermath) -> None:
    """Ask the running tree everything it tells while it runs."""
    recorded = [t for t, each in after.sent.items() if each.name not in _UNRECORDED]
    after.places["tail"] = await tailed(tree.data, recorded)
    state = await tree.state()
    for port in ("control", "console"):
        for path in ("/metrics", "/healthz", "/api/v1/records/none"):
            _, body = await get(state[port], path)
            after.places[f"{port}{path}"] = body
    after.places |= process_facts([state["pid"], *state["pids"].values()])
    await _ask_for_words(tree, after)


async def _ask_for_words(tree: Tree, after: Aftermath) -> None:
    """Search the text index for what was planted: terms in it do not stand side by side."""
    markers = [each.marker for each in after.sent.values() if each.kept]
    words = [*after.values, *markers]
    for word, answer in zip(words, await search_api(tree, [f'"{w}"' for w in words]), strict=True):
        after.by_words[word] = len(answer["records"])
        after.places[f"API {word}"] = json.dumps(answer["records"]).encode()


# Of these there is no record: one is a dead letter, the other was no exchange.
_UNRECORDED = {"more than the budget", "garbage"}


def _gather_rest(after: Aftermath) -> None:
    where = ["--data", str(after.data)]
    wide = clean_environment(COLUMNS="400")
    for shape in ([], ["--json"], ["--jsonl"]):
        result = auditstream("query", *where, *shape, "--limit", "1000", env=wide)
        after.places[f"query {shape}"] = (result.stdout + result.stderr).encode()
    after.found = {r["identity"]["trace_id"]: r for r in records(after.data)}
    with environment_here():
        for record in after.found.values():
            shown = CliRunner().invoke(cli, ["show", *where, record["id"]])
            assert shown.exit_code == 0, shown.output
            after.places[f"show {record['id']}"] = shown.output.encode()
    letters = auditstream("dead-letters", "list", *where, "--json")
    after.places["dead letters"] = letters.stdout.encode()
    after.letters = json.loads(letters.stdout)
    verified = auditstream("verify", *where, "--json")
    after.report = json.loads(verified.stdout)
    after.places["verify"] = (
        verified.stdout.encode() + auditstream("verify", *where).stdout.encode()
    )
    after.places |= files_under(
        after.data, after.data.with_name("data.log"), after.data.with_name("data.keys")
    )
    for file in after.data.glob("*.sqlite"):
        for number, cell in enumerate(rows_of(file)):
            after.places[f"{file.name} cell {number}"] = cell


def _log_of(store: Path) -> Path:
    """The file in which SQLite keeps what it has not yet put in its place; it may be gone."""
    log = store.with_name(f"{store.name}-wal")
    return log if log.exists() else store
