"""Opening a spool: lock the folder, recover what is in it, start the writer.

The law: the disk is only touched on a thread, for it may hang; and the folder is held for as long
as that thread is at work in it, also where nobody waits for it any more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from audit.errors import SettingInvalid, SpoolUnavailable
from audit.telemetry import Log
from storage.seal import Sealer
from storage.spool.disk import RealDisk, unusable
from storage.spool.notes import try_writing
from storage.spool.options import SpoolOptions
from storage.spool.recovery import Recovered, recover
from storage.spool.spool import FileSpool

__all__ = ["open_spool"]

Begun = Recovered | SpoolUnavailable | SettingInvalid


async def open_spool(
    folder: Path,
    tap: str,
    boot: str,
    sealer: Sealer,
    options: SpoolOptions | None = None,
    now_ns: Callable[[], int] = time.time_ns,
    log: Log | None = None,
) -> FileSpool:
    """Open one tap's folder for a new boot, recovering what earlier boots left.

    `FileSpool.recovery` says what was found. Raises `SettingInvalid` when the folder cannot be
    used, is another tap's, or is held by another process; `SpoolUnavailable` when the disk is full
    or fails, which may pass.
    """
    options = options or SpoolOptions()
    disk = RealDisk(folder)
    begin = partial(recover, disk, tap, boot, now_ns=now_ns(), reserve=options.reserve_numbers)
    recovered = await _on_a_thread(disk, partial(_begun, disk, folder, begin))
    if not isinstance(recovered, Recovered):
        raise recovered
    spool = FileSpool(
        disk,
        sealer,
        recovered,
        options=options,
        now_ns=now_ns,
        release=disk.release,
        log=log,
    )
    spool.start()
    return spool


async def _on_a_thread(disk: RealDisk, begun: Callable[[], Begun]) -> Begun:
    """Wait for it. Who is cancelled meanwhile leaves the folder held until the thread has ended."""
    work = asyncio.get_running_loop().run_in_executor(None, begun)
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        work.add_done_callback(lambda _: disk.release())
        raise


def _begun(disk: RealDisk, folder: Path, begin: Callable[[], Recovered]) -> Begun:
    """Hold the folder and recover it; without that, it is not held.

    An error is given back, and not raised: its frames would keep all that was read of a folder,
    which may be large and is read again with each attempt.
    """
    try:
        disk.claim()
        # A disk that takes nothing is found out before all of the folder is read.
        try_writing(disk)
        return begin()
    except OSError as error:
        disk.release()
        return unusable(error, folder, "used")
    except (SpoolUnavailable, SettingInvalid) as error:
        disk.release()
        return error.with_traceback(None)
    except BaseException:
        disk.release()
        raise
