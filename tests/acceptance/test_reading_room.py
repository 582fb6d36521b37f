"""An analyst's day in the reading room: a real browser against the running system."""

from __future__ import annotations

import asyncio
import base64
import csv
import io
import json
import os
import re
import sqlite3
import zipfile
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.harness.browser import Browser, browser, chromium
from tests.harness.tree import Tree, auditstream, clean_environment, records

AXE = Path(__file__).parents[2] / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"
LINK = re.compile(rb"http://[0-9.:]+/enter/[\w-]+")
HOSTILE = "<script>window.pwned=1</script><img src=x onerror='window.pwned=1'>\u202e{{7*7}}"
WIDTHS = (1366, 1000)

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass
class Demo(Tree):
    """A tree with its demo, which goes on running."""

    def _words(self) -> list[str]:
        where = ["--listen", self.url[7:], "--data", str(self.data)]
        return ["up", "--demo", *where]


@dataclass
class Room:
    """The running system, the browser in front of it, and where its pictures go."""

    tree: Demo
    tab: Browser
    url: str
    pictures: Path

    async def open(self, path: str) -> None:
        """Open a page."""
        await self.tab.goto(self.url + path)

    async def ids(self) -> list[str]:
        """The records on the page."""
        found: list[str] = await self.tab.evaluate(
            "[...document.querySelectorAll('[data-id]')].map(row => row.dataset.id)"
        )
        return found

    async def search(self, text: str) -> None:
        """Type into the box and press the button."""
        await self.tab.follow(
            f"document.querySelector('#filter').value = {json.dumps(text)};"
            "document.querySelector('.ask button').click()"
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Room]:
    """The demo, a hostile call, and a browser that followed the link."""
    chromium()
    folder = tmp_path_factory.mktemp("room")
    tree = Demo(folder / "data", "")
    await tree.start()
    link = await _link(tree)
    await _say_something_hostile(tree)
    async with browser(folder / "profile") as tab:
        await tab.goto(link)
        yield Room(tree, tab, link.partition("/enter/")[0], folder)
        assert tab.errors == []
    assert await tree.stop() == 0, tree.log.read_text()
    assert "Traceback" not in tree.log.read_text()


async def _link(tree: Demo) -> str:
    """Wait until the demo has shown its table and the link."""
    async with asyncio.timeout(60):
        while not (found := LINK.search(tree.log.read_bytes())):  # noqa: ASYNC110 - see below
            await asyncio.sleep(0.1)  # another process prints it
    return found[0].decode()


async def _say_something_hostile(tree: Demo) -> None:
    """Send what a page might execute, and wait until it is stored."""
    asked = {"model": "demo-support", "messages": [{"role": "user", "content": HOSTILE}]}
    url = f"{tree.url}/openai/v1/chat/completions"
    parent = f"00-{os.urandom(16).hex()}-{os.urandom(8).hex()}-01"
    headers = {"Authorization": "Bearer not-a-key-of-anyone", "traceparent": parent}
    async with (
        aiohttp.ClientSession() as client,
        client.post(url, json=asked, headers=headers) as answer,
    ):
        await answer.read()
    trace = headers["traceparent"].split("-")[1]
    async with asyncio.timeout(30):
        while not await asyncio.to_thread(records, tree.data, f"trace:{trace}"):
            pass  # another process stores it; each look takes a second


async def test_the_link_works_once(room: Room) -> None:
    """The browser that followed it is in; it lets nobody else in."""
    link = LINK.search(room.tree.log.read_bytes())
    assert link is not None
    async with aiohttp.ClientSession() as client, client.get(link[0].decode()) as answer:
        assert answer.status == 403
    assert await room.ids()


async def test_a_search_is_refined_by_a_facet(room: Room) -> None:
    """A click on a facet narrows what is shown, and the box holds the new filter."""
    await room.open("/")
    everything = await room.ids()
    await room.search("entity:EMAIL_ADDRESS")
    some = await room.ids()
    await room.tab.follow("document.querySelector('[data-value=filtered]').click()")
    fewer = await room.ids()
    assert len(everything) > len(some) > len(fewer) > 0
    box = await room.tab.evaluate("document.querySelector('#filter').value")
    assert box == "entity:EMAIL_ADDRESS ending:filtered"
    assert "EMAIL" not in await room.tab.evaluate("location.href")


