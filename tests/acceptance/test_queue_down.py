"""The queue goes away while exchanges arrive, and comes back: nothing is lost or held up."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.faults.board import Board, Troubles
from tests.faults.system import environment
from tests.harness.load import CountingUpstream
from tests.harness.open_loop import OpenLoop, queued_ever, taken
from tests.harness.settling import settled, tap_health
from tests.harness.tree import Tree, auditstream, records

# Twice the rate that is asked for, to have an outage of some length in less time.
RATE = 200.0
DOWN_CALLS = 600


@pytest.mark.timeout(240)
async def test_an_outage_of_the_queue_costs_room_in_the_spool_and_nothing_else(
    tmp_path: Path,
) -> None:
    """Callers are answered; afterwards each has its record, and 5 leave for each that arrives."""
    board = Board(tmp_path / "board.json")
    upstream = CountingUpstream()
    await upstream.start()
    tree = Tree(tmp_path / "data", upstream.url, extra=environment(board.path, {}))
    await tree.start()
    load = OpenLoop(tree.url, RATE)

    board.show({"tap": Troubles(queue="refuses")})
    await load.run(DOWN_CALLS)
    assert load.failed == []
    spool = (await tap_health(tree))["spool"]
    assert spool["open"] + spool["waiting"] == DOWN_CALLS
    before = queued_ever(tree.data)

    # Calls go on arriving while the backlog is drained, at the rate that is asked for.
    load.rate = RATE / 2
    arriving = asyncio.create_task(load.run())
    board.show({})
    drained, arrived = await _drained(tree, load, before)
    load.stop()
    await arriving
    assert load.failed == []
    assert drained >= 5 * arrived, f"{drained} drained while {arrived} arrived"

    await settled(tree)
    assert await tree.stop() == 0, tree.log.read_text()
    await upstream.stop()
    found = [record["identity"]["trace_id"] for record in records(tree.data)]
    assert sorted(found) == sorted(load.answered)
    result = auditstream("verify", "--data", str(tree.data), "--json")
    report = json.loads(result.stdout)
    assert report["verdict"] == "complete", report
    assert report["counts"]["stored"] == len(found)
    assert report["counts"]["dead_lettered"] == report["counts"]["unrecorded"] == 0


async def _drained(tree: Tree, load: OpenLoop, before: int) -> tuple[int, int]:
    """Wait for the queue to have taken the backlog; gives how many it took, and how many came.

    Counting begins with the first that it took: until then the tap waits for its next try.
    """
    first = await taken(tree.data, before + 1)
    begun = load.begun
    now = await taken(tree.data, before + DOWN_CALLS)
    return now - first, load.begun - begun
