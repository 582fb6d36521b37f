"""`auditstream console`: the query side in a process of its own."""

from __future__ import annotations

import asyncio

from aiohttp import web

from audit.settings import Settings
from audit.telemetry import Log
from cli.child import Orders, announce, from_parent, from_settings, stop_signal
from cli.engines import store_view_of
from cli.logs import configure_for
from cli.places import console_token
from console.app import build_app

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
    async with store_view_of(settings, make=True) as store:
        token = console_token(settings)
        app = build_app(store.records, token=token, max_rows=settings.console.max_rows)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, orders.sockets["console"]).start()
        log.info("console.started", port=orders.sockets["console"].getsockname()[1])
        announce()
        await stop.wait()
        await runner.cleanup()
    log.info("console.stopped")
