"""`python -m bench.queue_down`: what callers feel of a queue that is down, and how it catches up.

A whole AuditStream runs on this machine, load and upstream beside it in this process. Exchanges
arrive at a fixed rate in an open loop; a call's delay counts from the instant at which it was due.
Periods with the queue there and with the queue refusing everything take turns, so that what the
machine does besides meets both alike. After each outage the queue takes messages again while calls
go on arriving: the drain's rate is counted in the queue, from the first message that it takes to
the one with which the backlog is gone. Only ratios taken in one run mean anything.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

from tests.faults.board import Board, Troubles
from tests.faults.system import environment
from tests.harness.load import CountingUpstream
from tests.harness.open_loop import OpenLoop, queued_ever, taken
from tests.harness.tree import Tree

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "4"))
RATE = float(os.environ.get("BENCH_RATE", "100"))
SECONDS = float(os.environ.get("BENCH_SECONDS", "8"))
_SETTLING = 4.0


@dataclass
class Felt:
    """The delays of one kind of period, in milliseconds, and each period's percentiles."""

    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)

    def add(self, delays: list[float]) -> None:
        """Take one period in."""
        cuts = statistics.quantiles([each * 1000 for each in delays], n=100)
        self.p50.append(cuts[49])
        self.p99.append(cuts[98])

    def __str__(self) -> str:
        periods = " ".join(
            f"{p50:.1f}/{p99:.1f}" for p50, p99 in zip(self.p50, self.p99, strict=True)
        )
        p50, p99 = statistics.median(self.p50), statistics.median(self.p99)
        return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms (periods: {periods})"


async def _period(url: str) -> OpenLoop:
    load = OpenLoop(url, RATE)
    await load.run(int(RATE * SECONDS))
    if load.failed:
        raise SystemExit(f"{len(load.failed)} calls failed")
    return load


async def _drain(tree: Tree, board: Board, backlog: int) -> float:
    """Let the queue take messages again while calls arrive; gives messages a second."""
    before = queued_ever(tree.data)
    load = OpenLoop(tree.url, RATE)
    arriving = asyncio.create_task(load.run())
    board.show({})
    first = await taken(tree.data, before + 1)
    begun = monotonic()
    now = await taken(tree.data, before + backlog)
    rate = (now - first) / (monotonic() - begun)
    load.stop()
    await arriving
    return rate


async def _measure(tree: Tree, board: Board) -> None:
    up, down, drains = Felt(), Felt(), []
    for _ in range(ROUNDS):
        up.add(list((await _period(tree.url)).answered.values()))
        board.show({"tap": Troubles(queue="refuses")})
        load = await _period(tree.url)
        down.add(list(load.answered.values()))
        drains.append(await _drain(tree, board, len(load.answered)))
        # The workers catch up, so that they take no core from the next period.
        await asyncio.sleep(_SETTLING)
    ratio = statistics.median(drains) / RATE
    print(f"{RATE:.0f} exchanges a second, {ROUNDS} periods of {SECONDS:.0f} s each way")
    print(f"queue there: {up}")
    print(f"queue down:  {down}")
    print(f"drain: {' '.join(f'{each:.0f}' for each in drains)} a second")
    print(f"drain over arrival, median: {ratio:.1f} x")


async def _main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        board = Board(Path(folder) / "board.json")
        upstream = CountingUpstream()
        await upstream.start()
        extra = environment(board.path, {}) | {"AUDITSTREAM_LOG_LEVEL": "info"}
        tree = Tree(Path(folder) / "data", upstream.url, extra=extra)
        await tree.start()
        try:
            await _measure(tree, board)
        finally:
            await tree.stop()
            await upstream.stop()


if __name__ == "__main__":
    asyncio.run(_main())
