"""A worker process over the real queue and store that dies by SIGKILL where it is told to.

Run as `python -m tests.unit.workers.crashing FOLDER POINT HOURS`: `POINT` is after which step to
die (or `never`), `HOURS` how far its clock is ahead, so that an earlier process's leases have
lapsed. It ends by itself when the queue is empty.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from storage.database import Database
from storage.queue.sqlite import SqliteQueue
from storage.records.keeper_sqlite import SqliteKeeper
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.orders_sqlite import SqliteOrderBook
from storage.records.signed_ledger import SigningLedger
from storage.records.sqlite import SqliteRecordWriter
from storage.records.sqlite_file import open_store
from tests.unit.workers.parts import (
    SESSION_KEY,
    SIGNER,
    TRUST,
    PlainRedactor,
    as_the_worker,
    believed,
    open_plain,
    reassemble,
)
from workers.carrier import Carrier
from workers.custody import Custody
from workers.worker import Worker, WorkerLimits


def deadly(method: Callable[..., Any]) -> Callable[..., Any]:
    """Do what was asked, then die."""

    async def last_act(*arguments: object) -> None:
        await method(*arguments)
        os.kill(os.getpid(), signal.SIGKILL)

    return last_act


def custody_over(database: Database) -> Custody:
    """Custody over the real store."""
    return Custody(
        orders=SqliteOrderBook(database),
        keeper=SqliteKeeper(database),
        signer=SIGNER,
        trust=TRUST,
        session_key=SESSION_KEY,
        now_ns=time.time_ns,
    )


async def main(folder: Path, point: str, hours: float) -> None:
    """Carry what is in the queue until it is empty or the point is reached."""

    def clock() -> float:
        return time.time() + hours * 3600

    queue = await SqliteQueue.open(folder / "queue.db", clock=clock)
    database = await open_store(folder / "store.db")
    records, ledger, redactor = (
        SqliteRecordWriter(database),
        SqliteLedger(database),
        PlainRedactor(),
    )
    owners = {"receive": queue, "redact": redactor, "put": records, "enter": ledger}
    owners["complete"] = queue
    if owner := owners.get(point):
        setattr(owner, point, deadly(getattr(owner, point)))
    carrier = Carrier(
        open_envelope=open_plain,
        reassemble=reassemble,
        redactor=redactor,
        records=records,
        ledger=SigningLedger(ledger, SIGNER),
        custody=custody_over(database),
        now_ns=time.time_ns,
        sign_record=as_the_worker,
        vouched=believed,
    )
    stop = asyncio.Event()
    worker = Worker(queue, carrier, WorkerLimits(look=0.0), clock=clock)
    running = asyncio.create_task(worker.run(stop))
    while await queue._database.read(lambda db: db.execute("SELECT 1 FROM messages").fetchone()):
        pass
    stop.set()
    await running
    await queue.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
