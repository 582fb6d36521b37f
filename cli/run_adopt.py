"""`auditstream adopt`: what a tap left behind is shipped for it.

The law: whatever would spoil the result (a tap that still runs, a key that nobody here holds, two
histories under one name) is refused before a byte is changed. From then on this is the start of a
tap that takes no traffic: it recovers, ships, says its last word, and may be killed and run again
at any point.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

from audit.errors import AuditStreamError, PermanentError
from audit.ids import boot_name
from audit.settings import Settings
from audit.signing import Role
from audit.telemetry import Log, NoCount
from cli.adoption import Admission, admit, spool_folders
from cli.engines import outbox_of
from cli.logs import configure_for
from cli.places import Places, prepare, signer_of, tap_keys_of, trust_of, worker_keys_of
from cli.render.adoption import Adopted, adoption_lines
from storage.queue.port import Message, MessageKind, Outbox
from storage.sealing import HpkeSealer
from storage.signing import signed_checkpoint
from storage.spool.adoption import leave_witness
from storage.spool.disk import RealDisk
from storage.spool.options import SpoolOptions
from storage.spool.spool import FileSpool
from storage.spool.start import open_spool
from tap.shipper import Shipper

__all__ = ["run"]

_SHIP_AT_ONCE = 64


def run(settings: Settings, directory: Path, *, anyway: bool) -> int:
    """Adopt every spool under `directory`; 0 only when the queue has taken all there was.

    `anyway` also ships what no key held here opens, and the rest of what went elsewhere. What
    one folder is refused for does not keep the others from being adopted.
    """
    folders = spool_folders(directory)
    places = prepare(settings, may_open=False, signs=[Role.TAP])
    return asyncio.run(_adopt_all(settings, places, folders, anyway=anyway))


async def _adopt_all(
    settings: Settings, places: Places, folders: Sequence[Path], *, anyway: bool
) -> int:
    log = configure_for("adopt", settings)
    async with outbox_of(settings) as queue:
        adopter = _Adopter(settings, places, queue, log, anyway=anyway)
        return max([await _said(adopter, folder) for folder in folders])


async def _said(adopter: _Adopter, folder: Path) -> int:
    """Adopt one folder and say what came of it; gives its part of the exit code."""
    try:
        return await adopter.adopt(folder)
    except AuditStreamError as error:
        sys.stderr.write(f"auditstream: {error}\n")
        return 2 if isinstance(error, PermanentError) else 1
    except OSError as error:
        sys.stderr.write(f"auditstream: {folder}: {error.strerror}; run it again when mended\n")
        return 1


class _Adopter:
    """Adopts one folder after another."""

    def __init__(
        self, settings: Settings, places: Places, queue: Outbox, log: Log, *, anyway: bool
    ) -> None:
        self._settings = settings
        self._places = places
        self._queue = queue
        self._log = log
        self._anyway = anyway
        self._signer = signer_of(settings, Role.TAP)

    async def adopt(self, folder: Path) -> int:
        """Take over one folder; 0 when the queue has all of it."""
        admission = await admit(
            folder,
            self._settings,
            _openable(self._settings),
            trust_of(self._settings, Role.TAP),
            anyway=self._anyway,
        )
        if admission.settled:
            _say([f"{folder}: nothing is left to take; its tap's history has gone on here"])
            return 0
        with self._place(admission) as place:
            adopted = await self._ship(admission)
            if adopted.whole and place is not None and admission.estate.whole:
                leave_witness(RealDisk(folder), place)
        _say(adoption_lines(adopted))
        return 0 if adopted.whole else 1

    @contextmanager
    def _place(self, admission: Admission) -> Iterator[RealDisk | None]:
        """Hold the place of a tap of this name here, so that none starts meanwhile."""
        if admission.inside:
            yield None
            return
        place = RealDisk(self._places.spool(admission.estate.tap))
        place.claim()
        try:
            yield place
        finally:
            place.release()

    async def _ship(self, admission: Admission) -> Adopted:
        receipts = _Receipts(self._queue)
        spool = await self._open(admission)
        try:
            await self._shipper(spool, receipts).drain()
            census = spool.census()
        finally:
            await spool.shut()
        inside = admission.inside
        return Adopted(
            folder=admission.folder,
            tap=admission.estate.tap,
            report=spool.recovery,
            taken=receipts.taken,
            left=census.waiting + census.open,
            refused=receipts.refused,
            witness=None if inside else self._places.spool(admission.estate.tap),
        )

    async def _open(self, admission: Admission) -> FileSpool:
        boot = boot_name(time.time_ns() // 1_000_000, os.urandom(2))
        # No number will be given out, so none is reserved.
        options = SpoolOptions(segment_bytes=self._settings.spool.segment_bytes, reserve_numbers=0)
        sealer = HpkeSealer(tap_keys_of(self._settings), self._signer)
        return await open_spool(admission.folder, admission.estate.tap, boot, sealer, options)

    def _shipper(self, spool: FileSpool, outbox: Outbox) -> Shipper:
        return Shipper(
            spool,
            outbox,
            batch=_SHIP_AT_ONCE,
            checkpoint_seconds=self._settings.spool.checkpoint_interval,
            log=self._log,
            count=NoCount(),
            earlier=spool.recovery.checkpoints,
            sign=partial(signed_checkpoint, signer=self._signer),
        )


def _openable(settings: Settings) -> frozenset[str]:
    """The keys whose data a worker can open: where no private key is held here, the public ones."""
    with suppress(PermanentError):
        return worker_keys_of(settings).key_ids
    keys = tap_keys_of(settings)
    return keys.earlier | {keys.key_id}


def _say(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


class _Receipts:
    """An `Outbox` that counts what another one has taken."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.taken: Counter[MessageKind] = Counter()
        self.refused = False

    async def send(self, messages: Sequence[Message]) -> None:
        """Hand over; what was not taken is remembered as such."""
        try:
            await self._outbox.send(messages)
        except BaseException:
            self.refused = True
            raise
        self.taken.update(each.kind for each in messages)
