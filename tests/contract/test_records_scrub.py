"""What was removed is in no byte of the embedded store's files."""

from __future__ import annotations

import random
import string
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from audit.errors import StoreUnavailable
from audit.exchange import Identity
from audit.ledger import LedgerState
from audit.record import RedactedRecord
from storage.database import Database, Overwritten
from storage.queue.sqlite import SqliteQueue
from storage.queue.sqlite_admin import SqliteQueueAdmin
from storage.records.keeper_sqlite import SqliteKeeper
from storage.records.query import parse
from storage.records.sqlite import SqliteRecordReader, SqliteRecordWriter
from storage.records.sqlite_file import SCHEMA, open_store, open_store_for_reading
from tests.contract.samples import a_message, a_record, an_entry, record_id

COUNT = 150


def a_word(rng: random.Random) -> str:
    """A word that no other record has."""
    return "".join(rng.choices(string.ascii_lowercase, k=14))


def a_large_record(rng: random.Random, seq: int, words: list[str]) -> RedactedRecord:
    """A record of any size with words of its own in text, answer, model, user and session."""
    filling = " ".join(a_word(rng) for _ in range(rng.choice([1, 20, 200, 1500])))
    sample = a_record(seq, prompt=f"{words[0]} {filling} {words[1]}", answer=f"x {words[2]} y")
    facts = msgspec.structs.replace(sample.exchange, requested_model=words[3])
    identity = Identity(user=words[4], session=words[5])
    return msgspec.structs.replace(sample, exchange=facts, identity=identity)


# With the second a row moves to another page before it is removed.
@pytest.mark.parametrize("seed", [random.SystemRandom().randrange(2**32), 4], ids=["any", "moving"])
@pytest.mark.parametrize("thorough", [True, False])
async def test_removed_words_are_in_no_file(tmp_path: Path, thorough: bool, seed: int) -> None:
    """Of many records put in any order some are removed: none of their words is left anywhere."""
    rng = random.Random(seed)
    words = {seq: [a_word(rng) for _ in range(6)] for seq in range(1, COUNT + 1)}
    database = await open_store(tmp_path / "store.db")
    writer, keeper = SqliteRecordWriter(database), SqliteKeeper(database)
    for seq in rng.sample(sorted(words), COUNT):
        await writer.put(a_large_record(rng, seq, words[seq]))
    gone = rng.sample(sorted(words), COUNT // 4)
    for seq in gone:
        await keeper.remove([an_entry(seq, LedgerState.ERASED)])
    while not await keeper.scrub(thorough=thorough):
        pass
    left = _said_in(tmp_path)
    await database.close()
    assert [(seed, seq) for seq in gone for word in words[seq] if word.encode() in left] == []
    kept = set(words) - set(gone)
    assert all(word.encode() in left for seq in kept for word in words[seq][4:])


class Long(Database):
    """A file of three steps of pages; keeps where it was gone over, and lets act meanwhile."""

    steps: Sequence[int] = ()
    disturbed = False
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def overwrite_residue(
        self, first: int, steps: int, patience: float = 0
    ) -> Overwritten | None:
        """Go over one step."""
        del steps, patience
        self.steps = [*self.steps, first]
        if self.meanwhile:
            act, self.meanwhile = self.meanwhile, None
            await act()
        return Overwritten({0: 10, 10: 20, 20: 0}[first], self.disturbed)


class Short(Long):
    """A file that is gone over in one call."""

    async def overwrite_residue(
        self, first: int, steps: int, patience: float = 0
    ) -> Overwritten | None:
        """Go over all of it."""
        await super().overwrite_residue(first, steps, patience)
        return Overwritten(0, self.disturbed)


async def kept(kind: type[Long], path: Path) -> tuple[Long, SqliteKeeper]:
    """A keeper over such a file, that holds one record."""
    database = await kind.open(path, StoreUnavailable, SCHEMA)
    assert isinstance(database, kind)
    await SqliteRecordWriter(database).put(a_record(1))
    return database, SqliteKeeper(database)


async def test_what_goes_while_pages_are_gone_over_has_them_gone_over_again(tmp_path: Path) -> None:
    """A bounded scrub goes on where it was, to the end, and then twice over all of them."""
    database, keeper = await kept(Long, tmp_path / "store.db")
    assert [await keeper.scrub(thorough=False) for _ in range(8)] == [False] * 5 + [True] * 3
    assert database.steps == [0, 10, 20] * 2
    await keeper.remove([an_entry(1, LedgerState.ERASED)])
    assert await keeper.scrub(thorough=False) is False
    await keeper.remove([an_entry(1, LedgerState.ERASED)])
    assert [await keeper.scrub(thorough=False) for _ in range(8)] == [False] * 7 + [True]
    assert database.steps == [0, 10, 20] * 5
    await database.close()


@pytest.mark.parametrize("meanwhile", ["nothing", "others write", "a removal"])
async def test_one_call_over_all_pages_is_enough_if_nobody_disturbs_it(
    tmp_path: Path, meanwhile: str
) -> None:
    """What others write, or what is removed by this keeper, has it done again."""
    database, keeper = await kept(Short, tmp_path / "store.db")
    database.disturbed = meanwhile == "others write"
    if meanwhile == "a removal":
        database.meanwhile = lambda: keeper.remove([an_entry(1, LedgerState.ERASED)])
    told = [await keeper.scrub(thorough=False) for _ in range(3)]
    assert told == [meanwhile == "nothing", True, True]
    await database.close()


async def test_a_reader_keeps_the_journal_for_as_long_as_it_reads(tmp_path: Path) -> None:
    """The scrub says that it is not done, and does it when the reader has gone."""
    path = tmp_path / "store.db"
    database = await open_store(path)
    writer, keeper = SqliteRecordWriter(database), SqliteKeeper(database)
    await writer.put(a_record(1, prompt="unforgettable"))
    reading = await open_store_for_reading(path)
    await reading.read(lambda db: db.execute("BEGIN").execute("SELECT 1 FROM records").fetchall())
    await keeper.remove([an_entry(1, LedgerState.ERASED)])
    assert not await keeper.scrub(thorough=False)
    assert b"unforgettable" in _said_in(tmp_path)
    await reading.read(lambda db: db.execute("COMMIT").rowcount)
    assert await keeper.scrub(thorough=False)
    assert b"unforgettable" not in _said_in(tmp_path)
    page = await SqliteRecordReader(reading).search(parse("unforgettable", 0), 1)
    assert not page.documents
    await reading.close()
    await database.close()


async def test_a_discarded_body_is_in_no_file(tmp_path: Path) -> None:
    """Neither in the queue's file nor in its journal, small or large."""
    path = tmp_path / "queue.db"
    queue, admin = await SqliteQueue.open(path), await SqliteQueueAdmin.open(path)
    bodies = [b"unforgettable-small", b"unforgettable-large" * 10_000]
    await queue.send([a_message(seq, body) for seq, body in enumerate(bodies)])
    assert b"unforgettable" in _said_in(tmp_path)
    for seq in range(len(bodies)):
        assert await admin.discard(record_id(seq))
    assert await admin.scrub()
    assert b"unforgettable" not in _said_in(tmp_path)
    await admin.close()
    await queue.close()


def _said_in(folder: Path) -> bytes:
    return b"\n".join(file.read_bytes() for file in folder.iterdir())
