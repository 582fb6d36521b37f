"""Which spool folders may be adopted here: found, looked at, and refused with the reason.

The law: nothing here changes anything. A folder outside this data folder must have one history
with what is known here of a tap of its name, because numbers of two histories that share a name
can no longer be told apart; and what was shipped from it must be known here, because `verify`
would otherwise call it lost for ever.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from audit.errors import KeyMissing, SettingInvalid
from audit.ids import ExchangeNumber
from audit.settings import Settings
from audit.signing import Role, Trust
from cli.engines import begun, queue_place, queue_view_of, store_place, store_view_of
from cli.places import Places
from storage.queue.port import QueueReader
from storage.records.port import LedgerReader
from storage.spool.adoption import Estate, is_spool, look
from storage.spool.disk import RealDisk
from storage.spool.liveness import is_held
from storage.spool.numbers import RangeSet

__all__ = ["Admission", "admit", "spool_folders"]


@dataclass(frozen=True, slots=True)
class Admission:
    """A folder that may be adopted.

    `inside` says that it is in this data folder, where `verify` sees its notes. `settled` says
    that nothing of it is left to take, and its tap's history has gone on here.
    """

    folder: Path
    estate: Estate
    inside: bool
    settled: bool = False


@dataclass(slots=True)
class _Known:
    """What is known here of a tap: its boots, its numbers, and whether its folder has segments."""

    boots: set[str] = field(default_factory=set)
    numbers: dict[str, RangeSet] = field(default_factory=dict)
    segments: int = 0

    def add(self, number: ExchangeNumber) -> None:
        """Note a number and the boot that gave it out."""
        self.boots.add(number.boot)
        self.numbers.setdefault(number.boot, RangeSet()).add(number.seq, number.seq)


def spool_folders(directory: Path) -> list[Path]:
    """Find the spools in a tap's folder, a folder of several, or a whole data folder.

    Raises `SettingInvalid` where there is none.
    """
    try:
        found = [directory] if _is_spool(directory) else _inner(directory)
    except OSError as error:
        raise SettingInvalid(f"adopt: {error.filename} cannot be read ({error.strerror})") from None
    if not found:
        raise SettingInvalid(
            f"adopt: {directory} holds no spool; give a tap's spool folder (it holds `boots`),"
            " a folder of several, or a data folder"
        )
    return found


def _inner(directory: Path) -> list[Path]:
    spools = directory / "spool"
    # In a folder of several, one of the taps may itself be named `spool`.
    several = spools if spools.is_dir() and not _is_spool(spools) else directory
    return sorted(each for each in several.iterdir() if each.is_dir() and _is_spool(each))


def _is_spool(folder: Path) -> bool:
    return is_spool(RealDisk(folder).names())


async def admit(
    folder: Path, settings: Settings, key_ids: Iterable[str], trust: Trust, *, anyway: bool
) -> Admission:
    """Look at a folder and decide.

    `key_ids` are those that can be opened here, `trust` believes the taps that are known. Raises
    `SettingInvalid` and `KeyMissing`, saying what to do; with `anyway`, keys are no reason to
    refuse, and what was shipped elsewhere is none while there is something left to take.
    """
    _check_free(folder)
    estate = _look(folder)
    inside = _is_inside(folder, Places(settings.data))
    if not anyway:
        _check_keys(folder, estate, key_ids)
        _check_signatures(folder, estate, trust)
    if inside:
        return Admission(folder, estate, inside)
    known = await _known(settings, estate.tap)
    if not estate.waiting and set(estate.boots) < known.boots:
        return Admission(folder, estate, inside, settled=True)
    _check_history(folder, estate, known)
    _check_shipped(folder, estate, known, anyway=anyway)
    return Admission(folder, estate, inside)


def _check_free(folder: Path) -> None:
    held = False
    # Where the kernel does not tell, the lock itself refuses a tap that runs.
    with suppress(OSError):
        held = is_held(folder)
    if held:
        raise SettingInvalid(f"{folder} is in use by a tap that runs; stop that tap first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingInvalid(
            f"{folder} cannot be written, and what is taken from it must be marked there;"
            " mend its permissions, or adopt a copy of it that can be written"
        )


def _look(folder: Path) -> Estate:
    try:
        estate = look(RealDisk(folder))
    except OSError as error:
        raise SettingInvalid(f"{folder} cannot be read ({error.strerror})") from None
    if estate is None:
        raise SettingInvalid(
            f"{folder}: its note `boots` is damaged and no segment tells whose spool it is;"
            " nothing of it can be taken"
        )
    return estate


def _is_inside(folder: Path, places: Places) -> bool:
    with suppress(FileNotFoundError):
        return any(each.samefile(folder) for each in places.spools.iterdir())
    return False


def _check_keys(folder: Path, estate: Estate, key_ids: Iterable[str]) -> None:
    missing = sorted(estate.key_ids - set(key_ids))
    if missing:
        names = ", ".join(missing)
        raise KeyMissing(
            f"{folder}: exchanges in it are sealed for the key {names}, which is not held here;"
            f" put its file (seal.{missing[0]}.key) into the keys folder first, or give --anyway:"
            " then they are set aside as key.missing and can be replayed once the key is there"
        )


def _check_signatures(folder: Path, estate: Estate, trust: Trust) -> None:
    strangers = {
        (signature or "nobody").partition(":")[0]
        for statement, signature in estate.vouchers
        if not trust.bears_out(Role.TAP, statement, signature)
    }
    if strangers:
        names = ", ".join(sorted(strangers))
        raise KeyMissing(
            f"{folder}: segments in it were signed by {names}, which is not trusted as a tap here;"
            " put the public key of the tap that left it (sign.tap.<id>.pub) into the keys folder"
            " first, or give --anyway: then they are set aside as signature.invalid and can be"
            " replayed once the key is there"
        )


def _check_history(folder: Path, estate: Estate, known: _Known) -> None:
    strange = known.boots - set(estate.boots)
    if strange or known.segments:
        raise SettingInvalid(
            f"{folder} is the spool of a tap named {estate.tap!r}, and this data folder has known"
            " another tap of that name, or this one has gone on here: numbers of two histories"
            " cannot share a name; adopt it into a data folder of its own (--data)"
        )


def _check_shipped(folder: Path, estate: Estate, known: _Known, *, anyway: bool) -> None:
    gone = sum(
        last - first + 1 - _counted(known.numbers.get(boot, RangeSet()), first, last)
        for boot, first, last in estate.shipped
    )
    if not gone or (anyway and estate.waiting):
        return
    told = (
        f"{folder}: {gone} exchanges of its tap went to a queue that is not this data folder's, and"
        " `verify` here would call them lost"
    )
    if not estate.waiting:
        # Its history alone would spoil a log that is whole, and bring nothing.
        raise SettingInvalid(
            f"{told}; none is left here to take: leave the folder alone, `verify` on the data"
            " folder they went to speaks for them"
        )
    raise SettingInvalid(
        f"{told}; run a worker on the data folder they went to and adopt there, or give --anyway to"
        f" take the {estate.waiting} that are left"
    )


def _counted(numbers: RangeSet, first: int, last: int) -> int:
    """How many of the numbers from `first` to `last` are in the set."""
    inside = ((max(first, low), min(last, high)) for low, high in numbers.ranges)
    return sum(high - low + 1 for low, high in inside if low <= high)


async def _known(settings: Settings, tap: str) -> _Known:
    """Read folder, queue and ledger, in this order: what moves meanwhile is met downstream."""
    known = _Known()
    here = Places(settings.data).spool(tap)
    if here.is_dir() and (estate := look(RealDisk(here))):
        known.boots.update(estate.boots)
        known.segments = estate.segments
    if begun(queue_place(settings)):
        async with queue_view_of(settings) as queue:
            await _add_queued(queue, tap, known)
    if begun(store_place(settings)):
        async with store_view_of(settings) as store:
            await _add_entered(store.ledger, tap, known)
    return known


async def _add_queued(queue: QueueReader, tap: str, known: _Known) -> None:
    async for each in queue.numbers():
        if each.number.tap == tap:
            known.add(each.number)


async def _add_entered(ledger: LedgerReader, tap: str, known: _Known) -> None:
    async for entry in ledger.entries(lambda _: None):
        if entry.number.tap == tap:
            known.add(entry.number)
    async for checkpoint in ledger.checkpoints(lambda _: None):
        if checkpoint.tap == tap:
            known.boots.add(checkpoint.boot)
