"""What rows left in the file where they stood before they moved is overwritten, and no more."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import string
import subprocess
import sys
from pathlib import Path

import pytest

from audit.errors import StoreUnavailable
from storage import residue
from storage.database import Database, Overwritten, Schema

SCHEMA = Schema(1, 1, "CREATE TABLE words (id INTEGER PRIMARY KEY, word TEXT);\n"
                      "CREATE INDEX by_word ON words (word)")  # fmt: skip
EVERYTHING = 1 << 20
ALONE = Overwritten(0, disturbed=False)
INSERT = "INSERT OR REPLACE INTO words VALUES (?, ?)"
CLOSES = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("SELECT * FROM words")
db.close()
"""
DELETE = "DELETE FROM words WHERE id = ?"


async def opened(path: Path) -> Database:
    """The file, opened as the store opens its own."""
    return await Database.open(path, StoreUnavailable, SCHEMA)


async def run(database: Database, statement: str, *values: int | str) -> int:
    """Run one statement in a transaction of its own; gives how many rows it changed."""
    return await database.write(lambda db: db.execute(statement, values).rowcount)


def a_word(rng: random.Random) -> str:
    """A word of its own, of any length below a page's."""
    return "".join(rng.choices(string.ascii_letters, k=rng.randrange(20, 900)))


async def moved_and_removed(database: Database, rng: random.Random) -> tuple[set[str], set[str]]:
    """Put words in any order and remove most of them; give what was kept and what has gone."""
    words = {number: a_word(rng) for number in range(400)}
    for number in rng.sample(sorted(words), len(words)):
        await run(database, INSERT, number, words[number])
    gone = rng.sample(sorted(words), 300)
    for number in gone:
        await run(database, DELETE, number)
    assert await database.truncate_journal()
    return {words[n] for n in words if n not in gone}, {words[n] for n in gone}


def left_in(path: Path, words: set[str]) -> list[str]:
    """The words of which the file or its journal still holds the beginning or the end."""
    journal = path.with_name(f"{path.name}-wal")
    said = path.read_bytes() + (journal.read_bytes() if journal.exists() else b"")
    return [
        each
        for each in words
        if {each[:16].encode() in said, each[-16:].encode() in said} != {False}
    ]


async def test_nothing_is_left_of_rows_that_moved_and_went(tmp_path: Path) -> None:
    """SQLite by itself leaves some of it; those that stay are whole, and the file is sound."""
    path, rng = tmp_path / "words.db", random.Random(7)
    database = await opened(path)
    kept, gone = await moved_and_removed(database, rng)
    assert left_in(path, gone) != []
    assert await database.overwrite_all_residue()
    assert await database.truncate_journal()
    assert left_in(path, gone) == []
    rows = await database.read(lambda db: db.execute("SELECT word FROM words").fetchall())
    assert {word for (word,) in rows} == kept
    assert await database.read(lambda db: db.execute("PRAGMA integrity_check").fetchone()) == (
        "ok",
    )
    await database.close()


async def test_what_another_connection_remembers_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads every page right before; what it then writes into them brings no old bytes along."""
    path = tmp_path / "words.db"
    database = await opened(path)
    kept, gone = await moved_and_removed(database, random.Random(8))
    await database.close()
    step = residue._step
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA cache_size = 10000")

        def read_before(db: sqlite3.Connection, file: int, first: int) -> int:
            assert other.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return step(db, file, first)

        monkeypatch.setattr(residue, "_step", read_before)
        assert residue.overwritten(path, 0, EVERYTHING, 1.0) == (0, False)
        changed = other.execute("UPDATE words SET word = lower(word)").rowcount
        assert changed == len(kept)
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert left_in(path, gone) == []


async def test_what_others_write_first_is_brought_into_the_file_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages are overwritten in the file only while the journal holds none of them."""
    path = tmp_path / "words.db"
    await (await opened(path)).close()
    journal, rows = path.with_name("words.db-wal"), iter(range(3))
    connected, step = residue._connected, residue._step
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:

        def write_first(statement: str) -> None:
            if statement == "BEGIN IMMEDIATE":
                other.executemany(INSERT, [(row, "word") for row in [*rows][:1]])

        def traced(path: Path) -> sqlite3.Connection:
            db = connected(path)
            db.set_trace_callback(write_first)
            return db

        def looked(db: sqlite3.Connection, file: int, first: int) -> int:
            assert journal.stat().st_size == 0
            return step(db, file, first)

        monkeypatch.setattr(residue, "_connected", traced)
        monkeypatch.setattr(residue, "_step", looked)
        assert residue.overwritten(path, 0, 1, 1.0) == (0, False)
        assert other.execute("SELECT count(*) FROM words").fetchone() == (1,)


