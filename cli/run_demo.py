"""`auditstream up --demo`: the tree before an upstream of its own, and traffic sent through it.

The law: the demo speaks with a key of its own, as the consumer `demo`, and with whom it speaks is
this process: nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import secrets
import sys

from rich.console import Console

from audit.settings import ConsumerSettings, Settings
from audit.telemetry import Log
from cli.demo.upstream import start_demo_upstream
from cli.logs import configure_for
from cli.next_steps import show_next
from cli.places import tap_keys_of
from cli.showcase import show_demo
from cli.up import Queue, Running, run_up
from tap.consumers import fingerprint

__all__ = ["run_demo"]


def run_demo(settings: Settings, queue: Queue, *, once: bool) -> None:
    """Run the demo until told to stop; with `once`, until its table is printed. Logs are quiet."""
    key = secrets.token_hex(16)
    mark = fingerprint(tap_keys_of(settings).fingerprint_key, key.encode())
    consumers = {**settings.consumers, "demo": ConsumerSettings(fingerprints=[mark])}
    quiet = {"log_level": "warning"} if sys.stderr.isatty() else {}
    settings = settings.model_copy(update={"consumers": consumers, **quiet})
    asyncio.run(_demo(settings, configure_for("up", settings), queue, key, once=once))


async def _demo(settings: Settings, log: Log, queue: Queue, key: str, *, once: bool) -> None:
    console = Console()
    async with await start_demo_upstream() as upstream:
        settings = settings.model_copy(update={"upstream": upstream.url})

        async def meanwhile(running: Running) -> bool:
            await show_demo(settings, running, console, key)
            if not once:
                show_next(settings, running, console, demo=True)
            return once

        await run_up(settings, log, queue, meanwhile)
