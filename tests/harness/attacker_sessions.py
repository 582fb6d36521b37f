"""Attacks on the records of a session, which only together are one exchange."""

from __future__ import annotations

import json
import sqlite3

from audit.digest import document_digest, sheaf_digest
from tests.harness.loot import (
    Attack,
    Loot,
    insert,
    put,
)

__all__ = [
    "add_to_session",
    "add_to_single",
    "alter_in_session",
    "cut_session_short",
    "remove_middle",
    "swap_in_session",
]


def remove_middle(loot: Loot) -> Attack:
    """One of its records goes."""
    row = loot.session[1]

    def do(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM records WHERE id = ?", (row.id,))

    return Attack(do, {row.number: "record_removed"}, ids=(row.id,))


def cut_session_short(loot: Loot) -> Attack:
    """The last one goes, and record, entry and count are made to agree."""
    row = loot.session[-1]
    left = loot.session[:-1]

    def do(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM records WHERE id = ?", (row.id,))
        digests = [json.loads(each.record["json"])["integrity"]["record_digest"] for each in left]
        claims = {"records": len(left), "record_digest": sheaf_digest(digests)}
        insert(db, "ledger", row.entry | claims)

    return Attack(do, {row.number: "entry_forged"})


def swap_in_session(loot: Loot) -> Attack:
    """Two records change places, with every digest recomputed."""
    one, other = loot.session[1:3]

    def do(db: sqlite3.Connection) -> None:
        for row, content in ((one, other), (other, one)):
            told, own = json.loads(content.record["json"]), json.loads(row.record["json"])
            document = told | {"id": own["id"], "tap": own["tap"]}
            document["integrity"]["record_digest"] = document_digest(document)
            put(db, row, document, row.id)

    return Attack(do, {one.number: "signature_differs"}, ids=(one.id, other.id))


def alter_in_session(loot: Loot) -> Attack:
    """A record says something else under the digest that it had."""
    row = loot.session[2]

    def do(db: sqlite3.Connection) -> None:
        document = json.loads(row.record["json"]) | {"request": {"messages": []}}
        put(db, row, document, row.id)

    return Attack(do, {row.number: "digest_differs"}, ids=(row.id,))


def add_to_session(loot: Loot) -> Attack:
    """A further record, a copy of the last one but for its name."""
    row = loot.session[-1]
    name = f"{loot.session[0].id}/9"

    def do(db: sqlite3.Connection) -> None:
        document = json.loads(row.record["json"]) | {"id": name}
        document["integrity"]["record_digest"] = document_digest(document)
        put(db, row, document, name)

    return Attack(do, {row.number: "beyond_sheaf"}, ids=(name,))


def add_to_single(loot: Loot) -> Attack:
    """An exchange of one record is made to look like a session."""
    row = loot.rows[loot.first][0]
    name = f"{row.id}/2"

    def do(db: sqlite3.Connection) -> None:
        put(db, row, json.loads(row.record["json"]) | {"id": name}, name)

    return Attack(do, {row.number: "beyond_sheaf"}, ids=(name,))