async def test_it_goes_by_steps_and_says_where_to_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step at a time comes to the same, and past the end there is nothing to do."""
    path = tmp_path / "words.db"
    database = await opened(path)
    _, gone = await moved_and_removed(database, random.Random(9))
    await database.close()
    monkeypatch.setattr(residue, "STEP", 20 * 4096)
    monkeypatch.setattr(residue, "_PAUSE_SECONDS", 0.0)
    page, steps = 0, 0
    while steps == 0 or page:
        done = residue.overwritten(path, page, 1, 1.0)
        assert done is not None
        page, steps = done[0], steps + 1
    assert steps > 2
    assert left_in(path, gone) == []
    assert residue.overwritten(path, EVERYTHING, 1, 1.0) == (0, False)


async def test_it_says_that_others_wrote_between_two_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own commits are nobody's; what another one commits may have moved a page."""
    path = tmp_path / "words.db"
    database = await opened(path)
    await moved_and_removed(database, random.Random(11))
    await database.close()
    monkeypatch.setattr(residue, "STEP", 20 * 4096)
    assert residue.overwritten(path, 0, EVERYTHING, 1.0) == (0, False)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        rows = iter(range(1000, 1000 + EVERYTHING))

        def write_instead(seconds: float) -> None:
            assert seconds > 0
            other.execute(INSERT, (next(rows), "word"))

        monkeypatch.setattr("time.sleep", write_instead)
        assert residue.overwritten(path, 0, EVERYTHING, 1.0) == (0, True)


async def test_a_link_leads_to_the_file_and_its_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal lies beside the file, not beside the link: it is the one that must be empty."""
    path = tmp_path / "disk" / "words.db"
    path.parent.mkdir()
    link = tmp_path / "words.db"
    link.symlink_to(path)
    database = await opened(link)
    _, gone = await moved_and_removed(database, random.Random(12))
    await run(database, INSERT, 1, "word")
    journal, step = path.with_name("words.db-wal"), residue._step
    assert journal.stat().st_size > 0

    def looked(db: sqlite3.Connection, file: int, first: int) -> int:
        assert journal.stat().st_size == 0
        return step(db, file, first)

    monkeypatch.setattr(residue, "_step", looked)
    assert residue.overwritten(link, 0, EVERYTHING, 1.0) == (0, False)
    assert left_in(path, gone) == []
    await database.close()


async def test_others_write_meanwhile(tmp_path: Path) -> None:
    """What they were told is written is there, and the file is sound."""
    path, rng = tmp_path / "words.db", random.Random(10)
    database, other = await opened(path), await opened(path)
    words: dict[int, str] = {}
    done = asyncio.Event()

    async def change() -> None:
        while not done.is_set():
            number = rng.randrange(300)
            if words.pop(number, None) is not None:
                await run(database, DELETE, number)
            else:
                await run(database, INSERT, number, words.setdefault(number, a_word(rng)))

    changing = asyncio.create_task(change())
    rounds = [await other.overwrite_all_residue() for _ in range(10)]
    done.set()
    await changing
    assert True in rounds
    rows = await other.read(lambda db: db.execute("SELECT id, word FROM words").fetchall())
    assert dict(rows) == words
    assert await other.read(lambda db: db.execute("PRAGMA integrity_check").fetchone()) == ("ok",)
    await database.close()
    await other.close()


async def test_it_waits_for_a_reader_and_then_says_that_it_is_not_done(tmp_path: Path) -> None:
    """A reader in the middle of something keeps the journal as it is."""
    path = tmp_path / "words.db"
    database, reading = await opened(path), await opened(path)
    await run(database, INSERT, 1, "word")
    await reading.read(lambda db: db.execute("BEGIN").execute("SELECT * FROM words").fetchall())
    await run(database, INSERT, 2, "word")
    assert await database.overwrite_residue(0, EVERYTHING, 0.1) is None
    await reading.read(lambda db: db.execute("COMMIT").rowcount)
    assert await database.overwrite_residue(0, EVERYTHING, 0.1) == ALONE
    await database.close()
    await reading.close()


async def test_a_file_that_is_laid_out_otherwise_is_left_alone(tmp_path: Path) -> None:
    """In a file with maps of its pages a page's first byte does not tell what it is."""
    path = tmp_path / "words.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA auto_vacuum = FULL")
        for statement in (*SCHEMA.script.split(";\n"), "PRAGMA application_id = 1"):
            db.execute(statement)
        db.execute("PRAGMA user_version = 1")
    database = await opened(path)
    with pytest.raises(StoreUnavailable, match="is not laid out as the store lays its files out"):
        await database.overwrite_residue(0, EVERYTHING)
    await database.close()


async def test_what_is_no_database_is_said_in_sqlites_own_terms(tmp_path: Path) -> None:
    """The reason is the one that every other call gives."""
    path = tmp_path / "words.db"
    database = await opened(path)
    await database.close()
    path.write_bytes(b"no database at all, but long enough for a header" * 100)
    with pytest.raises(StoreUnavailable, match=r"words\.db could not .* is not an SQLite file"):
        await database.overwrite_residue(0, EVERYTHING)


async def test_a_file_that_may_not_be_changed_is_named(tmp_path: Path) -> None:
    """The error says which file it is and what the system said."""
    path = tmp_path / "words.db"
    database = await opened(path)
    path.unlink()
    with pytest.raises(StoreUnavailable, match=r"words\.db could not be cleared .* No such file"):
        await database.overwrite_residue(0, EVERYTHING)
    await database.close()


async def test_a_second_connection_takes_no_lock_from_the_first(tmp_path: Path) -> None:
    """Another process that closes the file must not believe itself the last to have it open."""
    path = tmp_path / "words.db"
    database = await opened(path)
    await run(database, INSERT, 1, "word")
    other = await opened(path)
    await other.overwrite_residue(0, EVERYTHING)
    await run(database, INSERT, 2, "word")
    words = [sys.executable, "-c", CLOSES, str(path)]
    await asyncio.to_thread(subprocess.run, words, check=True)
    assert path.with_name("words.db-wal").exists()
    await database.close()
    await other.close()
