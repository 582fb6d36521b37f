"""Keys that are missing or another's: refused by name, and nothing is lost until they are back."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from aiohttp import ClientSession, ClientTimeout

from tests.harness.leftovers import carried, counts, installation, leave
from tests.harness.starting import UPSTREAM, assert_one_line, up_in
from tests.harness.tree import auditstream, clean_environment, free_port, records


@asynccontextmanager
async def tap_alone(data: Path) -> AsyncIterator[str]:
    """`auditstream tap` over the data, drained in the end; gives where it listens."""
    address = f"127.0.0.1:{free_port()}"
    words = ("tap", *UPSTREAM, "--listen", address, "--data", str(data))
    with data.with_name("tap.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "cli.main", *words),
            env=clean_environment(AUDITSTREAM_TAP__CONTROL="127.0.0.1:0"),
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            line = await process.stdout.readline()
        assert line, data.with_name("tap.log").read_text()
        assert json.loads(line)["ready"]
        yield f"http://{address}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
    assert process.returncode == 0, data.with_name("tap.log").read_text()


async def test_a_tap_records_without_the_key_that_opens(tmp_path: Path) -> None:
    """What cannot carry refuses and names the file; the tap runs, and nothing of it is lost.

    What was stored before is read as ever.
    """
    data = installation(tmp_path / "data")
    (before,) = await leave(data / "spool" / "gone", data, 1)
    assert auditstream("adopt", str(data), "--data", str(data)).returncode == 0
    await carried(data)
    (key,) = data.with_name("data.keys").glob("seal.*.key")
    shutil.move(key, tmp_path)
    started = up_in(tmp_path, *UPSTREAM, "--data", "data")
    assert_one_line(started, "the private key ")
    refused = auditstream("worker", "--data", str(data))
    assert refused.returncode == 2
    for said, file in ((started.stderr, f"data.keys/{key.name}"), (refused.stderr, str(key))):
        assert f"put {file} back" in said
        assert "auditstream keys rotate seal" in said
        assert "`auditstream tap` records without it" in said
    async with (
        tap_alone(data) as url,
        ClientSession(timeout=ClientTimeout(total=60)) as client,
        client.get(url) as response,
    ):
        assert response.status == 502
    assert counts(data) == {"stored": 1, "waiting": 1}
    assert [record["id"] for record in records(data)] == [before]
    shutil.move(tmp_path / key.name, key)
    await carried(data)
    assert counts(data) == {"stored": 2}


async def test_a_missing_old_key_costs_what_it_sealed_until_it_is_back(tmp_path: Path) -> None:
    """Without it those are set aside as `key.missing`; with it a replay stores them."""
    data = installation(tmp_path / "data")
    old = await leave(data / "spool" / "gone", data, 3)
    (key,) = data.with_name("data.keys").glob("seal.*.key")
    assert auditstream("adopt", str(data), "--data", str(data)).returncode == 0
    rotated = auditstream("keys", "rotate", "seal", "--data", str(data))
    assert rotated.returncode == 0, rotated.stderr
    new = await leave(data / "spool" / "new", data, 2, tap="new")
    assert auditstream("adopt", str(data / "spool" / "new"), "--data", str(data)).returncode == 0
    shutil.move(key, tmp_path)
    await carried(data)
    listed = auditstream("dead-letters", "list", "--data", str(data), "--json")
    assert {(each["id"], each["code"]) for each in msgspec.json.decode(listed.stdout)} == {
        (each, "key.missing") for each in old
    }
    assert {record["id"] for record in records(data)} == set(new)
    assert counts(data) == {"stored": 2, "unreadable": 3}
    shutil.move(tmp_path / key.name, key)
    replayed = auditstream("dead-letters", "replay", "--all", "--data", str(data))
    assert replayed.returncode == 0, replayed.stderr
    await carried(data)
    assert counts(data) == {"stored": 5}


async def test_another_installations_keys_are_refused_by_name(tmp_path: Path) -> None:
    """No part runs with them, and nobody who verifies with them hears `complete`."""
    data = installation(tmp_path / "data")
    installation(tmp_path / "other")
    await leave(data / "spool" / "gone", data, 1)
    other = ("--keys", str(tmp_path / "other.keys"))
    for words in (("adopt", str(data / "spool")), ("worker",), ("tap", *UPSTREAM)):
        result = auditstream(*words, "--data", str(data), *other)
        assert result.returncode == 2, words
        assert f"the data folder {data} was made with the key" in result.stderr, words
    assert auditstream("adopt", str(data / "spool"), "--data", str(data)).returncode == 0
    await carried(data)
    verified = auditstream("verify", "--data", str(data), *other)
    assert verified.returncode == 2
    assert "these are not the worker keys that this data was made with" in verified.stderr
    assert counts(data) == {"stored": 1}
