"""Spools that taps left behind, adopted by the command line as an operator would."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest

from storage.spool.disk import RealDisk
from tests.harness.leftovers import installation, leave
from tests.harness.load import CountingUpstream, Load
from tests.harness.starting import HELD_TO_PERMISSIONS
from tests.harness.tree import Tree, auditstream, clean_environment, records
from tests.harness.wait import until

NOBODY = "http://127.0.0.1:9"


def adopt(
    folder: Path, data: Path, *more: str, before: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end, under what stands `before` it."""
    return subprocess.run(
        [*before, *_command(folder, data), *more],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def queued(data: Path) -> Counter[str]:
    """The ids of the exchanges that the queue holds."""
    if not (data / "queue.sqlite").exists():
        return Counter()
    with closing(sqlite3.connect(data / "queue.sqlite")) as db:
        if not db.execute("SELECT 1 FROM sqlite_master").fetchone():
            return Counter()
        rows = db.execute("SELECT id FROM messages WHERE seq > 0").fetchall()
    return Counter(row[0] for row in rows)


def files(folder: Path) -> dict[str, bytes]:
    """Everything that is in a folder, but for its lock."""
    every = (each for each in folder.rglob("*") if each.is_file() and each.name != "lock")
    return {str(each.relative_to(folder)): each.read_bytes() for each in every}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """This installation's data folder, with keys."""
    return installation(tmp_path / "data")


async def test_what_a_tap_left_is_stored_while_another_tap_runs(tmp_path: Path) -> None:
    """A tap is killed and never comes back; its exchanges are adopted beside a living tree."""
    upstream = CountingUpstream()
    await upstream.start()
    gone = Tree(tmp_path / "data", upstream.url, extra={"AUDITSTREAM_TAP__NAME": "gone"})
    await gone.start()
    load = Load(gone.url)
    running = asyncio.create_task(load.run())
    await load.answers(30)
    await gone.kill()
    load.stopped = True
    await running
    tree = Tree(tmp_path / "data", upstream.url)
    await tree.start()
    result = await asyncio.to_thread(adopt, tree.data / "spool" / "gone", tree.data)
    live = await asyncio.to_thread(adopt, tree.data / "spool", tree.data)
    assert await tree.stop() == 0, tree.log.read_text()
    await upstream.stop()

    assert result.returncode == 0, result.stderr
    assert "left: nothing" in result.stdout
    assert live.returncode == 2
    assert "spool/tap is in use by a tap that runs; stop that tap first" in live.stderr
    assert "spool/gone: spool of the tap gone" in live.stdout
    found = Counter(record["identity"]["trace_id"] for record in records(tree.data))
    missing = [one for one in load.seen if one.answered and found[one.trace_id] != 1]
    assert missing == []
    assert max(found.values()) == 1
    _assert_complete(tree.data, len(found))


@pytest.mark.timeout(180)
async def test_an_adoption_that_is_killed_is_run_again_and_nothing_is_lost(
    tmp_path: Path, data: Path
) -> None:
    """Whatever the moment of the kill, the next run goes on, and `verify` says complete."""
    old = tmp_path / "old" / "gone"
    waiting = await leave(old, data, 300)
    seed = random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    for moment in sorted(rng.sample(range(1, 300), 4)):
        with _started(old, data) as process:
            await until(partial(_has_sent, data, moment), f"{moment} sent, seed {seed}")
            process.kill()
    result = adopt(old, data)
    assert result.returncode == 0, (seed, result.stderr)
    assert queued(data) == Counter(waiting), seed
    tree = Tree(data, NOBODY)
    await tree.start()
    assert await tree.stop() == 0, tree.log.read_text()
    assert {record["id"] for record in records(data)} == set(waiting)
    _assert_complete(data, len(waiting))


@pytest.mark.parametrize("which", ["old/spool/gone", "old/spool", "old"])
async def test_a_folder_a_folder_of_several_and_a_data_folder_are_understood(
    tmp_path: Path, data: Path, which: str
) -> None:
    """Each of the three is accepted, and what was found in it is said by name."""
    waiting = await leave(tmp_path / "old" / "spool" / "gone", data, 3)
    if which != "old/spool/gone":
        waiting = [*waiting, *await leave(tmp_path / "old" / "spool" / "too", data, 2, tap="too")]
    result = adopt(tmp_path / which, data)
    assert result.returncode == 0, result.stderr
    assert set(queued(data)) == set(waiting)
    assert "gone: spool of the tap gone\n  found: 1 boot, 1 segment\n" in result.stdout
    assert "taken by the queue: 0 records, 3 remnants, 2 checkpoints\n" in result.stdout


async def test_adopting_again_takes_nothing_twice(tmp_path: Path, data: Path) -> None:
    """A second run is a success that takes no exchange, and a third one too."""
    old = tmp_path / "gone"
    waiting = await leave(old, data, 20)
    for taken in (20, 0, 0):
        result = adopt(old, data)
        assert (result.returncode, result.stderr) == (0, "")
        assert f"0 records, {taken} remnants" in result.stdout
    assert queued(data) == Counter(waiting)


async def test_a_folder_in_use_is_refused_and_left_as_it_is(tmp_path: Path, data: Path) -> None:
    """What a running tap holds is not taken from under it."""
    old = tmp_path / "gone"
    await leave(old, data, 2)
    disk = RealDisk(old)
    disk.claim()
    before = files(old)
    result = adopt(old, data)
    disk.release()
    assert result.returncode == 2
    assert (
        result.stderr == f"auditstream: {old} is in use by a tap that runs; stop that tap first\n"
    )
    assert files(old) == before


async def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path, data: Path) -> None:
    """What was taken could not be marked: the line says so, and what can be done."""
    old = tmp_path / "gone"
    await leave(old, data, 2)
    old.chmod(0o500)
    result = adopt(old, data, before=HELD_TO_PERMISSIONS)
    old.chmod(0o700)
    assert result.returncode == 2
    assert f"auditstream: {old} cannot be written, and what is taken from it" in result.stderr
    assert queued(data) == Counter()


