"""`auditstream hold`: records that must not go."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

import msgspec

from audit.orders import Order, OrderKind
from audit.settings import Settings
from audit.value import Json
from cli.engines import store_view_of
from cli.office import begun, new_order, office_of
from cli.render.erasure import held_lines, hold_document, hold_lines, released_lines
from workers.holds import Held, Released

__all__ = ["run_add", "run_list", "run_release"]


def run_add(
    settings: Settings,
    *,
    ids: Sequence[str],
    consumer: str | None,
    session: str | None,
    why: str,
    as_json: bool,
) -> None:
    """Hold what is named, and print the hold's id."""
    order = new_order(
        settings, OrderKind.HOLD, ids=ids, consumer=consumer, session=session, why=why
    )
    held = asyncio.run(_add(settings, order))
    document = {"hold": held.order.id, "stored": held.stored, "sealed": held.sealed}
    _print(document, held_lines(held), as_json=as_json)


def run_release(settings: Settings, *, order: str, why: str, as_json: bool) -> None:
    """Release one hold."""
    released = asyncio.run(_release(settings, order, why))
    document = {
        "hold": released.order.id,
        "freed": released.freed,
        "erased": released.erased,
    }
    _print(document, released_lines(released), as_json=as_json)


def run_list(settings: Settings, *, as_json: bool) -> None:
    """Print every hold; no key is needed."""
    holds = asyncio.run(_holds(settings))
    _print(hold_document(holds), hold_lines(holds), as_json=as_json)


async def _add(settings: Settings, order: Order) -> Held:
    async with office_of(settings) as office:
        return await office.holder.add(order)


async def _release(settings: Settings, order_id: str, why: str) -> Released:
    async with office_of(settings) as office:
        return await office.holder.release(order_id, why)


async def _holds(settings: Settings) -> list[Order]:
    begun(settings)
    async with store_view_of(settings) as store:
        orders = await store.orders.orders()
    return [each for each in orders if each.kind is OrderKind.HOLD]


def _print(document: Json, lines: Sequence[str], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(msgspec.json.encode(document) + b"\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines)
