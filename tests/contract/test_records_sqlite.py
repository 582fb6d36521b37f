"""What the embedded store promises beyond the contract."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from audit.completeness import DamagedRow
from audit.errors import QueryTooCostly, RecordInvalid, StoreUnavailable
from storage.records import planning_sqlite
from storage.records.findable import SCALARS
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.port import Budget
from storage.records.query import Query, parse
from storage.records.sqlite import SqliteRecordReader, SqliteRecordWriter
from storage.records.sqlite_file import open_store, open_store_for_reading
from tests.contract.samples import a_checkpoint, a_record, an_entry, number, record_id

# A filter that every sample passes after much looking.
SLOW = " ".join(f"-id:*{n}*z* -tap:*{n}*y*" for n in range(40))

KILLED_AFTER_PUT = """
import asyncio, os, signal, sys
from pathlib import Path
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.sqlite import SqliteRecordWriter
from storage.records.sqlite_file import open_store
from tests.contract.samples import a_record, an_entry

async def main() -> None:
    database = await open_store(Path(sys.argv[1]))
    await SqliteRecordWriter(database).put(a_record(1))
    await SqliteLedger(database).enter(an_entry(1))
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


async def test_what_put_and_enter_said_survives_a_kill(tmp_path: Path) -> None:
    """A worker killed with -9 after its put and its entry returned leaves both."""
    path = tmp_path / "store.db"
    worker = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED_AFTER_PUT, str(path))
    assert await worker.wait() == -signal.SIGKILL
    database = await open_store_for_reading(path)
    assert await SqliteRecordReader(database).get(record_id(1)) is not None
    assert [entry async for entry in SqliteLedger(database).entries()] == [an_entry(1)]
    await database.close()


async def test_a_reader_works_while_a_writer_writes_and_after_it_left(tmp_path: Path) -> None:
    """Each put is seen by a reader opened before it, and by one opened when WAL files are gone."""
    path = tmp_path / "store.db"
    writing = await open_store(path)
    reading = await open_store_for_reading(path)
    reader = SqliteRecordReader(reading)
    for seq in (1, 2):
        await SqliteRecordWriter(writing).put(a_record(seq))
        assert len((await reader.search(Query(), 10)).documents) == seq
    await reading.close()
    await writing.close()
    assert not (tmp_path / "store.db-wal").exists()
    reading = await open_store_for_reading(path)
    assert len((await SqliteRecordReader(reading).search(Query(), 10)).documents) == 2
    await reading.close()


async def test_a_reader_can_change_nothing(tmp_path: Path) -> None:
    """The file opened for reading refuses every write."""
    writing = await open_store(tmp_path / "store.db")
    reading = await open_store_for_reading(tmp_path / "store.db")
    with pytest.raises(StoreUnavailable, match="cannot be written"):
        await SqliteLedger(reading).enter(an_entry(1))
    await reading.close()
    await writing.close()


async def test_a_query_has_a_budget(tmp_path: Path) -> None:
    """A search that outlasts its time gives what it has found, and goes on from there."""
    database = await open_store(tmp_path / "store.db")
    writer, hurried = SqliteRecordWriter(database), SqliteRecordReader(database, budget=0.0)
    for seq in range(1, 300):
        await writer.put(a_record(seq, prompt=f"number {seq} of many"))
    slow = parse(SLOW, 0)
    page = await hurried.search(slow, 300)
    assert page.spent is Budget.SECONDS
    found = [each.id for each in page.documents]
    while page.cursor is not None:
        page = await hurried.search(slow, 300, page.cursor)
        found += [each.id for each in page.documents]
    everything = await SqliteRecordReader(database).search(slow, 300)
    assert everything.spent is None
    assert found == [each.id for each in everything.documents]
    assert len(found) == 299
    await database.close()


