"""`auditstream up` put together: checks first, then the tree."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from pathlib import Path

import msgspec
from rich.console import Console

from audit.errors import SettingInvalid
from audit.settings import Settings
from audit.signing import Role
from audit.telemetry import Log
from audit.value import Json
from cli.engines import queue_view_of, reclaim
from cli.gateway import endpoint_of
from cli.listener import listener_tls
from cli.logs import configure_for
from cli.next_steps import show_next
from cli.places import Places, prepare
from cli.policies import check_models, policy_of
from cli.up import Running, run_up
from storage.spool.liveness import is_held

__all__ = ["run"]


def run(settings: Settings, *, demo: bool, once: bool) -> None:
    """Run everything until told to stop; with `once`, until the demo's table is printed."""
    if demo and settings.upstream is not None:
        raise SettingInvalid("--demo brings its own upstream: leave --upstream away, or --demo")
    if once and not demo:
        raise SettingInvalid("--once goes with --demo")
    if not demo:
        endpoint_of(settings)
    elif settings.tap.tls_certificate is not None:
        raise SettingInvalid("setting tap.tls_certificate: --demo speaks plain HTTP: leave it away")
    listener_tls(settings)
    policy_of(settings)
    check_models(settings)
    _not_in_use(prepare(settings, may_open=True, signs=list(Role)), settings)
    if demo:
        # Imported late: server and clients cost a third of a second, which only a demo pays.
        from cli.run_demo import run_demo  # noqa: PLC0415 - see above

        run_demo(settings, _Queue(settings), once=once)
    else:
        asyncio.run(_plain(settings, configure_for("up", settings)))


def _not_in_use(places: Places, settings: Settings) -> None:
    """Leave a folder alone in which another tree runs: its deliveries are not ours to reclaim.

    Parts whose parent was killed finish what they hold and go; they are waited for. Where the
    kernel does not tell who holds the folder, the tap itself finds it taken when it starts.
    """
    deadline = time.monotonic() + settings.tap.drain + 10.0
    with suppress(OSError):
        while is_held(places.spool(settings.tap.name)):
            if _parent_runs(places) or time.monotonic() > deadline:
                raise SettingInvalid(
                    f"setting data: {settings.data} is in use by a running tap; stop it, or choose"
                    " another folder"
                )
            time.sleep(0.1)


def _parent_runs(places: Places) -> bool:
    """Tell whether the process that started the parts of this folder is still there."""
    try:
        state = msgspec.json.decode(places.running.read_bytes(), type=dict[str, Json])
        return Path(f"/proc/{int(state['pid'])}").exists()
    except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError):
        return True


async def _plain(settings: Settings, log: Log) -> None:
    console = Console()

    async def meanwhile(running: Running) -> bool:
        show_next(settings, running, console, demo=False)
        return False

    await run_up(settings, log, _Queue(settings), meanwhile)


class _Queue:
    """What the tree needs of the queue: how much waits, and to take back what a dead worker held.

    Opened for each question: the tree asks seldom, and must not keep the file of a queue open
    that its parts may have to repair.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def backlog(self) -> int:
        """How many deliveries the workers have not finished."""
        async with queue_view_of(self._settings) as queue:
            census = await queue.census()
        return census.waiting + census.leased

    async def reclaim(self) -> None:
        """Give back what a worker held when it died, instead of waiting for its leases."""
        await reclaim(self._settings)
