"""Erasure under fire: wherever an exchange is when it is erased, it does not come back."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from storage.spool.census import census_folder
from tests.harness.leaks import files_under, rows_of
from tests.harness.live import Live, plain, session
from tests.harness.placements import chat
from tests.harness.plants import a_marker
from tests.harness.scripted_upstream import Answer, ScriptedUpstream, chunks_of
from tests.harness.tree import Tree, auditstream
from tests.harness.wait import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

WHY = ("--why", "the person asked for it")
STREAM = "text/event-stream"


@dataclass
class Office(Live):
    """A running tree, and who gives orders about what it holds."""

    certificates: list[Path] = field(default_factory=list)

    async def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command over the running tree's data."""
        return await asyncio.to_thread(auditstream, *words, "--data", str(self.tree.data))

    async def erase(self, *words: str) -> dict[str, str]:
        """Erase; give what the certificate says of each id. The file is kept to be verified."""
        file = self.tree.data.with_name(f"certificate-{len(self.certificates)}")
        done = await self.run("erase", *words, *WHY, "--out", str(file))
        assert done.returncode == 0, done.stderr
        self.certificates.append(file)
        certificate: dict[str, Any] = json.loads(file.read_bytes())
        return {each["id"]: each["before"] for each in certificate["erased"]}

    async def verified(self) -> None:
        """The last certificate is confirmed, and the log is complete."""
        for file in self.certificates[-1:]:
            done = await self.run("verify", "--certificate", str(file))
            assert done.returncode == 0, done.stdout + done.stderr
        done = await self.run("verify", "--json")
        assert done.returncode == 0, done.stdout

    def waiting(self) -> list[tuple[str, bool]]:
        """The exchanges that the queue holds: id, and whether a worker has leased it."""
        with sqlite3.connect(f"file:{self.tree.data / 'queue.sqlite'}?mode=ro", uri=True) as db:
            rows = db.execute("SELECT id, receipt FROM messages WHERE kind != 'checkpoint'")
            found = [(str(record_id), receipt is not None) for record_id, receipt in rows]
        db.close()
        return found

    async def drained(self) -> None:
        """Wait until the queue holds no exchange."""
        await until(lambda: not self.waiting(), "an empty queue")

    @contextmanager
    def frozen(self, part: str) -> Iterator[None]:
        """Let a part stand still meanwhile, but not with a lock in its hand."""
        pid = json.loads((self.tree.data / "running.json").read_text())["pids"][part]
        os.kill(pid, signal.SIGSTOP)
        while not all(map(_is_free, self.tree.data.glob("*.sqlite"))):
            os.kill(pid, signal.SIGCONT)
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            # It may have been killed meanwhile, and another one started in its place.
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    @contextmanager
    def unredacted(self) -> Iterator[None]:
        """Let who redacts stand still meanwhile, so that the worker cannot be done with a text."""
        worker = json.loads((self.tree.data / "running.json").read_text())["pids"]["worker"]
        listed = Path(f"/proc/{worker}/task").glob("*/children")
        redacting = [int(pid) for file in listed for pid in file.read_text().split()]
        assert redacting, "the worker has no process that redacts"
        for pid in redacting:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in redacting:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def found(self, text: str) -> list[str]:
        """The files that hold a text, in bytes or in a cell."""
        data = self.tree.data
        places = [name for name, said in files_under(data).items() if text.encode() in said]
        for file in (data / "records.sqlite", data / "queue.sqlite"):
            places += [str(file) for cell in rows_of(file) if text.encode() in cell]
        return places


def _is_free(file: Path) -> bool:
    """Whether a transaction can be begun at once, or nearly: others may be writing now."""
    with closing(sqlite3.connect(file, timeout=0.5, isolation_level=None)) as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        db.execute("ROLLBACK")
    return True


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """One running tree for all; a lease that its holder does not renew lapses soon."""
    upstream = ScriptedUpstream()
    await upstream.start()
    data = tmp_path_factory.mktemp("erasure") / "data"
    tree = Tree(data, upstream.url, extra={"AUDITSTREAM_WORKER__LEASE": "2"})
    await tree.start()
    yield Office(tree, upstream)
    assert await tree.stop() == 0, tree.log.read_text()
    await upstream.stop()
    assert "worker.dead_lettered" not in tree.log.read_text()
    assert "worker.unexpected" not in tree.log.read_text()


@pytest.fixture
def marker() -> str:
    """A word that is personal to nobody, so that a record keeps it, and that no other text has."""
    rng = random.Random(random.SystemRandom().randrange(2**64))
    return a_marker(rng) + a_marker(rng)


async def test_a_stored_record_is_gone_to_the_last_byte(office: Office, marker: str) -> None:
    """While everything runs: no file holds a word of it, its neighbour stays, verify confirms."""
    kept = (await office.ask("what stays")).trace
    gone = (await office.ask(f"the word is {marker}", plain(f"it is {marker}"))).trace
    record = await office.record(gone)
    assert office.found(marker)
    assert await office.erase("--id", record["id"]) == {record["id"]: "stored"}
    assert office.found(marker) == []
    assert await office.erase("--id", record["id"]) == {record["id"]: "removed"}
    await office.record(kept)
    await office.verified()


async def test_what_waits_in_the_queue_is_not_stored(office: Office, marker: str) -> None:
    """The worker stands still while it is erased; when it goes on, there is nothing to carry."""
    with office.frozen("worker"):
        await office.ask(f"the word is {marker}")
        await until(lambda: len(office.waiting()) == 1, "a waiting message")
        ((record_id, _),) = office.waiting()
        assert await office.erase("--id", record_id) == {record_id: "waiting"}
        assert office.waiting() == []
    after = (await office.ask("what comes afterwards")).trace
    await office.record(after)
    assert office.found(marker) == []
    await office.verified()


