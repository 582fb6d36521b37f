"""A round: one running system through some schedules, each followed by recovery and judgement.

The law: nothing is judged before everything has been mended and has settled; and everything since
the round's beginning is judged again each time, so that a later fault cannot undo an earlier
record unseen. Everything at rest is searched for what was planted whenever the whole tree has been
killed, as it lies there, and at the end of the round.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Self

from tests.faults.azure import Azure
from tests.faults.board import Troubles
from tests.faults.callers import Callers
from tests.faults.engines import Embedded, Engine, FaultUnknown
from tests.faults.judge import Case, judge
from tests.faults.schedule import (
    AZURE,
    EMBEDDED,
    LOAD_SECONDS,
    SERVICES,
    Fault,
    Kind,
    Schedule,
    exists,
    sentence,
)
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
    """Use as a context: it leaves nothing running. `engine` is `EMBEDDED` or `AZURE`."""

    def __init__(
        self, folder: Path, rng: random.Random, tally: Tally, engine: str = EMBEDDED
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._name = engine
        self._engine: Engine = Azure(folder) if engine == AZURE else Embedded()
        self._rng = rng
        self._tally = tally
        self._active: list[Fault] = []
        self._leaks: set[str] = set()
        self._away = 0
        self._upstream = PlannedUpstream()
        self._system: System
        self._callers: Callers
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await self._upstream.start()
            stack.push_async_callback(self._upstream.stop)
            stack.push_async_callback(self._engine.stop)
            await self._engine.start()
            keys = {name: secrets.token_hex(16) for name in ("open", "closed", "strict")}
            named = {name: keys[name] for name in ("closed", "strict")}
            self._system = System(self.folder, self._upstream.url, named, self._engine)
            stack.callback(self._system.put_down)
            self._callers = self._who_call(keys)
            await self._system.start()
            self._open = stack.pop_all()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._open.aclose()

    def _who_call(self, keys: dict[str, str]) -> Callers:
        turns = [keys["open"]] * 3 + [keys["closed"], keys["strict"]]
        callers = Callers(
            self._system.tree.url,
            self._rng,
            turns,
            count=self._engine.callers,
            large=self._engine.large,
        )
        self._upstream.plans = callers.plans
        callers.planted += keys.values()
        return callers

    async def run(self, schedule: Schedule) -> list[str]:
        """Talk while the schedule is carried out, mend, settle, judge; gives what is wrong.

        Raises `FaultUnknown`.
        """
        if strange := [fault for fault in schedule if not exists(fault, self._name)]:
            raise FaultUnknown(sentence(tuple(strange)))
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
        case = await self._case()
        wrong += await self._wrong(case)
        await self._search()
        self._count(case)
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
        return [*await self._wrong(await self._case()), *sorted(self._leaks)]

    async def _wrong(self, case: Case) -> list[str]:
        """The judge's word, and the queue's own: a checkpoint is set aside without a number."""
        aside = await self._engine.set_aside(self._system.data)
        return [*judge(case), *([f"dead letters: {aside} in the queue"] if aside else [])]

    async def _case(self) -> Case:
        system = self._system
        return Case(
            calls=self._callers.calls,
            told=self._upstream.told,
            records=await self._engine.records(system.data),
            report=await asyncio.to_thread(system.verified),
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
        elif fault.part in SERVICES:
            await self._service_fails(fault)
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

    async def _service_fails(self, fault: Fault) -> None:
        await self._engine.begin(fault)
        await asyncio.sleep(fault.lasts)
        await self._engine.end(fault)

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

    async def _search(self) -> None:
        """Search all that lies anywhere for everything that was planted since the round began."""
        values = set(self._callers.planted)
        found = await self._engine.at_rest(self._system.data)
        found |= files_under(self._system.tree.log, self._system.second.log)
        self._leaks |= await asyncio.to_thread(Search(values).hits_in, found)
        self._tally.searches += 1
        self._tally.files += len(found)
        self._tally.bytes += sum(map(len, found.values()))
        self._tally.values += len(values)

    def _count(self, case: Case) -> None:
        counts = case.report["counts"]
        self._tally.records += len(case.records)
        self._tally.endings.update(record["exchange"]["ending"] for record in case.records)
        self._tally.unrecorded += counts["unrecorded"] + counts["refused"]
        self._tally.met += self._system.board.met + Counter(self._engine.met())
