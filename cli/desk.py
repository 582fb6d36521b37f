"""Who reads here, and the room they read in: store and access log opened together."""

from __future__ import annotations

import os
import pwd
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from audit.errors import KeyMissing, PlaceBarred, QueryInvalid, StoreUnavailable
from audit.settings import Settings
from audit.signing import Trust
from cli.engines import Desk, StoreView, begun, desk_of, log_place, store_place, store_view_of
from cli.places import trust_of
from console.principal import Principal, Role, Visit, stated
from console.room import ReadingRoom, Sources

__all__ = ["check_begun", "known_trust", "owner", "room_of", "sources_of", "visitor"]

# proc(5): who logged in, whoever they have become since; all ones where nobody did.
_LOGIN = Path("/proc/self/loginuid")
_NOBODY = 2**32 - 1


@asynccontextmanager
async def room_of(settings: Settings) -> AsyncIterator[ReadingRoom]:
    """Open store and access log for somebody at this machine.

    Raises `QueryInvalid` when nothing was stored yet, and `StoreUnavailable` where either cannot be
    opened: what cannot be put on record is not read.
    """
    check_begun(settings)
    async with store_view_of(settings) as store, _own_desk_of(settings) as desk:
        yield ReadingRoom(sources_of(store, desk), time.time_ns, max_rows=settings.console.max_rows)


@asynccontextmanager
async def _own_desk_of(settings: Settings) -> AsyncIterator[Desk]:
    """As `desk_of`; where it cannot be opened, say how one can read all the same."""
    async with AsyncExitStack() as stack:
        try:
            desk = await stack.enter_async_context(desk_of(settings))
        except StoreUnavailable as error:
            how = (
                "set console.access_log to a file that can be written"
                if isinstance(log_place(settings), Path)
                else "whoever reads needs a role that may add to it"
            )
            raise StoreUnavailable(
                f"{error}; who reads is entered in the access log: {how}"
            ) from None
        yield desk


def check_begun(settings: Settings) -> None:
    """Raise `QueryInvalid` when nothing was stored yet, and so nothing can be read."""
    if not begun(store_place(settings)):
        raise QueryInvalid(
            f"there are no records in {settings.data}; name the data folder with --data DIR"
        )


def visitor(purpose: str = "") -> Visit:
    """Somebody at the command line, with what they say it is for."""
    return Visit(owner("command line"), stated(purpose))


def owner(via: str) -> Principal:
    """Whoever runs this on a machine of their own: they hold keys and files, and may see all."""
    return Principal(_user(), via, Role.ADMIN)


def sources_of(store: StoreView, desk: Desk, trust: Trust | None = None) -> Sources:
    """What the reading room reads from; `trust` where signatures are shown."""
    return Sources(
        records=store.records,
        facts=store.facts,
        totals=store.totals,
        ledger=store.lookup,
        log=desk.log,
        trust=trust,
    )


def _user() -> str:
    """The user of the process, by the kernel's word: variables such as USER can say anything.

    Who has become another by `su` or `sudo` is named too, where the kernel knows who logged in.
    """
    uid, login = os.getuid(), _login()
    if login is None or login == uid:
        return _name(uid)
    return f"{_name(uid)} (logged in as {_name(login)})"


def _login() -> int | None:
    try:
        login = int(_LOGIN.read_text())
    except (OSError, ValueError):  # not every kernel keeps it
        return None
    return None if login == _NOBODY else login


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # a container's user may have no name
        return f"user {uid}"


def known_trust(settings: Settings) -> Trust | None:
    """Whose signatures are believed.

    Readers may hold no public key, or may not see the folder of keys; then pages say so.
    """
    try:
        return trust_of(settings)
    except (KeyMissing, PlaceBarred):
        return None
