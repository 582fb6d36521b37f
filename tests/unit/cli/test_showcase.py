"""What the demo says at its end: what is left of the planted values, and what can be typed next."""

from __future__ import annotations

import io
import random
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from audit.settings import Settings
from cli.demo.conversations import demo_traffic
from cli.demo.plant import Planted
from cli.next_steps import program, show_next
from cli.showcase import left_in
from cli.up import Running
from tests.unit.cli.records import a_document, a_record


def test_planted_values_that_are_left_are_counted_once_each() -> None:
    """However many records hold one; and none is found where none is."""
    planted = [Planted("EMAIL_ADDRESS", "ada@example.com"), Planted("US_SSN", "123-45-6789")]
    clean = a_document(a_record())
    assert left_in([clean], planted) == 0
    spoilt = a_document(a_record(consumer="ada@example.com"))
    assert left_in([clean, spoilt, spoilt], planted) == 1
    assert left_in([], planted) == 0


def test_no_planted_value_is_written_otherwise_in_json() -> None:
    """The search reads bytes: a value that JSON escapes would be missed."""
    for each in demo_traffic(random.Random(1)).planted:
        assert each.value.isascii()
        assert each.value.isprintable()
        assert not set(each.value) & set('"\\')


def _hints(data: Path) -> list[str]:
    running = Running("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3")
    out = Console(file=io.StringIO(), width=20)
    show_next(Settings(data=data), running, out, demo=False)
    assert isinstance(out.file, io.StringIO)
    told = [line.strip() for line in out.file.getvalue().splitlines()]
    return [line for line in told if line.startswith(program())]


def test_the_way_into_the_reading_room_is_the_one_that_is_open(tmp_path: Path) -> None:
    """A link of one use; where people have accounts, the address at which they sign in."""
    oidc = {"issuer": "https://login.example.org", "client_id": "room"}
    accounts = {"url": "https://audit.example.org", "oidc": oidc}
    for console, told in (
        ({}, "Read in a browser: http://127.0.0.1:3/enter/x (opens once)"),
        (accounts, "Sign in with an account: https://audit.example.org/"),
    ):
        settings = Settings.model_validate({"data": tmp_path, "console": console})
        running = Running("127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3", "/enter/x")
        out = Console(file=io.StringIO(), width=20)
        show_next(settings, running, out, demo=False)
        assert isinstance(out.file, io.StringIO)
        assert told in out.file.getvalue().splitlines()


@pytest.mark.parametrize("name", ["auditstream-data", "other data", "[bold]"])
def test_a_hint_can_be_typed_as_it_stands(tmp_path: Path, name: str) -> None:
    """It is one line with a command that is there and the folder that is in use."""
    data = tmp_path / name
    query, show, verify = _hints(data)
    for line, command in ((query, "query"), (show, "show"), (verify, "verify")):
        assert shlex.split(line)[1:4] == [command, "--data", str(data)]
    run = subprocess.run(verify, shell=True, capture_output=True, text=True, check=False)  # noqa: S602 - a shell is what it is typed into
    assert run.stderr.startswith(f"auditstream: setting data: there is no folder {data}")


def test_the_program_names_itself_as_it_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its path, quoted for a shell; by its bare name where the search path leads to it."""
    own = tmp_path / "my bin" / "auditstream"
    own.parent.mkdir()
    own.write_text("#!/bin/sh\n")
    own.chmod(0o700)
    monkeypatch.setattr(sys, "argv", [str(own), "up"])
    monkeypatch.setenv("PATH", "/nowhere")
    assert program() == shlex.quote(str(own))
    monkeypatch.setenv("PATH", str(own.parent))
    assert program() == "auditstream"
