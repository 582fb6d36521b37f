"""What the embedded queue promises beyond the contract: durability, company, clear refusals."""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from audit.errors import QueueUnavailable
from storage.database import Database
from storage.queue.port import MessageKind
from storage.queue.sqlite import SCHEMA, SqliteQueue, SqliteQueueReader
from storage.queue.sqlite_admin import SqliteQueueAdmin
from tests.contract.samples import a_message

RECEIVER = """
import asyncio, sys
from pathlib import Path
from storage.queue.sqlite import SqliteQueue

async def main() -> None:
    queue = await SqliteQueue.open(Path(sys.argv[1]))
    while deliveries := await queue.receive(3, 0):
        for delivery in deliveries:
            print(delivery.message.number.seq, flush=True)
            await queue.complete(delivery)
    await queue.close()

asyncio.run(main())
"""

KILLED_AFTER_SEND = """
import asyncio, os, signal, sys
from pathlib import Path
from storage.queue.sqlite import SqliteQueue
from tests.contract.samples import a_message

async def main() -> None:
    queue = await SqliteQueue.open(Path(sys.argv[1]))
    await queue.send([a_message(1), a_message(2)])
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


def spoil(path: Path, change: str) -> None:
    """Change rows behind the queue's back."""
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE messages SET {change}")  # noqa: S608 - constants of these tests
    db.close()


async def test_a_send_that_returned_survives_a_kill(tmp_path: Path) -> None:
    """A sender killed with -9 right after its send has returned leaves the whole batch."""
    path = tmp_path / "queue.db"
    sender = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED_AFTER_SEND, str(path)
    )
    assert await sender.wait() == -signal.SIGKILL
    queue = await SqliteQueue.open(path)
    assert len(await queue.receive(10, 0)) == 2
    await queue.close()


async def test_processes_at_once_take_each_message_once(tmp_path: Path) -> None:
    """Three processes that drain one queue together receive every message exactly once."""
    path = tmp_path / "queue.db"
    queue = await SqliteQueue.open(path)
    await queue.send([a_message(seq) for seq in range(1, 61)])
    receivers = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", RECEIVER, str(path), stdout=PIPE)
        for _ in range(3)
    ]
    printed = [(await receiver.communicate())[0] for receiver in receivers]
    assert sorted(int(seq) for text in printed for seq in text.split()) == list(range(1, 61))
    await queue.close()


async def test_a_commit_is_synced(tmp_path: Path) -> None:
    """The file is in WAL mode and commits are synced in full: evidence, not a cache."""
    queue = await SqliteQueue.open(tmp_path / "queue.db")
    modes = await queue._database.read(
        lambda db: (
            db.execute("PRAGMA journal_mode").fetchone()[0],
            db.execute("PRAGMA synchronous").fetchone()[0],
        )
    )
    assert modes == ("wal", 2)
    await queue.close()


async def test_a_write_is_alone_from_its_first_read(tmp_path: Path) -> None:
    """No other process can write between what a transaction reads and what it changes."""
    path = tmp_path / "queue.db"
    queue = await SqliteQueue.open(path)

    def intrude(_: sqlite3.Connection) -> None:
        other = sqlite3.connect(path, timeout=0, isolation_level=None)
        try:
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        finally:
            other.close()

    await queue._database.write(intrude)
    await queue.close()


async def test_only_its_owner_may_read_the_file(tmp_path: Path) -> None:
    """The queue's file is made with mode 0600."""
    queue = await SqliteQueue.open(tmp_path / "queue.db")
    assert (tmp_path / "queue.db").stat().st_mode & 0o777 == 0o600
    await queue.close()


async def test_a_full_disk_refuses_the_batch_and_keeps_the_rest(tmp_path: Path) -> None:
    """When the file cannot grow, nothing of the batch is taken and what was there stays."""
    queue = await SqliteQueue.open(tmp_path / "queue.db")
    await queue.send([a_message(1)])
    await queue._database.read(lambda db: db.execute("PRAGMA max_page_count = 20").fetchall())
    with pytest.raises(QueueUnavailable, match="disk is full"):
        await queue.send([a_message(2), a_message(3, b"x" * 200_000)])
    assert [d.message.number.seq for d in await queue.receive(10, 0)] == [1]
    await queue.close()


@pytest.mark.parametrize("content", [b"this is no database, but it is long enough\n" * 30, None])
async def test_a_foreign_file_is_refused_at_the_start(
    tmp_path: Path, content: bytes | None
) -> None:
    """A file that is no queue is named and not touched, be it text or another database."""
    path = tmp_path / "queue.db"
    if content is None:
        foreign = sqlite3.connect(path)
        foreign.execute("CREATE TABLE mine (x)")
        foreign.close()
    else:
        path.write_bytes(content)
    before = path.read_bytes()
    with pytest.raises(QueueUnavailable, match=r"queue\.db is not"):
        await SqliteQueue.open(path)
    assert path.read_bytes() == before


