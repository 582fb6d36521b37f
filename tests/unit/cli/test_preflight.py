"""Findings as lines: one for each, whatever was found; and looks that end badly."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator

import pytest

from audit.errors import QueueUnavailable
from audit.preflight import Finding, Standing, all_well, failed, passed, skipped
from audit.settings import Settings
from cli import run_check
from cli.checks.clock import clock
from cli.checks.wire import Answer
from cli.render.preflight import finding_document, finding_lines

DIFFERS = Finding("store: key", Standing.DIFFERS, "a; it must be b", "make a new one")


def test_each_finding_is_one_line_and_the_last_one_counts() -> None:
    """Names stand in a column, advice follows what was found, and nothing breaks a line."""
    lines = finding_lines(
        [passed("spool", "can be written"), failed("queue", "no\nanswer\x1b[2J", "start it")]
    )
    assert lines == [
        "pass    spool  can be written",
        "fail    queue  no answer␛[2J; start it",
        "1 passed, 1 failed, 0 skipped",
    ]
    assert finding_lines([DIFFERS])[-1].endswith("1 not as it should be")


def test_only_what_failed_is_not_well() -> None:
    """What was skipped or differs leaves the exit code alone."""
    assert all_well([passed("a", "b"), skipped("c", "d"), DIFFERS])
    assert not all_well([passed("a", "b"), failed("c", "d")])


def test_programs_are_told_the_same() -> None:
    """Every finding with its four parts, and whether all is well."""
    document = finding_document([failed("queue", "no answer", "start it")])
    finding = {"name": "queue", "standing": "fail", "found": "no answer", "advice": "start it"}
    assert document == {"well": False, "findings": [finding]}


@pytest.mark.parametrize(
    ("ahead", "standing", "told"),
    [
        (None, Standing.SKIPPED, "no Date"),
        (0.9, Standing.PASSED, "agrees"),
        (-4.0, Standing.PASSED, "4 s ahead of it"),
        (11.0, Standing.FAILED, "11 s behind it"),
        (-3600.0, Standing.FAILED, "3600 s ahead of it"),
    ],
)
def test_clocks_may_differ_by_seconds(ahead: float | None, standing: Standing, told: str) -> None:
    """Ahead is the server's clock; ours is behind it by as much."""
    finding = clock("store", Answer(200, 0.1, ahead))
    assert finding.standing is standing
    assert told in finding.found


async def _breaks(settings: Settings) -> AsyncIterator[Finding]:
    del settings
    yield passed("before", "seen")
    raise KeyError("a secret in an error's words")


async def _is_told(settings: Settings) -> AsyncIterator[Finding]:
    if settings.upstream is None:
        raise QueueUnavailable("the queue is away")
    yield passed("never", "")


async def _lacks(settings: Settings) -> AsyncIterator[Finding]:
    del settings
    import spacy_of_another_image  # type: ignore[import-not-found]  # noqa: F401, PLC0415 - it is nowhere

    yield passed("never", "")


async def test_a_look_that_ends_badly_is_its_own_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was seen before it counts, an error's own words may not be ours to repeat."""
    looks = [("one", _breaks), ("two", _is_told), ("three", _lacks)]
    monkeypatch.setattr(run_check, "_looks", lambda _: looks)
    found = await run_check.findings(Settings(), [])
    before, one, two, three = found
    assert before == passed("before", "seen")
    assert one.found.startswith("unexpected KeyError, a defect of this program")
    assert "secret" not in one.found
    assert two == failed("two", "the queue is away")
    assert three.standing is Standing.SKIPPED
    assert "spacy_of_another_image" in three.found
    assert "spacy_of_another_image" not in sys.modules
