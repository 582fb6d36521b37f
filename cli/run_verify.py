"""`auditstream verify`: gather what every source says, judge, report.

The law: the sources are read in the order in which data flows, so that what moves meanwhile is
met again downstream; and a source that cannot be read makes the answer "could not tell".
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec
from rich.console import Console

from audit.completeness import Evidence, Held, KnownBoot, StoredMark
from audit.errors import SettingInvalid, TransientError
from audit.ledger import Checkpoint, LedgerEntry
from audit.settings import Settings
from audit.verification import verify
from cli.places import Places
from cli.render.completeness import CompletenessView, report_document
from storage.queue.sqlite import SqliteQueueReader
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.sqlite import SqliteRecordReader
from storage.records.sqlite_file import open_store_for_reading
from storage.spool.census import BootState, census_folder
from storage.spool.liveness import is_held

__all__ = ["gather", "run"]

T = TypeVar("T")


def run(settings: Settings, *, as_json: bool) -> int:
    """Print the report; gives the exit code of its verdict."""
    report = verify(asyncio.run(gather(settings)))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report_document(report)) + b"\n")
    else:
        Console().print(CompletenessView(report))
    return report.verdict.exit_code


@dataclass
class _Gathered:
    """Evidence as it comes in."""

    entries: list[LedgerEntry] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    stored: list[StoredMark] = field(default_factory=list)
    waiting: list[Held] = field(default_factory=list)
    dead: list[Held] = field(default_factory=list)
    boots: list[KnownBoot] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


async def gather(settings: Settings) -> Evidence:
    """Read spool, queue, ledger and records, in this order."""
    places = Places(settings.data)
    if not places.data.is_dir():
        raise SettingInvalid(f"setting data: there is no folder {places.data} to verify")
    found = _Gathered()
    _read_spools(places.spools, found)
    await _read_queue(places.queue, found)
    await _read_store(places.store, found)
    return Evidence(
        entries=found.entries,
        checkpoints=found.checkpoints,
        stored=found.stored,
        waiting=found.waiting,
        dead=found.dead,
        boots=found.boots,
        unread=tuple(found.unread),
    )


def _read_spools(spools: Path, found: _Gathered) -> None:
    try:
        for folder in sorted(each for each in spools.iterdir() if each.is_dir()):
            live = is_held(folder)
            state = census_folder(folder)
            if state.damaged_notes or state.unreadable:
                found.unread.append("spool")
            for boot in state.boots:
                last = boot is state.boots[-1]
                found.boots.append(_known(boot, live=live and last))
                found.waiting += _held_in(boot)
    except OSError:
        found.unread.append("spool")


def _known(boot: BootState, *, live: bool) -> KnownBoot:
    return KnownBoot(boot.tap, boot.boot, boot.opened, live=live, unrecorded=boot.unrecorded)


def _held_in(boot: BootState) -> Iterator[Held]:
    for seen in (*boot.open, *boot.waiting):
        yield Held(seen.id, seen.number)


async def _read_queue(path: Path, found: _Gathered) -> None:
    try:
        queue = await SqliteQueueReader.open(path)
        try:
            async for each in queue.numbers():
                (found.dead if each.dead else found.waiting).append(Held(each.id, each.number))
        finally:
            await queue.close()
    except TransientError:
        found.unread.append("queue")


async def _read_store(path: Path, found: _Gathered) -> None:
    try:
        database = await open_store_for_reading(path)
    except TransientError:
        found.unread += ["ledger", "records"]
        return
    try:
        ledger = SqliteLedger(database)
        found.entries = await _all(ledger.entries())
        found.checkpoints = await _all(ledger.checkpoints())
        found.stored += await _all(SqliteRecordReader(database).references())
    except TransientError:
        found.unread += ["ledger", "records"]
    finally:
        await database.close()


async def _all(source: AsyncIterator[T]) -> list[T]:
    return [each async for each in source]
