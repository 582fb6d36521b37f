"""Workers as an orchestrator has them: several at once, killed, stopped, and unable to work."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path

from cli.places import Places
from tests.harness.tree import auditstream
from tests.harness.workers import alive, filled, gone, left_in, stored_in, worker

PAIRS = 120
# What a killed worker held comes again soon.
SOON = {"AUDITSTREAM_WORKER__LEASE": "2"}


def assert_each_is_stored_once(data: Path) -> None:
    """Records and ledger agree on all of them, and nothing was set aside."""
    with closing(sqlite3.connect(Places(data).store)) as db:
        records = {each for (each,) in db.execute("SELECT id FROM records")}
        entered = db.execute("SELECT state, count(*) FROM ledger GROUP BY state").fetchall()
    assert (len(records), stored_in(data), entered) == (PAIRS, PAIRS, [("stored", PAIRS)])
    with closing(sqlite3.connect(Places(data).queue)) as db:
        assert db.execute("SELECT count(*) FROM messages").fetchone() == (0,)


async def test_each_record_is_stored_once_whoever_is_killed(tmp_path: Path) -> None:
    """Two workers share a queue unasked; one is killed, and a process that redacts for the other.

    No process goes on redacting for a worker that was killed; one that is asked to stop ends well.
    """
    data = await filled(tmp_path / "data", PAIRS)
    async with (
        worker(data, "--concurrency", "8", env=SOON) as doomed,
        worker(data, "--processes", "2", env=SOON) as other,
    ):
        await left_in(data, PAIRS - 20)
        orphans = doomed.redacting()
        assert len(orphans), "it redacts in a process of its own"
        await doomed.kill()
        lost, _ = other.redacting()
        os.kill(lost, signal.SIGKILL)
        await left_in(data, PAIRS // 3)
        await gone(orphans)
        assert await other.stop() == 0
    async with worker(data, env=SOON) as last:
        await left_in(data)
        assert await last.stop() == 0
    assert_each_is_stored_once(data)
    assert b"Traceback" not in last.log.read_bytes()


async def test_a_process_that_redacts_holds_nothing_but_its_pipes(tmp_path: Path) -> None:
    """No variable of ours, no file of queue, store or keys; and it goes with its worker."""
    data = await filled(tmp_path / "data", 1)
    secret = {"AUDITSTREAM_STORE__KEY": "c2VjcmV0"}
    async with worker(data, env=secret) as running:
        await left_in(data)
        (redacting,) = running.redacting()
        proc = Path(f"/proc/{redacting}")
        assert b"AUDITSTREAM" not in (proc / "environ").read_bytes()
        files = [str(each.readlink()) for each in (proc / "fd").iterdir()]
        assert not [each for each in files if each.startswith(str(tmp_path)) and ".log" not in each]
        assert await running.stop() == 0
        assert not alive(redacting)
    assert stored_in(data) == 1


def test_a_worker_that_cannot_work_says_why_and_fails(tmp_path: Path) -> None:
    """A queue that is none, a policy that is none: an orchestrator sees it by the exit code."""
    data = asyncio.run(filled(tmp_path / "data", 1))
    policy = tmp_path / "policy.toml"
    policy.write_text("name = 7")
    words = ("worker", "--data", str(data))
    env = {**os.environ, "AUDITSTREAM_REDACTION__POLICY": str(policy)}
    refused = auditstream(*words, env=env)
    assert refused.returncode == 2
    assert str(policy) in refused.stderr
    Places(data).queue.write_bytes(b"this is no queue" * 100)
    refused = auditstream(*words)
    assert refused.returncode == 1
    assert str(Places(data).queue) in refused.stderr
