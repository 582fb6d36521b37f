"""The operator's office: the doors of lawful change, put together over one data folder.

The law: who removes or holds must be able to sign for it. Without the worker's signing key no
door opens, and the error says which key is missing.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from audit.errors import OrderInvalid, SettingInvalid
from audit.ids import ExchangeNumber, timestamp, uuid7
from audit.orders import Order, OrderKind, session_digest
from audit.settings import Settings
from audit.signing import Role, Signer, Trust
from cli.engines import QueueOffice, Store, on_this_machine, queue_office_of, store_of
from cli.places import Places, prepare, signer_of, tap_keys_of, trust_of
from storage.queue.port import QueueReader
from storage.spool.census import census_folder
from workers.claims import ClaimedBodies
from workers.custody import Custody
from workers.erasure import Eraser
from workers.holds import Holder
from workers.locating import Locator
from workers.searching import Search

__all__ = ["Office", "begun", "new_order", "office_of"]

# A numbered token stands for another value in each record.
_NUMBERED = re.compile(r"<[A-Z][A-Z0-9_]*_[0-9]{1,9}>")


@dataclass(frozen=True, slots=True)
class Office:
    """What an operator works with."""

    eraser: Eraser
    holder: Holder
    queue_state: QueueReader
    store: Store
    custody: Custody
    signer: Signer
    trust: Trust


@asynccontextmanager
async def office_of(settings: Settings) -> AsyncIterator[Office]:
    """Open the doors. Raises `SettingInvalid`, `KeyMissing`, `WrongKey`, or a store's error."""
    begun(settings)
    prepare(settings, may_open=False, signs=[Role.WORKER])
    async with store_of(settings) as store, queue_office_of(settings) as queue:
        yield _office(settings, store, queue)


def _office(settings: Settings, store: Store, queue: QueueOffice) -> Office:
    signer, trust = signer_of(settings, Role.WORKER), trust_of(settings, Role.WORKER)
    custody = Custody(
        orders=store.orders,
        keeper=store.keeper,
        signer=signer,
        trust=trust,
        session_key=tap_keys_of(settings).fingerprint_key,
        now_ns=time.time_ns,
    )
    locator = Locator(
        keeper=store.keeper,
        finder=store.finder,
        queue=queue.admin,
        spooled=lambda: _spooled(Places(settings.data)),
        subject_of=custody.subject,
        believes=custody.believes,
    )
    search = Search(
        finder=store.finder,
        locator=locator,
        book=store.orders,
        custody=custody,
        trust=trust,
        consumers={*settings.consumers, settings.tap.default_consumer},
    )
    eraser = Eraser(
        search=search,
        book=store.orders,
        keeper=store.keeper,
        queue=queue.admin,
        queue_state=queue.state,
        custody=custody,
        signer=signer,
        claimed=None if queue.claims is None else ClaimedBodies(queue.claims),
    )
    holder = Holder(search=search, book=store.orders, custody=custody, signer=signer)
    return Office(eraser, holder, queue.state, store, custody, signer, trust)


def begun(settings: Settings) -> None:
    """Raise `SettingInvalid` where no part has ever run; of services nobody here can tell."""
    if on_this_machine(settings) and not Places(settings.data).begun:
        raise SettingInvalid(
            f"there is nothing in {settings.data} yet; name the data folder with --data DIR"
        )


def new_order(
    settings: Settings,
    kind: OrderKind,
    *,
    ids: Sequence[str] = (),
    consumer: str | None = None,
    session: str | None = None,
    before: str | None = None,
    why: str,
) -> Order:
    """Write an order as it was asked for. Raises `OrderInvalid` for what makes no sense."""
    now_ns = time.time_ns()
    now = timestamp(now_ns)
    if consumer is None and (session is not None or before is not None):
        raise OrderInvalid("--session and --before narrow down a consumer: give --consumer too")
    if not ids and consumer is None:
        raise OrderInvalid("say which exchanges: --id ID, or --consumer NAME")
    if not why.strip():
        raise OrderInvalid("--why is empty: the reason is what an auditor will read")
    until = None if before is None else _instant(before, now)
    erases = consumer is not None and kind is OrderKind.ERASE
    return Order(
        id=uuid7(now_ns // 1_000_000, os.urandom(10)),
        kind=kind,
        at=now,
        why=why.strip(),
        ids=tuple(dict.fromkeys(ids)),
        consumer=consumer,
        session=_session(settings, consumer, session),
        before=(until or now) if erases else None,
    )


def _session(settings: Settings, consumer: str | None, session: str | None) -> str | None:
    if consumer is None or session is None:
        return None
    if _NUMBERED.search(session):
        raise OrderInvalid(
            "--session holds a numbered token, which means another value in each record; find the"
            " records and name them by --id"
        )
    return session_digest(tap_keys_of(settings).fingerprint_key, consumer, session)


def _instant(text: str, now: str) -> str:
    try:
        given = datetime.fromisoformat(text)
    except ValueError:
        raise OrderInvalid("--before is no day and no instant, such as 2026-11-20") from None
    aware = given if given.tzinfo is not None else given.replace(tzinfo=UTC)
    instant = f"{aware.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
    if instant > now:
        raise OrderInvalid("--before lies in the future: an erasure is of what was received")
    return instant


def _spooled(places: Places) -> dict[str, ExchangeNumber]:
    """What every tap's spool holds. Raises `SettingInvalid` where one cannot be read."""
    found: dict[str, ExchangeNumber] = {}
    try:
        folders = [each for each in places.spools.iterdir() if each.is_dir()]
        for folder in folders:
            for boot in census_folder(folder).boots:
                found |= {seen.id: seen.number for seen in (*boot.open, *boot.waiting)}
    except FileNotFoundError:
        return found
    except OSError as error:
        raise SettingInvalid(
            f"the spool {places.spools} cannot be read ({error.strerror})"
        ) from None
    return found
