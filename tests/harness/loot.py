"""What an attacker who has the store has to work on, and writes it with: rows as SQL has them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.digest import document_digest
from audit.sheaf import exchange_of

__all__ = [
    "Attack",
    "Boot",
    "Loot",
    "Number",
    "Row",
    "delete",
    "drop",
    "insert",
    "put",
    "rewrite",
    "rows_of",
    "store_of",
]


# A boot of a tap, and a number in it.
Boot = tuple[str, str]

Number = tuple[str, str, int]


@dataclass(frozen=True)
class Row:
    """One exchange, whole, as it lay in the store: all columns of its record and of its entry."""

    number: Number
    id: str
    record: dict[str, Any] = field(repr=False)
    entry: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Loot:
    """What the attacker has to work on.

    `first` and `last` are boots of one tap, `alone` is the only one of another. `erased` was
    copied before it was erased lawfully. `session` are the records of one session of four.
    """

    first: Boot
    last: Boot
    alone: Boot
    rows: dict[Boot, list[Row]]
    erased: Row
    session: list[Row]


@dataclass(frozen=True)
class Attack:
    """What is done, and what has to be found: numbers, each with the reason that names it.

    `boots` are the reasons that name a boot itself, where the numbers are not all there is; `ids`
    are the records that have to be named, where a number has several.
    """

    do: Callable[[sqlite3.Connection], None]
    numbers: dict[Number, str]
    boots: frozenset[tuple[Boot, str]] = frozenset()
    ids: tuple[str, ...] = ()


@contextmanager
def store_of(data: Path) -> Iterator[sqlite3.Connection]:
    """The store's file, open for writing without its owner."""
    with closing(sqlite3.connect(data / "records.sqlite")) as db, db:
        db.row_factory = sqlite3.Row
        yield db


def rows_of(db: sqlite3.Connection, boot: Boot) -> list[Row]:
    """All exchanges of a boot that are stored, in their order."""
    found = db.execute(
        "SELECT id FROM records WHERE (tap, boot) = (?, ?) ORDER BY seq, id", boot
    ).fetchall()
    return [_row(db, each["id"]) for each in found]


def _row(db: sqlite3.Connection, record_id: str) -> Row:
    """One record that is stored, with its exchange's entry."""
    record = dict(db.execute("SELECT * FROM records WHERE id = ?", (record_id,)).fetchone())
    exchange = (exchange_of(record_id),)
    entry = dict(db.execute("SELECT * FROM ledger WHERE id = ?", exchange).fetchone())
    return Row((record["tap"], record["boot"], record["seq"]), record_id, record, entry)


def rewrite(db: sqlite3.Connection, row: Row, **changes: Any) -> None:
    """Put another document in the place of a record, with every digest recomputed."""
    document = json.loads(row.record["json"]) | changes
    digest = document_digest(document)
    document["integrity"]["record_digest"] = digest
    put(db, row, document, row.id)
    db.execute("UPDATE ledger SET record_digest = ? WHERE id = ?", (digest, row.id))


def put(db: sqlite3.Connection, row: Row, document: dict[str, Any], record_id: str) -> None:
    """Put a document where a record was, or beside it, with the columns that go with it."""
    text = json.dumps(document, separators=(",", ":"))
    tap = document["tap"]
    values = row.record | {
        "id": record_id,
        "tap": tap["name"],
        "boot": tap["boot"],
        "seq": tap["seq"],
        "json": text,
    }
    insert(db, "records", {name: v for name, v in values.items() if name != "number"})


def insert(db: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    """Put a row into a table, in the place of the one with its key."""
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(
        f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - of the schema
        tuple(values.values()),
    )


def delete(db: sqlite3.Connection, row: Row, *tables: str) -> None:
    """Take an exchange out of some tables."""
    for table in tables:
        condition = "WHERE (tap, boot, seq) = (?, ?, ?)"
        db.execute(f"DELETE FROM {table} {condition}", row.number)  # noqa: S608 - of the schema


def drop(db: sqlite3.Connection, boot: Boot) -> None:
    """Take a whole boot out of every table."""
    for table in ("records", "ledger", "checkpoints"):
        db.execute(f"DELETE FROM {table} WHERE (tap, boot) = (?, ?)", boot)  # noqa: S608 - as above
