"""`auditstream up` put together: checks first, then the tree, then the demo where it is asked."""

from __future__ import annotations

import asyncio
import secrets
import sys

from rich.console import Console

from audit.errors import SettingInvalid
from audit.settings import ConsumerSettings, Settings
from audit.telemetry import Log
from cli.demo.upstream import start_demo_upstream
from cli.logs import configure_for
from cli.places import Places, prepare, tap_keys_of
from cli.policies import policy_of
from cli.run_tap import endpoint_of
from cli.showcase import show_demo, show_next
from cli.up import Running, run_up
from storage.queue.sqlite import SqliteQueue, SqliteQueueReader
from tap.consumers import fingerprint

__all__ = ["run"]


def run(settings: Settings, *, demo: bool, once: bool) -> None:
    """Run everything until told to stop; with `once`, until the demo's table is printed."""
    if demo and settings.upstream is not None:
        raise SettingInvalid("--demo brings its own upstream: leave --upstream away, or --demo")
    if once and not demo:
        raise SettingInvalid("--once goes with --demo")
    if not demo:
        endpoint_of(settings)
    policy_of(settings)
    prepare(settings, may_open=True)
    if demo:
        _run_demo(settings, once=once)
    else:
        asyncio.run(_plain(settings, configure_for("up", settings)))


def _run_demo(settings: Settings, *, once: bool) -> None:
    """Run the demo with a key of its own, as the consumer `demo`, and with quiet logs."""
    key = secrets.token_hex(16)
    mark = fingerprint(tap_keys_of(settings).fingerprint_key, key.encode())
    consumers = {**settings.consumers, "demo": ConsumerSettings(fingerprints=[mark])}
    quiet = {"log_level": "warning"} if sys.stderr.isatty() else {}
    settings = settings.model_copy(update={"consumers": consumers, **quiet})
    asyncio.run(_demo(settings, configure_for("up", settings), key, once=once))


async def _plain(settings: Settings, log: Log) -> None:
    console = Console()

    async def meanwhile(running: Running) -> bool:
        show_next(settings, running, console, demo=False)
        return False

    await _reclaim(settings)
    await run_up(settings, log, lambda: _backlog(settings), meanwhile)


async def _demo(settings: Settings, log: Log, key: str, *, once: bool) -> None:
    console = Console()
    async with await start_demo_upstream() as upstream:
        settings = settings.model_copy(update={"upstream": upstream.url})

        async def meanwhile(running: Running) -> bool:
            await show_demo(settings, running, console, key)
            if not once:
                show_next(settings, running, console, demo=True)
            return once

        await _reclaim(settings)
        await run_up(settings, log, lambda: _backlog(settings), meanwhile)


async def _reclaim(settings: Settings) -> None:
    """Give back what workers held that a crash of the whole tree took with it."""
    queue = await SqliteQueue.open(Places(settings.data).queue)
    await queue.reclaim()
    await queue.close()


async def _backlog(settings: Settings) -> int:
    """How many deliveries the workers have not finished."""
    queue = await SqliteQueueReader.open(Places(settings.data).queue)
    try:
        census = await queue.census()
    finally:
        await queue.close()
    return census.waiting + census.leased