async def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    """Opening fails with the path and the reason, for writing as for reading."""
    path = tmp_path / "nowhere" / "queue.db"
    with pytest.raises(QueueUnavailable, match="nowhere"):
        await SqliteQueue.open(path)
    with pytest.raises(QueueUnavailable, match="nowhere"):
        await SqliteQueueReader.open(path)


async def test_a_reader_can_change_nothing(tmp_path: Path) -> None:
    """The reader's connection refuses to write."""
    queue = await SqliteQueue.open(tmp_path / "queue.db")
    reader = await SqliteQueueReader.open(tmp_path / "queue.db")
    with pytest.raises(QueueUnavailable, match="cannot be written"):
        await reader._database.write(lambda db: db.execute("DELETE FROM messages").rowcount)
    await reader.close()
    await queue.close()


async def test_a_queue_nobody_has_open_can_be_read(tmp_path: Path) -> None:
    """Reading works when the writers have gone and their WAL files with them."""
    queue = await SqliteQueue.open(tmp_path / "queue.db")
    await queue.send([a_message(1)])
    await queue.close()
    assert not (tmp_path / "queue.db-wal").exists()
    reader = await SqliteQueueReader.open(tmp_path / "queue.db")
    assert [held.number.seq async for held in reader.numbers()] == [1]
    await reader.close()


async def test_a_closed_queue_says_so(tmp_path: Path) -> None:
    """Using a queue after closing it is an error that names the file; closing twice is none."""
    queue = await SqliteQueue.open(tmp_path / "queue.db")
    await queue.close()
    await queue.close()
    with pytest.raises(QueueUnavailable, match="is closed"):
        await queue.send([a_message(1)])


@pytest.mark.parametrize(
    ("spoilt", "known"),
    [
        ("kind = 'planted content'", True),
        ("kind = CAST(x'FF' AS TEXT)", True),
        ("id = CAST('planted' || x'FF' AS TEXT)", False),
        ("tap = CAST('planted' || x'FF' AS TEXT)", False),
        ("boot = CAST('planted' || x'FF' AS TEXT)", False),
    ],
    ids=["no kind", "kind no text", "id no text", "tap no text", "boot no text"],
)
async def test_a_damaged_message_does_not_keep_back_the_others(
    tmp_path: Path, spoilt: str, known: bool
) -> None:
    """It comes as what it is, to be set aside, listed, replayed and discarded like any other."""
    path = tmp_path / "queue.db"
    queue = await SqliteQueue.open(path)
    await queue.send([a_message(1, b"sealed"), a_message(2)])
    spoil(path, f"{spoilt} WHERE seq = 1")
    first, second = await queue.receive(2, 0)
    assert second.message == a_message(2)
    assert (first.message.kind, first.message.body) == (MessageKind.DAMAGED, b"sealed")
    assert first.message.number.seq == (1 if known else 0)
    assert await queue.complete(second)
    assert await queue.dead_letter(first, "message.damaged", "It is damaged.")
    admin = await SqliteQueueAdmin.open(path)
    reader = await SqliteQueueReader.open(path)
    (letter,) = await reader.dead_letters()
    assert (letter.id == a_message(1).id, letter.is_exchange) == (known, known)
    assert "planted" not in repr((letter, first))
    assert [(each.id, each.dead) async for each in reader.numbers()] == [(letter.id, True)]
    assert await admin.replay(letter.id)
    (again,) = await queue.receive(2, 0)
    assert again.message == first.message
    assert await queue.dead_letter(again, "message.damaged", "It is damaged.")
    assert await admin.discard(letter.id)
    for each in (admin, reader, queue):
        await each.close()


@pytest.mark.parametrize(
    "spoilt", ["kind = 'fine'", "id = CAST(x'FF' AS TEXT)"], ids=["no kind", "no text"]
)
async def test_a_damaged_message_is_an_error_without_content(tmp_path: Path, spoilt: str) -> None:
    """Whoever lists the numbers is told that the queue is damaged, not what stands in it."""
    path = tmp_path / "queue.db"
    queue = await SqliteQueue.open(path)
    await queue.send([a_message(1)])
    await queue.close()
    spoil(path, spoilt)
    reader = await SqliteQueueReader.open(path)
    with pytest.raises(QueueUnavailable, match="is damaged") as caught:
        [held async for held in reader.numbers()]
    assert caught.value.__cause__ is None
    await reader.close()


async def test_no_cursor_leaves_its_thread(tmp_path: Path) -> None:
    """One that is dropped on another thread would reset what the connection does just then."""
    database = await Database.open(tmp_path / "queue", QueueUnavailable, SCHEMA)
    for call in (database.read, database.write):
        with pytest.raises(TypeError, match="cursor"):
            await call(lambda db: db.execute("SELECT 1"))
    await database.close()
