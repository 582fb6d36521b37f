"""A realtime session through the running system: each response a record, all of them one number."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.exceptions import ConnectionClosedError

from tests.harness.outputs import get
from tests.harness.realtime_upstream import RealtimeUpstream, realtime_upstream
from tests.harness.settling import settled
from tests.harness.talking import talk
from tests.harness.tree import Tree, auditstream, records
from tests.harness.wait import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

MAIL = "ada.lovelace@example.org"
OTHER = "grace.hopper@example.org"
TURNS = (f"write to {MAIL}", f"no, to {OTHER}", f"then to {MAIL} again")
# More than a tap reads itself: what is left to the worker is told apart likewise.
LONG = tuple(f"{n} {'and so on and on ' * 600}" for n in range(15))
WHY = ("--why", "asked for")


@dataclass
class Running:
    """A running tree with an upstream that talks, and the sessions that were had so far."""

    tree: Tree
    upstream: RealtimeUpstream

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command over its data."""
        return auditstream(*words, "--data", str(self.tree.data))

    async def session(self, *turns: str) -> list[dict[str, Any]]:
        """Have a session; gives its records, in their order."""
        before = {each["id"] for each in records(self.tree.data)}
        assert len(await talk(self.tree.url, turns)) == len(turns)
        await settled(self.tree)
        fresh = [each for each in records(self.tree.data) if each["id"] not in before]
        return sorted(fresh, key=lambda each: int(each["tap"].get("record", 1)))

    def complete(self) -> None:
        """The log is complete, as `verify` says."""
        done = self.run("verify", "--json")
        assert done.returncode == 0, done.stdout

    def ids(self, exchange: str) -> list[str]:
        """The ids of an exchange's records that are stored."""
        return [each["id"] for each in records(self.tree.data, f"id:{exchange}*")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Running]:
    """One tree for all sessions."""
    data: Path = tmp_path_factory.mktemp("sessions") / "data"
    async with realtime_upstream() as upstream:
        tree = Tree(data, f"http://127.0.0.1:{upstream.port}")
        await tree.start()
        yield Running(tree, upstream)
        assert await tree.stop() == 0, tree.log.read_text()


async def test_each_turn_of_a_session_is_a_record_and_a_name_has_one_token(
    running: Running,
) -> None:
    """They name their place, hold what was said since the one before, and agree on tokens."""
    stored = await running.session(*TURNS)
    first = stored[0]["id"]
    assert [each["id"] for each in stored] == [first, f"{first}/2", f"{first}/3"]
    assert [each["tap"]["records"] for each in stored] == [3, 3, 3]
    asked = [each["request"]["messages"][-1]["parts"][0]["text"] for each in stored]
    one, other = "<EMAIL_ADDRESS_1>", "<EMAIL_ADDRESS_2>"
    assert asked == [f"write to {one}", f"no, to {other}", f"then to {one} again"]
    assert [each["request"]["messages"][0]["role"] for each in stored] == ["system"] * 3
    assert [each["exchange"]["ending"] for each in stored] == ["complete"] * 2 + ["tunnelled"]
    instants = [each["timing"]["received_at"] for each in stored]
    assert instants == sorted(set(instants))
    assert MAIL not in json.dumps(stored)
    running.complete()


async def test_a_record_is_shown_with_the_way_to_the_next(running: Running) -> None:
    """By the command line and by the query side, whose address holds the id's slash."""
    stored = await running.session("One", "Two")
    first = stored[0]["id"]
    shown = running.run("show", first)
    assert "1 of 2 records of one session" in shown.stdout
    assert f"next: auditstream show {first}/2" in shown.stdout
    shown = running.run("show", f"{first}/2")
    assert "2 of 2 records of one session" in shown.stdout
    assert f"first: auditstream show {first}\n" in shown.stdout.replace(" \n", "\n")
    assert sorted(running.ids(first)) == [first, f"{first}/2"]
    console = (await running.tree.state())["console"]
    token = (running.tree.data.with_name("data.keys") / "console.token").read_text().strip()
    path = f"/api/v1/records/{first}/2"
    status, body = await get(console, path, Authorization=f"Bearer {token}")
    assert (status, json.loads(body)["id"]) == (200, f"{first}/2")


async def test_a_session_that_is_left_to_the_worker_is_told_apart_likewise(
    running: Running,
) -> None:
    """It is too large for the tap; each response has its record and its own time."""
    stored = await running.session(*LONG)
    assert [each["tap"].get("record", 1) for each in stored] == list(range(1, len(LONG) + 1))
    for at, each in enumerate(stored):
        assert each["request"]["messages"][-1]["parts"][0]["text"].startswith(f"{at} and so")
        assert each["usage"]["total"] == 7
    instants = [each["timing"]["received_at"] for each in stored]
    assert instants == sorted(instants)
    assert len(set(instants)) > 1
    running.complete()


async def test_whoever_erases_one_record_erases_the_session(
    running: Running, tmp_path: Path
) -> None:
    """The plan and the certificate say so, and it is confirmed."""
    stored = await running.session("One", "Two", "Three")
    first = stored[0]["id"]
    plan = running.run("erase", "--id", f"{first}/2", *WHY, "--dry-run")
    assert plan.stdout == f"{first}  stored (3 records)\n"
    certificate = tmp_path / "certificate.json"
    done = running.run("erase", "--id", f"{first}/2", *WHY, "--out", str(certificate))
    assert done.returncode == 0, done.stderr
    assert "1 of them is a session of 3 records" in done.stderr
    (erased,) = json.loads(certificate.read_text())["erased"]
    assert (erased["id"], erased["records"]) == (first, 3)
    assert running.ids(first) == []
    assert running.run("verify", "--certificate", str(certificate)).returncode == 0
    running.complete()


async def test_a_hold_on_one_record_holds_the_session(running: Running) -> None:
    """None of it can be erased until the hold is released."""
    stored = await running.session("One", "Two")
    first = stored[0]["id"]
    held = running.run("hold", "add", "--id", f"{first}/2", *WHY, "--json")
    assert held.returncode == 0, held.stderr
    running.complete()
    assert [each["retention"]["hold"] for each in records(running.tree.data, f"id:{first}*")] == [
        True,
        True,
    ]
    assert running.run("erase", "--id", first, *WHY).returncode != 0
    order = json.loads(held.stdout)["hold"]
    released = running.run("hold", "release", order, *WHY)
    assert released.returncode == 0, released.stderr
    assert running.run("erase", "--id", first, *WHY).returncode == 0
    assert running.ids(first) == []
    running.complete()


async def test_a_tap_that_dies_in_a_session_leaves_its_responses_apart(running: Running) -> None:
    """What had been said has a record for each response; only the last says that it died."""
    tree = running.tree
    before = {each["id"] for each in records(tree.data)}
    talking = asyncio.create_task(talk(tree.url, [f"turn {n}" for n in range(100_000)]))
    answers = running.upstream.answers
    await until(lambda: running.upstream.answers > answers + 5, "some turns")
    await tree.kill()
    with pytest.raises(ConnectionClosedError):
        await talking
    await tree.start()
    await settled(tree)
    fresh = [each for each in records(tree.data) if each["id"] not in before]
    fresh.sort(key=lambda each: int(each["tap"].get("record", 1)))
    assert len(fresh) == fresh[0]["tap"].get("records", 1)
    endings = [each["exchange"]["ending"] for each in fresh]
    assert endings == ["complete"] * (len(fresh) - 1) + ["tap_crashed"]
    running.complete()
