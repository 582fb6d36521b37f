"""A reading room served by `auditstream console`, and a browser's manners to visit it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from bench.console.asking import Asked
from bench.console.measure import Look
from bench.console.processors import Clock
from tests.harness.tree import clean_environment

__all__ = ["Room", "served"]

_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
_ROW = re.compile(r'href="/records/')


@dataclass
class Room:
    """A room that is visited, and the process that serves it."""

    client: aiohttp.ClientSession
    process: subprocess.Popen[str]
    csrf: str

    async def search(self, asked: Asked) -> Look:
        """Ask as the box does: the page with its rows and facets."""
        clock = Clock(os.getpid(), self.process.pid)
        form = {"csrf": self.csrf, "filter": asked.text}
        async with self.client.post("/search", data=form) as answer:
            text = await answer.text()
        taken, computed, alone = clock.read()
        found, whole = len(_ROW.findall(text)), answer.status == 200
        return Look(asked.about, taken, found, computed, alone, asked.text, whole)

    async def open(self, record_id: str) -> Look:
        """Open a conversation."""
        clock = Clock(os.getpid(), self.process.pid)
        async with self.client.get(f"/records/{record_id}") as answer:
            await answer.read()
        taken, computed, alone = clock.read()
        return Look("conversation", taken, 1, computed, alone, record_id, answer.status == 200)

    def memory(self) -> tuple[float, float]:
        """What the process has resident now, and had at most, in MiB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        said = dict(line.split(":", 1) for line in lines if ":" in line)
        return _mib(said["VmRSS"]), _mib(said["VmHWM"])


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Room]:
    """Serve the data folder's records on a port of its own, and come in by the printed link."""
    address = {
        "AUDITSTREAM_DATA": str(folder),
        "AUDITSTREAM_CONSOLE__LISTEN": "127.0.0.1:0",
    }
    with subprocess.Popen(  # noqa: ASYNC220 - nothing else runs meanwhile
        [sys.executable, "-P", "-m", "cli.main", "console"],
        env=clean_environment(**address),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            url, path = _link(process)
            jar = aiohttp.CookieJar(unsafe=True)  # the address is an IP
            headers = {"Accept": "text/html"}
            async with aiohttp.ClientSession(url, cookie_jar=jar, headers=headers) as client:
                async with client.get(path) as answer:
                    found = _CSRF.search(await answer.text())
                if found is None:
                    raise RuntimeError("the link did not let in")
                yield Room(client, process, found[1])
        finally:
            process.terminate()


def _link(process: subprocess.Popen[str]) -> tuple[str, str]:
    for line in process.stdout or ():
        if found := re.search(r"(http://[^/]+)(/enter/\S+)", line):
            return found[1], found[2]
    raise RuntimeError("the console did not start")


def _mib(said: str) -> float:
    return int(said.split(maxsplit=1)[0]) / 1024
