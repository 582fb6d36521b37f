"""Exports: what comes out, and the manifest that vouches for it."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import zipfile
from typing import Any

import pandas as pd
import pytest
from pyarrow.parquet import ParquetFile

from audit.value import to_json
from console import parquet
from console.exporting import COLUMNS, Shape, safe_cell
from console.parquet import ParquetRows
from tests.contract.samples import a_record, record_id
from tests.unit.console.kit import Visitor, site

RECORDS = [
    a_record(1, prompt='=HYPERLINK("http://evil")', answer="one,\ntwo"),
    a_record(2, prompt="größer ☃", answer="yes"),
    a_record(3, prompt="asked", answer=""),
]


async def taken(visitor: Visitor, shape: str, text: str = "") -> tuple[bytes, dict[str, Any]]:
    """Export, and take the archive apart."""
    await visitor.get("/export")
    answer = await visitor.post("/export", filter=text, shape=shape, purpose="a test")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.testzip() is None
        said = json.loads(archive.read("manifest.json"))
        (file,) = said["files"]
        return archive.read(file["name"]), said


@pytest.mark.parametrize("shape", list(Shape))
async def test_the_manifest_vouches_for_every_byte(shape: str) -> None:
    """Size and SHA-256 are those of the file; who, what for and what was asked stand in it."""
    async with site(RECORDS) as here, here.visitor() as visitor:
        data, said = await taken(visitor, shape, "consumer:demo")
    (file,) = said["files"]
    assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
    assert (said["who"], said["purpose"], said["filter"]) == ("ada", "a test", "consumer:demo")
    assert said["asked"] == "records where the consumer is demo"
    assert said["records"] + said["left_out"] == 3
    assert not said["cut_at_limit"]


async def test_json_lines_are_the_records_byte_for_byte() -> None:
    """Newest first, one a line."""
    async with site(RECORDS) as here, here.visitor() as visitor:
        data, _ = await taken(visitor, "jsonl")
    assert data == b"".join(to_json(each) + b"\n" for each in reversed(RECORDS))


async def test_a_spreadsheet_runs_nothing_of_a_csv() -> None:
    """Every record has a row; a cell that would be a formula begins with an apostrophe."""
    async with site(RECORDS) as here, here.visitor() as visitor:
        data, _ = await taken(visitor, "csv")
    rows = list(csv.DictReader(io.StringIO(data.decode())))
    assert tuple(rows[0]) == COLUMNS
    assert [row["id"] for row in rows] == [record_id(3), record_id(2), record_id(1)]
    assert rows[2]["prompt"] == '\'=HYPERLINK("http://evil")'
    assert rows[2]["answer"] == "one,\ntwo"
    assert rows[1]["prompt"] == "größer ☃"
    for cell in ("=1", "+1", "-1", "@x", "\t=1", "\r=1"):
        assert safe_cell(cell) == f"'{cell}"
    assert safe_cell(-1) == "-1"


async def test_parquet_is_read_back_in_pandas_with_its_types() -> None:
    """Instants, numbers, names and counts are what they were; what is unknown is not a number."""
    records = [
        *RECORDS,
        a_record(4, total=None, counts={"PERSON": 2, "IBAN_CODE": 1}, signals=("a", "b")),
    ]
    async with site(records) as here, here.visitor() as visitor:
        data, _ = await taken(visitor, "parquet")
    frame = pd.read_parquet(io.BytesIO(data)).set_index("id")
    assert tuple(frame.columns) == COLUMNS[1:]
    assert list(frame.index) == [record_id(seq) for seq in (4, 3, 2, 1)]
    newest, oldest = frame.loc[record_id(4)], frame.loc[record_id(1)]
    assert newest["received_at"] == pd.Timestamp("2026-11-20T10:00:04Z")
    assert pd.isna(newest["total_tokens"])
    assert (oldest["total_tokens"], oldest["duration_ms"]) == (42, 1200.5)
    assert list(newest["signals"]) == ["a", "b"]
    assert dict(newest["taken_out"]) == {"PERSON": 2, "IBAN_CODE": 1}
    assert oldest["prompt"] == '=HYPERLINK("http://evil")'
    assert frame.loc[record_id(2)]["prompt"] == "größer ☃"


def test_parquet_holds_no_more_than_a_group_of_rows() -> None:
    """Bytes come when a group is full; all rows are in the file, in groups of that size."""
    rows = ParquetRows(("id", "status"))
    given = [rows.write([(str(n), n) for n in range(first, first + 2_000)]) for first in (0, 2_000)]
    assert given[1] == b""
    data = b"".join([*given, rows.write([(str(n), n) for n in range(4_000, 11_000)]), rows.end()])
    file = ParquetFile(io.BytesIO(data))
    groups = [file.metadata.row_group(n).num_rows for n in range(file.metadata.num_row_groups)]
    assert groups == [5_000, 5_000, 1_000]
    assert file.read()["status"].to_pylist() == list(range(11_000))


async def test_without_its_package_parquet_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page says what is missing, and asking for it all the same makes no file."""
    monkeypatch.setattr(parquet, "available", lambda: False)
    async with site(RECORDS) as here, here.visitor() as visitor:
        form = await visitor.get("/export")
        assert "pip install pyarrow" in form.text
        assert re.search(r'value="parquet"\s+disabled', form.text)
        answer = await visitor.post("/export", shape="parquet", purpose="p", filter="")
        assert (answer.status, "pip install pyarrow" in answer.text) == (400, True)
        assert not [look for look in await here.looks() if look.deed == "export"]


