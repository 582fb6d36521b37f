"""`make run`: what it starts, and that it leaves to the settings what it is not told."""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.unit.docs.source import ROOT

UP = ".venv/bin/auditstream up"


@pytest.mark.parametrize(
    ("given", "started"),
    [
        ([], f"{UP} --demo-unless-upstream"),
        (["UPSTREAM=https://a.example"], f"{UP} --upstream 'https://a.example'"),
        (
            ["DATA=my data", "LISTEN=127.0.0.1:1"],
            f"{UP} --demo-unless-upstream --listen '127.0.0.1:1' --data 'my data'",
        ),
    ],
)
def test_make_run_passes_on_what_it_is_given_and_nothing_else(
    given: list[str], started: str
) -> None:
    """So that settings file and environment hold where the command line says nothing."""
    # The tests themselves run under make, which tells its children so.
    ours = {"UPSTREAM", "DATA", "LISTEN", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}
    clean = {name: value for name, value in os.environ.items() if name not in ours}
    command = ["make", "--no-print-directory", "--dry-run", "run", *given]
    run = subprocess.run(command, cwd=ROOT, env=clean, capture_output=True, text=True, check=True)
    assert " ".join(run.stdout.replace("\\\n", " ").split()).endswith(started)
