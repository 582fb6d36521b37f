"""Where looks are put on record and searches are kept: a small file of the console's own."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.errors import KeyMissing
from audit.settings import Settings
from audit.signing import Trust
from cli.engines import StoreView
from cli.places import Places, trust_of
from console.principal import Principal, Role
from console.room import Sources
from storage.access.port import AccessLog, SavedSearches
from storage.access.sqlite import (
    SqliteAccessLog,
    SqliteSavedSearches,
    open_access,
    open_access_for_reading,
)

__all__ = ["Desk", "access_place", "desk_of", "log_view_of", "owner", "sources_of"]


@dataclass(frozen=True, slots=True)
class Desk:
    """What the console writes."""

    log: AccessLog
    saved: SavedSearches


def access_place(settings: Settings) -> Path:
    """The file."""
    return settings.console.access_log or Places(settings.data).access


@asynccontextmanager
async def desk_of(settings: Settings) -> AsyncIterator[Desk]:
    """Open or make the file. Raises `StoreUnavailable`."""
    database = await open_access(access_place(settings))
    try:
        yield Desk(SqliteAccessLog(database), SqliteSavedSearches(database))
    finally:
        await database.close()


@asynccontextmanager
async def log_view_of(settings: Settings) -> AsyncIterator[AccessLog]:
    """Open the file, which must be there, so that nothing in it can be changed."""
    database = await open_access_for_reading(access_place(settings))
    try:
        yield SqliteAccessLog(database)
    finally:
        await database.close()


def owner(via: str) -> Principal:
    """Whoever runs this on a machine of their own: they hold keys and files, and may see all."""
    return Principal(_user(), via, Role.ADMIN)


def sources_of(settings: Settings, store: StoreView, desk: Desk) -> Sources:
    """What the reading room reads from."""
    return Sources(
        records=store.records,
        facts=store.facts,
        totals=store.totals,
        ledger=store.lookup,
        log=desk.log,
        trust=_trust(settings),
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return "owner"


def _trust(settings: Settings) -> Trust | None:
    """Whose signatures are believed. Readers may hold no public key; then pages say so."""
    try:
        return trust_of(settings)
    except KeyMissing:
        return None
