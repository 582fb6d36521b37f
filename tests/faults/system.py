"""A whole running AuditStream with a second worker beside it, to which things can be done.

The law: everything here is done from outside, as an operator, a kernel or a careless neighbour
would do it. What is done to the tap is noted with its time, for the judge. Faults inside a part
are shown on the board (`tests.faults.board`).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from tests.faults.board import Board
from tests.faults.engines import Engine
from tests.faults.ledgers import History
from tests.faults.second import Second
from tests.harness.no_names import without_names
from tests.harness.settling import tap_health
from tests.harness.tree import Tree, auditstream, clean_environment

__all__ = ["PATIENCE", "System", "environment"]

# Seconds of silence after which the tap ends an exchange: short, so that a silent upstream is
# noticed within one schedule, and longer than any pause of a busy machine.
PATIENCE = 2.5
ROOT = Path(__file__).parents[2]
_LOOK = 0.05
_SETTLES = 120.0


def environment(board: Path, consumers: Mapping[str, Mapping[str, object]]) -> dict[str, str]:
    """Short leases, small segments, loud logs; and the faults' way into each part."""
    return without_names() | {
        "AUDITSTREAM_TAP__UPSTREAM_IDLE_TIMEOUT": str(PATIENCE),
        "AUDITSTREAM_TAP__DRAIN": "2",
        "AUDITSTREAM_WORKER__DRAIN": "3",
        "AUDITSTREAM_WORKER__LEASE": "2",
        # A machine that is busy with the faults themselves is no disk that does not answer.
        "AUDITSTREAM_SPOOL__OPEN_TIMEOUT": "5",
        "AUDITSTREAM_SPOOL__SEGMENT_BYTES": str(64 * 1024),
        "AUDITSTREAM_SPOOL__CHECKPOINT_INTERVAL": "0.3",
        "AUDITSTREAM_CONSUMERS": json.dumps(consumers),
        "AUDITSTREAM_LOG_LEVEL": "debug",
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests' / 'faults' / 'site'}",
        "FAULTS_BOARD": str(board),
    }


