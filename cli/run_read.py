"""Commands that read: query, show, tail, and the lists of fields and settings.

What is read of records passes the reading room's door, and so is on record before it is printed.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from audit.errors import QueryInvalid, RecordInvalid
from audit.record import SCHEMA, RedactedRecord
from audit.settings import ConsumerSettings, Settings
from audit.value import from_json
from cli.config import FLAGS, SettingRow, setting_rows
from cli.desk import check_begun, room_of, visitor
from cli.engines import store_place, store_view_of
from cli.render.conversation import ConversationView
from cli.render.table import RecordTable
from console.principal import Visit
from storage.records.port import Page, RecordReader, StoredDocument
from storage.records.query import FIELDS, Query, notes, parse

__all__ = ["run_fields", "run_query", "run_settings", "run_show", "run_tail", "store_reader"]

_PAGE = 500
_FOLLOW_SECONDS = 0.5
_TAIL = 10


@asynccontextmanager
async def store_reader(settings: Settings) -> AsyncIterator[RecordReader]:
    """Open the store for what no person reads. Raises `QueryInvalid` when there is none yet."""
    check_begun(settings)
    async with store_view_of(settings) as store:
        yield store.records


def run_query(
    settings: Settings, text: str, *, shape: str, limit: int | None, purpose: str
) -> None:
    """Print the records that a filter finds, newest first, once that is on record."""
    query = parse(text, time.time_ns())
    most = limit or (50 if shape == "table" else settings.console.max_rows)
    page = asyncio.run(_find(settings, query, most, purpose))
    found = list(page.documents)
    if shape == "table":
        _print_table(found)
    else:
        _print_json(found, lines=shape == "jsonl")
    for note in notes(query):
        sys.stderr.write(f"auditstream: {note}\n")
    if page.cursor is not None:
        sys.stderr.write(f"auditstream: the newest {most} are shown; --limit gives more\n")


def run_show(settings: Settings, record_id: str, *, as_json: bool, purpose: str) -> None:
    """Print one conversation. Raises `QueryInvalid` when there is no such record."""
    found = asyncio.run(_get(settings, record_id, purpose))
    if found is None:
        where = store_place(settings)
        here = settings.data if isinstance(where, Path) else where
        raise QueryInvalid(f"there is no record {record_id} in {here}")
    if as_json:
        sys.stdout.buffer.write(found.json + b"\n")
    else:
        _record(found)  # says what is wrong with a record that cannot be shown
        Console().print(ConversationView.of(found.json))


def run_tail(settings: Settings, text: str, *, as_jsonl: bool, purpose: str) -> None:
    """Print the newest 10 records, then others as they are stored, until interrupted."""
    with suppress(KeyboardInterrupt):
        asyncio.run(_follow(settings, text, visitor(purpose), as_jsonl=as_jsonl))


def run_fields() -> None:
    """Print what a filter may name."""
    table = Table("field", "means", "example", box=None)
    for entry in FIELDS.values():
        table.add_row(entry.name, entry.sentence, entry.example)
    Console().print(table)


def run_settings() -> None:
    """Print every setting as a block of lines; nothing is cut, however narrow the terminal."""
    rows = setting_rows()
    ours = [
        (name, "", default, sentence)
        for name, _, default, sentence in setting_rows(ConsumerSettings, "consumers.<name>.")
    ]
    sys.stdout.write("\n".join(_setting_block(row) for row in [*rows, *ours]))


def _setting_block(row: SettingRow) -> str:
    name, variable, default, sentence = row
    flag = f"--{name} {FLAGS[name]}" if name in FLAGS else ""
    facts = {"command line": flag, "environment": variable, "default": default}
    lines = [f"  {label + ':':14}{value}\n" for label, value in facts.items() if value]
    return f"{name}\n  {sentence}\n{''.join(lines)}"


async def _find(settings: Settings, query: Query, most: int, purpose: str) -> Page:
    async with room_of(settings) as room:
        return await room.gather(visitor(purpose), query, most)


async def _get(settings: Settings, record_id: str, purpose: str) -> StoredDocument | None:
    async with room_of(settings) as room:
        found = await room.open(visitor(purpose), [record_id])
    return found[0].document if found else None


async def _follow(settings: Settings, text: str, visit: Visit, *, as_jsonl: bool) -> None:
    """Look again and again at the newest; what was shown is not shown again.

    Records arrive out of order (a long stream is stored after a short one that began later), so
    the last minutes are looked at each time, not only what began after the last one shown.
    """
    shown: set[str] = set()
    header, most = True, _TAIL
    async with room_of(settings) as room:
        while True:
            query = parse(text, time.time_ns())
            newer = await room.newer(visit, query, shown, over=_PAGE, most=most)
            shown.update(newer.seen)
            if fresh := list(reversed(newer.documents)):
                _print_json(fresh, lines=True) if as_jsonl else _print_table(fresh, header=header)
                header = False
            most = _PAGE
            await asyncio.sleep(_FOLLOW_SECONDS)


def _print_table(found: list[StoredDocument], *, header: bool = True) -> None:
    if found:
        Console().print(RecordTable([_record(each) for each in found], header=header))
    elif header:
        Console().print("nothing found")


def _record(document: StoredDocument) -> RedactedRecord:
    try:
        return from_json(document.json, RedactedRecord)
    except msgspec.DecodeError:
        raise RecordInvalid(
            f"record {document.id} has not the shape of schema version {SCHEMA}; --json shows it"
        ) from None


def _print_json(found: list[StoredDocument], *, lines: bool) -> None:
    out = sys.stdout.buffer
    if lines:
        out.writelines(each.json + b"\n" for each in found)
    else:
        out.write(b"[" + b",\n ".join(each.json for each in found) + b"]\n")
    out.flush()
