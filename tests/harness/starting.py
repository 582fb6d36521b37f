"""Starting `auditstream up` where it must not start, and what it has to say then."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.harness.tree import clean_environment

__all__ = ["HELD_TO_PERMISSIONS", "UPSTREAM", "assert_one_line", "up_in"]

UPSTREAM = ("--upstream", "http://127.0.0.1:9")
# Root may write everywhere; without these two capabilities permissions hold for root too.
HELD_TO_PERMISSIONS = (
    ("setpriv", "--bounding-set", "-dac_override,-dac_read_search") if os.geteuid() == 0 else ()
)


def up_in(here: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run `auditstream up` in a folder, with ports of its own and permissions that hold."""
    ports = {
        "AUDITSTREAM_LISTEN": "127.0.0.1:0",
        "AUDITSTREAM_TAP__CONTROL": "127.0.0.1:0",
        "AUDITSTREAM_CONSOLE__LISTEN": "127.0.0.1:0",
        "PYTHONPATH": str(Path.cwd()),
    }
    return subprocess.run(
        [*HELD_TO_PERMISSIONS, sys.executable, "-P", "-m", "cli.main", "up", *words],
        cwd=here,
        env=clean_environment(**(ports | env)),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_line(result: subprocess.CompletedProcess[str], begins: str) -> None:
    """Exit code 2, and one line on standard error that begins as it should and says no more."""
    assert result.stderr.startswith(f"auditstream: {begins}"), result.stderr
    assert result.stderr.count("\n") == 1, result.stderr
    assert result.returncode == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