class System:
    """The tree, the second worker and their board, over one data folder and an engine that runs."""

    def __init__(
        self, folder: Path, upstream: str, keys: Mapping[str, str], engine: Engine
    ) -> None:
        self.data = folder / "data"
        self.engine = engine
        self.board = Board(folder / "board.json")
        self.history = History()
        self._marks = {name: self._mark(key) for name, key in keys.items()}
        extra = environment(self.board.path, self._consumers()) | dict(engine.settings)
        self.tree = Tree(self.data, upstream, extra=extra)
        self.second = Second(self.data, clean_environment(**extra))
        self._one_at_a_time = asyncio.Lock()
        self._still: set[int] = set()

    async def start(self) -> None:
        """Start everything and wait until it runs."""
        await self.tree.start()
        await self.second.start()

    async def stop(self) -> int:
        """Ask everything to drain; gives the tree's exit code."""
        await self.second.stop()
        return await self.tree.stop()

    def put_down(self) -> None:
        """End all that may still run, after a failure."""
        self.go_on()
        self.second.kill()
        self.tree._put_down()

    async def signal(self, part: str, number: signal.Signals) -> int | None:
        """Send a signal to a part as it runs now; gives its process id, None where there is none.

        One that has just died and is being started again is met by nothing.
        """
        pid = self.second.pid if part == "second" else await self._pid(part)
        if pid is None:
            return None
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            return pid
        return None

    async def kill(self, part: str) -> None:
        """Kill one part with -9."""
        if await self.signal(part, signal.SIGKILL) and part == "tap":
            self.history.deaths.append((monotonic(), monotonic()))

    async def restart(self, part: str) -> None:
        """Ask one part to end; whoever watches it starts it again."""
        begun = monotonic()
        pid = await self.signal(part, signal.SIGTERM)
        if pid and part == "tap":
            await _gone(pid)
            self.history.deaths.append((begun, monotonic()))

    async def stand_still(self, part: str, seconds: float) -> None:
        """Stop one part as it stands, and let it go on."""
        begun = monotonic()
        pid = await self.signal(part, signal.SIGSTOP)
        if pid is None:
            return
        self._still.add(pid)
        await asyncio.sleep(seconds)
        self.go_on(pid)
        if part == "tap":
            self.history.stopped.append((begun, monotonic()))

    def go_on(self, *pids: int) -> None:
        """Let these go on; all that stand still where none is named."""
        for pid in pids or tuple(self._still):
            self._still.discard(pid)
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    async def kill_tree(self, at_rest: Callable[[], Awaitable[None]] | None = None) -> None:
        """Kill all processes of the tree at once; `at_rest` looks at what lies there then."""
        async with self._one_at_a_time:
            begun = monotonic()
            await self.tree.kill()
            if at_rest is not None:
                await at_rest()
            await self.tree.start()
            self.history.deaths.append((begun, monotonic()))

    async def kill_parent(self) -> None:
        """Kill the parent alone and start anew while its parts still drain."""
        async with self._one_at_a_time:
            begun = monotonic()
            parent, words = self.tree.process, self.tree.listening
            assert parent is not None
            assert words is not None
            parent.kill()
            await parent.wait()
            await self.tree.start()
            self.history.deaths.append((begun, monotonic()))
            await words

    async def restart_tree(self) -> None:
        """Stop the tree in good order and start it again."""
        async with self._one_at_a_time:
            begun = monotonic()
            assert await self.tree.stop() == 0, "the tree did not stop in good order"
            await self.tree.start()
            self.history.deaths.append((begun, monotonic()))

    async def settled(self) -> None:
        """Wait until spool and queue are empty. Raises `TimeoutError`."""
        async with asyncio.timeout(_SETTLES):
            while await self._busy():  # noqa: ASYNC110 - other processes empty them
                await asyncio.sleep(_LOOK)

    async def unfinished(self) -> str:
        """What has not settled, in words."""
        queued = await self.engine.waiting(self.data)
        return f"{queued} messages in the queue; {await tap_health(self.tree)}"

    def verified(self) -> dict[str, Any]:
        """What `auditstream verify --json` reports."""
        env = clean_environment(**self.engine.settings)
        result = auditstream("verify", "--data", str(self.data), "--json", env=env)
        assert result.stdout, result.stderr
        report: dict[str, Any] = json.loads(result.stdout)
        return report | {"exit_code": result.returncode}

    async def _busy(self) -> bool:
        health = await tap_health(self.tree)
        if not health.get("healthy") or health["spool"] is None:
            return True
        spool = health["spool"]
        return bool(spool["open"] or spool["waiting"] or await self.engine.waiting(self.data))

    async def _pid(self, part: str) -> int | None:
        try:
            pid: int | None = (await self.tree.state())["pids"][part]
        except FileNotFoundError:
            return None
        return pid

    def _mark(self, key: str) -> str:
        said = auditstream("fingerprint", "--data", str(self.data), stdin=key)
        assert said.returncode == 0, said.stderr
        return said.stdout.strip()

    def _consumers(self) -> dict[str, dict[str, object]]:
        """Two consumers with a policy of their own, by the name of their key."""
        policies: dict[str, dict[str, object]] = {
            "closed": {"on_audit_failure": "closed"},
            "strict": {"strict": True},
        }
        marks = self._marks
        return {name: {**policies[name], "fingerprints": [marks[name]]} for name in marks}


async def _gone(pid: int) -> None:
    async with asyncio.timeout(30):
        # The kernel tells nobody but the parent, which is not us.
        while os.path.exists(f"/proc/{pid}"):  # noqa: ASYNC110, ASYNC240, PTH110 - see above
            await asyncio.sleep(_LOOK)
