"""An attacker who may write the store's file at will and recompute every digest, with no key.

Each attack is what one would do by hand with SQL: the document's own digest, the ledger's copy of
it and the columns beside it are made to agree, and signatures are left, copied or removed.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable

from audit.digest import document_digest
from tests.harness.attacker_sessions import (
    add_to_session,
    add_to_single,
    alter_in_session,
    cut_session_short,
    remove_middle,
    swap_in_session,
)
from tests.harness.loot import (
    Attack,
    Boot,
    Loot,
    delete,
    drop,
    insert,
    put,
    rewrite,
)

__all__ = ["ATTACKS"]


def _alter(loot: Loot) -> Attack:
    row = loot.rows[loot.first][1]

    def do(db: sqlite3.Connection) -> None:
        rewrite(db, row, consumer="somebody-else")

    return Attack(do, {row.number: "entry_forged"})


def _alter_record_only(loot: Loot) -> Attack:
    row = loot.rows[loot.last][0]

    def do(db: sqlite3.Connection) -> None:
        rewrite(db, row, response={"outputs": [], "error": None})
        insert(db, "ledger", row.entry)

    return Attack(do, {row.number: "digest_differs"})


def _unsign(loot: Loot) -> Attack:
    row = loot.rows[loot.alone][0]

    def do(db: sqlite3.Connection) -> None:
        document = json.loads(row.record["json"])
        document["integrity"]["signature"] = None
        put(db, row, document, row.id)

    return Attack(do, {row.number: "signature_differs"})


def _change_salt(loot: Loot) -> Attack:
    row = loot.rows[loot.alone][1]

    def do(db: sqlite3.Connection) -> None:
        document = json.loads(row.record["json"])
        document["integrity"]["salt"] = "00" * 16
        put(db, row, document, row.id)

    return Attack(do, {row.number: "signature_differs"})


def _remove_record(loot: Loot) -> Attack:
    row = loot.rows[loot.last][1]
    return Attack(lambda db: delete(db, row, "records"), {row.number: "record_removed"})


def _remove_record_and_entry(loot: Loot) -> Attack:
    row = loot.rows[loot.first][1]
    return Attack(lambda db: delete(db, row, "records", "ledger"), {row.number: "no_trace"})


def _remove_entry(loot: Loot) -> Attack:
    row = loot.rows[loot.first][0]
    return Attack(lambda db: delete(db, row, "ledger"), {row.number: "no_ledger_entry"})


def _forge_erasure(loot: Loot) -> Attack:
    row = loot.rows[loot.last][0]

    def do(db: sqlite3.Connection) -> None:
        delete(db, row, "records")
        amendment = {"at": row.entry["at"], "kind": "erased", "record_digest": "", "order": "o"}
        forged = {"state": "erased", "amendments": json.dumps([amendment])}
        insert(db, "ledger", row.entry | forged)

    return Attack(do, {row.number: "entry_forged"})


def _borrow_an_erasure(loot: Loot) -> Attack:
    """A signature that is genuine, of another number's erasure."""
    row = loot.rows[loot.first][0]

    def do(db: sqlite3.Connection) -> None:
        delete(db, row, "records")
        theirs = db.execute("SELECT * FROM ledger WHERE id = ?", (loot.erased.id,)).fetchone()
        tap, boot, seq = row.number
        moved = {"tap": tap, "boot": boot, "seq": seq, "id": row.id}
        insert(db, "ledger", dict(theirs) | moved)

    return Attack(do, {row.number: "entry_forged"})


def _insert_made_up(loot: Loot) -> Attack:
    row = loot.rows[loot.alone][-1]
    tap, boot, seq = row.number

    def do(db: sqlite3.Connection) -> None:
        document = json.loads(row.record["json"]) | {"id": "made-up"}
        document["tap"] = {"name": tap, "boot": boot, "seq": seq + 1}
        digest = document["integrity"]["record_digest"] = document_digest(document)
        put(db, row, document, "made-up")
        claims = {"seq": seq + 1, "id": "made-up", "record_digest": digest}
        insert(db, "ledger", row.entry | claims)

    return Attack(do, {(tap, boot, seq + 1): "entry_forged"})


def _duplicate(loot: Loot) -> Attack:
    row = loot.rows[loot.last][0]

    def do(db: sqlite3.Connection) -> None:
        put(db, row, json.loads(row.record["json"]), "a-copy")

    return Attack(do, {row.number: "other_id"})


def _swap_contents(loot: Loot) -> Attack:
    one, other = loot.rows[loot.last][:2]

    def do(db: sqlite3.Connection) -> None:
        for row, content in ((one, other), (other, one)):
            told = json.loads(content.record["json"])
            rewrite(db, row, request=told["request"], response=told["response"])

    return Attack(do, {one.number: "entry_forged", other.number: "entry_forged"})


def _swap_numbers(loot: Loot) -> Attack:
    """Records and signed entries change places, each with the other's number."""
    one, other = loot.rows[loot.last][:2]

    def do(db: sqlite3.Connection) -> None:
        delete(db, one, "records", "ledger")
        delete(db, other, "records", "ledger")
        for row, to in ((one, other), (other, one)):
            document = json.loads(row.record["json"])
            document["tap"]["seq"] = to.number[2]
            digest = document["integrity"]["record_digest"] = document_digest(document)
            put(db, row, document, row.id)
            insert(db, "ledger", row.entry | {"seq": to.number[2], "record_digest": digest})

    return Attack(do, {one.number: "entry_forged", other.number: "entry_forged"})


def _put_back_erased(loot: Loot) -> Attack:
    row = loot.erased

    def do(db: sqlite3.Connection) -> None:
        put(db, row, json.loads(row.record["json"]), row.id)

    return Attack(do, {row.number: "removed_yet_there"})


def _put_back_entry(loot: Loot) -> Attack:
    """The genuine entry `stored` of before the erasure; the record is gone for good."""
    row = loot.erased
    return Attack(lambda db: insert(db, "ledger", row.entry), {row.number: "record_removed"})


def _cut_tail(loot: Loot) -> Attack:
    tail = loot.rows[loot.last][-2:]
    cut = tail[0].number[2]

    def do(db: sqlite3.Connection) -> None:
        for row in tail:
            delete(db, row, "records", "ledger")
        db.execute(
            "DELETE FROM checkpoints WHERE (tap, boot) = (?, ?) AND json ->> 'opened' >= ?",
            (*loot.last, cut),
        )

    return Attack(do, {row.number: "no_trace" for row in tail})


def _drop_boot(loot: Loot, boot: Boot) -> Attack:
    lost = {row.number: "no_trace" for row in loot.rows[boot]}
    lost |= {loot.erased.number: "no_trace"} if loot.erased.number[:2] == boot else {}
    return Attack(lambda db: drop(db, boot), lost)


def _forge_checkpoint(loot: Loot) -> Attack:
    """A record and its entry are gone, and the tap is made to say that it let the call pass."""
    row = loot.rows[loot.first][0]
    tap, boot, seq = row.number

    def do(db: sqlite3.Connection) -> None:
        delete(db, row, "records", "ledger")
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
    "remove a record of a session": remove_middle,
    "cut a session short": cut_session_short,
    "exchange two records of a session": swap_in_session,
    "alter a record of a session": alter_in_session,
    "add a record to a session": add_to_session,
    "add a record to an exchange": add_to_single,
}
