"""What `auditstream up --demo` shows: traffic through the tap, then the redacted records.

The planted values are made for this run and are not printed: the table is read from the store,
as an analyst would read it.
"""

from __future__ import annotations

import asyncio
import random
import shlex
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.markup import escape

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

__all__ = ["left_in", "program", "show_demo", "show_next"]

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


def program() -> str:
    """The command as a shell in this folder understands it: its name, or the path to it."""
    started = Path(sys.argv[0])
    beside = Path(sys.executable).with_name("auditstream")
    own = started if started.name == "auditstream" else beside
    found = shutil.which("auditstream")
    if not own.exists() or (found is not None and own.samefile(found)):
        return "auditstream"
    return shlex.quote(str(own))


def show_next(settings: Settings, running: Running, console: Console, *, demo: bool) -> None:
    """Say what can be done now."""
    command = escape(program())
    data = escape(f"--data {shlex.quote(str(settings.data))}")
    tap = f"{'https' if settings.tap.tls_certificate else 'http'}://{running.traffic}"
    lines = [
        (
            f"\n[bold]The tap listens on {tap}[/bold]"
            f" · health and metrics http://{running.control}"
            f" · query API http://{running.console}"
        ),
        _entrance(settings, running),
        "",
        "Point any SDK at it; path, key and API version stay what they are:",
        (f'  client = AzureOpenAI(azure_endpoint="{tap}", api_key="…", api_version="2024-10-21")'),
        "Read what was said (in another terminal, in this folder):",
        f"  {command} query {data} 'entity:EMAIL_ADDRESS after:1h'",
        f"  {command} show {data} ID",
        f"  {command} verify {data}",
    ]
    if demo:
        lines += [
            "Put it in front of a real gateway:",
            "  make run UPSTREAM=https://my-apim.azure-api.net",
        ]
    lines.append("Ctrl-C drains and stops.")
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)


def _entrance(settings: Settings, running: Running) -> str:
    if settings.console.oidc.issuer is not None:
        return f"[bold]Sign in with an account: {settings.console.url}/[/bold]"
    return f"[bold]Read in a browser: http://{running.console}{running.enter}[/bold] (opens once)"


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
