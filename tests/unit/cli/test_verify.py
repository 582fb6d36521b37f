"""The command `verify` over real folders: what it reads, what it says, and its exit code."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.console import Console

from audit.certificate import Certificate, Erased
from audit.completeness import Outcome
from audit.errors import ConsumerUnknown, SettingInvalid
from audit.ledger import Amendment, LedgerState
from audit.report import CompletenessReport, Uncertain, Unrecorded
from audit.selection import Selection
from audit.settings import Settings
from audit.signing import Role
from audit.value import to_json
from cli.places import Places
from cli.render.completeness import CompletenessView, report_document
from cli.run_verify import Wanted, run, wanted
from storage.key_folder import FolderKeys
from storage.key_making import make_keys
from storage.queue.sqlite import SqliteQueue
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.signed_ledger import SigningLedger, signed_certificate, signed_record
from storage.records.sqlite import SqliteRecordWriter
from storage.records.sqlite_file import open_store
from storage.signing import Ed25519Signer, signed_checkpoint
from storage.spool.start import open_spool
from tests.contract.samples import a_checkpoint, a_record, an_entry, number, record_id
from tests.unit.storage.kit import SEALER

BOOT = "000000000001-0000"
AT = "2026-11-20T10:00:00.000000Z"


async def a_folder(data: Path) -> Places:
    """A data folder in which every part has begun, with two records that nobody announced."""
    places, keys = Places(data), data.with_name(data.name + ".keys")
    make_keys(keys)
    worker = Ed25519Signer(FolderKeys(keys).signing(Role.WORKER))
    tap = Ed25519Signer(FolderKeys(keys).signing(Role.TAP))
    places.spool("tap").mkdir(parents=True)
    await (await open_spool(places.spool("tap"), "tap", BOOT, SEALER)).shut()
    await (await SqliteQueue.open(places.queue)).close()
    database = await open_store(places.store)
    ledger = SigningLedger(SqliteLedger(database), worker)
    for seq in (1, 2):
        record = signed_record(a_record(seq), worker)
        await SqliteRecordWriter(database).put(record)
        entry = msgspec.structs.replace(
            an_entry(seq),
            record_digest=record.integrity.record_digest,
            consumer=record.consumer,
            day=record.day,
        )
        await ledger.enter(entry)
    await ledger.checkpoint(signed_checkpoint(a_checkpoint(0), tap))
    await database.close()
    return places


def verified(
    data: Path, capsys: pytest.CaptureFixture[str], ask: Wanted | None = None
) -> tuple[int, dict[str, Any], str]:
    """The exit code, the report as JSON and what was said on standard error."""
    code = run(Settings(data=data), ask or wanted(as_json=True))
    out, err = capsys.readouterr()
    return code, msgspec.json.decode(out), err


def reasons(report: dict[str, Any]) -> set[str]:
    """The reasons of all flaws."""
    return {flaw["reason"] for flaw in report["flaws"]}


@pytest.mark.parametrize("left", [(), ("binding",)])
def test_an_empty_folder_is_not_called_complete(
    tmp_path: Path, left: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """It may be new; it may as well have been emptied, or its volume may not be mounted."""
    for name in left:
        (tmp_path / name).touch()
    assert run(Settings(data=tmp_path), Wanted()) == 2
    out, err = capsys.readouterr()
    assert out.startswith("could not tell: ")
    assert f"{tmp_path} holds no spool, queue or store: nothing was recorded here yet, or" in err


@pytest.mark.parametrize("left", ["spool", "queue.sqlite", "records.sqlite"])
def test_a_folder_in_which_a_part_has_begun_needs_all_sources(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], left: str
) -> None:
    """Each source that is not there is named on standard error with its path; exit code 2."""
    (tmp_path / left).mkdir()
    make_keys(tmp_path.with_name(tmp_path.name + ".keys"))
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
    await asyncio.to_thread(run, Settings(data=tmp_path), Wanted())
    lines = capsys.readouterr().out.splitlines()
    flaws = [line for line in lines if line.startswith(("altered: ", "inserted: "))]
    assert lines[0] == "incomplete: something is lost, altered or inserted"
    assert any(line.endswith("can no longer be read") for line in flaws)


async def test_without_trusted_keys_the_answer_is_open(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Missing keys are one line that says what to do; the rest is judged all the same."""
    await a_folder(tmp_path)
    keys = tmp_path.with_name(tmp_path.name + ".keys")
    for public in keys.glob("sign.*.pub"):
        public.unlink()
    code, report, err = await _in_thread(tmp_path, capsys)
    assert (code, report["unread"], report["heads"]) == (1, ["keys"], [])
    assert len(err.splitlines()) == 1
    assert "no signature could be checked" in err
    assert "AUDITSTREAM_KEY_TRUSTED" in err
    assert "entry_forged" not in reasons(report)


