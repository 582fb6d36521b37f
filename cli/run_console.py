"""`auditstream console`: the query side in a process of its own."""

from __future__ import annotations

import asyncio

from aiohttp import web

from audit.settings import Settings
from audit.telemetry import Log
from cli.child import Orders, announce, from_parent, from_settings, stop_signal
from cli.logs import configure_for
from cli.places import Places, console_token
from console.app import build_app
from storage.records.sqlite import SqliteRecordReader
from storage.records.sqlite_file import open_store, open_store_for_reading

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
    store = Places(settings.data).store
    # Nothing may have been stored yet; a reader cannot open what is not there.
    await (await open_store(store)).close()
    database = await open_store_for_reading(store)
    reader = SqliteRecordReader(database, settings.console.max_seconds)
    token = console_token(settings.key_folder)
    app = build_app(reader, token=token, max_rows=settings.console.max_rows)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.SockSite(runner, orders.sockets["console"]).start()
    log.info("console.started", port=orders.sockets["console"].getsockname()[1])
    announce()
    await stop.wait()
    await runner.cleanup()
    await database.close()
    log.info("console.stopped")
