"""A fault that is shown on the board is felt inside the part, and only there and then."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audit.errors import QueueUnavailable
from storage.spool.disk import RealDisk, _RealFile
from tests.faults.board import Board, Troubles, View
from tests.faults.inject import AGAIN_AFTER, trouble_calls, trouble_disk
from tests.faults.system import environment
from tests.harness.tree import clean_environment
from tests.harness.wait import until


@pytest.fixture
def board(tmp_path: Path) -> Board:
    """A board on which nothing is wrong."""
    return Board(tmp_path / "board.json")


class _Calls:
    """An adapter that only counts."""

    def __init__(self) -> None:
        self.done = 0

    async def send(self, number: int) -> int:
        """Do the work."""
        self.done += 1
        return number

    async def receive(self) -> list[int]:
        """Give something."""
        self.done += 1
        return [1]


def _troubled(board: Board) -> _Calls:
    class Troubled(_Calls):
        pass

    view = View(board.path, "tap")
    trouble_calls(view, Troubled, ("send", "receive"), "queue", QueueUnavailable)
    return Troubled()


async def test_a_call_that_is_refused_does_nothing(board: Board) -> None:
    """The connection was never made."""
    calls = _troubled(board)
    board.show({"tap": Troubles(queue="refuses")})
    with pytest.raises(QueueUnavailable):
        await calls.send(1)
    assert calls.done == 0
    assert board.met == {"queue_refuses": 1}


async def test_a_call_that_is_cut_off_has_done_its_work(board: Board) -> None:
    """What is told to have failed has happened."""
    calls = _troubled(board)
    board.show({"tap": Troubles(queue="cuts")})
    with pytest.raises(QueueUnavailable):
        await calls.send(1)
    assert calls.done == 1


async def test_a_call_that_is_repeated_arrives_again_later(board: Board) -> None:
    """And what is received is received twice at once."""
    assert AGAIN_AFTER < 1
    calls = _troubled(board)
    board.show({"tap": Troubles(queue="twice")})
    assert await calls.receive() == [1, 1]
    assert await calls.send(7) == 7
    assert calls.done == 2
    await until(lambda: calls.done == 3, "the second arrival")


async def test_trouble_is_of_one_part_and_ends_with_the_board(board: Board) -> None:
    """A worker's trouble is none of the tap's, and what is taken down is over."""
    calls = _troubled(board)
    board.show({"worker": Troubles(queue="refuses")})
    assert await calls.send(1) == 1
    board.show({"tap": Troubles(queue="refuses")})
    with pytest.raises(QueueUnavailable):
        await calls.send(2)
    board.show({})
    assert await asyncio.wait_for(calls.send(3), 1) == 3


def test_a_full_disk_takes_half_of_a_write_and_a_broken_one_no_sync(
    board: Board, tmp_path: Path
) -> None:
    """As a real disk that fills up tears the write that no longer fits."""

    class File(_RealFile):
        pass

    class Disk(RealDisk):
        pass

    trouble_disk(View(board.path, "tap"), Disk, File)
    disk = Disk(tmp_path)
    path = tmp_path / "file"
    file = File(os.open(path, os.O_CREAT | os.O_WRONLY))
    board.show({"tap": Troubles(disk="full")})
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        file.write(b"12345678")
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        disk.create("another")
    board.show({"tap": Troubles(disk="error")})
    for sync in (file.sync, disk.sync):
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            sync()
    board.show({})
    file.write(b"!")
    file.sync()
    file.close()
    assert path.read_bytes() == b"1234!"


@pytest.mark.parametrize(("words", "shifted"), [(["tap"], 1), (["console"], 0), ([], 0)])
def test_faults_go_into_parts_and_nowhere_else(
    board: Board, words: list[str], shifted: int
) -> None:
    """A process of the tree has the clock of its part; any other Python has the true one."""
    day = 86_400.0
    board.show({"tap": Troubles(clock=day)})
    say = "import sys, time; sys.stdout.write(str(time.time()))"
    mark = ["cli.main", *words, "--child"]
    said = subprocess.run(
        [sys.executable, "-P", "-c", say, *mark],
        env=clean_environment(**environment(board.path, {})),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert round((float(said.stdout) - time.time()) / day) == shifted


def test_a_fault_that_cannot_be_installed_stops_the_part(board: Board, tmp_path: Path) -> None:
    """Otherwise a fault that was never there would count as survived."""
    (tmp_path / "audit").mkdir()
    for name in ("__init__.py", "errors.py"):
        (tmp_path / "audit" / name).write_text("")
    env = environment(board.path, {})
    env["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{env['PYTHONPATH']}"
    command = [sys.executable, "-P", "-c", "pass", "cli.main", "tap", "--child"]
    done = subprocess.run(
        command, env=clean_environment(**env), capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "fault harness: could not be installed" in done.stderr