async def test_another_workers_keys_bear_nothing_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where other keys are trusted, every entry and checkpoint is forged."""
    await a_folder(tmp_path)
    make_keys(tmp_path / "others")
    settings = Settings(data=tmp_path, keys=tmp_path / "others")
    await asyncio.to_thread(run, settings, wanted(as_json=True))
    report = msgspec.json.decode(capsys.readouterr().out)
    forged = [f["first"] for f in report["flaws"] if f["reason"] == "entry_forged"]
    assert forged == [1, 2]
    assert "checkpoint_forged" in reasons(report)


async def test_a_selection_is_stated_and_counts_what_it_leaves_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The report repeats what was asked for, and says how many flaws are not shown."""
    places = await a_folder(tmp_path)
    with sqlite3.connect(places.store) as db:
        db.execute("DELETE FROM records")
    db.close()
    everyone = (await _in_thread(tmp_path, capsys))[1]
    assert [f["first"] for f in everyone["flaws"] if f["reason"] == "record_removed"] == [1, 2]
    ask = wanted(consumer="unassigned", first_day="2026-11-01", last_day="2026-11-30", as_json=True)
    report = (await _in_thread(tmp_path, capsys, ask))[1]
    assert report["selection"] == {
        "from": "2026-11-01",
        "to": "2026-11-30",
        "consumer": "unassigned",
    }
    assert report["outside"] == 2
    text = _printed(CompletenessReport({}, (), selection=ask.selection, outside=1))
    assert "only from 2026-11-01 to 2026-11-30 of the consumer unassigned" in text
    assert "1 flaw outside the selection is not shown" in text


