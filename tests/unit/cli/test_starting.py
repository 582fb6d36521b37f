"""What a start loads, and what it leaves for when it is used."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Iterator

import pytest

from cli.collector import collect_as_usual, collect_seldom
from tests.unit.docs.source import ROOT

# Says after each module which of some packages have been loaded by then.
_LOADED = """
import importlib, sys
for step in sys.argv[2:]:
    importlib.import_module(step)
    print(step, *(each for each in sys.argv[1].split(",") if each in sys.modules))
"""
_LEAN = """
import sys
from redaction.detectors.lean import load_lean
for detectors in (["patterns"], ["patterns", "presidio", "names"]):
    load_lean(detectors)
    print(*(name for name in sys.argv[1:] if name in sys.modules))
import azure.identity, azure.ai.textanalytics, spacy, spacy.cli
print(azure.identity.__name__, azure.ai.textanalytics.__name__, spacy.cli.__name__)
"""


def said(script: str, *words: str) -> list[list[str]]:
    """The words of each line that a script prints in a process of its own."""
    command = [sys.executable, "-P", "-W", "ignore", "-c", script, *words]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [line.split(" ") for line in run.stdout.splitlines()]


def test_who_runs_on_files_loads_no_sdk_and_who_starts_parts_no_server() -> None:
    """Each would cost a start a tenth of a second and more, on every one of its processes."""
    heavy = "aiohttp,azure.core,azure.identity,presidio_analyzer,spacy,numpy"
    parts = ("cli.run_up", "cli.run_tap", "cli.run_worker", "cli.run_console")
    assert said(_LOADED, heavy, *parts) == [
        ["cli.run_up"],
        *([part, "aiohttp"] for part in parts[1:]),
    ]


def test_what_redacts_loads_no_command_lines_and_no_clients_and_who_wants_them_has_them() -> None:
    """Presidio and spaCy are there for detectors that read with them, without what they bring."""
    brought = ("spacy.cli", "typer", "weasel", "azure.core", "azure.identity")
    wanted = ("spacy", "presidio_analyzer", "presidio_anonymizer")
    least, loaded, later = said(_LEAN, *wanted, *brought)
    assert least == ["presidio_anonymizer"]
    assert loaded == [*wanted]
    assert later == ["azure.identity", "azure.ai.textanalytics", "spacy.cli"]


@pytest.fixture
def collector() -> Iterator[None]:
    """Python's collector as it is found, and left."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


def test_a_start_looks_for_no_garbage_and_what_runs_on_does_but_not_among_what_is_there(
    collector: None,
) -> None:
    """A start makes what stays; a process that is ready collects as Python does by itself."""
    usual, before = gc.get_threshold(), gc.get_freeze_count()
    made = [[number] for number in range(10_000)]
    collect_seldom()
    assert gc.get_threshold()[0] > 50 * usual[0]
    assert gc.get_freeze_count() <= before
    collect_as_usual()
    assert gc.get_threshold() == usual
    assert gc.get_freeze_count() >= before + len(made)
