"""Folders that cannot be written, and databases of others in ours: one line, left as found."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.harness.leftovers import carried, installation, leave
from tests.harness.starting import HELD_TO_PERMISSIONS, UPSTREAM, assert_one_line, up_in
from tests.harness.tree import auditstream, clean_environment


@pytest.mark.parametrize("name", ["queue.sqlite", "records.sqlite"])
def test_a_foreign_database_in_place_of_ours_is_named_and_not_touched(
    tmp_path: Path, name: str
) -> None:
    """Nothing starts on it, `verify` could not tell, and it stays byte for byte what it was."""
    data = installation(tmp_path / "data")
    with closing(sqlite3.connect(data / name)) as db:
        db.execute("CREATE TABLE holidays (beach TEXT)")
        db.commit()
    before = (data / name).read_bytes()
    started = up_in(tmp_path, *UPSTREAM, "--data", "data")
    assert started.returncode != 0
    assert f"auditstream: data/{name} is not ours but an SQLite file of another" in started.stderr
    verified = auditstream("verify", "--data", str(data))
    assert verified.returncode == 2
    assert f"{data / name} is not ours" in verified.stderr
    assert (data / name).read_bytes() == before


async def test_a_read_only_copy_is_verified_and_read(tmp_path: Path) -> None:
    """A medium that cannot be written is as good as any, once looks are entered elsewhere."""
    data = installation(tmp_path / "data")
    ids = await leave(data / "spool" / "gone", data, 2)
    assert auditstream("adopt", str(data), "--data", str(data)).returncode == 0
    await carried(data)
    for folder in (data, data / "spool", data / "spool" / "gone"):
        folder.chmod(0o500)
    verified = _held(tmp_path, "verify", "--data", "data", "--json")
    unseen = _held(tmp_path, "query", "--data", "data", "--jsonl")
    elsewhere = str(tmp_path / "access.sqlite")
    queried = _held(tmp_path, "query", "--data", "data", AUDITSTREAM_CONSOLE__ACCESS_LOG=elsewhere)
    refused = up_in(tmp_path, *UPSTREAM, "--data", "data")
    for folder in (data, data / "spool", data / "spool" / "gone"):
        folder.chmod(0o700)
    assert verified.returncode == 0, verified.stderr
    assert (unseen.returncode, unseen.stdout) == (1, "")
    assert "set console.access_log to a file that can be written" in unseen.stderr
    assert all(each in queried.stdout for each in ids)
    assert_one_line(refused, "setting data: data cannot be written")


async def test_a_read_only_spool_folder_is_one_line(tmp_path: Path) -> None:
    """The tap does not start where it could keep nothing, and says which folder it is."""
    data = installation(tmp_path / "data")
    await leave(data / "spool" / "tap", data, 1, tap="tap")
    (data / "spool" / "tap").chmod(0o500)
    started = up_in(tmp_path, *UPSTREAM, "--data", "data")
    (data / "spool" / "tap").chmod(0o700)
    assert started.returncode != 0
    line = "auditstream: data: the spool folder data/spool/tap cannot be used (Permission denied)"
    assert line in started.stderr


def _held(here: Path, *words: str, **given: str) -> subprocess.CompletedProcess[str]:
    """Run a command where permissions hold for root too."""
    return subprocess.run(
        [*HELD_TO_PERMISSIONS, sys.executable, "-P", "-m", "cli.main", *words],
        cwd=here,
        env=clean_environment(PYTHONPATH=str(Path.cwd()), COLUMNS="240", **given),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
