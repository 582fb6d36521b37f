"""What `auditstream up --demo` shows: traffic through the tap, then the redacted records.

The planted values are made for this run and are not printed: the table is read from the store,
as an analyst would read it.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence

import msgspec
from rich.console import Console

from audit.record import RedactedRecord
from audit.settings import Settings
from audit.value import from_json
from cli.demo.conversations import demo_traffic
from cli.demo.drive import Seen, drive
from cli.demo.plant import Planted
from cli.render.progress import demo_progress
from cli.render.table import RecordTable
from cli.run_read import store_reader
from cli.up import Running
from storage.records.port import StoredDocument
from storage.records.query import parse

__all__ = ["left_in", "show_demo"]

_RECORDS_SECONDS = 30.0
_LOOK_SECONDS = 0.1
_MOST = 1000

Found = list[tuple[StoredDocument, RedactedRecord]]


async def show_demo(settings: Settings, running: Running, console: Console, key: str) -> None:
    """Send the demo's conversations, wait for their records, print the table."""
    traffic = demo_traffic(random.SystemRandom())
    with demo_progress(console) as watch:
        seen = await drive(
            f"http://{running.traffic}",
            traffic.conversations,
            api_key=key,
            watch=watch,
        )
    with console.status("waiting for the last records"):
        found = await _records(settings, seen)
    console.print(RecordTable([record for _, record in found]))
    if len(found) < len(seen):
        console.print(f"[yellow]{len(seen) - len(found)} records have not arrived yet[/yellow]")
    left = left_in([document.json for document, _ in found], traffic.planted)
    console.print(
        f"\n{len(found)} of {len(seen)} conversations recorded. {len(traffic.planted)} identifiers"
        f" and secrets were planted; {left} of them are in the records.",
        highlight=False,
        soft_wrap=True,
    )


def left_in(documents: Sequence[bytes], planted: Sequence[Planted]) -> int:
    """How many of the planted values stand anywhere in stored JSON.

    Bytes are searched as they are stored: planted values have no character that JSON escapes.
    """
    return sum(any(each.value.encode() in json for json in documents) for each in planted)


async def _records(settings: Settings, seen: Sequence[Seen]) -> Found:
    """Wait until each conversation that was answered has its record, oldest first."""
    wanted = {each.trace_id for each in seen}
    deadline = time.monotonic() + _RECORDS_SECONDS
    async with store_reader(settings) as reader:
        while True:
            page = await reader.search(parse("after:1h", time.time_ns()), _MOST)
            found = [
                (document, record)
                for document in reversed(page.documents)
                if (record := _record(document.json)) and record.identity.trace_id in wanted
            ]
            if len(found) >= len(wanted) or time.monotonic() > deadline:
                return found
            await asyncio.sleep(_LOOK_SECONDS)


def _record(document: bytes) -> RedactedRecord | None:
    try:
        return from_json(document, RedactedRecord)
    except msgspec.DecodeError:
        return None
