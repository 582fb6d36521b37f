"""What makes a part's own calls fail as the board says: clock, spool disk, queue and store.

The law: the program is not changed and knows nothing of this. Before a part starts, the methods
of its adapters are wrapped where they stand; a name that is no longer there stops the part, so
that no fault can quietly stop being one. What fails does so as the real thing would: a full disk
takes a part of the write first, a connection that is cut mid-reply has done its work.
"""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.board import View

__all__ = ["install", "shift_clock", "trouble_calls", "trouble_disk"]

SLOW_CALL = 0.3
SLOW_SYNC = 0.15
# A message that is sent twice arrives a second time when the first may have been dealt with.
AGAIN_AFTER = 0.4

_OUTBOX = ("send",)
_INBOX = ("receive", "complete", "renew", "abandon", "excuse", "dead_letter")
_RECORDS = ("put", "stored")
_LEDGER = ("enter", "entry", "checkpoint")
_ORDERS = ("about",)
_KEEPING = ("remove", "amend", "rewrite")


def install(path: Path, part: str) -> None:
    """Wrap everything in this process. The clock first: others take it by name."""
    view = View(path, part)
    shift_clock(view)
    from audit.errors import QueueUnavailable, StoreUnavailable  # noqa: PLC0415 - see above
    from storage.queue.sqlite import SqliteQueue  # noqa: PLC0415 - see above
    from storage.records.keeper_sqlite import SqliteKeeper  # noqa: PLC0415 - see above
    from storage.records.ledger_sqlite import SqliteLedger  # noqa: PLC0415 - see above
    from storage.records.orders_sqlite import SqliteOrderBook  # noqa: PLC0415 - see above
    from storage.records.sqlite import SqliteRecordWriter  # noqa: PLC0415 - see above
    from storage.spool.disk import RealDisk, _RealFile  # noqa: PLC0415 - see above

    trouble_disk(view, RealDisk, _RealFile)
    trouble_calls(view, SqliteQueue, _OUTBOX + _INBOX, "queue", QueueUnavailable)
    trouble_calls(view, SqliteRecordWriter, _RECORDS, "store", StoreUnavailable)
    trouble_calls(view, SqliteLedger, _LEDGER, "store", StoreUnavailable)
    trouble_calls(view, SqliteOrderBook, _ORDERS, "store", StoreUnavailable)
    trouble_calls(view, SqliteKeeper, _KEEPING, "store", StoreUnavailable)


def shift_clock(view: View) -> None:
    """Have the wall clock off by what the board says."""
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + view.now.clock
    time.time_ns = lambda: real_ns() + int(view.now.clock * 1e9)


def trouble_disk(view: View, disk: type[Any], file: type[Any]) -> None:
    """Have the files of a disk refuse writes or syncs, or sync slowly."""
    _before(disk, "create", lambda: _full(view))
    _before(disk, "sync", lambda: _unsynced(view))
    _before(file, "sync", lambda: _unsynced(view))
    write = file.write

    def torn(self: Any, data: bytes) -> None:
        if view.now.disk == "full":
            write(self, data[: len(data) // 2])
        _full(view)
        write(self, data)

    file.write = torn


def trouble_calls(
    view: View, adapter: type[Any], names: tuple[str, ...], service: str, failure: type[Exception]
) -> None:
    """Have methods of an adapter refuse, dawdle, fail after their work, or do it twice."""
    for name in names:
        setattr(adapter, name, _troubled(view, getattr(adapter, name), service, failure))


Method = Callable[..., Awaitable[Any]]


def _troubled(view: View, real: Method, service: str, failure: type[Exception]) -> Method:
    async def call(*given: Any, **named: Any) -> Any:
        trouble = getattr(view.now, service)
        if trouble:
            view.met(f"{service}_{trouble}")
        if trouble == "refuses":
            raise failure("refused by the fault harness")
        if trouble == "slow":
            await asyncio.sleep(SLOW_CALL)
        asked = partial(real, *given, **named)
        result = await asked()
        if trouble == "cuts":
            raise failure("cut off by the fault harness")
        return await _twice(real.__name__, asked, result) if trouble == "twice" else result

    return call


_again: set[asyncio.Task[None]] = set()


async def _twice(name: str, asked: Method, result: Any) -> Any:
    """Deliver twice what was received; have a call that is sent arrive once more, later."""
    if name == "receive":
        return [*result, *result]
    task = asyncio.create_task(_later(asked))
    _again.add(task)
    task.add_done_callback(_again.discard)
    return result


async def _later(asked: Method) -> None:
    await asyncio.sleep(AGAIN_AFTER)
    try:
        await asked()
    except Exception as error:  # noqa: BLE001 - nobody waits for it any more
        os.write(2, f"fault harness: a call repeated raised {type(error).__name__}\n".encode())


def _before(owner: type[Any], name: str, check: Callable[[], None]) -> None:
    real = getattr(owner, name)

    def checked(*given: Any) -> Any:
        check()
        return real(*given)

    setattr(owner, name, checked)


def _full(view: View) -> None:
    if view.now.disk == "full":
        view.met("disk_full")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _unsynced(view: View) -> None:
    trouble = view.now.disk
    if trouble == "error":
        view.met("disk_error")
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    if trouble == "slow":
        view.met("disk_slow")
        time.sleep(SLOW_SYNC)
