"""Azure's services fail one by one under a running tree: nothing is lost, doubled or set aside.

The judge is the load client's own list, then `verify`, then the broker's count of dead letters.
Blob Storage that is gone is in `test_blobs_gone`; random faults over all of it are in
`tests.faults`.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio

from storage.records.cosmos_provision import LEDGER, RECORDS
from tests.emulators.cosmos_faults import Fault as Answer
from tests.faults.azure import LEASE, Azure
from tests.faults.schedule import Fault, Kind
from tests.harness.load import CountingUpstream
from tests.harness.open_loop import OpenLoop
from tests.harness.settling import tap_health
from tests.harness.tree import Tree, auditstream, clean_environment

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

# Longer than the SDK rides out by itself.
DOWN_SECONDS = 20.0
# Calls a second: a machine that is busy with other tests carries as many.
RATE = 10.0
CALLS = 5
# Other processes need the cores for what is being waited for.
_LOOK = 0.05
_ALWAYS = 1 << 30
# What the broker holds are calls then, and no checkpoints between them.
_QUIET = {"AUDITSTREAM_SPOOL__CHECKPOINT_INTERVAL": "600"}


@dataclass
class Place:
    """A tree on Azure's services, and calls that arrive at their own pace."""

    azure: Azure
    tree: Tree
    load: OpenLoop
    logged: int = 0

    def begin(self) -> None:
        """Look from here on at what is logged; all calls that were ever made are judged."""
        self.logged = self.tree.log.stat().st_size

    async def worker(self) -> int:
        """The process id of the worker."""
        pid: int = (await self.tree.state())["pids"]["worker"]
        return pid

    async def said(self, *words: str) -> int:
        """How many lines of the log have all of these, since this test began."""
        lines = self.tree.log.read_bytes()[self.logged :].decode().splitlines()
        return sum(all(word in line for word in words) for line in lines)

    async def stored(self, container: str = RECORDS) -> int:
        """How many records or entries a container of the store has."""
        items = await self.azure.items(container)
        return sum(item.get("kind") not in {"checkpoint", "mark"} for item in items)

    async def refused(self) -> int:
        """How many requests the store has refused."""
        return self.azure.way.failures

    async def worker_dies(self) -> None:
        """Kill the worker with -9; its parent starts another."""
        os.kill(await self.worker(), signal.SIGKILL)

    async def judge(self) -> None:
        """Wait until all is at rest: each call has one record, and nobody counts anything else."""
        await reached(1, self._settled)
        assert self.load.failed == []
        found = Counter(
            each["identity"]["trace_id"] for each in await self.azure.records(self.tree.data)
        )
        assert found == dict.fromkeys(self.load.answered, 1)
        assert await self.azure.set_aside(self.tree.data) == 0
        env = clean_environment(**self.azure.settings)
        command = ("verify", "--data", str(self.tree.data), "--json")
        report = msgspec.json.decode(
            (await asyncio.to_thread(auditstream, *command, env=env)).stdout
        )
        assert report["verdict"] == "complete", report
        counts = {what: count for what, count in report["counts"].items() if count}
        assert counts == {"stored": len(found)}

    async def _settled(self) -> int:
        """Give 1 when spool and queue are empty."""
        health = await tap_health(self.tree)
        if not health.get("healthy"):
            return 0
        spool = health["spool"]
        left = spool["open"] + spool["waiting"] + await self.azure.waiting(self.tree.data)
        return int(not left)


async def reached(wanted: int, count: Callable[[], Awaitable[int]]) -> None:
    """Wait for other processes to bring a count to what is wanted."""
    async with asyncio.timeout(90):
        while await count() < wanted:  # noqa: ASYNC110 - they tell nobody
            await asyncio.sleep(_LOOK)


