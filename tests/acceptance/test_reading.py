"""Reading what was recorded: the demo, filters, one conversation, and proof of completeness."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli.main import cli
from tests.harness.outputs import Following
from tests.harness.tree import auditstream, clean_environment, records

Record = dict[str, Any]


# -- what is on disk after a run ------------------------------------------------------------


@dataclass(frozen=True)
class Demo:
    """What `auditstream up --demo --once` printed and left."""

    data: Path
    code: int
    said: str
    logged: str
    records: list[Record]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """One demo run, read by many tests."""
    data = tmp_path_factory.mktemp("demo") / "data"
    ports = {
        "AUDITSTREAM_TAP__CONTROL": "127.0.0.1:0",
        "AUDITSTREAM_CONSOLE__LISTEN": "127.0.0.1:0",
    }
    words = (
        "up",
        "--demo-unless-upstream",
        "--once",
        "--listen",
        "127.0.0.1:0",
        "--data",
        str(data),
    )
    run = auditstream(*words, env=clean_environment(COLUMNS="240", **ports))
    return Demo(data, run.returncode, run.stdout, run.stderr, records(data))


def test_the_demo_ends_by_itself_with_a_table_of_its_records(demo: Demo) -> None:
    """The path of `make run`: conversations through the tap, then their redacted records."""
    assert demo.code == 0, demo.logged
    assert f"{len(demo.records)} of {len(demo.records)} conversations recorded" in demo.said
    assert len(demo.records) > 12
    for record in demo.records:
        assert record["id"] in demo.said
    assert "EMAIL_ADDRESS" in demo.said
    assert "identifiers and secrets were planted; 0 of them are in the records." in demo.said
    assert "Traceback" not in demo.said + demo.logged


def _words_in(record: Record) -> str:
    turns = [*record["request"]["messages"], *record["response"]["outputs"]]
    return json.dumps([part for turn in turns for part in turn["parts"]]).lower()


_FILTERS: dict[str, Callable[[Record], bool]] = {
    "consumer:demo": lambda r: r["consumer"] == "demo",
    "consumer:nobody": lambda _: False,
    "ending:complete": lambda r: r["exchange"]["ending"] == "complete",
    "ending:filtered": lambda r: r["exchange"]["ending"] == "filtered",
    "after:1h": lambda _: True,
    "before:1h": lambda _: False,
    "-ending:complete": lambda r: r["exchange"]["ending"] != "complete",
    "-hardly": lambda r: "hardly" not in _words_in(r),
    "entity:EMAIL_ADDRESS": lambda r: "EMAIL_ADDRESS" in r["redaction"]["counts"],
    '"refund"': lambda r: "refund" in _words_in(r),
    "status:429": lambda r: r["exchange"]["status"] == 429,
    "streamed:false": lambda r: not r["exchange"]["streamed"],
    'consumer:demo ending:complete after:1h entity:EMAIL_ADDRESS "refund"': lambda r: (
        r["exchange"]["ending"] == "complete"
        and "EMAIL_ADDRESS" in r["redaction"]["counts"]
        and "refund" in _words_in(r)
    ),
}


@pytest.mark.parametrize("text", _FILTERS)
def test_a_filter_finds_exactly_what_it_says(demo: Demo, text: str) -> None:
    """The records it gives are those of which it is true.

    The command runs in this process: a start takes longer than all it does here.
    """
    foreign = {name: None for name in os.environ if name.startswith("AUDITSTREAM")}
    words = ["query", "--data", str(demo.data), "--jsonl", "--limit", "1000", text]
    result = CliRunner().invoke(cli, words, env=foreign)
    assert result.exit_code == 0, result.stderr
    found = {json.loads(line)["id"] for line in result.stdout.split("\n") if line}
    assert found == {record["id"] for record in demo.records if _FILTERS[text](record)}


def test_the_filter_of_the_manual_finds_one_conversation(demo: Demo) -> None:
    """All its terms together single out the mail about a refund."""
    words = ["consumer:demo", "ending:complete", "after:1h", "entity:EMAIL_ADDRESS", '"refund"']
    (record,) = records(demo.data, *words)
    assert record["exchange"]["deployment"] == "demo-support"


def test_a_trace_finds_its_one_record(demo: Demo) -> None:
    """The caller's `traceparent` is enough to find what it said."""
    for record in demo.records[:3]:
        assert records(demo.data, f"trace:{record['identity']['trace_id']}") == [record]