async def test_a_consumer_that_nobody_knows_is_not_called_complete(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those of records, of the ledger and of the settings are known; any other is refused."""
    places = await a_folder(tmp_path)
    for known in ("demo", "unassigned"):
        ask = wanted(consumer=known, as_json=True)
        assert (await _in_thread(tmp_path, capsys, ask))[1]["selection"]["consumer"] == known
    misspelt = wanted(consumer="dmeo", as_json=True)
    with pytest.raises(ConsumerUnknown, match="nobody knows a consumer 'dmeo': no record"):
        await _in_thread(tmp_path, capsys, misspelt)
    places.queue.unlink()
    code, report, _ = await _in_thread(tmp_path, capsys, misspelt)
    assert (code, report["unread"]) == (2, ["queue"])


@pytest.mark.parametrize(
    ("asked", "option"),
    [
        ({"first_day": "yesterday"}, "--from"),
        ({"last_day": "2026-02-30"}, "--to"),
        ({"last_day": "20260201"}, "--to"),
        ({"first_day": "2026-02-02", "last_day": "2026-02-01"}, "--from"),
        ({"anchors": [Path("no-such-file")]}, "--anchor"),
        ({"certificate": Path("no-such-file")}, "--certificate"),
        ({"certificate": Path("no-such-file"), "consumer": "a"}, "--certificate"),
    ],
)
def test_an_option_that_cannot_be_used_is_named(asked: dict[str, Any], option: str) -> None:
    """Before anything is read, in one line."""
    with pytest.raises(SettingInvalid, match=f"^option {option}: ") as caught:
        wanted(**asked)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("content", [b"secret words", b"{}", b'{"heads": [{"tap": 1}]}', b"\xff"])
@pytest.mark.parametrize("option", ["anchors", "certificate"])
def test_a_file_of_another_shape_is_not_repeated(
    tmp_path: Path, option: str, content: bytes
) -> None:
    """A file that is no report, or no certificate, is named by its path and by nothing else."""
    file = tmp_path / "file.json"
    file.write_bytes(content)
    given: dict[str, Any] = {"anchors": [file]} if option == "anchors" else {"certificate": file}
    with pytest.raises(SettingInvalid, match=f"{file} is no ") as caught:
        wanted(**given)
    assert "secret" not in str(caught.value)


def test_a_report_that_attests_nothing_is_no_anchor(tmp_path: Path) -> None:
    """A look without keys states no heads, and whoever relies on it must hear so."""
    file = tmp_path / "report.json"
    file.write_bytes(msgspec.json.encode({"heads": [], "unread": ["keys"]}))
    with pytest.raises(SettingInvalid, match="attests nothing"):
        wanted(anchors=[file])


async def test_a_report_is_the_anchor_of_the_next_look(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a report printed as JSON, given back, names what was rolled back since."""
    places = await a_folder(tmp_path)
    report = (await _in_thread(tmp_path, capsys))[1]
    file = tmp_path / "report.json"
    file.write_bytes(msgspec.json.encode(report))
    assert [head["opened"] for head in report["heads"]] == [3]
    with sqlite3.connect(places.store) as db:
        db.execute("DELETE FROM checkpoints")
        db.execute("DELETE FROM ledger WHERE seq = 2")
        db.execute("DELETE FROM records WHERE seq = 2")
    db.close()
    ask = wanted(anchors=[file], as_json=True)
    after = (await _in_thread(tmp_path, capsys, ask))[1]
    assert "head_rolled_back" in reasons(after)
    assert [f["first"] for f in after["flaws"] if f["outcome"] == "lost" and f["first"]] == [2]


async def a_certificate(places: Places) -> bytes:
    """Record 1 erased as a worker does it, and the certificate of it."""
    keys = FolderKeys(places.data.with_name(places.data.name + ".keys"))
    worker = Ed25519Signer(keys.signing(Role.WORKER))
    with sqlite3.connect(places.store) as db:
        db.execute("DELETE FROM records WHERE seq = 1")
        db.execute("DELETE FROM ledger WHERE seq = 1")
    db.close()
    entry = msgspec.structs.replace(
        an_entry(1, LedgerState.ERASED),
        amendments=(Amendment(at=AT, kind="erased", record_digest="ab", order="order"),),
    )
    database = await open_store(places.store)
    await SigningLedger(SqliteLedger(database), worker).enter(entry)
    await database.close()
    erased = Erased(id=record_id(1), number=number(1), before="stored", record_digest="ab")
    certificate = Certificate(order="order", at=AT, why="asked for", erased=(erased,))
    return to_json(signed_certificate(certificate, worker))


async def test_a_certificate_is_confirmed_or_contradicted_by_id(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0 while it holds; 1 and the id once the record is back."""
    data, file = tmp_path / "data", tmp_path / "certificate.json"
    places = await a_folder(data)
    file.write_bytes(await a_certificate(places))
    code, report, err = await _in_thread(data, capsys, wanted(certificate=file, as_json=True))
    assert (code, report["verdict"], report["erased"], err) == (0, "confirmed", 1, "")
    with sqlite3.connect(places.store) as db:
        db.execute("UPDATE records SET id = ?, seq = 1 WHERE seq = 2", (record_id(1),))
    db.close()
    code, report, _ = await _in_thread(data, capsys, wanted(certificate=file, as_json=True))
    assert (code, report["verdict"]) == (1, "contradicted")
    assert [(c["reason"], c["id"]) for c in report["contradictions"]] == [
        ("record_there", record_id(1))
    ]
    code = await asyncio.to_thread(run, Settings(data=data), wanted(certificate=file))
    out = capsys.readouterr().out
    assert code == 1
    assert f"contradicted: {record_id(1)}: the record is still in the store" in out


def test_what_nobody_can_know_is_said_in_one_line_a_boot() -> None:
    """Numbers that a power cut may have taken are told by their range and count."""
    report = CompletenessReport({}, (), uncertain=(Uncertain("tap", BOOT, 4, 6),))
    assert f"uncertain: tap/{BOOT}/4…6: 3 numbers may have been given out" in _printed(report)
    document = {"tap": "tap", "boot": BOOT, "first": 4, "last": 6}
    assert report_document(report)["uncertain"] == [document]
    assert report.verdict.exit_code == 0


def test_a_report_of_everything_says_nothing_of_a_selection() -> None:
    """Who asked for all of it need not be told what was left out."""
    assert "outside" not in _printed(CompletenessReport({}, (), selection=Selection()))


def _printed(report: CompletenessReport) -> str:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(CompletenessView(report))
    return capture.get()


async def _in_thread(
    data: Path, capsys: pytest.CaptureFixture[str], ask: Wanted | None = None
) -> tuple[int, dict[str, Any], str]:
    return await asyncio.to_thread(verified, data, capsys, ask)
