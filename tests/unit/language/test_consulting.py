"""Detectors of the worker, asked by real processes that redact, through the pipe."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import msgspec
import pytest

from audit.errors import DetectorFailed, DetectorUnavailable
from audit.record import RedactedRecord
from audit.value import to_json
from redaction.finding import Passage, Span
from tests.harness.wait import until
from tests.unit.redaction.exchanges import a_record, text_of
from workers.consulting import AskedDetector, Questions, consulted
from workers.pipe import Asked, Failure
from workers.pool_process import ProcessLostError, RedactionProcess

WORDS = [sys.executable, "-P", "-m", "tests.unit.language.asking"]
ENV = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
HALF = "\ud83d"
_REDACTED = msgspec.json.Decoder(list[RedactedRecord])


class Finds:
    """Finds `Jane` in each passage; waits or raises as told."""

    name = "azure_language"
    version = "1"

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.go = asyncio.Event()
        self.go.set()
        self.asked = 0
        self.given_up = 0

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Find it."""
        self.asked += 1
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        if self.error is not None:
            raise self.error
        return [_found(each.text) for each in passages]


def _found(text: str) -> list[Span]:
    at = text.find("Jane")
    return [] if at < 0 else [Span(at, at + 4, "PERSON", 0.75, "azure_language")]


@asynccontextmanager
async def process(detector: Finds, patience: float = 60.0) -> AsyncIterator[RedactionProcess]:
    """One for the length of a test, which asks the detector."""
    made = await RedactionProcess.start(
        WORDS, b"", env=ENV, patience=patience, detectors={detector.name: detector}
    )
    try:
        yield made
    finally:
        await made.end()


def said(text: str) -> bytes:
    """A record, as it crosses."""
    return to_json(a_record(text))


async def test_a_process_asks_its_worker_and_redacts_what_that_finds() -> None:
    """Several records side by side, each with its own; and once before the first, to be ready."""
    detector = Finds()
    async with process(detector) as apart:
        assert detector.asked == 1
        detector.go.clear()
        texts = [f"{number} \U0001f600 Jane was here" for number in range(4)]
        redacting = [asyncio.create_task(apart.redact(said(each))) for each in texts]
        await until(lambda: detector.asked == 5, "all four ask before one is answered")
        detector.go.set()
        made = [
            record for each in await asyncio.gather(*redacting) for record in _REDACTED.decode(each)
        ]
    whole = [f"{number} \U0001f600 <PERSON_1> was here" for number in range(4)]
    assert [text_of(each) for each in made] == whole
    assert [each.redaction.findings[0].detector for each in made] == ["azure_language"] * 4
    assert [each.redaction.findings[0].score for each in made] == [0.75] * 4


@pytest.mark.parametrize(
    ("raised", "kind"),
    [
        (DetectorUnavailable("jane@example.com", retry_after=7), DetectorUnavailable),
        (DetectorFailed("jane@example.com"), DetectorFailed),
        (KeyError("jane@example.com"), DetectorFailed),
    ],
)
async def test_an_error_crosses_without_its_words(raised: Exception, kind: type[Exception]) -> None:
    """With its class, and when to come again."""
    detector = Finds()
    async with process(detector) as apart:
        detector.error = raised
        with pytest.raises(kind) as crossed:
            await apart.redact(said("Jane"))
        assert "jane" not in str(crossed.value)
        after = getattr(raised, "retry_after", None)
        assert getattr(crossed.value, "retry_after", None) == after


async def test_a_process_begins_while_the_service_is_down() -> None:
    """Records wait for it; the worker's gate is there for that."""
    detector = Finds()
    detector.error = DetectorUnavailable()
    async with process(detector) as apart:
        with pytest.raises(DetectorUnavailable):
            await apart.redact(said("Jane"))
        detector.error = None
        assert b"Jane" not in await apart.redact(said("Jane"))


async def test_a_record_that_is_given_up_asks_no_more() -> None:
    """Its question is cancelled in the worker too."""
    detector = Finds()
    async with process(detector) as apart:
        detector.go.clear()
        redacting = asyncio.create_task(apart.redact(said("Jane")))
        await until(lambda: detector.asked == 2, "it asks")
        redacting.cancel()
        await until(lambda: detector.given_up == 1, "nobody waits for the answer")


async def test_a_process_that_waits_for_its_worker_is_not_taken_for_stuck() -> None:
    """However long the service takes; what hangs by itself is ended as before."""
    detector = Finds()
    async with process(detector, patience=5.0) as apart:
        detector.go.clear()
        redacting = asyncio.create_task(apart.redact(said("Jane")))
        await until(lambda: detector.asked == 2, "it asks")
        assert apart._watch is None
        detector.go.set()
        assert b"Jane" not in await redacting


async def test_a_process_that_dies_takes_its_questions_with_it() -> None:
    """Nobody asks the service for nobody."""
    detector = Finds()
    async with process(detector) as apart:
        detector.go.clear()
        redacting = asyncio.create_task(apart.redact(said("Jane")))
        await until(lambda: detector.asked == 2, "it asks")
        apart._kill()
        with pytest.raises(ProcessLostError):
            await redacting
        await until(lambda: detector.given_up == 1, "its question is given up")


async def test_any_text_crosses_with_its_offsets() -> None:
    """Halves of surrogate pairs stand for themselves, side by side too."""
    told: list[bytes] = []
    questions = Questions(told.append)
    detector = AskedDetector("azure_language", "1", questions)
    text = f"{HALF}\ude00 {HALF}Jane"
    asking = asyncio.create_task(detector.detect([Passage(text, f"k{HALF}", "de")]))
    await asyncio.sleep(0)
    question = told[0][4 + int.from_bytes(told[0][:4]) :]
    answer = await consulted({"azure_language": Finds()}, "azure_language", question)
    assert isinstance(answer, bytes)
    questions.answered(Asked(call=0, found=True), answer)
    assert await asking == [[Span(4, 8, "PERSON", 0.75, "azure_language")]]


async def test_a_detector_that_the_worker_has_not_is_a_failure() -> None:
    """Never an empty answer."""
    answer = await consulted({}, "elsewhere", b'{"passages": []}')
    assert isinstance(answer, Failure)
