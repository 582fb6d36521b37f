"""`auditstream console`: the reading room and its JSON API in a process of its own."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from dataclasses import replace

from aiohttp import web

from audit.settings import Settings
from audit.telemetry import Log
from cli.accounts import seal_of, sign_in_of, token_of
from cli.child import Orders, announce, from_parent, from_settings, stop_signal
from cli.collector import collect_as_usual
from cli.desk import known_trust, owner, sources_of
from cli.engines import Desk, StoreView, desk_of, on_this_machine, store_view_of
from cli.logs import configure_for
from console.app import Console, build_app
from console.leaving import Leavings
from console.room import ReadingRoom
from console.sessions import Sessions

__all__ = ["run"]


def run(settings: Settings | None) -> None:
    """Serve until told to stop; `settings` is None for a part that its parent started."""
    if settings is None:
        orders = from_parent()
    else:
        listen = (settings.console.listen, "console.listen")
        orders = from_settings(settings, console=listen)
    log = configure_for("console", orders.settings)
    asyncio.run(_serve(orders, log))


async def _serve(orders: Orders, log: Log) -> None:
    stop = stop_signal(has_parent=orders.has_parent)
    settings = orders.settings
    # Nothing may have been stored yet; a reader cannot open a file that is not there.
    async with store_view_of(settings, make=True) as store, desk_of(settings) as desk:
        console = _console(settings, store, desk, log)
        enter = _entrance(console)
        runner = web.AppRunner(build_app(console), access_log=None)
        await runner.setup()
        await web.SockSite(runner, orders.sockets["console"]).start()
        host, port = orders.sockets["console"].getsockname()[:2]
        log.info("console.started", port=port)
        collect_as_usual()
        if orders.has_parent:
            announce(enter=enter)
        else:
            announce()
            _show_link(settings, host, port, enter)
        await stop.wait()
        await runner.cleanup()
    log.info("console.stopped")


def _console(settings: Settings, store: StoreView, desk: Desk, log: Log) -> Console:
    reading = settings.console
    room = ReadingRoom(
        sources_of(store, desk, known_trust(settings)), time.time_ns, max_rows=reading.max_rows
    )
    seal = seal_of(settings)
    sessions = Sessions(
        seal,
        lambda: secrets.token_urlsafe(32),
        time.time,
        idle=reading.session_idle,
        longest=reading.session_longest,
    )
    return Console(
        room=room,
        sessions=sessions,
        saved=desk.saved,
        owner=owner("token"),
        token=token_of(settings),
        max_export=reading.max_export,
        leavings=Leavings(desk.ended, time.monotonic) if desk.ended else None,
        sign_in=sign_in_of(settings, seal),
        url=reading.url,
        log=log,
    )


def _entrance(console: Console) -> str:
    """The path by which a reader comes in: with accounts the plain one, else a link of one use."""
    if console.sign_in is not None:
        return "/"
    return f"/enter/{console.sessions.link(replace(console.owner, via='link'))}"


def _show_link(settings: Settings, host: str, port: int, enter: str) -> None:
    """Show the link to a person; a service's output is collected, and others read it first."""
    if settings.console.oidc.issuer is not None:
        sys.stdout.write(f"Sign in with an account: {settings.console.url}/\n")
        sys.stdout.flush()
        return
    if on_this_machine(settings) or sys.stdout.isatty():
        where = f"[{host}]" if ":" in host else host
        sys.stdout.write(f"Read in a browser: http://{where}:{port}{enter} (opens once)\n")
        sys.stdout.flush()
