"""The command `verify` over real folders: what it reads, what it says, and its exit code."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from audit.completeness import CompletenessReport, Outcome, Unrecorded
from audit.settings import Settings
from cli.places import Places
from cli.render.completeness import CompletenessView, report_document
from cli.run_verify import run
from storage.queue.sqlite import SqliteQueue
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.sqlite import SqliteRecordWriter
from storage.records.sqlite_file import open_store
from storage.spool.start import open_spool
from tests.contract.samples import a_checkpoint, a_record, an_entry
from tests.unit.storage.kit import SEALER

BOOT = "000000000001-0000"


async def a_folder(data: Path) -> Places:
    """A data folder in which every part has begun, with two records that nobody announced."""
    places = Places(data)
    places.spool("tap").mkdir(parents=True)
    await (await open_spool(places.spool("tap"), "tap", BOOT, SEALER)).shut()
    await (await SqliteQueue.open(places.queue)).close()
    database = await open_store(places.store)
    for seq in (1, 2):
        await SqliteRecordWriter(database).put(a_record(seq))
        await SqliteLedger(database).enter(an_entry(seq))
    await SqliteLedger(database).checkpoint(a_checkpoint(0))
    await database.close()
    return places


def verified(data: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any], str]:
    """The exit code, the report as JSON and what was said on standard error."""
    code = run(Settings(data=data), as_json=True)
    out, err = capsys.readouterr()
    return code, msgspec.json.decode(out), err


def reasons(report: dict[str, Any]) -> set[str]:
    """The reasons of all flaws."""
    return {flaw["reason"] for flaw in report["flaws"]}


def test_a_folder_in_which_nothing_has_begun_is_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """With nothing but a binding the answer is that nothing was recorded here yet."""
    (tmp_path / "binding").touch()
    assert run(Settings(data=tmp_path), as_json=False) == 0
    out, err = capsys.readouterr()
    assert (out.strip(), err) == ("complete: nothing was recorded here yet", "")


@pytest.mark.parametrize("left", ["spool", "queue.sqlite", "records.sqlite"])
def test_a_folder_in_which_a_part_has_begun_needs_all_sources(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left: str
) -> None:
    """Each source that is not there is named on standard error with its path; exit code 2."""
    (tmp_path / left).mkdir()
    code, report, err = verified(tmp_path, capsys)
    assert code == 2
    assert "queue" in report["unread"]
    absent = {"spool", "queue.sqlite", "records.sqlite"} - {left}
    for name in absent:
        assert f"{tmp_path / name} is missing" in err
    assert len(err.splitlines()) == len(report["unread"])


async def damaged_folder(data: Path) -> Places:
    """A folder with one row of the ledger and one checkpoint spoilt."""
    places = await a_folder(data)
    with sqlite3.connect(places.store) as db:
        db.execute("UPDATE ledger SET state = 'fine' WHERE seq = 1")
        db.execute("UPDATE checkpoints SET json = '{}'")
    db.close()
    return places


async def test_a_damaged_row_hides_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Row and checkpoint are named by tap, boot and number, and everything else is judged."""
    await damaged_folder(tmp_path)
    code, report, err = await _in_thread(tmp_path, capsys)
    assert (code, err, report["unread"]) == (1, "", [])
    damaged = [f for f in report["flaws"] if f["reason"] == "row_damaged"]
    assert {(f["outcome"], f["first"]) for f in damaged} == {("altered", 1), ("altered", None)}
    assert all(f["tap"] and f["boot"] for f in damaged)
    assert reasons(report) > {"row_damaged"}


async def test_a_damaged_source_leaves_the_others_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A queue that is no file of ours is one line with its path; the damaged row is still found."""
    places = await damaged_folder(tmp_path)
    places.queue.write_bytes(b"secret words" * 500)
    code, report, err = await _in_thread(tmp_path, capsys)
    assert (code, report["unread"]) == (1, ["queue"])
    assert "row_damaged" in reasons(report)
    assert str(places.queue) in err
    assert "damaged" in err
    assert len(err.splitlines()) == 1
    assert "secret" not in err


PASSED = (
    Unrecorded("tap", BOOT, 3, 5, "forwarded:spool.full"),
    Unrecorded("tap", BOOT, 9, 9, "refused:spool.full"),
)


def test_what_passed_unrecorded_is_said_in_the_verdict() -> None:
    """The sentence counts what passed and what was refused, and each range is named."""
    counts = {Outcome.UNRECORDED: 3, Outcome.REFUSED: 1}
    report = CompletenessReport(counts, (), unrecorded=PASSED)
    text = _printed(report)
    assert "3 calls passed unrecorded and 1 call was refused unrecorded, as the tap said" in text
    assert f"unrecorded: tap/{BOOT}/3…5: forwarded:spool.full" in text
    assert f"unrecorded: tap/{BOOT}/9: refused:spool.full" in text
    assert report.verdict.exit_code == 0
    assert report_document(report)["unrecorded"][0] == {
        "tap": "tap",
        "boot": BOOT,
        "first": 3,
        "last": 5,
        "reason": "forwarded:spool.full",
    }


async def test_each_flaw_is_one_line_where_nobody_looks_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However narrow the output claims to be, a sentence is not wrapped into a pipe."""
    monkeypatch.setenv("COLUMNS", "20")
    await damaged_folder(tmp_path)
    await asyncio.to_thread(run, Settings(data=tmp_path), as_json=False)
    lines = capsys.readouterr().out.splitlines()
    flaws = [line for line in lines if line.startswith(("altered: ", "inserted: "))]
    assert lines[0] == "incomplete: something is lost, altered or inserted"
    assert any(line.endswith("can no longer be read") for line in flaws)


def _printed(report: CompletenessReport) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(CompletenessView(report))
    return capture.get()


async def _in_thread(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, Any], str]:
    return await asyncio.to_thread(verified, data, capsys)
