"""`auditstream canary` as it is typed, before an endpoint that only answers: no tap, no store."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from click.testing import CliRunner, Result

from cli.main import cli
from cli.options import settings_of
from cli.places import worker_keys_of
from redaction.canaries import Canaries
from storage.key_binding import prepare_keys
from tests.harness.tree import free_port

SECRET = "hunter2-Quillerby"


@dataclass
class Echo:
    """An endpoint that answers with what it was asked, and remembers the header fields."""

    folder: Path
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        """Say it again."""
        self.asked.append({"target": str(request.rel_url), **request.headers})
        self.bodies.append(await request.json())
        return web.Response(text=await request.text(), status=401)

    async def sing(self, *words: str) -> Result:
        """Run the command against this endpoint, on a data folder where nothing was ever stored."""
        where = ("--data", str(self.folder / "data"), "--tap", self.url)
        return await asyncio.to_thread(CliRunner().invoke, cli, ["canary", *where, *words])

    @property
    def canaries(self) -> Canaries:
        """What knows the canaries of this folder's keys."""
        settings = settings_of(None, data=str(self.folder / "data"))
        return Canaries(worker_keys_of(settings).fingerprint_key)


@pytest_asyncio.fixture
async def echo(tmp_path: Path) -> AsyncIterator[Echo]:
    """One that listens, and keys as a first start makes them."""
    prepare_keys(tmp_path / "data.keys", tmp_path / "data")
    made = Echo(tmp_path)
    app = web.Application()
    app.router.add_post("/{path:.*}", made.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    handlers = logging.getLogger().handlers
    yield made
    # The command shuts the loggers of its process, which here is the tests' own.
    logging.getLogger().handlers = handlers
    logging.captureWarnings(capture=False)
    await runner.cleanup()


async def test_a_canary_is_a_call_like_any_other(echo: Echo) -> None:
    """The path, the model and the key that were given; the id is in traceparent alone."""
    headers = echo.folder / "headers"
    headers.write_text(f"# of the canary's consumer\napi-key: {SECRET}\n\nX-A:  b \n")
    words = ("--headers", str(headers), "--path", "/v1/chat?a=b", "--model", "m", "--wait", "0")
    result = await echo.sing(*words, "--json")
    assert result.exit_code == 0
    told = json.loads(result.stdout)
    assert (told["result"], told["answered"], told["planted"], told["echoed"]) == (
        "sent",
        401,
        12,
        12,
    )
    (asked,), (body,) = echo.asked, echo.bodies
    assert (asked["target"], asked["api-key"], asked["X-A"]) == ("/v1/chat?a=b", SECRET, "b")
    _, trace, _, sampled = asked["traceparent"].split("-")
    canary = echo.canaries.recognise(trace)
    assert canary is not None
    assert (told["trace"], sampled) == (trace, "00")
    assert body == {"model": "m", **canary.body}
    assert trace not in json.dumps(body)
    assert SECRET not in result.output
    assert not [each for each in canary.planted if each.value in result.output]


async def test_without_a_record_nothing_is_said_of_leaks(echo: Echo) -> None:
    """Nobody answers, or the record does not come: could not tell, and no exit code of a leak."""
    silent = await echo.sing("--tap", f"http://127.0.0.1:{free_port()}")
    late = await echo.sing("--wait", "0.01")
    for result, advice in ((silent, "the tap gave no answer"), (late, "there is no record yet")):
        assert result.exit_code == 2
        assert advice in result.stdout
        assert "taken out " not in result.stdout
    told = json.loads((await echo.sing("--wait", "0.01", "--json")).stdout)
    assert {each["readable"] for each in told["families"].values()} == {None}


async def test_a_family_that_is_left_out_is_not_planted(echo: Echo) -> None:
    """And the id says so, for whoever judges the record later."""
    result = await echo.sing("--without", "person", "--without", "card", "--wait", "0", "--json")
    told = json.loads(result.stdout)
    canary = echo.canaries.recognise(told["trace"])
    assert canary is not None
    assert {each.family for each in canary.planted} == set(told["families"])
    assert len(told["families"]) == 10
    assert not {"person", "card"} & set(told["families"])


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--without", "cat"), "--without: there is no family cat; there are email, phone"),
        (("--tap", "127.0.0.1:8080"), "--tap: must be a URL"),
        (("--headers", "there-is-none"), "--headers: there-is-none cannot be read"),
        (("--keys", "nowhere"), "nowhere"),
    ],
)
async def test_what_cannot_be_used_is_one_line(
    echo: Echo, words: tuple[str, ...], says: str
) -> None:
    """Before anything is sent, and with the exit code of what could not be told."""
    result = await echo.sing(*words)
    assert result.exit_code == 2
    assert says in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not echo.asked


@pytest.mark.parametrize("line", [SECRET, f": {SECRET}", f"a b: {SECRET}", f"a: {SECRET}\x07"])
async def test_a_line_that_is_no_header_field_is_named_by_its_number(echo: Echo, line: str) -> None:
    """And not repeated: it may be the key."""
    headers = echo.folder / "headers"
    headers.write_text(f"a: b\n{line}\n")
    result = await echo.sing("--headers", str(headers))
    assert result.exit_code == 2
    assert "line 2 is no `Name: value`" in result.stderr
    assert "Quillerby" not in result.output