@asynccontextmanager
async def _running(folder: Path) -> AsyncIterator[Place]:
    azure, upstream = Azure(folder), CountingUpstream(tokens=3)
    await upstream.start()
    try:
        await azure.start()
        tree = Tree(folder / "data", upstream.url, extra={**azure.settings, **_QUIET})
        await tree.start()
        yield Place(azure, tree, OpenLoop(tree.url, RATE))
        assert await tree.stop() == 0, tree.log.read_text()
    finally:
        await azure.stop()
        await upstream.stop()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Place]:
    """Broker, Blob Storage and Cosmos DB, and a tree on them, for one outage after the other."""
    async with _running(tmp_path_factory.mktemp("outages")) as place:
        yield place


@pytest.fixture
def place(running: Place) -> Place:
    """The same, from here on."""
    running.begin()
    return running


async def test_a_broker_that_is_gone_for_long_costs_room_in_the_spool_only(place: Place) -> None:
    """Killed for 20 s under load: all callers are answered meanwhile, and recorded afterwards."""
    killed = Fault(0.0, Kind.QUEUE_KILLED, "broker")
    calling = asyncio.create_task(place.load.run(round(DOWN_SECONDS * RATE)))
    await reached(await place.stored() + 5, place.stored)
    await place.azure.begin(killed)
    await asyncio.gather(calling, asyncio.sleep(DOWN_SECONDS))
    assert await place.said("shipper.queue_unavailable")
    await place.azure.end(killed)
    await place.judge()


async def test_a_store_that_throttles_or_fails_is_waited_for(place: Place) -> None:
    """429, then 503, to every request: workers stop receiving, and go on where they were."""
    for number, kind in enumerate((Kind.STORE_BUSY, Kind.STORE_REFUSES), 1):
        fault = Fault(0.0, kind, "store")
        before = len(place.load.answered)
        await place.azure.begin(fault)
        await place.load.run(CALLS)
        await reached(number, partial(place.said, "worker.paused", "code=store.unavailable"))
        assert await place.stored() == before
        await place.azure.end(fault)
        await place.judge()


async def test_a_worker_may_die_between_any_two_of_its_steps(place: Place) -> None:
    """Before the record, between record and ledger, between ledger and completion: once each.

    Another one takes over when the locks lapse, and finds what was done.
    """
    way = place.azure.way
    way.faults.append(Answer(503, times=_ALWAYS, verb="POST", container=RECORDS))
    before, refused = await place.stored(), await place.refused()
    await place.load.run(CALLS)
    await reached(refused + 1, place.refused)
    assert await place.stored() == before
    await place.worker_dies()
    way.faults.clear()
    await place.judge()

    way.faults.append(Answer(503, times=_ALWAYS, verb="POST", container=LEDGER))
    before += CALLS
    await place.load.run(CALLS)
    await reached(before + 1, place.stored)
    assert await place.stored(LEDGER) == before
    await place.worker_dies()
    way.faults.clear()
    await place.judge()

    await place.azure.broker.command("set slow_settlement 3600")
    before += CALLS
    await place.load.run(CALLS)
    await reached(before + 1, partial(place.stored, LEDGER))
    await place.worker_dies()
    assert await place.azure.waiting(place.tree.data) == CALLS
    await place.azure.broker.command("set slow_settlement 0")
    await place.judge()


async def test_a_lock_that_is_lost_while_redacting_costs_an_attempt_only(place: Place) -> None:
    """What redacts stands still for longer than a lock: the message comes again, stored once."""
    before = await place.stored()
    (redacting,) = _redacting(await place.worker())
    os.kill(redacting, signal.SIGSTOP)
    try:
        await place.load.run(1)
        await reached(1, place.azure.locked)
        await place.azure.broker.command(f"advance {LEASE + 1}")
        await reached(1, partial(place.said, "worker.retrying", "reason=lease_lost"))
        assert await place.stored() == before
    finally:
        os.kill(redacting, signal.SIGCONT)
    await place.judge()


def _redacting(worker: int) -> list[int]:
    """The ids of the processes that redact for a worker."""
    return [
        int(each) for each in Path(f"/proc/{worker}/task/{worker}/children").read_text().split()
    ]