async def test_evaluation_lines_have_query_and_response() -> None:
    """What has no answer in words has no line, and is counted as left out."""
    async with site(RECORDS) as here, here.visitor() as visitor:
        data, said = await taken(visitor, "evaluation")
    lines = [json.loads(line) for line in data.splitlines()]
    assert lines[0] == {"id": record_id(2), "query": "größer ☃", "response": "yes"}
    assert all(set(line) == {"id", "query", "response"} for line in lines)
    assert (said["records"], said["left_out"]) == (2, 1)


async def test_an_export_tells_its_own_session_how_far_it_is() -> None:
    """How many records, of how many, and that it has ended; another session is told nothing."""
    async with site(RECORDS) as here, here.visitor() as visitor, here.visitor() as other:
        await visitor.get("/export")
        assert (await visitor.get("/export/progress?run=7")).status == 404
        await visitor.post("/export", filter="", shape="csv", purpose="a test", run="7")
        told = await visitor.get("/export/progress?run=7")
        assert json.loads(told.text) == {"done": 3, "of": 3, "ended": True}
        assert (await other.get("/export/progress?run=7")).status == 404


async def test_an_export_is_cut_at_its_limit_and_says_so() -> None:
    """No more than the setting allows; the manifest tells that there were more."""
    records = [a_record(seq) for seq in range(1, 8)]
    async with site(records, max_export=5) as here, here.visitor() as visitor:
        data, said = await taken(visitor, "jsonl")
    assert (len(data.splitlines()), said["records"], said["cut_at_limit"]) == (5, 5, True)


@pytest.mark.parametrize(
    "values",
    [
        {"shape": "xlsx", "purpose": "p", "filter": ""},
        {"shape": "csv", "purpose": " ", "filter": ""},
        {"shape": "csv", "purpose": "p", "filter": "ending:happy"},
    ],
)
async def test_an_export_that_cannot_be_made_is_said_before_it_begins(
    values: dict[str, str],
) -> None:
    """An unknown form, no purpose, a filter that is none: a 400, and no file."""
    async with site(RECORDS) as here, here.visitor() as visitor:
        await visitor.get("/export")
        answer = await visitor.post("/export", **values)
        assert answer.status == 400
        assert "Content-Disposition" not in answer.headers
        assert not [look for look in await here.looks() if look.deed == "export"]
