"""A round: one running system through some schedules, each followed by recovery and judgement.

The law: nothing is judged before everything has been mended and has settled; and everything since
the round's beginning is judged again each time, so that a later fault cannot undo an earlier
record unseen. Files are searched for what was planted whenever the whole tree has been killed, as
it lies there, and at the end of the round.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Self

from tests.faults.board import Troubles
from tests.faults.callers import Callers
from tests.faults.judge import Case, judge
from tests.faults.schedule import LOAD_SECONDS, Fault, Kind, Schedule
from tests.faults.system import PATIENCE, System
from tests.faults.upstream import PlannedUpstream
from tests.harness.leaks import Search, files_under

__all__ = ["Round", "Tally"]

_INSIDE = {"machine": ("tap", "worker", "second"), "workers": ("worker", "second")}
_UPSTREAM = {Kind.UPSTREAM_CUTS, Kind.UPSTREAM_REJECTS, Kind.UPSTREAM_SILENT}
_CLIENTS = {Kind.CLIENT_LEAVES, Kind.CLIENT_SLOW}


@dataclass(slots=True)
class Tally:
    """What was done and found, for a summary."""

    schedules: int = 0
    calls: int = 0
    records: int = 0
    unrecorded: int = 0
    endings: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    met: Counter[str] = field(default_factory=Counter)
    searches: int = 0
    files: int = 0
    bytes: int = 0
    values: int = 0


class Round:
    """Use as a context: it leaves nothing running."""

    def __init__(self, folder: Path, rng: random.Random, tally: Tally) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._rng = rng
        self._tally = tally
        self._active: list[Fault] = []
        self._leaks: set[str] = set()
        self._away = 0
        self._upstream: PlannedUpstream
        self._system: System
        self._callers: Callers

    async def __aenter__(self) -> Self:
        keys = {name: secrets.token_hex(16) for name in ("open", "closed", "strict")}
        self._upstream = PlannedUpstream()
        await self._upstream.start()
        named = {name: keys[name] for name in ("closed", "strict")}
        self._system = System(self.folder, self._upstream.url, named)
        turns = [keys["open"]] * 3 + [keys["closed"], keys["strict"]]
        self._callers = Callers(self._system.tree.url, self._rng, turns)
        self._upstream.plans = self._callers.plans
        self._callers.planted += keys.values()
        await self._system.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self._system.put_down()
        await self._upstream.stop()

    async def run(self, schedule: Schedule) -> list[str]:
        """Talk while the schedule is carried out, mend, settle, judge; gives what is wrong."""
        self._tally.schedules += 1
        self._tally.faults.update(fault.kind.value for fault in schedule)
        before = len(self._callers.calls)
        await self._lived_through(schedule)
        self._tally.calls += len(self._callers.calls) - before
        return await self._judged()

    async def end(self) -> list[str]:
        """Stop in good order and judge what is left: exit code, `verify`, and every file."""
        code = await self._system.stop()
        wrong = [] if code == 0 else [f"stop: the tree ended with exit code {code}"]
        wrong += judge(self._case())
        self._search()
        self._count()
        return wrong + sorted(self._leaks)

    async def _lived_through(self, schedule: Schedule) -> None:
        talking = asyncio.create_task(self._callers.talk())
        try:
            async with asyncio.TaskGroup() as group:
                for fault in schedule:
                    group.create_task(self._carry_out(fault))
                group.create_task(asyncio.sleep(LOAD_SECONDS))
        finally:
            self._system.go_on()
            self._callers.hush()
            await talking

    async def _judged(self) -> list[str]:
        try:
            await self._system.settled()
        except TimeoutError:
            return [f"unsettled: {await self._system.unfinished()}"]
        return [*judge(await asyncio.to_thread(self._case)), *sorted(self._leaks)]

    def _case(self) -> Case:
        system = self._system
        return Case(
            calls=self._callers.calls,
            told=self._upstream.told,
            records=system.records(),
            report=system.verified(),
            history=system.history,
            patience=PATIENCE,
        )

    async def _carry_out(self, fault: Fault) -> None:
        await asyncio.sleep(fault.at)
        blow = self._blows().get((fault.kind, fault.part))
        if blow is not None:
            await blow()
        elif fault.kind is Kind.KILL:
            await self._system.kill(fault.part)
        elif fault.kind is Kind.RESTART:
            await self._system.restart(fault.part)
        elif fault.kind is Kind.STOP:
            await self._system.stand_still(fault.part, fault.lasts)
        elif fault.kind is Kind.UPSTREAM_GONE:
            await self._without_upstream(fault.lasts)
        else:
            await self._for_a_while(fault)

    def _blows(self) -> dict[tuple[Kind, str], Callable[[], Awaitable[None]]]:
        """What happens to the tree as a whole."""
        system = self._system
        return {
            (Kind.KILL, "tree"): lambda: system.kill_tree(self._search),
            (Kind.KILL, "parent"): system.kill_parent,
            (Kind.RESTART, "tree"): system.restart_tree,
        }

    async def _without_upstream(self, seconds: float) -> None:
        begun = monotonic()
        self._away += 1
        await self._upstream.stop()
        await asyncio.sleep(seconds)
        self._away -= 1
        if not self._away:
            await self._upstream.start()
        # A connection that was kept may be found closed a moment later.
        self._system.history.gone.append((begun, monotonic() + 0.5))

    async def _for_a_while(self, fault: Fault) -> None:
        begun = monotonic()
        self._active.append(fault)
        self._show()
        await asyncio.sleep(fault.lasts)
        self._active.remove(fault)
        self._show()
        if fault.kind.startswith("disk"):
            self._system.history.disk.append((begun, monotonic()))

    def _show(self) -> None:
        kinds = {fault.kind for fault in self._active}
        self._callers.mood.upstream = kinds & _UPSTREAM
        self._callers.mood.clients = kinds & _CLIENTS
        shown: dict[str, dict[str, Any]] = {}
        for fault in self._active:
            for part in _INSIDE.get(fault.part, (fault.part,)):
                service, _, trouble = fault.kind.partition("_")
                what = fault.by if fault.kind is Kind.CLOCK else trouble
                shown.setdefault(part, {})[service] = what
        inside = {part: each for part, each in shown.items() if part not in {"upstream", "clients"}}
        self._system.board.show({part: Troubles(**each) for part, each in inside.items()})

    def _search(self) -> None:
        """Search every file for everything that was planted since the round began."""
        values = set(self._callers.planted)
        data, second = self._system.data, self._system.second.log
        found: dict[str, bytes] = {}
        with suppress(FileNotFoundError):  # the second worker may just have ended SQLite's files
            found = files_under(data, self._system.tree.log, second)
        self._leaks |= Search(values).hits_in(found)
        self._tally.searches += 1
        self._tally.files += len(found)
        self._tally.bytes += sum(map(len, found.values()))
        self._tally.values += len(values)

    def _count(self) -> None:
        records = self._system.records()
        report = self._system.verified()
        self._tally.records += len(records)
        self._tally.endings.update(record["exchange"]["ending"] for record in records)
        self._tally.unrecorded += report["counts"]["unrecorded"] + report["counts"]["refused"]
        self._tally.met += self._system.board.met