def test_every_shape_gives_the_same_records_newest_first(demo: Demo) -> None:
    """JSON lines, JSON and the table agree, in order and in number."""
    where = ("query", "--data", str(demo.data))
    lines = [json.loads(line) for line in auditstream(*where, "--jsonl").stdout.splitlines()]
    assert lines == json.loads(auditstream(*where, "--json").stdout) == demo.records
    opened = [record["timing"]["received_at"] for record in lines]
    assert opened == sorted(opened, reverse=True)
    table = auditstream(*where, env=clean_environment(COLUMNS="240")).stdout
    places = [table.index(record["id"]) for record in lines]
    assert places == sorted(places)


def test_a_limit_is_kept_and_said(demo: Demo) -> None:
    """Fewer records than there are come with a line that says so, on standard error."""
    result = auditstream("query", "--data", str(demo.data), "--jsonl", "--limit", "3")
    assert [json.loads(line) for line in result.stdout.splitlines()] == demo.records[:3]
    assert result.stderr == "auditstream: the newest 3 are shown; --limit gives more\n"


@pytest.mark.parametrize("text", ["ending:happy", "colour:red", 'text:"open', "after:whenever"])
def test_a_filter_that_means_nothing_is_one_line(demo: Demo, text: str) -> None:
    """What is wrong with it is said in a line, with exit code 2."""
    result = auditstream("query", "--data", str(demo.data), text)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.startswith("auditstream: ")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["query", "tail"])
def test_a_word_with_two_dashes_is_no_filter(demo: Demo, command: str) -> None:
    """A misspelt option is refused instead of being looked for."""
    result = auditstream(command, "--data", str(demo.data), "--jsonn")
    assert result.returncode == 2
    assert "No such option" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize("shape", [[], ["--jsonl"]])
async def test_tail_begins_with_the_newest_ten(demo: Demo, shape: list[str]) -> None:
    """As a table and as JSON lines, oldest of them first; older ones are not shown."""
    following = Following("tail", "--data", str(demo.data), *shape)
    await following.start()
    newest = [record["id"].encode() for record in demo.records[:10]]
    said = await following.until(*newest)
    assert await following.interrupt() == 0
    places = [said.index(record_id) for record_id in reversed(newest)]
    assert places == sorted(places)
    assert not [each for each in demo.records[10:] if each["id"].encode() in following.said]


def test_show_renders_the_conversation_with_its_tokens(demo: Demo) -> None:
    """Who said what, in order, with tokens where values stood, and what was taken out."""
    (record,) = records(demo.data, "deployment:demo-support")
    where = ("--data", str(demo.data), record["id"])
    wide = clean_environment(COLUMNS="300")
    shown = " ".join(auditstream("show", *where, env=wide).stdout.split())
    prompt = record["request"]["messages"][1]["parts"][0]["text"]
    answer = record["response"]["outputs"][0]["parts"][0]["text"]
    assert "<CREDIT_CARD_1>" in prompt
    assert "<EMAIL_ADDRESS_1>" in answer
    spoken = ["You answer customers' mails", prompt, answer]
    places = [shown.index(" ".join(text.split())) for text in spoken]
    assert places == sorted(places)
    assert json.loads(auditstream("show", *where, "--json").stdout) == record


def test_a_record_that_is_not_there_is_one_line(demo: Demo) -> None:
    """Its id and the folder are named."""
    result = auditstream("show", "--data", str(demo.data), "0000-none")
    assert result.returncode == 2
    assert result.stderr == f"auditstream: there is no record 0000-none in {demo.data}\n"


# -- verify ---------------------------------------------------------------------------------


def _verify(data: Path) -> tuple[int, Record]:
    result = auditstream("verify", "--data", str(data), "--json")
    return result.returncode, json.loads(result.stdout)


