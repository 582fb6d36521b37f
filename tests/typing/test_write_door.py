"""The store's write door is closed to clear records by type."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SNIPPET = """
from audit.record import AuditRecord, RedactedRecord
from storage.records.port import RecordWriter
from storage.records.sqlite import SqliteRecordWriter


async def store(door: RecordWriter, record: {kind}) -> bool:
    return await door.put(record)


def is_a_door(adapter: SqliteRecordWriter) -> RecordWriter:
    return adapter
"""


def checked(tmp_path: Path, kind: str) -> subprocess.CompletedProcess[str]:
    """Run the type checker over the snippet, as strict as over the program."""
    snippet = tmp_path / "snippet.py"
    snippet.write_text(SNIPPET.format(kind=kind))
    cache = f"--cache-dir={tmp_path / 'cache'}"
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", cache, str(snippet)],
        cwd=ROOT,
        env={"MYPYPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_redacted_record_passes(tmp_path: Path) -> None:
    """Putting a `RedactedRecord` is well typed."""
    result = checked(tmp_path, "RedactedRecord")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("kind", ["AuditRecord", "AuditRecord | RedactedRecord", "object"])
def test_a_clear_record_is_rejected(tmp_path: Path, kind: str) -> None:
    """Putting an `AuditRecord`, or what might be one, is a type error at that argument."""
    result = checked(tmp_path, kind)
    assert result.returncode == 1
    assert 'Argument 1 to "put" of "RecordWriter" has incompatible type' in result.stdout