async def test_a_query_that_found_nothing_in_its_time_is_too_costly(tmp_path: Path) -> None:
    """That is no answer, and must not look like one."""
    database = await open_store(tmp_path / "store.db")
    for seq in range(1, 300):
        await SqliteRecordWriter(database).put(a_record(seq))
    nothing = parse(f"{SLOW} tap:no*such", 0)
    with pytest.raises(QueryTooCostly):
        await SqliteRecordReader(database, budget=0.0).search(nothing, 100)
    assert not (await SqliteRecordReader(database).search(nothing, 100)).documents
    await database.close()


async def test_a_changed_row_shows_in_its_reference(tmp_path: Path) -> None:
    """Text changed, made no JSON, or moved to another consumer by hand: the digest differs."""
    path = tmp_path / "store.db"
    database = await open_store(path)
    for seq in (1, 2, 3, 4, 5, 6):
        await SqliteRecordWriter(database).put(a_record(seq))
    _tamper(
        path,
        "UPDATE records SET json = replace(json, 'refund', 'refuse') WHERE seq = 1",
        "UPDATE records SET json = 'no json' WHERE seq = 2",
        "UPDATE records SET consumer = 'other' WHERE seq = 3",
        "UPDATE records SET json = CAST(x'80FF' AS TEXT) WHERE seq = 4",
        "UPDATE records SET json = CAST(x'7B2261223A22FF227D' AS TEXT) WHERE seq = 6",
    )
    whole = {
        ref.number.seq
        async for ref in SqliteRecordReader(database).references()
        if ref.stated_digest == ref.actual_digest
    }
    assert whole == {5}
    await database.close()


async def test_a_damaged_ledger_row_is_named(tmp_path: Path) -> None:
    """An entry or checkpoint that can no longer be read is an error that names its number."""
    path = tmp_path / "store.db"
    database = await open_store(path)
    ledger = SqliteLedger(database)
    await ledger.enter(an_entry(7))
    await ledger.checkpoint(a_checkpoint(4))
    _tamper(path, "UPDATE ledger SET state = 'fine'", "UPDATE checkpoints SET json = '{}'")
    with pytest.raises(RecordInvalid, match="/7 is damaged"):
        [entry async for entry in ledger.entries()]
    with pytest.raises(RecordInvalid, match="#4 is damaged"):
        [checkpoint async for checkpoint in ledger.checkpoints()]
    await database.close()


async def test_damaged_rows_are_told_and_the_others_read(tmp_path: Path) -> None:
    """Whichever column is spoilt, to what is no text even, every whole row is still read."""
    path = tmp_path / "store.db"
    database = await open_store(path)
    ledger = SqliteLedger(database)
    for seq in (1, 2, 3, 4):
        await ledger.enter(an_entry(seq))
        await ledger.checkpoint(a_checkpoint(seq))
    _tamper(
        path,
        "UPDATE ledger SET id = CAST(x'FF' AS TEXT) WHERE seq = 1",
        "UPDATE ledger SET amendments = CAST(x'5B7B226174223A22FF225D' AS TEXT) WHERE seq = 2",
        "UPDATE ledger SET tap = CAST(x'FF' AS TEXT) WHERE seq = 3",
        "UPDATE checkpoints SET json = CAST(x'7B22746170223A22FF227D' AS TEXT) WHERE \"index\" = 1",
        'UPDATE checkpoints SET "index" = 9 WHERE "index" = 2',
        "UPDATE checkpoints SET boot = CAST(x'FF' AS TEXT) WHERE \"index\" = 3",
    )
    told: list[DamagedRow] = []
    assert [entry.number.seq async for entry in ledger.entries(told.append)] == [4]
    assert {(row.seq, row.tap == r"\xff") for row in told} == {(1, False), (2, False), (3, True)}
    told.clear()
    assert [each.index async for each in ledger.checkpoints(told.append)] == [4]
    assert {(row.index, row.boot == r"\xff") for row in told} == {(1, False), (9, False), (3, True)}
    await database.close()


