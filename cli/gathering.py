"""Gathering for `verify`: what every source says, and whose word is to be believed.

The law: the sources are read in the order in which data flows, so that what moves meanwhile is
met again downstream, and the ledger once more at the end, for what was removed or amended
meanwhile. A source that cannot be read makes the answer "could not tell", with a line that names
it, while everything else is judged all the same.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from audit.anchors import Head
from audit.completeness import DamagedRow, Evidence, Held, KnownBoot, StoredMark
from audit.errors import AuditStreamError, PermanentError, PlaceBarred, SettingInvalid
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint, LedgerEntry
from audit.settings import Settings
from audit.signing import Role, Trust
from cli.engines import (
    on_this_machine,
    queue_place,
    queue_view_of,
    store_place,
    store_view_of,
)
from cli.places import Places, keys_of, trust_of
from storage.key_binding import bound_signers
from storage.sight import barred, is_there
from storage.spool.census import BootState, SpoolState, census_folder
from storage.spool.frame import FORMAT
from storage.spool.liveness import is_held

__all__ = ["Complain", "gather"]

# Is given one line for people, without content.
Complain: TypeAlias = Callable[[str], None]


@dataclass
class _Gathered:
    """Evidence as it comes in. `complain` is told, in a line, of a source that is not read."""

    complain: Complain
    entries: dict[ExchangeNumber, LedgerEntry] = field(default_factory=dict)
    doubled: list[LedgerEntry] = field(default_factory=list)
    later: list[LedgerEntry] = field(default_factory=list)
    checkpoints: list[Checkpoint] = field(default_factory=list)
    stored: list[StoredMark] = field(default_factory=list)
    waiting: list[Held] = field(default_factory=list)
    dead: list[Held] = field(default_factory=list)
    boots: list[KnownBoot] = field(default_factory=list)
    damaged: list[DamagedRow] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)
    trust: Trust | None = None

    def not_read(self, source: str, line: str) -> None:
        """Note that a source, or part of it, could not be read."""
        self.complain(line)
        if source not in self.unread:
            self.unread.append(source)

    def barred(self, source: str, place: Path | str, why: str) -> None:
        """Note it of a file or folder, or of a service, whose errors say where it is."""
        told = f"{place} {_barred(place) or why}" if isinstance(place, Path) else why
        self.not_read(source, f"the {source} could not be read: {told}")

    @contextmanager
    def reading(self, source: str, place: Path | str) -> Iterator[None]:
        """Take whatever goes wrong with a source as its not being read."""
        try:
            yield
        except (AuditStreamError, OSError) as error:
            self.barred(source, place, _why(place, error))

    def evidence(self, anchors: Sequence[Head]) -> Evidence:
        """All of it."""
        return Evidence(
            entries=[*self.entries.values(), *self.doubled],
            checkpoints=self.checkpoints,
            stored=self.stored,
            waiting=self.waiting,
            dead=self.dead,
            boots=self.boots,
            damaged=self.damaged,
            later=self.later,
            anchors=anchors,
            unread=tuple(self.unread),
            trust=self.trust,
        )


async def gather(settings: Settings, complain: Complain, anchors: Sequence[Head] = ()) -> Evidence:
    """Read keys, spool, queue, ledger and records, in this order.

    An empty folder tells nothing: it may be new, emptied, or the place of a volume that is not
    mounted. Where queue or store is a service, there may be no folder: then a number that might
    wait in a tap's spool is one of which nobody here can tell. Raises `SettingInvalid` where
    there is no folder and one is needed.
    """
    places = Places(settings.data)
    alone = on_this_machine(settings)
    if alone and not (is_there(places.data) and places.data.is_dir()):
        raise SettingInvalid(f"setting data: there is no folder {places.data} to verify")
    found = _Gathered(complain)
    if places.begun or anchors or not alone:
        _read_keys(settings, found)
        with found.reading("spool", places.spools):
            if alone or is_there(places.spools):
                _read_spools(places.spools, found)
            else:
                complain(
                    f"no tap's spool is in {places.data}: what may wait in one is not seen here"
                )
        await _read_queue(settings, found)
        await _read_store(settings, found)
    else:
        found.not_read(
            "data",
            f"{places.data} holds no spool, queue or store: nothing was recorded here yet, or it"
            " was taken away, or its volume is not mounted",
        )
    return found.evidence(anchors)


def _read_keys(settings: Settings, found: _Gathered) -> None:
    try:
        found.trust = trust_of(settings, *Role)
    except (PermanentError, OSError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        line = f"no signature could be checked, so that anything may have been forged: {why}"
        found.not_read("keys", line)
    else:
        _check_signers(settings, found)


def _check_signers(settings: Settings, found: _Gathered) -> None:
    """Say which keys this data was signed with are not there: their absence is no forgery."""
    trusted = {(key.role, key.key_id) for key in keys_of(settings).trusted()}
    for role, ids in bound_signers(settings.data).items():
        missing = [each for each in ids if (role, each) not in trusted]
        for each in missing:
            found.complain(
                f"what the {role} key {each} has signed here cannot be checked: its"
                f" sign.{role}.{each}.pub is not among the trusted keys ({settings.key_folder})"
            )
        if ids and len(missing) == len(ids):
            found.trust = None
            found.not_read("keys", f"these are not the {role} keys that this data was made with")


def _read_spools(spools: Path, found: _Gathered) -> None:
    with found.reading("spool", spools):
        for folder in sorted(each for each in spools.iterdir() if each.is_dir()):
            with found.reading("spool", folder):
                _read_spool(folder, found)


def _read_spool(folder: Path, found: _Gathered) -> None:
    live = is_held(folder)
    state = census_folder(folder)
    for name in (*state.damaged_notes, *state.unreadable):
        found.barred("spool", folder / name, "is damaged or cannot be read")
    for name, number in state.other_formats:
        why = f"is in spool format {number}, and this version reads format {FORMAT}"
        found.barred("spool", folder / name, why)
    for line in _remarks(folder, state):
        found.complain(line)
    for boot in state.boots:
        last = boot is state.boots[-1]
        found.boots.append(_known(boot, live=live and last, whole=state.whole))
        found.waiting += _held_in(boot)


def _remarks(folder: Path, state: SpoolState) -> Iterator[str]:
    """What someone should look at, though all that it tells of can be judged."""
    if not state.whole:
        yield f"{folder} lost its note of boots once; checkpoints speak for those it lacks"
    for name in state.damaged_files:
        yield f"{folder / name} is damaged in part; what can be read of it is judged"
    for name in state.foreign:
        yield f"{folder / name} is no file of the spool; it is left alone"


def _known(boot: BootState, *, live: bool, whole: bool) -> KnownBoot:
    return KnownBoot(
        boot.tap,
        boot.boot,
        boot.opened,
        live=live,
        unrecorded=boot.unrecorded,
        reserved=boot.reserved,
        whole=whole,
    )


def _held_in(boot: BootState) -> Iterator[Held]:
    for seen in (*boot.open, *boot.waiting):
        yield Held(seen.id, seen.number)


async def _read_queue(settings: Settings, found: _Gathered) -> None:
    with found.reading("queue", queue_place(settings)):
        async with queue_view_of(settings) as queue:
            async for each in queue.numbers():
                (found.dead if each.dead else found.waiting).append(Held(each.id, each.number))


async def _read_store(settings: Settings, found: _Gathered) -> None:
    place = store_place(settings)
    with found.reading("records", place):
        with found.reading("ledger", place):
            await _read_ledger(settings, found)
        async with store_view_of(settings) as store:
            async for each in store.records.references():
                found.stored.append(each)
        with found.reading("ledger", place):
            await _read_changes(settings, found)


async def _read_ledger(settings: Settings, found: _Gathered) -> None:
    async with store_view_of(settings) as store:
        async for entry in store.ledger.entries(found.damaged.append):
            # Its key forbids a second one; whoever writes the file can do without the key.
            if found.entries.setdefault(entry.number, entry) is not entry:
                found.doubled.append(entry)
        async for checkpoint in store.ledger.checkpoints(found.damaged.append):
            found.checkpoints.append(checkpoint)


async def _read_changes(settings: Settings, found: _Gathered) -> None:
    """Read the entries again, and keep those that have changed since."""
    if "ledger" in found.unread:
        return
    async with store_view_of(settings) as store:
        # A row that is damaged now was damaged before, or is told the next time.
        async for entry in store.ledger.entries(lambda _: None):
            if found.entries.get(entry.number) != entry:
                found.later.append(entry)


def _barred(path: Path) -> str:
    """Why the file cannot be looked into at all; empty where it can."""
    try:
        if not is_there(path):
            return "is missing"
        why = None if os.access(path, os.R_OK) else barred(path, PermissionError())
    except PlaceBarred as error:
        why = error
    return _why(path, why) if why else ""


def _why(place: Path | str, error: AuditStreamError | OSError) -> str:
    """What went wrong, in words without content: the storage says no more than path and cause."""
    if isinstance(error, OSError):
        return f"cannot be read ({error.strerror})"
    # Of a service its own errors say where it is; of a file the line says it already.
    return str(error).removeprefix(f"{place} ") if isinstance(place, Path) else str(error)
