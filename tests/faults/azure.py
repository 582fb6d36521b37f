"""Azure's services under faults: the broker, Cosmos DB behind a proxy, and Blob Storage.

The law: what is done here is done to a service as a whole, through the socket or to its process,
and everything that speaks to it through a real SDK feels it. The broker and Blob Storage come back
on the same port with what they had on disk; Cosmos DB lives on in memory behind its proxy.

| fault           | what the service does                                                     |
| --------------- | ------------------------------------------------------------------------- |
| `queue_killed`  | the broker dies by `kill -9`, and starts again from its journal           |
| `queue_silent`  | it reads and answers nothing, then deals with what came meanwhile         |
| `queue_refuses` | it drops every connection and takes none                                  |
| `queue_cuts`    | it drops every connection, again and again                                |
| `queue_forgets` | it stores or settles, and cuts in place of saying so                      |
| `queue_slow`    | what it takes or settles has its effect, and its answer, late             |
| `queue_busy`    | it takes nothing and asks to come later                                   |
| `store_busy`    | 429 with a time to wait                                                   |
| `store_refuses` | 503                                                                       |
| `store_cuts`    | connections end without an answer, most of them after the work was done   |
| `store_slow`    | every answer is late                                                      |
| `blobs_gone`    | Azurite is stopped, and started again where it was                        |
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

from storage.records.cosmos_client import open_client
from storage.records.cosmos_provision import RECORDS, definitions
from tests.emulators.azurite import azurite, require_azurite
from tests.emulators.cosmos import CosmosEmulator, require_cosmos, running_cosmos
from tests.emulators.cosmos_faults import Fault as Answer
from tests.emulators.cosmos_faults import FaultyCosmos, faulty_cosmos
from tests.emulators.service_bus.rules import QueueRules
from tests.emulators.service_bus.running import BrokerProcess, service_bus_process
from tests.faults.engines import FaultUnknown
from tests.faults.schedule import AZURE, Fault, Kind, kinds
from tests.harness.engines import QUEUE, named
from tests.harness.leaks import files_under
from tests.harness.tree import auditstream, clean_environment

__all__ = ["LEASE", "Azure"]

# Seconds for which the broker lends a message: shorter than what some faults last, and longer
# than a worker on a busy machine needs.
LEASE = 5.0
# The broker sets nothing aside by itself before the workers would.
_DELIVERIES = 100
# What a service may take for one call, shorter than a schedule.
_PATIENCE = "3"
_LATE = 0.4
_BETWEEN_CUTS = 0.3
_READS = 20
_AT_ONCE = 2
_DATABASE = "auditstream"
# More often than it can happen while a fault lasts.
_ALWAYS = 1 << 30

_ANSWERS: dict[Kind, tuple[Answer, ...]] = {
    Kind.STORE_BUSY: (Answer(429, {"x-ms-retry-after-ms": "150"}, _ALWAYS),),
    Kind.STORE_REFUSES: (Answer(503, times=_ALWAYS),),
    Kind.STORE_CUTS: (Answer(times=2), Answer(times=_ALWAYS, done=True)),
    Kind.STORE_SLOW: (Answer(times=_ALWAYS, delay=_LATE),),
}
# What the broker is told when a fault begins, and when it is over.
_WORDS: dict[Kind, tuple[tuple[str, ...], tuple[str, ...]]] = {
    Kind.QUEUE_SILENT: (("silence",), ("speak",)),
    Kind.QUEUE_REFUSES: (("refuse", "cut"), ("accept",)),
    Kind.QUEUE_CUTS: (("cut",), ()),
    Kind.QUEUE_FORGETS: (
        (f"set lost_acknowledgements {_AT_ONCE}", f"set lost_settlements {_AT_ONCE}"),
        ("set lost_acknowledgements 0", "set lost_settlements 0"),
    ),
    Kind.QUEUE_SLOW: (
        (f"set slow_acceptance {_LATE}", f"set slow_settlement {_LATE}"),
        ("set slow_acceptance 0", "set slow_settlement 0"),
    ),
    Kind.QUEUE_BUSY: ((f"set busy {_ALWAYS}",), ("set busy 0",)),
}
# These happen over and over while they last, not once.
_AGAIN = frozenset({Kind.QUEUE_CUTS, Kind.QUEUE_FORGETS})


class Azure:
    """All three services in a folder, and what is wrong with them now. Implements `Engine`."""

    callers = 2
    large = 0.04

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open = AsyncExitStack()
        self._blobs = AsyncExitStack()
        self._active: Counter[Kind] = Counter()
        self._turn = asyncio.Lock()
        self._repeating: dict[Kind, asyncio.Task[None]] = {}
        self._met: Counter[str] = Counter()
        self.settings: Mapping[str, str] = {}
        self.broker: BrokerProcess
        self.way: FaultyCosmos
        self._cosmos: CosmosEmulator
        self._blobs_port = 0

    async def start(self) -> None:
        """Start them and provision them, as an operator would."""
        require_azurite()
        require_cosmos()
        cosmos = ExitStack()
        self._open.callback(cosmos.close)
        self._cosmos = cosmos.enter_context(running_cosmos())
        self.way = await self._open.enter_async_context(faulty_cosmos(self._cosmos))
        rules = QueueRules(lock_duration=LEASE, max_delivery_count=_DELIVERIES)
        queue = service_bus_process(self._folder / "journal", {QUEUE: rules})
        self.broker = await self._open.enter_async_context(queue)
        self._open.push_async_callback(self._blobs.aclose)
        blobs = await self._blobs.enter_async_context(azurite(self._folder / "azurite"))
        self._blobs_port = blobs.port
        self.settings = {
            **named(self.broker, blobs, self.way.emulator),
            **{f"AUDITSTREAM_{name}__TIMEOUT": _PATIENCE for name in ("QUEUE", "STORE", "BLOBS")},
            "AUDITSTREAM_WORKER__LEASE": str(LEASE),
        }
        env = clean_environment(**self.settings)
        made = await asyncio.to_thread(auditstream, "provision", env=env)
        assert made.returncode == 0, made.stdout + made.stderr

    async def stop(self) -> None:
        """End them. Idempotent."""
        for task in self._repeating.values():
            task.cancel()
        self._active.clear()
        await self._open.aclose()

    async def begin(self, fault: Fault) -> None:
        """Have the service go wrong."""
        if fault.kind not in kinds(AZURE):
            raise FaultUnknown(fault)
        async with self._turn:
            self._active[fault.kind] += 1
            if self._active[fault.kind] == 1:
                await self._change(fault.kind, begins=True)

    async def end(self, fault: Fault) -> None:
        """Have it go wrong no longer."""
        async with self._turn:
            self._active[fault.kind] -= 1
            if not self._active[fault.kind]:
                await self._change(fault.kind, begins=False)

    async def waiting(self, data: Path) -> int:
        """What the broker counts as active; lent messages are among them."""
        del data
        return int((await self.broker.command("census"))[QUEUE]["active"])

    async def locked(self) -> int:
        """How many messages the broker has lent."""
        return int((await self.broker.command("census"))[QUEUE]["locked"])

    async def set_aside(self, data: Path) -> int:
        """The broker's own dead letters, whoever put them there."""
        del data
        return int((await self.broker.command("census"))[QUEUE]["dead"])

    async def records(self, data: Path) -> list[dict[str, Any]]:
        """Every item of the container; none of these records is large enough to lie elsewhere."""
        del data
        return [json.loads(item["json"]) for item in await self.items(RECORDS)]

    async def at_rest(self, data: Path) -> dict[str, bytes]:
        """The data folder, the broker's journal, Azurite's folder, and every item of the store."""
        folders = (data, self._folder / "journal", self._folder / "azurite")
        found = await asyncio.to_thread(_read, folders)
        for each in definitions(full_text=False):
            items = await self.items(each.name)
            found[f"cosmos/{each.name}"] = json.dumps(items, ensure_ascii=False).encode()
        return found

    def met(self) -> Mapping[str, int]:
        """How often each fault began, and how many requests for items met one."""
        return self._met + Counter({"store_requests": self.way.failures})

    async def items(self, container: str) -> list[dict[str, Any]]:
        """Every item of a container, past the proxy and its faults."""
        client = await open_client(self._cosmos.access(_DATABASE))
        try:
            found = client.get_database_client(_DATABASE).get_container_client(container)
            return [item async for item in found.read_all_items()]
        finally:
            await client.close()

    async def _change(self, kind: Kind, *, begins: bool) -> None:
        if kind in _ANSWERS:
            self._answer()
        elif kind is Kind.BLOBS_GONE:
            await (self._blobs.aclose() if begins else self._bring_blobs_back())
        elif kind is Kind.QUEUE_KILLED:
            await (self.broker.kill() if begins else self._restart())
        else:
            await self._tell(kind, begins=begins)
        if begins:
            self._met[kind.value] += 1

    def _answer(self) -> None:
        """Have the proxy answer by what is wrong now."""
        active = [kind for kind in _ANSWERS if self._active[kind]]
        self.way.faults[:] = [answer for kind in active for answer in _ANSWERS[kind]]

    async def _bring_blobs_back(self) -> None:
        await self._blobs.enter_async_context(azurite(self._folder / "azurite", self._blobs_port))

    async def _restart(self) -> None:
        """Start the broker again; it has forgotten what it was told to do wrong."""
        await self.broker.start()
        for kind in _WORDS:
            if self._active[kind]:
                await self._tell(kind, begins=True)

    async def _tell(self, kind: Kind, *, begins: bool) -> None:
        if self._active[Kind.QUEUE_KILLED]:
            return
        for word in _WORDS[kind][0 if begins else 1]:
            await self.broker.command(word)
        running = self._repeating.get(kind)
        if begins and kind in _AGAIN and (running is None or running.done()):
            self._repeating[kind] = asyncio.create_task(self._again(kind))

    async def _again(self, kind: Kind) -> None:
        """Say it again and again while the fault lasts; not broken off, for words are answered."""
        while self._active[kind]:
            await asyncio.sleep(_BETWEEN_CUTS)
            async with self._turn:
                if self._active[kind] and not self._active[Kind.QUEUE_KILLED]:
                    for word in _WORDS[kind][0]:
                        await self.broker.command(word)


def _read(folders: tuple[Path, ...]) -> dict[str, bytes]:
    """Read every file. Some go while others are read: then the whole folder is read anew."""
    found: dict[str, bytes] = {}
    for folder in folders:
        for attempt in range(_READS):
            try:
                found |= files_under(folder)
            except FileNotFoundError:
                if attempt == _READS - 1:
                    raise
            else:
                break
    return found
