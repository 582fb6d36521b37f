"""`auditstream up`: tap, worker and query side in one process tree, on one data folder.

The law: everything that can be wrong is found before anything starts (settings, folder, keys,
ports). Stopping goes with the data: the tap first, then the worker once the queue is empty,
then the query side.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Protocol

from audit.errors import TransientError
from audit.settings import Settings
from audit.telemetry import Log
from audit.value import to_json
from cli.parts import Part
from cli.sockets import bind, shown

__all__ = ["Queue", "Running", "run_up"]


class Queue(Protocol):
    """What the tree needs of the queue."""

    async def backlog(self) -> int:
        """How many deliveries the workers have not finished."""

    async def reclaim(self) -> None:
        """Take back what workers that are gone have held."""


@dataclass(frozen=True, slots=True)
class Running:
    """Where the parts of a running tree are found; `enter` is the path that lets one reader in."""

    traffic: str
    control: str
    console: str
    enter: str = field(default="", repr=False)


class _Tree:
    """The parts, in the order in which data passes through them."""

    def __init__(self, settings: Settings, log: Log, queue: Queue) -> None:
        traffic = bind(settings.listen, "listen")
        control = bind(settings.tap.control, "tap.control")
        console = bind(settings.console.listen, "console.listen")
        self.running = Running(shown(traffic), shown(control), shown(console))
        worker = settings.worker.control
        for_tap = {"traffic": traffic, "control": control}
        for_worker = {"control": bind(worker, "worker.control")} if worker is not None else {}
        self.tap = Part("tap", settings, for_tap, log, self._restarted)
        self.worker = Part("worker", settings, for_worker, log, self._restarted, queue.reclaim)
        self.console = Part("console", settings, {"console": console}, log, self._restarted)
        self._settings = settings
        self._state = settings.data / "running.json"
        self._told = False
        self._queue = queue

    async def start(self) -> None:
        """Start all parts at once; raises `PartFailed` for the first that cannot.

        What workers held that a crash of the whole tree took with it is given back first.
        """
        await self._queue.reclaim()
        async with asyncio.TaskGroup() as group:
            for part in (self.tap, self.worker, self.console):
                group.create_task(part.start())

    async def stop(self) -> None:
        """Stop in the order of the data, each part after what feeds it."""
        await self.tap.stop(self._settings.tap.drain + 15.0)
        # What the queue does not tell is found waiting at the next start.
        with suppress(TimeoutError, TransientError):
            async with asyncio.timeout(self._settings.worker.drain):
                # Another process empties the queue, as long as it runs.
                while self.worker.alive and await self._queue.backlog():  # noqa: ASYNC110 - see above
                    await asyncio.sleep(0.1)
        await self.worker.stop(self._settings.worker.drain + 5.0)
        await self.console.stop(5.0)

    def write_state(self) -> None:
        """Leave word of who runs where, for scripts."""
        pids = {part.name: part.pid for part in (self.tap, self.worker, self.console)}
        state = {
            "pid": os.getpid(),
            "pids": pids,
            "traffic": self.running.traffic,
            "control": self.running.control,
            "console": self.running.console,
        }
        self._told = True
        waiting = self._state.with_suffix(".new")
        waiting.write_bytes(to_json(state))
        waiting.replace(self._state)

    def forget_state(self) -> None:
        """Take the word back, if it was given: nobody runs any more."""
        if self._told:
            self._state.unlink(missing_ok=True)

    def _restarted(self) -> None:
        if self._told:
            self.write_state()


async def run_up(
    settings: Settings,
    log: Log,
    queue: Queue,
    meanwhile: Callable[[Running], Awaitable[bool]],
) -> None:
    """Run the tree until SIGINT or SIGTERM, or until `meanwhile` returns True.

    `meanwhile` runs beside the started tree and returns whether everything is to stop after it.
    Raises `SettingInvalid` and `PartFailed`.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, stop.set)
    tree = _Tree(settings, log, queue)
    try:
        await _start(tree, stop)
        if not stop.is_set():
            tree.write_state()
            log.info("up.started", pid=os.getpid())
            enter = str(tree.console.told.get("enter", ""))
            await _until(stop, meanwhile, replace(tree.running, enter=enter))
    finally:
        log.info("up.stopping")
        await tree.stop()
        tree.forget_state()
        log.info("up.stopped")


async def _start(tree: _Tree, stop: asyncio.Event) -> None:
    starting = asyncio.create_task(tree.start())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not starting.done():
        starting.cancel()
    try:
        await starting
    except asyncio.CancelledError:
        return
    except ExceptionGroup as group:
        raise group.exceptions[0] from None


async def _until(
    stop: asyncio.Event, meanwhile: Callable[[Running], Awaitable[bool]], running: Running
) -> None:
    beside = asyncio.ensure_future(meanwhile(running))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({beside, waiting}, return_when=asyncio.FIRST_COMPLETED)
    if beside.done() and not beside.result():
        await waiting
    for task in (beside, waiting):
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
