"""Each part on a machine of its own: they share Azure's services, and each has its own keys.

The parts are started as the images start them, with the keys that the compose file's job gives
them and the settings of their own services only. The tap alone has a data folder.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
import signal
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest_asyncio
from aiohttp import ClientSession

from tests.harness.engines import AZURE, on_engines
from tests.harness.live import Live
from tests.harness.no_names import without_names
from tests.harness.scripted_upstream import ScriptedUpstream
from tests.harness.tree import Tree, auditstream, clean_environment, free_port
from tests.unit.deploy.recipes import share_keys

TOKEN = "what callers of the query side show"
# Squeezed and sealed it is over the 256 KiB of a message, and within the policy's budget of text.
NOISE = "".join(random.Random(7).choices("abcdefghijklmnopqrstuvwxyz     ", k=600_000))


@dataclass
class Machine:
    """A part that runs, and the folder that is its machine's."""

    folder: Path
    process: asyncio.subprocess.Process

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self.folder / "log").read_text()

    async def stop(self) -> int:
        """Ask it to drain; gives its exit code."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(60):
            return await self.process.wait()


@dataclass
class Site:
    """All machines, and how the tap is called."""

    live: Live
    console: str
    machines: dict[str, Machine]
    keys: Path

    async def search(self, text: str) -> list[dict[str, Any]]:
        """What the query side finds."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        url = f"http://{self.console}/api/v1/search"
        async with (
            ClientSession(headers=headers) as session,
            session.post(url, json={"filter": text}) as answer,
        ):
            assert answer.status == 200, await answer.text()
            records: list[dict[str, Any]] = (await answer.json())["records"]
            return records

    async def record(self, trace: str) -> dict[str, Any]:
        """Wait for the one record of an exchange."""
        async with asyncio.timeout(40):
            while not (found := await self.search(f"trace:{trace}")):  # noqa: ASYNC110 - others bring it
                await asyncio.sleep(0.1)
        (record,) = found
        return record


@asynccontextmanager
async def machine(name: str, folder: Path, barred: str, **settings: str) -> AsyncIterator[Machine]:
    """Run a part in a folder of its own, told nothing of the services that are `barred`."""
    await asyncio.to_thread(folder.mkdir)
    given = {
        variable: value
        for variable, value in clean_environment(**without_names()).items()
        if not (barred and variable.startswith(f"AUDITSTREAM_{barred}__"))
    }
    own = {f"AUDITSTREAM_{variable}": value for variable, value in settings.items()}
    with (folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "cli.main", name),
            cwd=folder,
            env={**given, **own},
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(60):
            ready = await process.stdout.readline()
        assert ready, (folder / "log").read_text()
        yield Machine(folder, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    """A tap, two workers and a query side, each on its own."""
    keys = tmp_path / "keys"
    keys.mkdir()
    await asyncio.to_thread(share_keys, keys)
    upstream = ScriptedUpstream()
    await upstream.start()
    tree = Tree(tmp_path / "tap" / "data", upstream.url)
    console = f"127.0.0.1:{free_port()}"
    async with on_engines(AZURE, tmp_path, lease=5.0), AsyncExitStack() as stack:
        tap = machine(
            "tap",
            tmp_path / "tap",
            "STORE",
            UPSTREAM=upstream.url,
            LISTEN=f"127.0.0.1:{tree.port}",
            TAP__CONTROL="127.0.0.1:0",
            DATA="data",
            KEYS=str(keys / "tap"),
        )
        machines = {"tap": await stack.enter_async_context(tap)}
        for name in ("worker-1", "worker-2"):
            part = machine("worker", tmp_path / name, "", KEYS=str(keys / "worker"))
            machines[name] = await stack.enter_async_context(part)
        reader = machine(
            "console",
            tmp_path / "console",
            "QUEUE",
            DATA="data",
            CONSOLE__LISTEN=console,
            CONSOLE__TOKEN=TOKEN,
        )
        machines["console"] = await stack.enter_async_context(reader)
        yield Site(Live(tree, upstream), console, machines, keys)
        await upstream.stop()


async def test_parts_on_machines_of_their_own_make_one_complete_log(
    site: Site, tmp_path: Path
) -> None:
    """Small and large, each exchange has its record, read where it was not made; all verifies."""
    small = [
        (await site.live.ask(f"call {number} for ada@example.com")).trace for number in range(8)
    ]
    assert len(zlib.compress(NOISE.encode())) > 256 * 1024
    large = (await site.live.ask(NOISE + "and ada@example.com")).trace
    for trace in small:
        record = await site.record(trace)
        assert "<EMAIL_ADDRESS_1>" in record["request"]["messages"][0]["parts"][0]["text"]
    text = (await site.record(large))["request"]["messages"][0]["parts"][0]["text"]
    assert text == NOISE + "and <EMAIL_ADDRESS_1>"

    # A machine that has neither spool nor secrets, only the keys whose signatures are believed.
    public = tmp_path / "auditor"
    public.mkdir()
    for file in site.keys.joinpath("all").glob("sign.*.pub"):
        shutil.copy(file, public)
    where = ("--keys", str(public), "--data", str(tmp_path / "none"))
    verified = await asyncio.to_thread(auditstream, "verify", "--json", *where)
    report = json.loads(verified.stdout)
    assert (report["verdict"], report["counts"]["stored"]) == ("complete", 9), verified.stderr
    assert "no tap's spool is in" in verified.stderr

    for name in ("tap", "worker-1", "worker-2", "console"):
        stopped = site.machines[name]
        assert await stopped.stop() == 0, stopped.log
        assert "Traceback" not in stopped.log
    left = {
        name: sorted(each.name for each in m.folder.iterdir()) for name, m in site.machines.items()
    }
    assert left["tap"] == ["data", "log"]
    assert left["worker-1"] == left["worker-2"] == ["log"]
    # Who looked is on record beside the records, and any machine can tell.
    assert left["console"] == ["log"]
    looked = await asyncio.to_thread(auditstream, "access-log", "--jsonl", *where[2:])
    assert looked.returncode == 0, looked.stderr
    deeds = [json.loads(line)["access"] for line in looked.stdout.splitlines()]
    assert {(each["deed"], each["via"]) for each in deeds} == {("search", "token")}


async def test_a_worker_that_dies_leaves_its_work_to_the_others(site: Site) -> None:
    """What it held comes again when the broker's lock lapses, and is stored once."""
    traces = [(await site.live.ask(f"call {number}")).trace for number in range(20)]
    dying = site.machines["worker-1"]
    dying.process.kill()
    await dying.process.wait()
    traces += [(await site.live.ask(f"call {number}")).trace for number in range(5)]
    for trace in traces:
        assert (await site.record(trace))["exchange"]["ending"] == "complete"
    assert site.machines["worker-2"].process.returncode is None