async def test_the_box_completes_fields_and_their_values(room: Room) -> None:
    """With the keyboard alone: a field's name, then one of its values."""
    await room.open("/")
    await room.tab.evaluate("document.querySelector('#filter').focus()")
    await room.tab.call("Input.insertText", text="endi")
    shown = "document.querySelectorAll('.options li').length"
    await _until_true(room.tab, f"{shown} === 1")
    for key in ("ArrowDown", "Enter"):
        await room.tab.call("Input.dispatchKeyEvent", type="keyDown", key=key)
    await _until_true(room.tab, f"{shown} > 5")
    await room.tab.call("Input.insertText", text="filt")
    await _until_true(room.tab, f"{shown} === 1")
    for key in ("ArrowDown", "Enter"):
        await room.tab.call("Input.dispatchKeyEvent", type="keyDown", key=key)
    assert await room.tab.evaluate("document.querySelector('#filter').value") == "ending:filtered "


async def test_two_records_are_chosen_and_compared(room: Room) -> None:
    """The button waits for two; the page names both."""
    await room.open("/")
    ids = await room.ids()
    assert await room.tab.evaluate("document.querySelector('[data-needs-two]').disabled")
    await room.tab.evaluate(
        "[...document.querySelectorAll('input[name=pick]')].slice(0, 2).forEach(b => b.click())"
    )
    await room.tab.follow("document.querySelector('[data-needs-two]').click()")
    text = await room.tab.evaluate("document.body.innerText")
    assert ids[0] in text
    assert ids[1] in text


async def test_what_was_said_is_shown_and_not_executed(room: Room) -> None:
    """A script in a prompt is text on every page that shows it."""
    (record,) = records(room.tree.data, "prompt:pwned")
    for path in ("/", f"/records/{record['id']}", f"/records/{record['id']}/raw"):
        await room.open(path)
        assert await room.tab.evaluate("window.pwned === undefined")
        text = await room.tab.evaluate("document.body.innerText")
        assert "<script>window.pwned=1</script>" in text
        assert "⟨U+202E⟩{{7*7}}" in text


async def test_an_export_is_read_back(room: Room) -> None:
    """The CSV that the form gives has the records of the store, digests included."""
    await room.open("/export")
    data = await room.tab.evaluate(
        """(async () => {
          const form = document.querySelector("form[action='/export']");
          form.querySelector("[value=csv]").checked = true;
          form.querySelector("[name=purpose]").value = "an analyst's day";
          const body = new URLSearchParams(new FormData(form));
          const answer = await fetch("/export", { method: "POST", body });
          const bytes = new Uint8Array(await answer.arrayBuffer());
          return btoa(String.fromCharCode(...bytes));
        })()"""
    )
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(data))) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("records.csv").decode())))
        said = json.loads(archive.read("manifest.json"))
    stored = {each["id"]: each["integrity"]["record_digest"] for each in records(room.tree.data)}
    assert {row["id"]: row["record_digest"] for row in rows} == stored
    assert (said["records"], said["purpose"]) == (len(stored), "an analyst's day")


async def test_a_live_page_shows_what_is_stored_meanwhile(room: Room) -> None:
    """A call that is made now comes in on top, without loading the page again."""
    await room.open("/")
    await room.search("consumer:*")
    await room.tab.follow("[...document.querySelectorAll('.tools a')].at(-1).click()")
    before = await room.ids()
    await _say_something_hostile(room.tree)
    rows = "document.querySelectorAll('[data-id]').length"
    await _until_true(room.tab, f"{rows} === {len(before) + 1}")
    assert (await room.ids())[1:] == before


async def test_no_page_has_a_serious_flaw_of_access(room: Room) -> None:
    """axe-core finds nothing serious, light or dark; no page is wider than its window."""
    if not AXE.exists():
        pytest.skip("axe-core is missing: make .venv/.emulators")
    await room.open("/")
    ids = await room.ids()
    tools = records(room.tree.data, "tool:*")[0]["id"]
    pages = {
        "search": "/",
        "wrong": "/search",
        "overview": "/overview?span=24h",
        "record": f"/records/{tools}",
        "raw": f"/records/{tools}/raw",
        "compare": f"/compare?pick={ids[0]}&pick={ids[1]}",
        "export": "/export",
        "log": "/access-log",
    }
    for name, path in pages.items():
        for dark in (False, True):
            for width in WIDTHS:
                await room.tab.look(width, 850, dark=dark)
                if path == "/search":
                    await room.open("/")
                    await _ask_wrongly(room)
                else:
                    await room.open(path)
                scheme = "dark" if dark else "light"
                picture = room.pictures / f"{name}-{scheme}-{width}.png"
                picture.write_bytes(await room.tab.picture(whole=name != "raw"))
                wide = "document.documentElement.scrollWidth - innerWidth"
                assert await room.tab.evaluate(wide) <= 0, (name, width)
            assert await _flaws(room.tab) == [], (name, dark)


