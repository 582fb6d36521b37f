"""An attacker who may write the store's file at will and recompute every digest, with no key.

Each attack is what one would do by hand with SQL: the document's own digest, the ledger's copy of
it and the columns beside it are made to agree, and signatures are left, copied or removed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audit.digest import document_digest, sheaf_digest
from audit.sheaf import exchange_of

__all__ = ["ATTACKS", "Attack", "Boot", "Loot", "Number", "Row", "rows_of", "store_of"]

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


def _rewrite(db: sqlite3.Connection, row: Row, **changes: Any) -> None:
    """Put another document in the place of a record, with every digest recomputed."""
    document = json.loads(row.record["json"]) | changes
    digest = document_digest(document)
    document["integrity"]["record_digest"] = digest
    _put(db, row, document, row.id)
    db.execute("UPDATE ledger SET record_digest = ? WHERE id = ?", (digest, row.id))


def _put(db: sqlite3.Connection, row: Row, document: dict[str, Any], record_id: str) -> None:
    text = json.dumps(document, separators=(",", ":"))
    tap = document["tap"]
    values = row.record | {
        "id": record_id,
        "tap": tap["name"],
        "boot": tap["boot"],
        "seq": tap["seq"],
        "json": text,
    }
    _insert(db, "records", {name: v for name, v in values.items() if name != "number"})


def _insert(db: sqlite3.Connection, table: str, values: dict[str, Any]) -> None:
    names, marks = ", ".join(values), ", ".join("?" * len(values))
    db.execute(
        f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})",  # noqa: S608 - of the schema
        tuple(values.values()),
    )


def _delete(db: sqlite3.Connection, row: Row, *tables: str) -> None:
    for table in tables:
        condition = "WHERE (tap, boot, seq) = (?, ?, ?)"
        db.execute(f"DELETE FROM {table} {condition}", row.number)  # noqa: S608 - of the schema


def _drop(db: sqlite3.Connection, boot: Boot) -> None:
    for table in ("records", "ledger", "checkpoints"):
        db.execute(f"DELETE FROM {table} WHERE (tap, boot) = (?, ?)", boot)  # noqa: S608 - as above


def _alter(loot: Loot) -> Attack:
    row = loot.rows[loot.first][1]

    def do(db: sqlite3.Connection) -> None:
        _rewrite(db, row, consumer="somebody-else")

    return Attack(do, {row.number: "entry_forged"})


def _alter_record_only(loot: Loot) -> Attack:
    row = loot.rows[loot.last][0]

    def do(db: sqlite3.Connection) -> None:
        _rewrite(db, row, response={"outputs": [], "error": None})
        _insert(db, "ledger", row.entry)

    return Attack(do, {row.number: "digest_differs"})


def _unsign(loot: Loot) -> Attack:
    row = loot.rows[loot.alone][0]

    def do(db: sqlite3.Connection) -> None:
        document = json.loads(row.record["json"])
        document["integrity"]["signature"] = None
        _put(db, row, document, row.id)

    return Attack(do, {row.number: "signature_differs"})


def _change_salt(loot: Loot) -> Attack:
    row = loot.rows[loot.alone][1]

    def do(db: sqlite3.Connection) -> None:
        document = json.loads(row.record["json"])
        document["integrity"]["salt"] = "00" * 16
        _put(db, row, document, row.id)

    return Attack(do, {row.number: "signature_differs"})


def _remove_record(loot: Loot) -> Attack:
    row = loot.rows[loot.last][1]
    return Attack(lambda db: _delete(db, row, "records"), {row.number: "record_removed"})


def _remove_record_and_entry(loot: Loot) -> Attack:
    row = loot.rows[loot.first][1]
    return Attack(lambda db: _delete(db, row, "records", "ledger"), {row.number: "no_trace"})


def _remove_entry(loot: Loot) -> Attack:
    row = loot.rows[loot.first][0]
    return Attack(lambda db: _delete(db, row, "ledger"), {row.number: "no_ledger_entry"})


def _forge_erasure(loot: Loot) -> Attack:
    row = loot.rows[loot.last][0]

    def do(db: sqlite3.Connection) -> None:
        _delete(db, row, "records")
        amendment = {"at": row.entry["at"], "kind": "erased", "record_digest": "", "order": "o"}
        forged = {"state": "erased", "amendments": json.dumps([amendment])}
        _insert(db, "ledger", row.entry | forged)

    return Attack(do, {row.number: "entry_forged"})


def _borrow_an_erasure(loot: Loot) -> Attack:
    """A signature that is genuine, of another number's erasure."""
    row = loot.rows[loot.first][0]

    def do(db: sqlite3.Connection) -> None:
        _delete(db, row, "records")
        theirs = db.execute("SELECT * FROM ledger WHERE id = ?", (loot.erased.id,)).fetchone()
        tap, boot, seq = row.number
        moved = {"tap": tap, "boot": boot, "seq": seq, "id": row.id}
        _insert(db, "ledger", dict(theirs) | moved)

    return Attack(do, {row.number: "entry_forged"})


