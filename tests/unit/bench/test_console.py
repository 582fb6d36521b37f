"""The reading room's bench over a few records: what it builds, asks and tells."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audit.digest import record_digest
from audit.value import to_json
from bench.console.asking import Asker
from bench.console.measure import bare, quantile, searched
from bench.console.records import Maker
from bench.console.store import built
from storage.database import Database
from storage.records.query import FIELDS
from storage.records.sqlite import SqliteRecordReader
from storage.records.sqlite_file import open_store_for_reading

MAKER = Maker(1_500, seed=7)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Database]:
    """A store with the maker's records, built by the bench."""
    await built(tmp_path / "records.sqlite", Maker(1_500, seed=7))
    database = await open_store_for_reading(tmp_path / "records.sqlite")
    yield database
    await database.close()


def test_a_record_depends_on_its_seed_and_number_alone() -> None:
    """Any part can be made again; another seed makes others; its digest is its own."""
    record = MAKER.record(700)
    assert record == Maker(1_500, seed=7).record(700) == list(MAKER.records(699, 702))[1]
    assert record != Maker(1_500, seed=8).record(700)
    assert record.integrity.record_digest == record_digest(record)


async def test_the_store_has_each_record_once_with_its_entry(
    store: Database, tmp_path: Path
) -> None:
    """As the maker makes it, and a second build adds nothing."""
    await built(tmp_path / "records.sqlite", MAKER)
    rows = await store.read(lambda db: db.execute("SELECT id, json FROM records").fetchall())
    assert dict(rows) == {each.id: to_json(each).decode() for each in MAKER.records(1, 1_501)}
    counted = "SELECT count(*) FROM ledger JOIN records USING (tap, boot, seq, id)"
    assert await store.read(lambda db: db.execute(counted).fetchone()) == (1_500,)


async def test_every_field_is_asked_for_and_every_look_is_told(
    store: Database, tmp_path: Path
) -> None:
    """Filters parse, give pages, and are told with what was found; so does SQLite alone."""
    sample = [MAKER.record(number) for number in range(1, 1_501, 15)]
    asked = Asker(sample).ask(2 * len(FIELDS))
    assert [each.text for each in asked] == [
        each.text for each in Asker(sample).ask(2 * len(FIELDS))
    ]
    looks = await searched(SqliteRecordReader(store), asked)
    assert [look.about for look in looks] == [*FIELDS, *FIELDS]
    assert all(look.whole for look in looks)
    assert sum(look.found > 0 for look in looks) > len(FIELDS)
    taken = bare(tmp_path / "records.sqlite", [each.id for each in sample], ["refund"])
    assert [len(each) for each in taken.values()] == [100, 100, 1, 1, 1]


@pytest.mark.parametrize(
    ("values", "share", "told"), [([], 0.5, 0), ([3, 1, 2], 0.5, 2), (list(range(100)), 0.95, 95)]
)
def test_a_quantile_is_one_of_the_values(values: list[float], share: float, told: float) -> None:
    """That which so large a share does not exceed."""
    assert quantile(values, share) == told
