"""A worker killed with -9 after any step leaves nothing lost and nothing doubled."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from audit.completeness import Evidence, KnownBoot, Outcome, Verdict
from audit.orders import OrderKind
from audit.verification import verify
from storage.queue.sqlite import SqliteQueue
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.sqlite import SqliteRecordReader
from storage.records.sqlite_file import open_store_for_reading
from tests.contract.samples import BOOT
from tests.unit.workers.house import an_order, on_disk
from tests.unit.workers.parts import a_sealed_record

ROOT = Path(__file__).parents[3]
COUNT = 3


@pytest.mark.parametrize("point", ["receive", "redact", "put", "enter", "complete"])
async def test_a_worker_killed_after(tmp_path: Path, point: str) -> None:
    """The next worker carries the rest, and each exchange has exactly one record and entry."""
    queue = await SqliteQueue.open(tmp_path / "queue.db")
    await queue.send([a_sealed_record(seq) for seq in range(1, COUNT + 1)])
    await queue.close()
    assert await worked(tmp_path, point, 0) == -signal.SIGKILL
    assert await worked(tmp_path, "never", 1) == 0
    database = await open_store_for_reading(tmp_path / "store.db")
    evidence = Evidence(
        entries=[entry async for entry in SqliteLedger(database).entries()],
        stored=[mark async for mark in SqliteRecordReader(database).references()],
        boots=[KnownBoot("tap", BOOT, COUNT)],
    )
    await database.close()
    report = verify(evidence)
    assert report.verdict is Verdict.COMPLETE
    assert report.counts == {Outcome.STORED: COUNT}
    assert len(evidence.stored) == COUNT


@pytest.mark.parametrize("point", ["receive", "redact", "put", "enter", "complete"])
async def test_a_worker_killed_before_an_erasure_after(tmp_path: Path, point: str) -> None:
    """Whatever step it died after: what is erased then stays away when its message comes again."""
    house = await on_disk(tmp_path)
    await house.queue.send([a_sealed_record(seq) for seq in range(1, COUNT + 1)])
    assert await worked(tmp_path, point, 0) == -signal.SIGKILL
    order = an_order(OrderKind.ERASE, consumer="demo", before="2999")
    await house.eraser().erase(order)
    assert await worked(tmp_path, "never", 1) == 0
    evidence = Evidence(
        entries=[entry async for entry in house.ledger.entries()],
        stored=[mark async for mark in house.reader.references()],
        boots=[KnownBoot("tap", BOOT, COUNT)],
    )
    await house.close()
    assert evidence.stored == []
    assert verify(evidence).counts == {Outcome.ERASED: COUNT}


async def worked(folder: Path, point: str, hours: int) -> int:
    """Run a worker process to its end; give its exit status."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.unit.workers.crashing",
        str(folder),
        point,
        str(hours),
        cwd=ROOT,
    )
    return await process.wait()
