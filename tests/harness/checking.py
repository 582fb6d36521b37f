"""A set-up that is in order, and what `auditstream check` says of it when one thing is not.

The command runs as a process of its own, as an operator types it.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.harness.tree import auditstream, clean_environment, free_port

__all__ = ["OF_THE_EMULATOR", "Site", "addresses", "gateway"]

# What is so of the emulator whatever one does: an account of its kind would have to be changed.
OF_THE_EMULATOR = {"store: account consistency"}


@dataclass
class Site:
    """A set-up that is in order: its data folder, and its settings as variables."""

    data: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def keys(self) -> Path:
        """The keys folder."""
        return self.data.with_name("data.keys")

    async def command(self, *words: str, **changes: str) -> tuple[int, str]:
        """Run a command with these settings changed; gives its exit code and what it printed."""
        given = clean_environment(**self.settings | changes)
        where = ("--data", str(self.data))
        run = await asyncio.to_thread(auditstream, *words, *where, env=given)
        assert "Traceback" not in run.stderr, run.stderr
        return run.returncode, run.stdout

    async def found(self, *words: str, **changes: str) -> list[dict[str, Any]]:
        """What `check --json` finds."""
        code, said = await self.command("check", "--json", *words, **changes)
        document = json.loads(said)
        assert code == (0 if document["well"] else 1)
        findings: list[dict[str, Any]] = document["findings"]
        assert all(each["advice"] for each in findings if each["standing"] == "fail")
        return findings

    async def flaw(self, *words: str, **changes: str) -> str:
        """The one line that names what is wrong, as a person reads it."""
        code, said = await self.command("check", *words, **changes)
        assert code == 1, said
        lines = [" ".join(line.split()) for line in said.splitlines()]
        wrong = [
            line.removeprefix("fail ")
            for line in lines
            if line.startswith("fail ") and not any(name in line for name in OF_THE_EMULATOR)
        ]
        assert len(wrong) == 1, said
        return wrong[0]


@asynccontextmanager
async def gateway(date: str | None = None, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A gateway that answers as one does to somebody without a credential."""

    async def answer(request: web.Request) -> web.Response:
        del request
        return web.Response(status=401, headers={} if date is None else {"Date": date})

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    scheme = "http" if tls is None else "https"
    try:
        yield f"{scheme}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def addresses() -> dict[str, str]:
    """Addresses that are free, whatever else runs here."""
    names = ("LISTEN", "TAP__CONTROL", "CONSOLE__LISTEN", "WORKER__CONTROL")
    return {f"AUDITSTREAM_{name}": f"127.0.0.1:{free_port()}" for name in names}
