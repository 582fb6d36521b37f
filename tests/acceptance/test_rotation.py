"""Keys are rotated under a running log: nothing is set aside, nothing is disowned."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest_asyncio

from tests.harness.live import Live
from tests.harness.scripted_upstream import ScriptedUpstream
from tests.harness.tree import Tree, auditstream, records
from tests.harness.wait import until

KINDS = ("seal", "sign-tap", "sign-worker")


@pytest_asyncio.fixture
async def live(tmp_path: Path) -> AsyncIterator[Live]:
    """A tree that a test starts and stops as it likes."""
    upstream = ScriptedUpstream()
    await upstream.start()
    extra = {"AUDITSTREAM_WORKER__LEASE": "2"}
    yield Live(Tree(tmp_path / "data", upstream.url, extra=extra), upstream)
    await upstream.stop()


def rotate(data: Path) -> dict[str, str]:
    """Rotate every pair; gives the new ids by kind."""
    result = auditstream("keys", "rotate", *KINDS, "--data", str(data))
    assert result.returncode == 0, result.stderr
    return dict(line.split() for line in result.stdout.splitlines())


def bound(data: Path) -> list[str]:
    """The ids of the seal's keys that a data folder remembers."""
    ids: list[str] = json.loads((data / "binding").read_bytes())["key_ids"]
    return ids


def verified(data: Path) -> tuple[int, dict[str, Any]]:
    """What `verify` answers, and its counts."""
    result = auditstream("verify", "--data", str(data), "--json")
    return result.returncode, json.loads(result.stdout)["counts"]


def traces_of(data: Path) -> set[str]:
    """The trace ids of everything that is stored."""
    return {record["identity"]["trace_id"] for record in records(data)}


async def asked_while_no_worker_runs(live: Live) -> set[str]:
    """Hold exchanges that wait sealed, and cut the power of the whole tree."""
    os.kill((await live.tree.state())["pids"]["worker"], signal.SIGSTOP)
    traces = {(await live.ask()).trace for _ in range(5)}
    await live.tree.kill()
    return traces


async def test_parts_that_run_through_a_rotation_go_on_together(live: Live) -> None:
    """A tap that starts anew seals and signs with keys its running worker has not seen yet."""
    await live.tree.start()
    traces = {(await live.ask()).trace}
    rotate(live.tree.data)
    traces.add((await live.ask()).trace)
    os.kill((await live.tree.state())["pids"]["tap"], signal.SIGKILL)
    for _ in range(3):
        traces.add((await live.ask()).trace)
    for trace in traces:
        await live.record(trace)
    assert await live.tree.stop() == 0
    assert traces_of(live.tree.data) == traces
    code, counts = await asyncio.to_thread(verified, live.tree.data)
    assert (code, counts["stored"]) == (0, 5)


async def test_what_waits_under_an_old_key_is_opened_while_it_is_kept(live: Live) -> None:
    """After a rotation it still opens; without its key it alone is set aside, and not lost."""
    data = live.tree.data
    await live.tree.start()
    waiting = await asked_while_no_worker_runs(live)
    (first,) = bound(data)
    second = rotate(data)["seal"]
    await live.tree.start()
    for trace in waiting:
        await live.record(trace)
    assert bound(data) == [first, second]

    sealed = await asked_while_no_worker_runs(live)
    rotate(data)
    for file in data.with_name("data.keys").glob(f"seal.{second}.*"):
        file.unlink()
    await live.tree.start()
    later = (await live.ask()).trace
    await live.record(later)
    await until(lambda: verified(data)[1].get("unreadable") == len(sealed), "set aside")
    assert await live.tree.stop() == 0
    assert traces_of(data) == {*waiting, later}
    assert "key.missing" in live.tree.log.read_text()
    code, counts = verified(data)
    assert (code, counts["stored"], counts["unreadable"]) == (0, len(waiting) + 1, len(sealed))
