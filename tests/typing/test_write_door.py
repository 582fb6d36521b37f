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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the snippet stands, and what the checker remembers of the program beside it."""
    return tmp_path_factory.mktemp("door")


def checked(folder: Path, kind: str) -> subprocess.CompletedProcess[str]:
    """Run the type checker over the snippet, as strict as over the program."""
    snippet = folder / f"{kind.replace(' | ', '_or_')}.py"
    snippet.write_text(SNIPPET.format(kind=kind))
    cache = f"--cache-dir={folder / 'cache'}"
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", cache, str(snippet)],
        cwd=ROOT,
        env={"MYPYPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_redacted_record_passes(folder: Path) -> None:
    """Putting a `RedactedRecord` is well typed."""
    result = checked(folder, "RedactedRecord")
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("kind", ["AuditRecord", "AuditRecord | RedactedRecord", "object"])
def test_a_clear_record_is_rejected(folder: Path, kind: str) -> None:
    """Putting an `AuditRecord`, or what might be one, is a type error at that argument."""
    result = checked(folder, kind)
    assert result.returncode == 1
    assert 'Argument 1 to "put" of "RecordWriter" has incompatible type' in result.stdout
