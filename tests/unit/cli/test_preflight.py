"""Findings as lines: one for each, whatever was found; and looks that end badly."""

from __future__ import annotations

import logging
import sys
from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace

from audit.errors import BlobsUnavailable, QueueUnavailable, SettingInvalid, StoreUnavailable
from audit.preflight import Finding, Standing, all_well, failed, passed, skipped
from audit.settings import Settings
from cli import run_check, run_provision
from cli.checks.blobs import _put
from cli.checks.clock import clock
from cli.checks.redaction import _name_finders
from cli.checks.refused import advice_for
from cli.checks.wire import Answer
from cli.logs import silence_libraries
from cli.render.preflight import finding_document, finding_lines
from redaction.policy_file import default_policy
from storage.blobs.memory import MemoryBlobs

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
    assert two == failed("two", "the queue is away", advice_for(QueueUnavailable()))
    assert three.standing is Standing.SKIPPED
    assert "spacy_of_another_image" in three.found
    assert "spacy_of_another_image" not in sys.modules


async def test_what_a_tap_tried_goes_where_it_may_remove() -> None:
    """A look leaves nothing behind; where the right is missing it is in order all the same."""

    class MayOnlyPut(MemoryBlobs):
        async def remove(self, name: str) -> bool:
            raise BlobsUnavailable(f"{name}: refused")

    for blobs, left in ((MemoryBlobs(clock=float), 0), (MayOnlyPut(clock=float), 1)):
        assert await _put(blobs) == "may be put"
        assert len([each async for each in blobs.listing("")]) == left


async def _away(settings: Settings) -> AsyncIterator[Finding]:
    if settings.upstream is None:
        raise StoreUnavailable("the store is away")
    yield passed("never", "")


async def _refuses(settings: Settings) -> AsyncIterator[Finding]:
    if settings.upstream is None:
        raise SettingInvalid("setting queue.name is none")
    yield passed("never", "")


async def _makes(settings: Settings) -> AsyncIterator[Finding]:
    del settings
    yield passed("blobs", "made")


async def test_provision_says_of_every_service_what_became_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that is away, or refuses, keeps none of the others from being made."""
    services = [("store", _away), ("queue", _refuses), ("blobs", _makes)]
    monkeypatch.setattr(run_provision, "_services", lambda _: services)
    store, queue, blobs = await run_provision._provision_within(Settings(), 0.0)
    assert (store.name, store.standing, store.found) == (
        "store",
        Standing.FAILED,
        "the store is away",
    )
    assert (queue.name, queue.standing) == ("queue", Standing.FAILED)
    assert store.advice
    assert queue.advice
    assert blobs == passed("blobs", "made")


def test_libraries_say_nothing_beside_the_lines_of_a_look(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """A credential that gets no token writes pages by itself; the line has said it."""
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    try:
        silence_libraries()
        logging.getLogger("azure.identity.aio").warning("DefaultAzureCredential failed: %s", "x")
    finally:
        root.handlers = before
        logging.captureWarnings(capture=False)
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("required", "models", "told"),
    [
        (("patterns", "names"), {}, "the name model that ships"),
        (("names", "presidio"), {"en": "xx_ent"}, "xx_ent, the name model that ships"),
        (("presidio",), {}, "nothing looks for names of people"),
        (("patterns",), {"en": "xx_ent"}, "nothing looks for names of people"),
        (("azure_language",), {}, "names by Azure AI Language"),
    ],
)
def test_what_finds_names_is_said_by_policy(
    required: tuple[str, ...], models: dict[str, str], told: str
) -> None:
    """The model that ships, what Presidio uses, a service; a model that nothing uses is none."""
    settings = Settings.model_validate({"redaction": {"models": models}})
    policy = replace(default_policy(), required=required, optional=())
    assert _name_finders(settings, policy) == told
