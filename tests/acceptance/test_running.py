"""A running tree, on files and on Azure's services: reading, parts that are killed, its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import ClientError

from tests.harness.engines import AZURE, EMBEDDED, ENGINES, on_engines
from tests.harness.live import Live, session
from tests.harness.outputs import Following, api_token, get, search_api
from tests.harness.placements import chat
from tests.harness.scripted_upstream import Answer, ScriptedUpstream, chunks_of
from tests.harness.tree import Tree, auditstream, free_port, records
from tests.harness.wait import until

DONE = b"data: [DONE]\n\n"
ASKED = chat({"role": "user", "content": "go on"}, stream=True)


@dataclass
class Unflagged(Tree):
    """A tree that takes everything from the environment, as `make run` starts it."""

    def _words(self) -> list[str]:
        return ["up", "--demo-unless-upstream"]


@dataclass
class Filed(Tree):
    """A tree that takes everything from a TOML file."""

    def _words(self) -> list[str]:
        file = self.data.with_name("settings.toml")
        values = {"upstream": self.upstream, "listen": self.url[7:], "data": str(self.data)}
        file.write_text("".join(f"{name} = {json.dumps(v)}\n" for name, v in values.items()))
        return ["up", "--config", str(file)]


def _held(first: str, last: str) -> Answer:
    """A stream that goes on when the upstream is released."""
    rest = chunks_of({"content": last}) + chunks_of({}, "stop") + DONE
    return Answer([chunks_of({"content": first}), rest], kind="text/event-stream", waits=True)


# What a killed worker held comes again when its lease has lapsed.
_LEASE = 2.0


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ENGINES)
async def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Live]:
    """One tree on each kind of engine, for the tests that need one running."""
    folder = tmp_path_factory.mktemp("live")
    async with on_engines(request.param, folder, lease=_LEASE), _tree(folder / "data") as live:
        yield live


@asynccontextmanager
async def _tree(data: Path) -> AsyncIterator[Live]:
    """A tree that is told by the environment alone."""
    upstream = ScriptedUpstream()
    await upstream.start()
    port = free_port()
    extra = {
        "AUDITSTREAM_UPSTREAM": upstream.url,
        "AUDITSTREAM_LISTEN": f"127.0.0.1:{port}",
        "AUDITSTREAM_DATA": str(data),
        "AUDITSTREAM_WORKER__LEASE": str(_LEASE),
        "AUDITSTREAM_CONSOLE__MAX_ROWS": "5000",
        "AUDITSTREAM_WORKER__CONTROL": f"127.0.0.1:{free_port()}",
    }
    tree = Unflagged(data, upstream.url, port, extra)
    await tree.start()
    yield Live(tree, upstream)
    assert await tree.stop() == 0, tree.log.read_text()
    await upstream.stop()
    assert "Traceback" not in tree.log.read_text()


in_module_loop = pytest.mark.asyncio(loop_scope="module")


@in_module_loop
async def test_what_is_said_can_be_read_at_once(live: Live) -> None:
    """An exchange through a tree that the environment alone describes has its record."""
    held = await live.ask("how are you, ada@example.com?")
    assert json.loads(held.body)["choices"][0]["message"]["content"] == "good day"
    record = await live.record(held.trace)
    said = record["request"]["messages"][0]["parts"][0]["text"]
    assert said == "how are you, <EMAIL_ADDRESS_1>?"


@in_module_loop
async def test_tail_prints_a_record_that_arrives_while_it_runs(live: Live) -> None:
    """As JSON lines and as a table; Ctrl-C ends it quietly."""
    before = (await live.ask()).trace
    await live.record(before)
    where = ("tail", "--data", str(live.tree.data))
    lines, table = Following(*where, "--jsonl"), Following(*where)
    await lines.start()
    await table.start()
    await lines.until(before.encode())
    await table.until((await live.record(before))["id"].encode())
    trace = (await live.ask()).trace
    await lines.until(trace.encode())
    record = await live.record(trace)
    await table.until(record["id"].encode())
    assert (await lines.interrupt(), await table.interrupt()) == (0, 0)
    told = [json.loads(line) for line in lines.said.splitlines()]
    assert told[-1] == record
    assert len({each["id"] for each in told}) == len(told)
    assert b"Traceback" not in lines.said + table.said


@in_module_loop
async def test_the_query_api_answers_whoever_holds_the_token(live: Live) -> None:
    """Search and single records; what was asked is said back in words."""
    trace = (await live.ask()).trace
    record = await live.record(trace)
    (answer,) = await search_api(live.tree, [f"trace:{trace}"])
    assert trace in answer["asked"]
    assert answer["cursor"] is None
    console = (await live.tree.state())["console"]
    bearer = f"Bearer {api_token(live.tree.data)}"
    status, body = await get(console, f"/api/v1/records/{record['id']}", Authorization=bearer)
    assert (status, json.loads(body)) == (200, record)
    status, body = await get(console, "/api/v1/records/none", Authorization=bearer)
    assert (status, json.loads(body)["error"]["code"]) == (404, "record.unknown")


@in_module_loop
async def test_a_cursor_leads_through_all_records_of_a_search(live: Live) -> None:
    """Each comes once, newest first; a limit beyond what a page may have is taken as that."""
    traces = [(await live.ask()).trace for _ in range(3)]
    for trace in traces:
        await live.record(trace)
    console = (await live.tree.state())["console"]
    headers = {"Authorization": f"Bearer {api_token(live.tree.data)}"}
    asked: dict[str, Any] = {
        "filter": " OR ".join(f"trace:{trace}" for trace in traces),
        "limit": 2,
    }
    met: list[str] = []
    async with session() as client:
        url = f"http://{console}/api/v1/search"
        while asked.get("cursor", "") is not None:
            async with client.post(url, json=asked, headers=headers) as answer:
                page = await answer.json()
            met += [record["identity"]["trace_id"] for record in page["records"]]
            asked["cursor"] = page["cursor"]
        async with client.post(url, json={"limit": 5000}, headers=headers) as answer:
            assert answer.status == 200
    assert met == traces[::-1]


@in_module_loop
@pytest.mark.parametrize("given", ["", "Bearer ", "Bearer wrong", "Basic YTpi", "Bearer é"])
async def test_the_query_api_tells_nobody_else_anything(live: Live, given: str) -> None:
    """Without the token every path but health is refused, and so is a search."""
    console = (await live.tree.state())["console"]
    for path in ("/", "/api/v1/search", "/api/v1/records/x", "/nothing"):
        status, body = await get(console, path, Authorization=given)
        assert (status, json.loads(body)["error"]["code"]) == (401, "access.denied")
    url = f"http://{console}/api/v1/search"
    async with session() as client, client.post(url) as answer:
        assert answer.status == 401
    assert (await get(console, "/healthz"))[0] == 200


@in_module_loop
async def test_a_search_that_cannot_be_understood_is_a_400(live: Live) -> None:
    """The answer says why, as JSON."""
    console = (await live.tree.state())["console"]
    headers = {"Authorization": f"Bearer {api_token(live.tree.data)}"}
    url = f"http://{console}/api/v1/search"
    async with session() as client:
        for body in (
            b"{",
            b"[]",
            b'{"filter": "ending:happy"}',
            b'{"limit": 0}',
            b'{"limit": "x"}',
            b'{"filtre": "consumer:demo"}',
            b'{"cursor": "nowhere"}',
        ):
            async with client.post(url, data=body, headers=headers) as answer:
                assert answer.status == 400
                assert (await answer.json())["error"]["code"] == "query.invalid"


@in_module_loop
async def test_a_canary_tells_what_the_policy_lets_through(live: Live) -> None:
    """By exit code, metric and event; where its policy keeps no family that is planted, clean."""
    # The tree's policy finds neither people nor addresses.
    kept = ("--without", "person", "--without", "address")
    sing = ("canary", "--tap", live.tree.url, "--data", str(live.tree.data), "--json")
    leaked, clean = await asyncio.gather(
        asyncio.to_thread(auditstream, *sing), asyncio.to_thread(auditstream, *sing, *kept)
    )
    assert (leaked.returncode, clean.returncode) == (1, 0), leaked.stderr + clean.stderr
    told = json.loads(leaked.stdout)
    readable = {name for name, each in told["families"].items() if each["readable"]}
    assert (told["result"], readable) == ("leaked", {"person", "address"})
    assert json.loads(clean.stdout)["result"] == "clean"
    log = live.tree.log
    await until(lambda: log.read_text().count("canary.") == 2, "the worker's word on both")
    _, metrics = await get(live.tree.extra["AUDITSTREAM_WORKER__CONTROL"], "/metrics")
    for result, count in (("clean", 1), ("leaked", 1), ("unread", 0)):
        assert f'auditstream_canaries_total{{result="{result}"}} {count}.0\n'.encode() in metrics
    (line,) = [each for each in log.read_text().splitlines() if "canary.leaked" in each]
    assert told["record"]["id"] in line
    assert "ADDRESS,PERSON" in line


def _children(pid: int) -> dict[str, int]:
    """The parts by name, from the process table: their command line ends `NAME --child`."""
    found: dict[str, int] = {}
    for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with suppress(OSError):  # it has gone in this moment
            line = Path(f"/proc/{each}/cmdline").read_bytes().split(b"\0")
            if line[-2:-1] == [b"--child"]:
                found[line[-3].decode()] = int(each)
    return found


async def _again(live: Live, name: str, killed: int) -> None:
    """Wait until the parent has another process for a part."""
    assert live.tree.process is not None
    parent = live.tree.process.pid
    await until(lambda: _children(parent).get(name, killed) != killed, f"another {name}")


@in_module_loop
async def test_a_killed_worker_is_started_again_and_nothing_is_lost(live: Live) -> None:
    """What it held is delivered again; every exchange has its one record."""
    assert live.tree.process is not None
    traces = [(await live.ask()).trace for _ in range(20)]
    worker = _children(live.tree.process.pid)["worker"]
    os.kill(worker, signal.SIGKILL)
    traces += [(await live.ask()).trace for _ in range(5)]
    await _again(live, "worker", worker)
    for trace in traces:
        assert (await live.record(trace))["exchange"]["ending"] == "complete"


@in_module_loop
async def test_a_killed_tap_is_started_again_and_nothing_is_lost(live: Live) -> None:
    """The stream it carried is recorded as far as it came; callers wait and are then served."""
    assert live.tree.process is not None
    live.upstream.release.clear()
    trace, headers = live.script(_held("the first half", "the second half"))
    async with (
        session() as client,
        client.post(live.chat_url, data=ASKED, headers=headers) as response,
    ):
        await response.content.readuntil(b"\n\n")
        tap = _children(live.tree.process.pid)["tap"]
        os.kill(tap, signal.SIGKILL)
        with pytest.raises(ClientError):
            await response.read()
    live.upstream.release.set()
    after = await live.ask()
    assert b"good day" in after.body
    await _again(live, "tap", tap)
    cut = await live.record(trace)
    assert cut["exchange"]["ending"] == "tap_crashed"
    assert (await live.record(after.trace))["exchange"]["ending"] == "complete"
    parent, state = live.tree.process.pid, live.tree.data / "running.json"
    now = _children(parent)
    await until(lambda: json.loads(state.read_text())["pids"] == now, "word of the new process")


@in_module_loop
async def test_a_log_that_is_written_verifies_too(live: Live) -> None:
    """While everything runs, nothing that is on its way is called lost."""
    trace = (await live.ask()).trace
    await live.record(trace)
    where = ("--data", str(live.tree.data))
    result = await asyncio.to_thread(auditstream, "verify", *where, "--json")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(
    ("by", "engines"), [("Ctrl-C", EMBEDDED), ("SIGTERM", EMBEDDED), ("SIGTERM", AZURE)]
)
async def test_stopping_lets_a_stream_end_and_records_it(
    tmp_path: Path, by: str, engines: str
) -> None:
    """The caller gets its answer to the last byte, and the record is there when it has stopped."""
    async with on_engines(engines, tmp_path):
        await _stopped_within_a_stream(tmp_path, by)


async def _stopped_within_a_stream(tmp_path: Path, by: str) -> None:
    upstream = ScriptedUpstream()
    await upstream.start()
    tree = Filed(tmp_path / "data", upstream.url)
    await tree.start()
    live = Live(tree, upstream)
    trace, headers = live.script(_held("one, two, ", "three"))
    async with session() as client:
        async with client.post(live.chat_url, data=ASKED, headers=headers) as response:
            first = await response.content.readuntil(b"\n\n")
            assert tree.process is not None
            if by == "Ctrl-C":
                os.killpg(tree.process.pid, signal.SIGINT)  # a terminal tells every process
            else:
                tree.process.send_signal(signal.SIGTERM)
            await until(lambda: b"up.stopping" in tree.log.read_bytes(), "it began to stop")
            assert tree.process.returncode is None
            upstream.release.set()
            rest = await response.read()
        assert first + rest == b"".join(upstream.answers[trace].pieces)
        assert await tree.process.wait() == 0
    await upstream.stop()
    (record,) = records(tree.data)
    assert record["identity"]["trace_id"] == trace
    assert record["exchange"]["ending"] == "complete"
    assert record["response"]["outputs"][0]["parts"][0]["text"] == "one, two, three"
    assert not (tree.data / "running.json").exists()
    assert "Traceback" not in tree.log.read_text()
