"""A tap that starts while its audit is broken: callers do not notice, and every call is counted."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import ClientSession

from audit.errors import SpoolUnavailable
from tests.harness.leftovers import installation
from tests.harness.load import CountingUpstream
from tests.harness.settling import tap_health
from tests.harness.tree import Tree, auditstream, clean_environment, free_port
from tests.harness.wait import until

ASKED = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[CountingUpstream]:
    """Somebody to talk to."""
    running = CountingUpstream()
    await running.start()
    yield running
    await running.stop()


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of 256 KiB of its own at `folder`."""
    folder.mkdir(mode=0o700, parents=True)
    words = ["mount", "-t", "tmpfs", "-o", "size=256k,mode=0700", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(words, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        pytest.skip("nobody here may mount a file system")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(file: Path) -> None:
    """Leave no byte free on the file's disk."""
    with file.open("wb", buffering=0) as every:
        try:
            while every.write(bytes(512)):
                pass
        except OSError:
            return


async def call(where: str, times: int) -> None:
    """Some plain calls, each answered."""
    async with ClientSession() as session:
        for number in range(times):
            trace = {"traceparent": f"00-{number + 1:032x}-{1:016x}-01"}
            url = f"{where}/v1/chat/completions"
            async with session.post(url, json=ASKED, headers=trace) as answer:
                assert answer.status == 200
                assert "choices" in await answer.json()


async def code_of(tree: Tree) -> object:
    """What ails the tap, as it says."""
    health = await tap_health(tree)
    return health.get("code") if health.get("healthy") else "not healthy"


async def test_a_disk_that_was_full_before_the_start_costs_no_call(
    tmp_path: Path, upstream: CountingUpstream
) -> None:
    """What came meanwhile is a gap that the account names; what comes afterwards is recorded."""
    data = tmp_path / "data"
    tree = Tree(data, upstream.url)
    with small_disk(data / "spool"):
        await tree.start()
        await call(tree.url, 1)
        assert await tree.stop() == 0
        fill(data / "spool" / "filler")
        await tree.start()
        assert await code_of(tree) == SpoolUnavailable.code
        assert (await tap_health(tree))["spool"] is None
        await call(tree.url, 3)
        (data / "spool" / "filler").unlink()
        await until(lambda: b"spool.write_recovered" in tree.log.read_bytes(), "it opens")
        await call(tree.url, 2)
        assert await tree.stop() == 0
    said = auditstream("verify", "--data", str(data), "--json")
    report = json.loads(said.stdout)
    assert (report["counts"]["stored"], report["counts"]["unrecorded"]) == (3, 3), report
    assert said.returncode == 0


@asynccontextmanager
async def tap_alone(data: Path, upstream: str, listen: str) -> AsyncIterator[None]:
    """A tap without a parent, once it listens."""
    words = ("tap", "--data", str(data), "--upstream", upstream, "--listen", listen)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cli.main", *words),
        env=clean_environment(AUDITSTREAM_TAP__CONTROL="127.0.0.1:0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            assert await process.stdout.readline(), "it did not start"
        yield
    finally:
        process.terminate()
        await process.wait()


def queued(data: Path) -> int:
    """How many exchanges the queue holds."""
    try:
        with closing(sqlite3.connect(f"file:{data / 'queue.sqlite'}?mode=ro", uri=True)) as db:
            ((count,),) = db.execute("SELECT count(*) FROM messages WHERE seq > 0")
    except sqlite3.Error:
        return 0
    return int(count)


async def test_a_damaged_queue_keeps_no_tap_from_starting(
    tmp_path: Path, upstream: CountingUpstream
) -> None:
    """It waits for the queue as it does when that breaks later, and ships when it is mended."""
    data = installation(tmp_path / "data")
    (data / "queue.sqlite").write_bytes(b"this is no database" * 500)
    port = free_port()
    async with tap_alone(data, upstream.url, f"127.0.0.1:{port}"):
        await call(f"http://127.0.0.1:{port}", 2)
        (data / "queue.sqlite").unlink()
        await until(lambda: queued(data) == 2, "what waited is shipped")