async def test_a_key_that_is_not_held_is_named_and_nothing_is_taken(
    tmp_path: Path, data: Path
) -> None:
    """Another installation's spool is refused by its key's id; --anyway ships it sealed."""
    other = installation(tmp_path / "other")
    old = tmp_path / "gone"
    waiting = await leave(old, other, 3)
    (key,) = (tmp_path / "other.keys").glob("seal.*.key")
    before = files(old)
    result = adopt(old, data)
    assert result.returncode == 2
    assert f"sealed for the key {key.name.split('.')[1]}, which is not held here" in result.stderr
    assert f"put its file ({key.name}) into the keys folder" in result.stderr
    assert files(old) == before
    assert adopt(old, data, "--anyway").returncode == 0
    assert queued(data) == Counter(waiting)


async def test_an_old_key_that_was_brought_along_is_enough(tmp_path: Path, data: Path) -> None:
    """With what opens and what vouches in the keys folder, the other's spool is adopted."""
    old = tmp_path / "gone"
    await leave(old, installation(tmp_path / "other"), 3)
    (key,) = (tmp_path / "other.keys").glob("seal.*.key")
    (sign,) = (tmp_path / "other.keys").glob("sign.tap.*.pub")
    _bring(key, data)
    result = adopt(old, data)
    assert result.returncode == 2
    assert f"signed by {sign.name.split('.')[2]}, which is not trusted as a tap" in result.stderr
    _bring(sign, data)
    result = adopt(old, data)
    assert (result.returncode, result.stderr) == (0, "")


def _bring(key: Path, data: Path) -> None:
    brought = data.with_name("data.keys") / key.name
    brought.write_bytes(key.read_bytes())
    brought.chmod(0o600)


async def test_two_histories_under_one_name_are_refused(tmp_path: Path, data: Path) -> None:
    """Numbers of two taps that share a name could no longer be told apart."""
    await leave(data / "spool" / "gone", data, 2)
    old = tmp_path / "gone"
    await leave(old, data, 2)
    before = files(old)
    for more in ((), ("--anyway",)):
        result = adopt(old, data, *more)
        assert result.returncode == 2
        assert "numbers of two histories cannot share a name" in result.stderr
        assert "(--data)" in result.stderr
    assert files(old) == before


