"""Killing the whole tree at random moments: the load client's own list is the judge.

On files, and on Azure's services, which live on while the tree dies.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.harness.engines import AZURE, on_engines
from tests.harness.load import CountingUpstream, Load, Seen
from tests.harness.tree import Tree, auditstream, records

KILLS = int(os.environ.get("AUDITSTREAM_TEST_KILLS", "20"))
# Each start takes longer there.
KILLS_ON_AZURE = max(1, KILLS // 4)
CUT = "tap_crashed"


@pytest.fixture
def seed() -> int:
    """A seed that a failure prints, so that its schedule can be had again."""
    return int(os.environ.get("AUDITSTREAM_TEST_SEED", random.SystemRandom().randrange(2**32)))


@pytest.mark.timeout(600)
async def test_every_exchange_has_exactly_one_record_through_twenty_kills(
    tmp_path: Path, seed: int
) -> None:
    """Whatever the moment of the kill, what the client began is recorded once and truthfully."""
    await _killed_and_judged(tmp_path, seed, KILLS)
    _verify_disagrees_when_robbed(tmp_path / "data", tmp_path)


@pytest.mark.timeout(600)
async def test_so_it_is_on_azures_services(tmp_path: Path, seed: int) -> None:
    """What a killed worker held comes again when the broker's locks lapse, and is stored once."""
    async with on_engines(AZURE, tmp_path, lease=5.0):
        await _killed_and_judged(tmp_path, seed, KILLS_ON_AZURE)


async def _killed_and_judged(tmp_path: Path, seed: int, kills: int) -> None:
    rng = random.Random(seed)
    upstream = CountingUpstream()
    await upstream.start()
    tree = Tree(tmp_path / "data", upstream.url)
    seen: list[Seen] = []
    for _ in range(kills):
        await tree.start()
        seen += await _load_until_killed(tree, answers=rng.randrange(5, 60))
    await tree.start()
    code = await tree.stop()
    await upstream.stop()

    assert code == 0, tree.log.read_text()
    found = records(tree.data)
    sys.stdout.write(f"seed {seed}: {_summary(seen, found)}\n")
    _judge(seen, found, set(upstream.seen))
    _verify_agrees(tree.data, found)


async def _load_until_killed(tree: Tree, *, answers: int) -> list[Seen]:
    """Talk, and kill everything in the moment in which so many answers have begun."""
    load = Load(tree.url)
    running = asyncio.create_task(load.run())
    await load.answers(answers)
    await tree.kill()
    load.stopped = True
    await running
    return load.seen


def _judge(seen: list[Seen], found: list[dict[str, Any]], reached: set[str]) -> None:
    by_trace = Counter(record["identity"]["trace_id"] for record in found)
    endings = {r["identity"]["trace_id"]: r["exchange"]["ending"] for r in found}
    texts = {r["identity"]["trace_id"]: _answer(r) for r in found}
    assert not [trace for trace, times in by_trace.items() if times > 1], "doubled"
    for one in seen:
        # A request that neither came through nor was answered may have been in a socket's
        # buffer when everything died: nobody but the kernel ever had it.
        if one.answered or one.trace_id in reached:
            assert by_trace[one.trace_id] == 1, f"no record of {one}"
        if by_trace[one.trace_id]:
            assert endings[one.trace_id] in _truthful(one), f"{endings[one.trace_id]}: {one}"
            assert one.text.startswith(texts[one.trace_id]) or texts[one.trace_id].startswith(
                one.text
            )
    assert set(by_trace) <= {one.trace_id for one in seen}, "a record that nobody asked for"


def _truthful(one: Seen) -> set[str]:
    """The endings that would be true of an exchange.

    An answer whose last byte arrived in the instant of the kill may not have been noted yet. Once
    its caller has had an answer to a later call of the same life, it must have been.
    """
    if not one.done:
        return {CUT}
    return {"complete"} if one.acted_on else {"complete", CUT}


def _answer(record: dict[str, Any]) -> str:
    parts = [part for out in record["response"]["outputs"] for part in out["parts"]]
    return "".join(part["text"] for part in parts if part["kind"] == "text")


def _summary(seen: list[Seen], found: list[dict[str, Any]]) -> dict[str, int]:
    endings = Counter(record["exchange"]["ending"] for record in found)
    return {"begun": len(seen), "records": len(found), **endings}


def _verify_agrees(data: Path, found: list[dict[str, Any]]) -> None:
    result = auditstream("verify", "--data", str(data), "--json")
    report = msgspec.json.decode(result.stdout)
    assert result.returncode == 0, report
    assert report["counts"]["stored"] == len(found)


def _verify_disagrees_when_robbed(data: Path, scratch: Path) -> None:
    """Remove a row, the last rows and a whole boot, each from a copy, each by hand."""
    for number, robbery in enumerate(_robberies(data)):
        copy = scratch / f"robbed{number}"
        copy.mkdir()
        for file in data.rglob("*"):
            if file.is_file():
                target = copy / file.relative_to(data)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(file.read_bytes())
        with sqlite3.connect(copy / "records.sqlite") as db:
            for statement, values in robbery:
                db.execute(statement, values)
        db.close()
        result = auditstream("verify", "--data", str(copy), "--json")
        assert result.returncode == 1, (robbery, result.stdout)


_Robbery = list[tuple[str, tuple[object, ...]]]


def _robberies(data: Path) -> Iterator[_Robbery]:
    with sqlite3.connect(data / "records.sqlite") as db:
        rows = db.execute("SELECT boot, seq, id FROM records ORDER BY boot, seq").fetchall()
    db.close()
    middle = rows[len(rows) // 2]
    last_boot = rows[-1][0]
    # The record alone, and the record with its ledger entry.
    yield [("DELETE FROM records WHERE id = ?", (middle[2],))]
    yield _without(*middle)
    # The last three of the last boot that has any.
    tail = [row for row in rows if row[0] == last_boot][-3:]
    yield [statement for row in tail for statement in _without(*row)]
    # A boot as if it had never been: one in the middle, and the last one.
    for boot in (middle[0], last_boot):
        yield [
            ("DELETE FROM records WHERE boot = ?", (boot,)),
            ("DELETE FROM ledger WHERE boot = ?", (boot,)),
            ("DELETE FROM checkpoints WHERE boot = ?", (boot,)),
        ]


def _without(boot: str, seq: int, record_id: str) -> _Robbery:
    return [
        ("DELETE FROM records WHERE id = ?", (record_id,)),
        ("DELETE FROM ledger WHERE boot = ? AND seq = ?", (boot, seq)),
    ]