async def test_a_full_disk_leaves_no_half_record(tmp_path: Path) -> None:
    """When the file cannot grow, the put fails and nothing of the record is found."""
    database = await open_store(tmp_path / "store.db")
    pages = await database.read(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    await database.read(lambda db: db.execute(f"PRAGMA max_page_count = {pages + 4}").fetchall())
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await SqliteRecordWriter(database).put(a_record(1, prompt="refund " * 10_000))
    reader = SqliteRecordReader(database)
    assert not (await reader.search(parse("refund OR consumer:*", 0), 10)).documents
    await database.close()


async def test_every_field_has_its_column(tmp_path: Path) -> None:
    """The table has a column for each scalar that a query can ask for."""
    database = await open_store(tmp_path / "store.db")
    columns = await database.read(
        lambda db: {row[1] for row in db.execute("PRAGMA table_info(records)")}
    )
    assert set(SCALARS) <= columns
    await database.close()


# What each version did not have yet.
_WITHOUT_INDEXES = (
    *(f"DROP INDEX records_by_{name}" for name in ("time", "day", "app", "deployment")),
    "DROP INDEX records_by_ending",
    "DROP INDEX records_by_status",
    "CREATE INDEX records_by_time ON records (received_at, id)",
)
_EARLIER = {
    2: (*_WITHOUT_INDEXES, "ALTER TABLE ledger DROP COLUMN records"),
    3: _WITHOUT_INDEXES,
}


@pytest.mark.parametrize("version", _EARLIER)
async def test_a_file_of_an_earlier_version_is_brought_up_to_date(
    tmp_path: Path, version: int
) -> None:
    """Its entries speak of one record each, as they were signed; whoever only reads is told."""
    path = tmp_path / "store.db"
    database = await open_store(path)
    await SqliteLedger(database).enter(an_entry(1))
    await database.close()
    indexes = _indexes(path)
    _tamper(path, *_EARLIER[version], f"PRAGMA user_version = {version}")
    with pytest.raises(StoreUnavailable, match="the next worker that starts brings it up to date"):
        await open_store_for_reading(path)
    database = await open_store(path)
    assert await SqliteLedger(database).entry(number(1)) == an_entry(1)
    await database.close()
    assert _indexes(path) == indexes
    database = await open_store_for_reading(path)
    assert await SqliteLedger(database).entry(number(1)) == an_entry(1)
    await database.close()


def _indexes(path: Path) -> set[tuple[str, str]]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index'")
        return set(found.fetchall())


@pytest.mark.parametrize("version", [1, 99])
async def test_a_file_of_any_other_version_is_left_as_it_is(tmp_path: Path, version: int) -> None:
    """Neither what is too old nor what is not known yet is changed."""
    path = tmp_path / "store.db"
    await (await open_store(path)).close()
    _tamper(path, f"PRAGMA user_version = {version}")
    with pytest.raises(StoreUnavailable, match=f"has the schema version {version}"):
        await open_store(path)


async def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    """The store's file, and the WAL beside it, have mode 0600."""
    database = await open_store(tmp_path / "store.db")
    await SqliteLedger(database).enter(an_entry(1))
    for name in ("store.db", "store.db-wal"):
        assert os.stat(tmp_path / name).st_mode & 0o777 == 0o600  # noqa: PTH116 - as in a shell
    await database.close()


def _tamper(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


async def test_common_and_rare_words_give_the_same_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever way a search goes, from the words or through time, it finds the same in order."""
    database = await open_store(tmp_path / "store.db")
    writer, reader = SqliteRecordWriter(database), SqliteRecordReader(database)
    for seq in range(1, 30):
        await writer.put(a_record(seq, prompt="common" + (" rare" if seq % 7 == 0 else "")))
    for text in (
        "common",
        "rare",
        "common rare",
        "-rare",
        "rare OR tool:*",
        "tool:get_weather rare",
    ):
        query = parse(text, 0)
        found = []
        for few in (0, 10**6):
            monkeypatch.setattr(planning_sqlite, "_FEW", few)
            page = await reader.search(query, 5)
            found.append([each.id for each in page.documents])
            assert page.cursor is None or (await reader.search(query, 5, page.cursor)).documents
        assert found[0] == found[1] != []
    await database.close()