async def test_what_was_shipped_to_another_queue_is_said_before_anything_is_taken(
    tmp_path: Path, data: Path
) -> None:
    """Numbers that are neither in the folder nor known here would be lost to `verify`."""
    old = tmp_path / "gone"
    waiting = await leave(old, data, 10, shipped=4)
    result = adopt(old, data)
    assert result.returncode == 2
    assert "4 exchanges of its tap went to a queue that is not this data folder's" in result.stderr
    assert "--anyway to take the 6 that are left" in result.stderr
    assert queued(data) == Counter()
    assert adopt(old, data, "--anyway").returncode == 0
    assert queued(data) == Counter(waiting)


async def test_a_queue_that_refuses_midway_leaves_the_rest_where_it_is(
    tmp_path: Path, data: Path
) -> None:
    """The exit code is not 0, what is left is counted, and the next run takes it."""
    old = tmp_path / "gone"
    waiting = await leave(old, data, 600)
    result = adopt(old, data, before=("prlimit", "--fsize=400000"))
    taken = queued(data)
    assert result.returncode == 1, result.stderr
    assert 0 < len(taken) < 600
    assert f"left: {600 - len(taken)} exchanges, because the queue took no more" in result.stdout
    assert adopt(old, data).returncode == 0
    assert queued(data) == Counter(waiting)


async def test_a_tap_of_that_name_goes_on_from_what_was_adopted(tmp_path: Path, data: Path) -> None:
    """The history that was taken over is one with what follows; the old folder has no more say."""
    old = tmp_path / "gone"
    waiting = await leave(old, data, 5)
    assert adopt(old, data).returncode == 0
    tree = Tree(data, NOBODY, extra={"AUDITSTREAM_TAP__NAME": "gone"})
    await tree.start()
    assert await tree.stop() == 0, tree.log.read_text()
    _assert_complete(data, len(waiting))
    result = adopt(old, data)
    assert result.returncode == 0
    assert "nothing is left to take; its tap's history has gone on here" in result.stdout


async def test_what_one_folder_is_refused_for_does_not_hold_up_the_others(
    tmp_path: Path, data: Path
) -> None:
    """Each of several folders gets its own answer, and the exit code is the gravest."""
    other = installation(tmp_path / "other")
    await leave(tmp_path / "old" / "alien", other, 1, tap="alien")
    waiting = await leave(tmp_path / "old" / "gone", data, 1)
    result = adopt(tmp_path / "old", data)
    assert result.returncode == 2
    assert "old/alien: exchanges in it are sealed for the key" in result.stderr
    assert result.stderr.count("\n") == 1
    assert queued(data) == Counter(waiting)


@pytest.mark.parametrize("name", ["empty", "absent"])
def test_a_folder_without_a_spool_is_one_line(tmp_path: Path, data: Path, name: str) -> None:
    """What was expected there is said."""
    (tmp_path / "empty").mkdir()
    result = adopt(tmp_path / name, data)
    assert result.returncode == 2
    assert result.stderr.startswith(f"auditstream: adopt: {tmp_path / name} ")
    assert result.stderr.count("\n") == 1


def _command(folder: Path, data: Path) -> list[str]:
    words = ["adopt", str(folder), "--data", str(data)]
    return [sys.executable, "-P", "-m", "cli.main", *words]


@contextmanager
def _started(folder: Path, data: Path) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(_command(folder, data), env=clean_environment()) as process:
        try:
            yield process
        finally:
            process.kill()


def _has_sent(data: Path, count: int) -> bool:
    return len(queued(data)) >= count


def _assert_complete(data: Path, stored: int) -> None:
    result = auditstream("verify", "--data", str(data), "--json")
    assert result.returncode == 0, (result.stdout, result.stderr)
    assert msgspec.json.decode(result.stdout)["counts"]["stored"] == stored