def _insert_made_up(loot: Loot) -> Attack:
    row = loot.rows[loot.alone][-1]
    tap, boot, seq = row.number

    def do(db: sqlite3.Connection) -> None:
        document = json.loads(row.record["json"]) | {"id": "made-up"}
        document["tap"] = {"name": tap, "boot": boot, "seq": seq + 1}
        digest = document["integrity"]["record_digest"] = document_digest(document)
        _put(db, row, document, "made-up")
        claims = {"seq": seq + 1, "id": "made-up", "record_digest": digest}
        _insert(db, "ledger", row.entry | claims)

    return Attack(do, {(tap, boot, seq + 1): "entry_forged"})


def _duplicate(loot: Loot) -> Attack:
    row = loot.rows[loot.last][0]

    def do(db: sqlite3.Connection) -> None:
        _put(db, row, json.loads(row.record["json"]), "a-copy")

    return Attack(do, {row.number: "other_id"})


def _swap_contents(loot: Loot) -> Attack:
    one, other = loot.rows[loot.last][:2]

    def do(db: sqlite3.Connection) -> None:
        for row, content in ((one, other), (other, one)):
            told = json.loads(content.record["json"])
            _rewrite(db, row, request=told["request"], response=told["response"])

    return Attack(do, {one.number: "entry_forged", other.number: "entry_forged"})


def _swap_numbers(loot: Loot) -> Attack:
    """Records and signed entries change places, each with the other's number."""
    one, other = loot.rows[loot.last][:2]

    def do(db: sqlite3.Connection) -> None:
        _delete(db, one, "records", "ledger")
        _delete(db, other, "records", "ledger")
        for row, to in ((one, other), (other, one)):
            document = json.loads(row.record["json"])
            document["tap"]["seq"] = to.number[2]
            digest = document["integrity"]["record_digest"] = document_digest(document)
            _put(db, row, document, row.id)
            _insert(db, "ledger", row.entry | {"seq": to.number[2], "record_digest": digest})

    return Attack(do, {one.number: "entry_forged", other.number: "entry_forged"})


def _put_back_erased(loot: Loot) -> Attack:
    row = loot.erased

    def do(db: sqlite3.Connection) -> None:
        _put(db, row, json.loads(row.record["json"]), row.id)

    return Attack(do, {row.number: "removed_yet_there"})


def _put_back_entry(loot: Loot) -> Attack:
    """The genuine entry `stored` of before the erasure; the record is gone for good."""
    row = loot.erased
    return Attack(lambda db: _insert(db, "ledger", row.entry), {row.number: "record_removed"})


def _cut_tail(loot: Loot) -> Attack:
    tail = loot.rows[loot.last][-2:]
    cut = tail[0].number[2]

    def do(db: sqlite3.Connection) -> None:
        for row in tail:
            _delete(db, row, "records", "ledger")
        db.execute(
            "DELETE FROM checkpoints WHERE (tap, boot) = (?, ?) AND json ->> 'opened' >= ?",
            (*loot.last, cut),
        )

    return Attack(do, {row.number: "no_trace" for row in tail})


def _drop_boot(loot: Loot, boot: Boot) -> Attack:
    lost = {row.number: "no_trace" for row in loot.rows[boot]}
    lost |= {loot.erased.number: "no_trace"} if loot.erased.number[:2] == boot else {}
    return Attack(lambda db: _drop(db, boot), lost)


def _forge_checkpoint(loot: Loot) -> Attack:
    """A record and its entry are gone, and the tap is made to say that it let the call pass."""
    row = loot.rows[loot.first][0]
    tap, boot, seq = row.number

    def do(db: sqlite3.Connection) -> None:
        _delete(db, row, "records", "ledger")
        db.execute(
            "UPDATE checkpoints SET json = json_set(json, '$.unrecorded', json(?))"
            " WHERE (tap, boot) = (?, ?)",
            (json.dumps([[seq, seq, "forwarded:spool.full"]]), tap, boot),
        )

    return Attack(do, {row.number: "no_trace"}, frozenset({(loot.first, "checkpoint_forged")}))


