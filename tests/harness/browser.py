"""A headless Chromium driven by the DevTools protocol over its WebSocket: no driver to download.

The protocol is Chrome's own (chromedevtools.github.io/devtools-protocol). Where no Chromium is
installed a test is skipped, and fails where the environment variable CI is set.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

__all__ = ["Browser", "browser", "chromium"]

_NAMES = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """The program, or a skip that says what to install."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        said = "no Chromium here: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(said)
        pytest.skip(said)
    return found


class Browser:
    """One tab."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self.errors: list[str] = []

    async def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and give its result."""
        said = await self._said(method, **parameters)
        assert "error" not in said, said["error"]
        result: dict[str, Any] = said["result"]
        return result

    async def goto(self, url: str) -> None:
        """Open an address and wait until it is loaded."""
        await self._mark()
        await self.call("Page.navigate", url=url)
        await self._loaded()

    async def evaluate(self, script: str) -> Any:
        """Run a script in the page and give its value, awaited."""
        said = await self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    async def follow(self, script: str) -> None:
        """Run a script that leads to another page, and wait for that."""
        await self._mark()
        said = await self.call("Runtime.evaluate", expression=script)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        await self._loaded()

    async def look(self, width: int, height: int, *, dark: bool) -> None:
        """Set the window's size and the scheme of colours."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self, *, whole: bool = False) -> bytes:
        """A PNG of what is seen, or of the whole page."""
        shot = await self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])

    async def _mark(self) -> None:
        await self.evaluate("window.markOfThisPage = true; 0")

    async def _loaded(self) -> None:
        """Wait until the marked page has gone and the next one is whole."""
        script = "!window.markOfThisPage && document.readyState === 'complete'"
        async with asyncio.timeout(30):
            while True:
                # Between two pages there is none that could answer.
                said = await self._said("Runtime.evaluate", expression=script)
                if said.get("result", {}).get("result", {}).get("value"):
                    return

    async def _said(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for what is said to it; a page's complaints are kept."""
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            said: dict[str, Any] = json.loads((await self._socket.receive()).data)
            if said.get("id") == number:
                return said
            if said.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.errors.append(json.dumps(said["params"]))


@asynccontextmanager
async def browser(folder: Path) -> AsyncIterator[Browser]:
    """Start a browser with a profile in `folder` and give its one tab."""
    process = await asyncio.create_subprocess_exec(
        chromium(),
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--remote-debugging-port=0",
        f"--user-data-dir={folder}",
        "about:blank",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        port = await _port(process)
        async with aiohttp.ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                tabs = await answer.json()
            url = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
            async with session.ws_connect(url, max_msg_size=0) as socket:
                tab = Browser(socket)
                for domain in ("Page", "Runtime", "Log"):
                    await tab.call(f"{domain}.enable")
                yield tab
    finally:
        process.terminate()
        await process.wait()


async def _port(process: asyncio.subprocess.Process) -> int:
    """Read on which port the browser listens for commands, from what it says."""
    assert process.stderr is not None
    async with asyncio.timeout(30):
        async for line in process.stderr:
            if b"DevTools listening on ws://" in line:
                return int(line.split(b"/devtools")[0].rsplit(b":", 1)[1])
    raise AssertionError("the browser ended before it listened")