@pytest.fixture
def copied(demo: Demo, tmp_path: Path) -> Path:
    """A copy of the demo's data, to be spoilt."""
    return shutil.copytree(demo.data, tmp_path / "copy")


def test_a_whole_log_verifies_with_0(demo: Demo) -> None:
    """Every number is accounted for."""
    code, report = _verify(demo.data)
    assert (code, report["verdict"]) == (0, "complete")
    assert report["counts"]["stored"] == len(demo.records)


def test_an_altered_record_verifies_with_1(copied: Path) -> None:
    """A changed word is noticed, and the record named."""
    with closing(sqlite3.connect(copied / "records.sqlite")) as db, db:
        ((record_id,),) = db.execute("SELECT id FROM records LIMIT 1").fetchall()
        statement = "UPDATE records SET json = replace(json, '\"demo\"', '\"fake\"') WHERE id = ?"
        db.execute(statement, (record_id,))
    code, report = _verify(copied)
    assert (code, report["verdict"]) == (1, "incomplete")
    assert [flaw["id"] for flaw in report["flaws"]] == [record_id]
    assert report["counts"]["altered"] == 1


def test_a_removed_record_verifies_with_1(copied: Path) -> None:
    """A record that its ledger knows is missed."""
    with closing(sqlite3.connect(copied / "records.sqlite")) as db, db:
        db.execute("DELETE FROM records WHERE id = (SELECT id FROM records LIMIT 1)")
    code, report = _verify(copied)
    assert (code, report["counts"]["lost"]) == (1, 1)


@pytest.mark.parametrize("name", ["queue.sqlite", "records.sqlite"])
def test_a_source_that_cannot_be_read_verifies_with_2(copied: Path, name: str) -> None:
    """Where something might be that cannot be read, the answer is neither yes nor no."""
    for suffix in ("-wal", "-shm"):
        (copied / f"{name}{suffix}").unlink(missing_ok=True)
    (copied / name).write_bytes(os.urandom(8192))
    code, report = _verify(copied)
    assert (code, report["verdict"]) == (2, "undetermined")
    assert report["unread"]


def test_a_folder_that_is_not_there_verifies_with_2(tmp_path: Path) -> None:
    """Nothing to verify is not the same as nothing wrong."""
    result = auditstream("verify", "--data", str(tmp_path / "none"))
    assert result.returncode == 2
    assert result.stderr.startswith("auditstream: setting data: there is no folder ")


# -- settings from everywhere ---------------------------------------------------------------


@pytest.mark.parametrize("way", ["flag", "environment", "file here", "file named", "file by env"])
def test_the_data_folder_can_be_given_in_every_way(demo: Demo, tmp_path: Path, way: str) -> None:
    """Command line, environment and TOML file name the same folder."""
    here = "auditstream.toml" if way == "file here" else "other.toml"
    if way.startswith("file"):
        (tmp_path / here).write_text(f"data = {json.dumps(str(demo.data))}\n")
    extra = {
        "environment": {"AUDITSTREAM_DATA": str(demo.data)},
        "file by env": {"AUDITSTREAM_CONFIG": str(tmp_path / here)},
    }.get(way, {})
    words = {"flag": ["--data", str(demo.data)], "file named": ["--config", here]}.get(way, [])
    env = clean_environment(PYTHONPATH=str(Path.cwd()), **extra)
    result = auditstream("verify", *words, "--json", cwd=tmp_path, env=env)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["counts"]["stored"] == len(demo.records)


def test_a_flag_goes_before_the_environment_and_both_before_the_file(
    demo: Demo, tmp_path: Path
) -> None:
    """What is nearest to the person who types wins."""
    file = tmp_path / "settings.toml"
    file.write_text(f'data = "{tmp_path}/from-file"\nlog_level = "error"\n')
    config = ("--config", str(file))
    by_env = clean_environment(AUDITSTREAM_DATA=f"{tmp_path}/from-environment")
    assert "from-file" in auditstream("verify", *config).stderr
    assert "from-environment" in auditstream("verify", *config, env=by_env).stderr
    nearest = auditstream("verify", *config, "--data", str(demo.data), env=by_env)
    assert nearest.returncode == 0
