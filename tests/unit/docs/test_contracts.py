"""The checks that guard the code can fail: each one is shown a deliberate violation."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.docs.source import PACKAGES, ROOT

SCRIPTS = Path(sys.executable).parent

# What is added to which module, and the contract that must name it.
VIOLATIONS = [
    pytest.param(
        "audit/ids.py",
        "import storage.seal",
        "Data runs one way",
        "audit.ids -> storage.seal",
        id="an upward import",
    ),
    pytest.param(
        "tap/desk.py",
        "import storage.records.port",
        "The tap cannot redact",
        "tap.desk -> storage.records.port",
        id="the tap reaches for records",
    ),
    pytest.param(
        "console/app.py",
        "import storage.queue.port",
        "The console reads records",
        "console.app -> storage.queue.port",
        id="the console reaches for the queue",
    ),
    pytest.param(
        "tap/sse.py",
        "import asyncio",
        "Cores do no I/O",
        "tap.sse -> asyncio",
        id="a core that waits",
    ),
    pytest.param(
        "storage/records/query_parser.py",
        "from time import time_ns",
        "Cores do no I/O",
        "storage.records.query_parser -> time",
        id="a core that reads the clock",
    ),
    pytest.param(
        "storage/spool/numbers.py",
        "import storage.spool.disk",
        "Cores do no I/O",
        "storage.spool.numbers -> storage.spool.disk",
        id="a core that does I/O through another module",
    ),
    pytest.param(
        "workers/carrier.py",
        "from presidio_analyzer import AnalyzerEngine",
        "Azure, Presidio, spaCy and aiohttp",
        "workers.carrier -> presidio_analyzer",
        id="a foreign name outside its adapter",
    ),
    pytest.param(
        "workers/worker.py",
        "from storage.queue.sqlite import SqliteQueue",
        "Adapters are constructed in cli",
        "workers.worker -> storage.queue.sqlite",
        id="an adapter constructed elsewhere",
    ),
]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the program's source, with its contracts."""
    copy = tmp_path_factory.mktemp("sources")
    only_code = shutil.ignore_patterns("__pycache__", "*.toml")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=only_code)
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run one of the checkers in a folder."""
    return subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "300", "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def lint_imports(cwd: Path) -> subprocess.CompletedProcess[str]:
    """Check the import contracts; `--cache-dir` keeps what was parsed of unchanged files."""
    cache = cwd / "cache"
    return run(SCRIPTS / "lint-imports", "--no-logo", "--cache-dir", cache, cwd=cwd)


def test_the_copy_keeps_every_contract(sources: Path) -> None:
    """Without a violation nothing is broken, so that what follows is the violation's doing."""
    result = lint_imports(sources)
    assert result.returncode == 0, result.stdout
    assert " 0 broken" in result.stdout


@pytest.mark.parametrize(("module", "line", "contract", "chain"), VIOLATIONS)
def test_a_broken_import_contract_is_named(
    sources: Path, module: str, line: str, contract: str, chain: str
) -> None:
    """A forbidden import breaks its contract, and the report names both ends of it."""
    file = sources / module
    clean = file.read_text("utf-8")
    file.write_text(f"{clean}\n{line}\n", "utf-8")
    try:
        result = lint_imports(sources)
    finally:
        file.write_text(clean, "utf-8")
    assert result.returncode == 1
    broken = [said for said in result.stdout.splitlines() if " BROKEN" in said]
    assert any(said.startswith(contract) for said in broken), result.stdout
    assert chain in result.stdout


def test_an_untyped_function_is_a_type_error(tmp_path: Path) -> None:
    """The type checker, as strict as over the program, names the function."""
    snippet = tmp_path / "snippet.py"
    snippet.write_text('"""A module."""\n\n\ndef double(value):\n    return value * 2\n')
    cache = f"--cache-dir={tmp_path / 'cache'}"
    config = f"--config-file={ROOT / 'pyproject.toml'}"
    result = run(sys.executable, "-m", "mypy", config, cache, snippet, cwd=tmp_path)
    assert result.returncode == 1
    assert "snippet.py:4: error: Function is missing a type annotation" in result.stdout


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("import json", "F401"),
        ("from unittest.mock import Mock as Mock", "TID251"),
        ("import unittest.mock as mock", "TID251"),
        ('print("hello")', "T201"),
        ("# x = 1", "ERA001"),
        ("def f() -> None:\n    import asyncio", "PLC0415"),
    ],
)
def test_a_lint_violation_is_named(line: str, rule: str, tmp_path: Path) -> None:
    """Unused imports, mocks, prints, dead code and hidden imports each fail with their rule."""
    snippet = tmp_path / "snippet.py"
    snippet.write_text(f'"""A module."""\n\n{line}\n')
    config = ROOT / "pyproject.toml"
    ruff = (SCRIPTS / "ruff", "check", "--no-cache", "--output-format=concise")
    result = run(*ruff, "--config", config, snippet, cwd=tmp_path)
    assert result.returncode == 1
    assert f": {rule} " in result.stdout


def test_no_test_uses_a_mock() -> None:
    """`unittest.mock` is imported nowhere, not even behind a lint exception."""
    tests = [path for path in (ROOT / "tests").rglob("*.py") if path != Path(__file__)]
    banned = ("from unittest", "import unittest", "MagicMock", "mocker")
    assert [str(path) for path in tests if any(word in path.read_text() for word in banned)] == []
