"""What is read at the command line is on record first: who, how, what was asked, how many."""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit.errors import QueryInvalid, StoreUnavailable
from audit.settings import ConsoleSettings, Settings
from cli.desk import owner
from cli.engines import log_place, log_view_of
from cli.main import cli
from cli.places import Places
from cli.run_read import run_query, run_show, run_tail
from storage.access.port import Access
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.sqlite import SqliteRecordWriter
from storage.records.sqlite_file import open_store
from tests.contract.samples import a_record, an_entry, record_id

COUNT = 12


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A data folder with twelve records; each test has an access log of its own."""
    settings = Settings(data=tmp_path_factory.mktemp("read") / "data")
    settings.data.mkdir()
    asyncio.run(_store(Places(settings.data).store))
    return settings


async def _store(path: Path) -> None:
    database = await open_store(path)
    for seq in range(1, COUNT + 1):
        await SqliteRecordWriter(database).put(a_record(seq))
        await SqliteLedger(database).enter(an_entry(seq))
    await database.close()


@pytest.fixture
def settings(stored: Settings, tmp_path: Path) -> Settings:
    """The settings with an access log that nobody has written yet."""
    console = ConsoleSettings(access_log=tmp_path / "access.sqlite")
    return stored.model_copy(update={"console": console})


def looks(settings: Settings) -> list[Access]:
    """What stands in the access log."""

    async def read() -> list[Access]:
        async with log_view_of(settings) as log:
            return [each.access async for each in log.entries()]

    return asyncio.run(read()) if Path(log_place(settings)).exists() else []


def test_a_query_is_entered_with_its_filter_in_words(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    """Free text as the number of its words; how many were printed; the purpose on one line."""
    text = 'refund "my order" consumer:demo'
    run_query(settings, text, shape="jsonl", limit=5, purpose=" case\n4711 ")
    printed = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    (look,) = looks(settings)
    assert len(printed) == look.records == 5
    assert (look.deed.value, look.via, look.purpose) == ("search", "command line", "case 4711")
    assert (look.who, look.outcome) == (owner("").name, "shown")
    assert "the consumer is demo" in look.asked
    assert "refund" not in look.asked
    assert "order" not in look.asked


def test_a_query_of_many_pages_is_one_entry(
    settings: Settings, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often the store is asked for the next records."""
    monkeypatch.setattr("console.room._AT_ONCE", 5)
    run_query(settings, "", shape="jsonl", limit=None, purpose="")
    assert len(capfd.readouterr().out.splitlines()) == COUNT
    assert [look.records for look in looks(settings)] == [COUNT]


def test_one_conversation_is_entered_by_its_id_found_or_not(
    settings: Settings, capfd: pytest.CaptureFixture[str]
) -> None:
    """An id that is not there is a look, too, of no record."""
    run_show(settings, record_id(3), as_json=True, purpose="review")
    assert json.loads(capfd.readouterr().out)["id"] == record_id(3)
    with pytest.raises(QueryInvalid):
        run_show(settings, record_id(99), as_json=False, purpose="")
    told = [(look.deed.value, look.asked, look.records, look.purpose) for look in looks(settings)]
    assert told == [
        ("view", f"the record {record_id(3)}", 1, "review"),
        ("view", f"the record {record_id(99)}", 0, ""),
    ]


def test_a_tail_enters_what_it_shows(
    settings: Settings, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest ten at first; a look that brings nothing new is no entry."""
    times = iter((None, None, KeyboardInterrupt()))

    async def pause(seconds: float) -> None:
        del seconds
        if (end := next(times)) is not None:
            raise end

    monkeypatch.setattr(asyncio, "sleep", pause)
    run_tail(settings, "consumer:demo", as_jsonl=True, purpose="watching")
    printed = [json.loads(line)["id"] for line in capfd.readouterr().out.splitlines()]
    assert printed == [record_id(seq) for seq in range(3, COUNT + 1)]
    (look,) = looks(settings)
    assert (look.deed.value, look.records, look.purpose) == ("tail", 10, "watching")


READS: list[Callable[[Settings], None]] = [
    partial(run_query, text="", shape="jsonl", limit=None, purpose=""),
    partial(run_show, record_id=record_id(1), as_json=True, purpose=""),
    partial(run_tail, text="", as_jsonl=True, purpose=""),
]


@pytest.mark.parametrize("read", READS)
def test_nothing_is_printed_that_cannot_be_entered(
    settings: Settings, capfd: pytest.CaptureFixture[str], read: Callable[[Settings], None]
) -> None:
    """Where the log takes no entry, no word of a record comes out."""
    Path(log_place(settings)).mkdir()
    with pytest.raises(StoreUnavailable):
        read(settings)
    assert capfd.readouterr().out == ""


def test_a_filter_that_cannot_be_understood_opens_nothing(settings: Settings) -> None:
    """It is refused before anything is read, and there is nothing to enter."""
    with pytest.raises(QueryInvalid):
        run_query(settings, "nonsense:x", shape="table", limit=None, purpose="")
    assert not Path(log_place(settings)).exists()


def test_who_reads_is_the_kernels_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A variable makes nobody another; who became another is named by both names."""
    monkeypatch.setenv("USER", "somebody-else")
    monkeypatch.setenv("LOGNAME", "somebody-else")
    own = pwd.getpwuid(os.getuid()).pw_name
    login = tmp_path / "loginuid"
    monkeypatch.setattr("cli.desk._LOGIN", login)
    assert owner("x").name == own
    for said, name in (
        (str(2**32 - 1), own),
        (str(os.getuid()), own),
        ("54321", f"{own} (logged in as user 54321)"),
    ):
        login.write_text(said)
        assert owner("x").name == name


def test_each_reading_command_takes_a_purpose() -> None:
    """It is offered where people look for it."""
    for command in ("query", "show", "tail", "export"):
        said = CliRunner().invoke(cli, [command, "--help"]).output
        assert re.search(r"--purpose TEXT\s+What it is for", said)
