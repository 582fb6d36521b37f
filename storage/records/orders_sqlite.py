"""The embedded order book: a table beside the ledger, found by id and by consumer."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence

import msgspec

from audit.errors import RecordInvalid
from audit.orders import Order
from audit.value import from_json, to_json
from storage.database import Database

__all__ = ["SqliteOrderBook"]


class SqliteOrderBook:
    """Implements `OrderBook`. The database is closed by whoever opened it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def enter(self, order: Order) -> None:
        """Keep the order durably, in place of an earlier word on it."""
        await self._database.write(lambda db: _entered(db, order))

    async def about(
        self, record_id: str, consumer: str | None, *, lately: bool = False
    ) -> Sequence[Order]:
        """The orders that name this id or this consumer, oldest first."""
        del lately  # To ask costs next to nothing here.
        return await self._read(
            ' WHERE id IN (SELECT "order" FROM ordered_ids WHERE record = ?) OR consumer = ?',
            record_id,
            consumer,
        )

    async def about_any(
        self, record_ids: Collection[str], consumers: Collection[str]
    ) -> Sequence[Order]:
        """The orders that name any of these ids or consumers."""
        return await self._read(
            ' WHERE id IN (SELECT "order" FROM ordered_ids'
            " WHERE record IN (SELECT value FROM json_each(?)))"
            " OR consumer IN (SELECT value FROM json_each(?))",
            msgspec.json.encode(list(record_ids)).decode(),
            msgspec.json.encode(list(consumers)).decode(),
        )

    async def orders(self) -> Sequence[Order]:
        """All of them, oldest first."""
        return await self._read("")

    async def _read(self, condition: str, *values: str | None) -> list[Order]:
        statement = f"SELECT CAST(json AS BLOB) FROM orders{condition} ORDER BY id"  # noqa: S608 - constants
        rows = await self._database.read(lambda db: db.execute(statement, values).fetchall())
        return [_order(json) for (json,) in rows]


def _entered(db: sqlite3.Connection, order: Order) -> None:
    json = to_json(order).decode()
    db.execute(
        "INSERT INTO orders (id, consumer, json) VALUES (?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET consumer = excluded.consumer, json = excluded.json",
        (order.id, order.consumer, json),
    )
    db.executemany(
        'INSERT INTO ordered_ids (record, "order") VALUES (?, ?) ON CONFLICT DO NOTHING',
        [(record_id, order.id) for record_id in order.ids],
    )


def _order(json: bytes) -> Order:
    """Read an order; a damaged one is no order less: what it was about must wait."""
    try:
        return from_json(json, Order)
    except (ValueError, msgspec.DecodeError, RecursionError):
        raise RecordInvalid("a standing order in the store is damaged") from None
