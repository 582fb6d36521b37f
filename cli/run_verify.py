"""`auditstream verify`: gather what every source says, judge, report.

The law: the sources are read in the order in which data flows, so that what moves meanwhile is
met again downstream; and a source that cannot be read makes the answer "could not tell", with a
line on standard error that names it, while everything else is judged all the same.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import msgspec
from rich.console import Console

from audit.completeness import DamagedRow, Evidence, Held, KnownBoot, StoredMark
from audit.errors import AuditStreamError, SettingInvalid
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

__all__ = ["Complain", "gather", "run"]

# Is given one line for people, without content.
Complain: TypeAlias = Callable[[str], None]


def run(settings: Settings, *, as_json: bool) -> int:
    """Print the report; gives the exit code of its verdict."""
    report = verify(asyncio.run(gather(settings, _complain)))
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(report_document(report)) + b"\n")
    else:
        console = Console()
        # A line that is read by a program, or found by grep, is one line.
        console.print(CompletenessView(report), soft_wrap=not console.is_terminal)
    return report.verdict.exit_code


def _complain(line: str) -> None:
    sys.stderr.write(f"auditstream: {line}\n")


@dataclass
class _Gathered:
    """Evidence as it comes in. `complain` is told, in a line, of a source that is not read."""

    complain: Complain
    entries: list[LedgerEntry] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    stored: list[StoredMark] = field(default_factory=list)
    waiting: list[Held] = field(default_factory=list)
    dead: list[Held] = field(default_factory=list)
    boots: list[KnownBoot] = field(default_factory=list)
    damaged: list[DamagedRow] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)

    def not_read(self, source: str, path: Path, why: str) -> None:
        """Note that a source, or part of it, could not be read."""
        self.complain(f"the {source} could not be read: {path} {_barred(path) or why}")
        if source not in self.unread:
            self.unread.append(source)

    @contextmanager
    def reading(self, source: str, path: Path) -> Iterator[None]:
        """Take whatever goes wrong with a source as its not being read."""
        try:
            yield
        except (AuditStreamError, OSError) as error:
            self.not_read(source, path, _why(path, error))


async def gather(settings: Settings, complain: Complain) -> Evidence:
    """Read spool, queue, ledger and records, in this order.

    A folder in which no part has started yet has nothing that could be missing. Raises
    `SettingInvalid` where there is no folder.
    """
    places = Places(settings.data)
    if not places.data.is_dir():
        raise SettingInvalid(f"setting data: there is no folder {places.data} to verify")
    found = _Gathered(complain)
    if places.begun:
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
        damaged=found.damaged,
        unread=tuple(found.unread),
    )


def _read_spools(spools: Path, found: _Gathered) -> None:
    with found.reading("spool", spools):
        for folder in sorted(each for each in spools.iterdir() if each.is_dir()):
            with found.reading("spool", folder):
                _read_spool(folder, found)


def _read_spool(folder: Path, found: _Gathered) -> None:
    live = is_held(folder)
    state = census_folder(folder)
    for name in (*state.damaged_notes, *state.unreadable):
        found.not_read("spool", folder / name, "is damaged or cannot be read")
    for boot in state.boots:
        last = boot is state.boots[-1]
        found.boots.append(_known(boot, live=live and last))
        found.waiting += _held_in(boot)


def _known(boot: BootState, *, live: bool) -> KnownBoot:
    return KnownBoot(boot.tap, boot.boot, boot.opened, live=live, unrecorded=boot.unrecorded)


def _held_in(boot: BootState) -> Iterator[Held]:
    for seen in (*boot.open, *boot.waiting):
        yield Held(seen.id, seen.number)


async def _read_queue(path: Path, found: _Gathered) -> None:
    with found.reading("queue", path):
        queue = await SqliteQueueReader.open(path)
        try:
            async for each in queue.numbers():
                (found.dead if each.dead else found.waiting).append(Held(each.id, each.number))
        finally:
            await queue.close()


async def _read_store(path: Path, found: _Gathered) -> None:
    with found.reading("records", path):
        with found.reading("ledger", path):
            await _read_ledger(path, found)
        database = await open_store_for_reading(path)
        try:
            async for each in SqliteRecordReader(database).references():
                found.stored.append(each)
        finally:
            await database.close()


async def _read_ledger(path: Path, found: _Gathered) -> None:
    database = await open_store_for_reading(path)
    try:
        ledger = SqliteLedger(database)
        async for entry in ledger.entries(found.damaged.append):
            found.entries.append(entry)
        async for checkpoint in ledger.checkpoints(found.damaged.append):
            found.checkpoints.append(checkpoint)
    finally:
        await database.close()


def _barred(path: Path) -> str:
    """Why the file cannot be looked into at all; empty where it can."""
    if not os.access(path, os.F_OK):
        return "is missing, or its folder may not be entered"
    return "" if os.access(path, os.R_OK) else "may not be read (permission)"


def _why(path: Path, error: AuditStreamError | OSError) -> str:
    """What went wrong, in words without content: the storage says no more than path and cause."""
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror})"
    return str(error).removeprefix(f"{path} ")
