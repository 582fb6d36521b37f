"""Random clients and upstreams: each exchange has its one true record, and nothing is left behind.

The seed is printed and can be given as AUDITSTREAM_TEST_SEED; how long the traffic lasts, in
seconds, as AUDITSTREAM_TEST_TRAFFIC_SECONDS.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvloop

from audit.parts import Text
from audit.record import AuditRecord
from tests.harness.raw_upstream import RawUpstream
from tests.harness.tap import RunningTap, running_tap
from tests.harness.traffic_ends import Caller, Gateway
from tests.harness.traffic_plan import Noted, Plan, draw
from tests.harness.wait import until

SECONDS = float(os.environ.get("AUDITSTREAM_TEST_TRAFFIC_SECONDS", "12"))
SEED = int(os.environ.get("AUDITSTREAM_TEST_SEED", random.SystemRandom().randrange(2**32)))
CALLERS, CALLS = 60, 5

# What an answer in the tap's own name says of the ending.
OWN = {
    "upstream_disconnected": "upstream_disconnected",
    "upstream_timeout": "upstream_timeout",
    "client_idle": "client_disconnected",
}
FAULTS = {
    "cuts": "upstream_disconnected",
    "resets": "upstream_disconnected",
    "hangs up": "upstream_disconnected",
    "stalls": "upstream_timeout",
}

Call = tuple[Plan, Noted]


@dataclass(frozen=True)
class Levels:
    """What must be back where it was: files but sockets, tasks, and blocks of memory."""

    files: int
    tasks: int
    blocks: int


@pytest.mark.timeout(SECONDS * 3 + 120)
def test_random_traffic_is_recorded_truly_and_leaves_nothing_behind(tmp_path: Path) -> None:
    """Disconnects, stalls, resets, splits, slow readers and early answers, all at once."""
    print(f"seed {SEED}")  # noqa: T201 - shown with a failure, to run it again
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(traffic(tmp_path))


async def traffic(folder: Path) -> None:
    """Run batch after batch until the time is over; the first one warms everything up."""
    gateway, rng = Gateway(), random.Random(SEED)
    until_then = time.monotonic() + SECONDS
    async with (
        RawUpstream(gateway) as upstream,
        running_tap(folder, upstream.port, idle_timeout=3.0) as tap,
    ):
        sockets, _ = _open_files()
        await batch(tap, gateway, rng)
        before = await levels(tap, upstream, sockets)
        done: Counter[str] = Counter()
        while time.monotonic() < until_then or len(done) < 4:
            done += await batch(tap, gateway, rng)
        after = await levels(tap, upstream, sockets)
        assert upstream.errors == []
    print(f"{done.total()} exchanges: {dict(done)}")  # noqa: T201 - says what the run was worth
    assert after.tasks == before.tasks
    # A segment of the spool that was begun or given up in between is one more, or one less.
    assert after.files <= before.files + 1
    # Caches fill and tables grow once; what a single exchange left would be thousands of blocks.
    assert after.blocks - before.blocks < 20_000 + done.total()


async def batch(tap: RunningTap, gateway: Gateway, rng: random.Random) -> Counter[str]:
    """Have many callers make their calls at once; judge every record. Gives the endings."""
    calls = [row_of(rng) for _ in range(CALLERS)]
    gateway.plans = {plan.trace.encode(): (plan, noted) for row in calls for plan, noted in row}
    await asyncio.gather(*(converse(tap.port, row) for row in calls))
    await until(lambda: not tap.server.connections, "every connection is gone")
    found = await tap.records()
    made = dict(zip((each.identity.trace_id or "" for each in found), found, strict=True))
    assert len(made) == len(found), "an exchange has two records"
    for plan, noted in gateway.plans.values():
        judge(plan, noted, made.pop(plan.trace, None))
    assert made == {}
    assert [name for name, _ in tap.notes.events if name == "tap.unexpected"] == []
    tap.notes.events.clear()
    tap._taken.clear()
    gateway.plans = {}
    return Counter(str(each.exchange.ending) for each in found)


def row_of(rng: random.Random) -> list[Call]:
    """Draw one caller's calls; only its first may stand still, so that timeouts do not add up."""
    row: list[Call] = []
    while len(row) < CALLS:
        plan = draw(rng)
        if not row or not plan.stands_still:
            row.append((plan, Noted()))
    return row


async def converse(port: int, calls: list[Call]) -> None:
    """Make one caller's calls, over one connection as long as it lasts."""
    caller = Caller(port)
    for plan, noted in calls:
        await caller.ask(plan, noted)
    caller.close()


def judge(plan: Plan, noted: Noted, record: AuditRecord | None) -> None:
    """Hold a record against what both ends noted."""
    case = f"{plan} {noted}"
    if record is None:
        # Only a caller who was told nothing may be without: what it sent may never have arrived.
        assert not noted.seen, case
        assert not noted.answered, case
        return
    assert str(record.exchange.ending) in endings(plan, noted), f"{record.exchange} {case}"
    if noted.own:
        return
    said = text_of(record)
    assert plan.said.decode().startswith(said), case
    assert said.encode().startswith(noted.heard), case
    if record.exchange.ending in {"complete", "rejected"}:
        assert said.encode() == (plan.said[: noted.sent] if noted.finished else plan.said), case
        assert record.exchange.status == plan.status, case


def endings(plan: Plan, noted: Noted) -> set[str]:
    """Which endings are true, by what both ends saw."""
    well = "rejected" if plan.status >= 400 else "complete"
    if noted.own:
        return {OWN[noted.own]}
    if noted.whole:
        return {well}
    true = set()
    if noted.fault:
        true.add(FAULTS[noted.fault])
        # With a length the last byte is the end, whatever the connection does behind it.
        if plan.said_framing == "length" and noted.sent == len(plan.said):
            true.add(well)
    if plan.client != "stays":
        true.add("client_disconnected")
        # What was on its way when the caller left had been delivered, as far as anyone can know.
        if noted.finished:
            true.add(well)
        if not noted.seen:
            true.add("upstream_disconnected")
    return true


def text_of(record: AuditRecord) -> str:
    """The text of an answer, or of the error it was."""
    if record.response.error is not None:
        return record.response.error.message or ""
    parts = [part for output in record.response.outputs for part in output.parts]
    return "".join(part.text for part in parts if isinstance(part, Text))


async def levels(tap: RunningTap, upstream: RawUpstream, sockets: int) -> Levels:
    """Let go of what is kept on purpose, wait for the sockets to close, and count the rest."""
    tap.desk.pool.shut()
    await until(lambda: len(asyncio.all_tasks()) <= 2, "only the test and the watch run")
    upstream.conversations.clear()
    gc.collect()
    await until(lambda: _open_files()[0] == sockets, "every socket is closed")
    return Levels(_open_files()[1], len(asyncio.all_tasks()), sys.getallocatedblocks())


def _open_files() -> tuple[int, int]:
    """How many sockets are open, and how many other files."""
    names = []
    for each in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the listing's own descriptor
            names.append(str(each.readlink()))
    sockets = sum(name.startswith("socket:") for name in names)
    return sockets, len(names) - sockets
