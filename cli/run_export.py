"""`auditstream export` and `auditstream access-log`: evidence to hand on, and who looked."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from audit.errors import QueryInvalid
from audit.reading.neutral import neutral_line
from audit.settings import Settings
from audit.value import to_json
from cli.desk import check_begun, room_of, visitor
from cli.engines import begun, log_place, log_view_of
from console.exporting import Shape
from console.packing import export
from storage.access.port import GENESIS, LoggedAccess, chained
from storage.records.query import parse

__all__ = ["first_broken", "run_access_log", "run_export"]


# Columns that are never broken: an instant in two halves is none.
_WHOLE = ("when (UTC)", "who", "via", "deed")
# More than the longest entry has.
_WIDEST = 1_000_000


def run_export(
    settings: Settings, text: str, *, shape: str, out: Path, purpose: str, limit: int | None
) -> None:
    """Write a new ZIP with what a filter finds and a manifest; it is put on record first."""
    parse(text, time.time_ns())
    check_begun(settings)
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise QueryInvalid(f"{out} cannot be written: {error.strerror}") from None
    most = min(limit or settings.console.max_export, settings.console.max_export)
    try:
        asyncio.run(_export(settings, text, Shape(shape), descriptor, purpose, most))
    except BaseException:
        # Half an archive would look like a whole one.
        out.unlink(missing_ok=True)
        raise
    sys.stderr.write(f"auditstream: {out} is written\n")


def run_access_log(settings: Settings, *, as_jsonl: bool, limit: int | None) -> int:
    """Print who looked at what, newest last; 1 when the log has been tampered with."""
    place = log_place(settings)
    if not begun(place):
        raise QueryInvalid(f"nobody has looked yet: there is no {place}")
    entries = asyncio.run(_entries(settings))
    broken = first_broken(entries)
    shown = entries[-limit:] if limit else entries
    if as_jsonl:
        sys.stdout.buffer.writelines(to_json(each) + b"\n" for each in shown)
    else:
        _print(_table(shown))
    if broken is not None:
        sys.stderr.write(
            f"auditstream: the access log was altered: entry {broken} does not follow the one"
            " before it\n"
        )
    return 0 if broken is None else 1


async def _export(
    settings: Settings, text: str, shape: Shape, descriptor: int, purpose: str, most: int
) -> None:
    async with room_of(settings) as room:
        visit = visitor(purpose)
        with os.fdopen(descriptor, "wb") as file, _progress() as progress:
            task = progress.add_task("exporting", total=None)

            def tell(done: int, of: int | None) -> None:
                progress.update(task, completed=done, total=of)

            async for data in export(room, visit, text, shape, most, tell):
                file.write(data)


def _progress() -> Progress:
    """A bar of records; one that only moves where it is not known how many there will be."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f} records"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
    )


async def _entries(settings: Settings) -> list[LoggedAccess]:
    async with log_view_of(settings) as log:
        return [each async for each in log.entries()]


def first_broken(entries: list[LoggedAccess]) -> int | None:
    """The number of the first entry that does not follow its predecessor; None where all do."""
    before = GENESIS
    for number, each in enumerate(entries, 1):
        if each.number != number or each.chain != chained(before, each.access):
            return number
        before = each.chain
    return None


def _print(table: Table) -> None:
    """In a terminal as wide as it is; for a program, or grep, each entry on one line."""
    console = Console()
    if not console.is_terminal:
        console.width = console.measure(
            table, options=console.options.update(width=_WIDEST)
        ).maximum
    console.print(table)


def _table(entries: list[LoggedAccess]) -> Table:
    table = Table(box=None)
    for name in _WHOLE:
        table.add_column(name, no_wrap=True)
    for name in ("records", "asked", "purpose"):
        table.add_column(name)
    for each in entries:
        access = each.access
        told = (access.at[:19], access.who, access.via, access.deed.value, str(access.records))
        failed = "" if access.outcome == "shown" else f" ({access.outcome})"
        cells = (*told, f"{access.asked}{failed}", access.purpose)
        table.add_row(*(Text(neutral_line(cell), overflow="fold") for cell in cells))
    return table
