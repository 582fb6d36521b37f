"""Opening a spool: lock the folder, recover what is in it, start the writer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from audit.telemetry import Log
from storage.seal import Sealer
from storage.spool.disk import RealDisk, unusable
from storage.spool.options import SpoolOptions
from storage.spool.recovery import recover
from storage.spool.spool import FileSpool

__all__ = ["open_spool"]


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
    disk.claim()
    try:
        reserve = options.reserve_numbers
        recovered = await asyncio.to_thread(
            recover, disk, tap, boot, now_ns=now_ns(), reserve=reserve
        )
    except OSError as error:
        disk.release()
        raise unusable(error, folder, "used") from None
    except BaseException:
        disk.release()
        raise
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