def _remove_checkpoint(loot: Loot) -> Attack:
    def do(db: sqlite3.Connection) -> None:
        place = 'WHERE (tap, boot, "index") = (?, ?, 0)'
        db.execute(f"DELETE FROM checkpoints {place}", loot.last)  # noqa: S608 - of the schema

    return Attack(do, {}, frozenset({(loot.last, "checkpoint_missing")}))


def _remove_middle(loot: Loot) -> Attack:
    row = loot.session[1]

    def do(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM records WHERE id = ?", (row.id,))

    return Attack(do, {row.number: "record_removed"}, ids=(row.id,))


def _cut_session_short(loot: Loot) -> Attack:
    """The last one goes, and record, entry and count are made to agree."""
    row = loot.session[-1]
    left = loot.session[:-1]

    def do(db: sqlite3.Connection) -> None:
        db.execute("DELETE FROM records WHERE id = ?", (row.id,))
        digests = [json.loads(each.record["json"])["integrity"]["record_digest"] for each in left]
        claims = {"records": len(left), "record_digest": sheaf_digest(digests)}
        _insert(db, "ledger", row.entry | claims)

    return Attack(do, {row.number: "entry_forged"})


def _swap_in_session(loot: Loot) -> Attack:
    """Two records change places, with every digest recomputed."""
    one, other = loot.session[1:3]

    def do(db: sqlite3.Connection) -> None:
        for row, content in ((one, other), (other, one)):
            told, own = json.loads(content.record["json"]), json.loads(row.record["json"])
            document = told | {"id": own["id"], "tap": own["tap"]}
            document["integrity"]["record_digest"] = document_digest(document)
            _put(db, row, document, row.id)

    return Attack(do, {one.number: "signature_differs"}, ids=(one.id, other.id))


def _alter_in_session(loot: Loot) -> Attack:
    row = loot.session[2]

    def do(db: sqlite3.Connection) -> None:
        document = json.loads(row.record["json"]) | {"request": {"messages": []}}
        _put(db, row, document, row.id)

    return Attack(do, {row.number: "digest_differs"}, ids=(row.id,))


def _add_to_session(loot: Loot) -> Attack:
    """A further record, a copy of the last one but for its name."""
    row = loot.session[-1]
    name = f"{loot.session[0].id}/9"

    def do(db: sqlite3.Connection) -> None:
        document = json.loads(row.record["json"]) | {"id": name}
        document["integrity"]["record_digest"] = document_digest(document)
        _put(db, row, document, name)

    return Attack(do, {row.number: "beyond_sheaf"}, ids=(name,))


def _add_to_single(loot: Loot) -> Attack:
    """An exchange of one record is made to look like a session."""
    row = loot.rows[loot.first][0]
    name = f"{row.id}/2"

    def do(db: sqlite3.Connection) -> None:
        _put(db, row, json.loads(row.record["json"]) | {"id": name}, name)

    return Attack(do, {row.number: "beyond_sheaf"}, ids=(name,))


ATTACKS: dict[str, Callable[[Loot], Attack]] = {
    "alter a record and its entry": _alter,
    "alter a record": _alter_record_only,
    "remove a signature": _unsign,
    "change a salt": _change_salt,
    "remove a record": _remove_record,
    "remove a record and its entry": _remove_record_and_entry,
    "remove an entry": _remove_entry,
    "remove a record and call it erased": _forge_erasure,
    "remove a record and borrow an erasure": _borrow_an_erasure,
    "insert a record": _insert_made_up,
    "copy a record": _duplicate,
    "exchange the contents of two records": _swap_contents,
    "exchange the numbers of two records": _swap_numbers,
    "put an erased record back": _put_back_erased,
    "put the entry of an erased record back": _put_back_entry,
    "cut the tail": _cut_tail,
    "drop a boot in the middle": lambda loot: _drop_boot(loot, loot.first),
    "drop the last boot": lambda loot: _drop_boot(loot, loot.last),
    "drop a whole tap": lambda loot: _drop_boot(loot, loot.alone),
    "remove a record and have the tap excuse it": _forge_checkpoint,
    "remove a checkpoint": _remove_checkpoint,
    "remove a record of a session": _remove_middle,
    "cut a session short": _cut_session_short,
    "exchange two records of a session": _swap_in_session,
    "alter a record of a session": _alter_in_session,
    "add a record to a session": _add_to_session,
    "add a record to an exchange": _add_to_single,
}