async def test_the_command_line_exports_the_same(room: Room, tmp_path: Path) -> None:
    """Its archive has the records that the filter finds; a file that is there stays as it is."""
    out = tmp_path / "out.zip"
    words = ("export", "--data", str(room.tree.data), "--out", str(out), "--purpose", "a check")
    made = await asyncio.to_thread(auditstream, *words, "ending:filtered")
    assert made.returncode == 0, made.stderr
    assert out.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(out) as archive:
        lines = archive.read("records.jsonl").splitlines()
        said = json.loads(archive.read("manifest.json"))
    wanted = await asyncio.to_thread(records, room.tree.data, "ending:filtered")
    assert [json.loads(line)["id"] for line in lines] == [each["id"] for each in wanted]
    assert (said["records"], said["purpose"]) == (len(wanted), "a check")
    before = out.read_bytes()
    again = await asyncio.to_thread(auditstream, *words)
    assert again.returncode == 2
    assert again.stderr.count("\n") == 1
    assert out.read_bytes() == before
    wrong = await asyncio.to_thread(auditstream, *words[:4], str(tmp_path / "x"), *words[5:], "a:b")
    assert wrong.returncode == 2
    assert not (tmp_path / "x").exists()


async def test_an_altered_access_log_is_noticed(room: Room, tmp_path: Path) -> None:
    """A copy in which one entry was changed by force makes the command say which, and exit 1."""
    copy = tmp_path / "access.sqlite"
    with (
        closing(sqlite3.connect(room.tree.data / "access.sqlite")) as there,
        closing(sqlite3.connect(copy)) as here,
    ):
        there.backup(here)
        here.execute("DROP TRIGGER access_stands")
        here.execute(
            'UPDATE access SET json = replace(json, \'"who":"\', \'"who":"x\') WHERE number = 2'
        )
        here.commit()
    env = clean_environment(AUDITSTREAM_CONSOLE__ACCESS_LOG=str(copy))
    where = ("access-log", "--data", str(room.tree.data))
    said = await asyncio.to_thread(auditstream, *where, "--limit", "1", env=env)
    assert said.returncode == 1
    assert "entry 2 does not follow" in said.stderr


async def test_every_look_of_the_day_is_on_record(room: Room) -> None:
    """`auditstream access-log` lists them, and finds the chain whole."""
    printed = auditstream("access-log", "--data", str(room.tree.data), "--jsonl")
    assert printed.returncode == 0, printed.stderr
    deeds = {json.loads(line)["access"]["deed"] for line in printed.stdout.splitlines()}
    assert {"enter", "search", "view", "compare", "export", "tail"} <= deeds
    assert "pwned" not in printed.stdout


async def _ask_wrongly(room: Room) -> None:
    # The answer is a 400, which a browser logs as an error of the network.
    await room.search("ending:happy")
    room.tab.errors[:] = [each for each in room.tab.errors if "status of 400" not in each]


async def _flaws(tab: Browser) -> list[str]:
    await tab.evaluate(f"{AXE.read_text('utf-8')}; 0")
    found: list[str] = await tab.evaluate(
        "axe.run(document, { resultTypes: ['violations'] }).then(said => said.violations"
        ".filter(each => ['serious', 'critical'].includes(each.impact))"
        ".map(each => `${each.id}: ${each.nodes[0].html}`))"
    )
    return found


async def _until_true(tab: Browser, script: str) -> None:
    """Wait in the page until something holds."""
    await tab.evaluate(
        "new Promise((done, late) => { const end = Date.now() + 20000; const look = () => "
        f"({script}) ? done(true) : Date.now() > end ? late(new Error('never')) "
        ": setTimeout(look, 50); look(); })"
    )