async def test_what_is_still_in_the_spool_is_not_stored(office: Office, marker: str) -> None:
    """It is erased while its answer streams: the caller gets all of it, the store nothing."""
    office.upstream.release.clear()
    pieces = [chunks_of({"content": marker}), chunks_of({}, "stop") + b"data: [DONE]\n\n"]
    trace, headers = office.script(Answer(pieces, kind=STREAM, waits=True))
    body = chat({"role": "user", "content": f"say {marker}"}, stream=True)
    async with (
        session() as client,
        client.post(office.chat_url, data=body, headers=headers) as response,
    ):
        first = await response.content.readuntil(b"\n\n")
        boot = census_folder(office.tree.data / "spool" / "tap").boots[-1]
        (record_id,) = [seen.id for seen in boot.open]
        assert await office.erase("--id", record_id) == {record_id: "waiting"}
        office.upstream.release.set()
        assert first + await response.read() == b"".join(pieces)
    after = (await office.ask("what comes afterwards")).trace
    await office.record(after)
    await office.drained()
    assert office.found(marker) == []
    await office.verified()
    done = await office.run("query", "--jsonl", f"trace:{trace}")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("dies", [False, True])
async def test_what_a_worker_has_leased_is_not_stored(
    office: Office, marker: str, dies: bool
) -> None:
    """The worker is stopped in the middle of it, for longer than its lease, or killed."""
    with office.unredacted():
        await office.ask(f"the word is {marker}")
        await until(lambda: any(leased for _, leased in office.waiting()), "a lease")
        with office.frozen("worker"):
            ((record_id, _),) = office.waiting()
            assert await office.erase("--id", record_id) == {record_id: "waiting"}
            if dies:
                running = json.loads((office.tree.data / "running.json").read_text())
                os.kill(running["pids"]["worker"], signal.SIGKILL)
    await office.drained()
    after = (await office.ask("what comes afterwards")).trace
    await office.record(after)
    assert office.found(marker) == []
    await office.verified()


async def test_a_consumers_exchanges_go_wherever_they_are(office: Office, marker: str) -> None:
    """Stored, waiting and streaming ones are all named by one order, and later ones are not."""
    stored = await office.record((await office.ask(f"first {marker}")).trace)
    with office.frozen("worker"):
        await office.ask(f"second {marker}")
        await until(lambda: len(office.waiting()) == 1, "a waiting message")
        told = await office.erase("--consumer", "unassigned")
    assert told[stored["id"]] == "stored"
    await office.drained()
    after = (await office.ask("what comes afterwards")).trace
    await office.record(after)
    assert office.found(marker) == []
    await office.verified()


async def test_what_is_held_is_refused_until_it_is_released(office: Office, marker: str) -> None:
    """The refusal names the record; held and released it verifies, and then it can go."""
    record = await office.record((await office.ask(f"the word is {marker}")).trace)
    done = await office.run("hold", "add", "--id", record["id"], "--why", "a claim", "--json")
    hold = json.loads(done.stdout)
    assert hold["stored"] == 1
    held = await office.run("show", record["id"], "--json")
    assert json.loads(held.stdout)["retention"]["hold"] is True
    refused = await office.run("erase", "--id", record["id"], *WHY)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert record["id"] in refused.stderr
    await office.verified()
    listed = await office.run("hold", "list", "--json")
    assert [each["id"] for each in json.loads(listed.stdout)] == [hold["hold"]]
    done = await office.run("hold", "release", hold["hold"], "--why", "settled")
    assert done.returncode == 0, done.stderr
    await office.verified()
    assert await office.erase("--id", record["id"]) == {record["id"]: "stored"}
    assert office.found(marker) == []


BAD: dict[str, tuple[tuple[str, ...], str]] = {
    "nothing named": ((), "--id ID, or --consumer NAME"),
    "a session of nobody": (("--session", "s"), "give --consumer too"),
    "an id and a consumer": (("--id", "x", "--consumer", "c"), "--id or --consumer, not both"),
    "no reason": (("--id", "x", "--why", " "), "--why is empty"),
    "no instant": (("--consumer", "c", "--before", "soon"), "--before is no day"),
    "the future": (("--consumer", "c", "--before", "2999-01-01"), "lies in the future"),
    "a numbered token": (("--consumer", "c", "--session", "<PERSON_1>"), "numbered token"),
    "an unknown id": (("--id", "nobody"), "no exchange nobody is known"),
    "a file that is there": (("--id", "x", "--out", "{data}/binding"), "--out: "),
}


async def test_what_makes_no_sense_is_one_line(office: Office) -> None:
    """Each mistake is named, nothing is erased, and the certificate is not begun."""
    record = await office.record((await office.ask()).trace)
    for words, line in BAD.values():
        given = [word.format(data=office.tree.data) for word in words]
        done = await office.run("erase", *WHY, *given)
        assert (done.returncode, done.stdout) == (2, ""), done.stderr
        assert line in done.stderr
        assert done.stderr.count("\n") == 1
    plan = await office.run("erase", *WHY, "--consumer", "unassigned", "--dry-run", "--json")
    found = {each["id"]: each["now"] for each in json.loads(plan.stdout)}
    assert found[record["id"]] == "stored"
    assert set(found.values()) == {"stored"}
    await office.verified()
