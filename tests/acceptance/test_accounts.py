"""The running query side with accounts: settings, sign-in, `check`, and what is logged of it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import ClientSession, CookieJar

from tests.emulators.oidc import CLIENT, SECRET, Fault, OidcServer, oidc_server
from tests.harness.tree import auditstream, clean_environment, free_port

ADA = {"preferred_username": "ada@example.org", "sub": "subject-ada", "roles": ["App.Admin"]}


@dataclass
class Console:
    """A query side that runs: its address and environment, and what it says."""

    url: str
    given: dict[str, str]
    process: asyncio.subprocess.Process

    async def stop(self) -> str:
        """Ask it to stop; everything that it has said and logged."""
        self.process.send_signal(signal.SIGTERM)
        said, _ = await self.process.communicate()
        return said.decode()

    def command(self, *words: str) -> tuple[int, str]:
        """Run a command with the same settings."""
        run = auditstream(*words, env=self.given)
        assert "Traceback" not in run.stderr, run.stderr
        return run.returncode, run.stdout + run.stderr


@asynccontextmanager
async def console(folder: Path, provider: OidcServer) -> AsyncIterator[Console]:
    """Start one whose people have accounts at the provider."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    provider.redirect = f"{url}/sign-in/back"
    await asyncio.to_thread((folder / "data").mkdir)
    given = clean_environment(
        AUDITSTREAM_DATA=str(folder / "data"),
        AUDITSTREAM_CONSOLE__LISTEN=f"127.0.0.1:{port}",
        AUDITSTREAM_CONSOLE__URL=url,
        AUDITSTREAM_CONSOLE__OIDC__ISSUER=provider.issuer,
        AUDITSTREAM_CONSOLE__OIDC__CLIENT_ID=CLIENT,
        AUDITSTREAM_CONSOLE__OIDC__CLIENT_SECRET=SECRET,
        AUDITSTREAM_CONSOLE__OIDC__ROLES='{"App.Admin": "admin", "App.Reader": "reader"}',
        AUDITSTREAM_CONSOLE__OIDC__CONSUMERS='{"App.Reader": ["shop"]}',
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "cli.main", "console"),
        env=given,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while b"Sign in with an account" not in (line := await process.stdout.readline()):
            assert line, "it ended"
    try:
        yield Console(url, given, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_people_come_in_by_their_accounts_and_stand_in_the_log(tmp_path: Path) -> None:
    """From settings to the access log; what was refused is one log line with its reason."""
    async with oidc_server(**ADA) as provider, console(tmp_path, provider) as running:
        jar = CookieJar(unsafe=True)  # the address is an IP
        headers = {"Accept": "text/html"}
        async with ClientSession(running.url, cookie_jar=jar, headers=headers) as browser:
            provider.fault = Fault.NONE
            async with browser.get("/sign-in") as answer:
                assert (answer.status, "token_algorithm" in await answer.text()) == (403, True)
            provider.fault = None
            async with browser.get("/sign-in") as answer:
                assert (answer.status, answer.url.path) == (200, "/")
            async with browser.get("/access-log") as answer:
                assert "ada@example.org [subject-ada]" in await answer.text()
        _, found = await asyncio.to_thread(running.command, "check", "--for", "console")
        lines = [" ".join(line.split()) for line in found.splitlines()]
        assert f"pass accounts {provider.issuer} describes itself under this name" in lines
        assert "pass accounts: keys 1 to believe tokens by" in lines
        assert f"pass accounts: way back register {provider.redirect} with the provider" in lines
        said = await running.stop()
    assert said.count("console.sign_in_refused") == 1
    assert "token_algorithm" in said
    assert not any(token in said for token in provider.tokens)
    # No token is made where people have accounts: nobody could say who showed it.
    assert not (tmp_path / "data.keys" / "console.token").exists()
