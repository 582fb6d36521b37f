"""The detector against the stand-in service: the real SDK, over a real socket."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import DetectorFailed, DetectorUnavailable, SettingInvalid
from redaction.detectors.azure_language import AzureLanguageDetector
from redaction.detectors.azure_language_client import AzureLanguageAccess
from redaction.finding import Passage, Span
from tests.emulators.language import LanguageService, language_service
from tests.harness.language import LongTexts

NAME = "Planta Ada Lovelaceson"
SMILE = "\U0001f600"


@asynccontextmanager
async def asked(**options: Any) -> AsyncIterator[tuple[AzureLanguageDetector, LanguageService]]:
    """A detector, and the service that it asks."""
    async with language_service() as service:
        options = {"endpoint": service.endpoint, "key": service.key, **options}
        detector = AzureLanguageDetector.open(AzureLanguageAccess(**options))
        try:
            yield detector, service
        finally:
            await detector.close()


def named(text: str, spans: Any) -> list[tuple[str, str]]:
    """What was found, and of which type."""
    return [(text[span.start : span.end], span.type) for span in spans]


async def test_each_passage_gets_its_own_findings() -> None:
    """In order, with our types, the service's score and the detector's name."""
    text = f"I met {NAME}, who writes from ada@lovelace.example."
    async with asked() as (detector, service):
        first, none, second = await detector.detect(
            [Passage(text), Passage("nothing here"), Passage(f"{SMILE}: 219-09-9999")]
        )
        assert named(text, first) == [(NAME, "PERSON"), ("ada@lovelace.example", "EMAIL_ADDRESS")]
        assert list(none) == []
        assert list(second) == [Span(3, 14, "US_SSN", 0.9, "azure_language")]
        assert (service.counts.requests, service.counts.documents) == (1, 3)


async def test_nothing_is_sent_that_could_hold_nothing() -> None:
    """White space, signs and words of a vocabulary cost no document; only such, no request."""
    async with asked() as (detector, service):
        blank = [Passage(text) for text in ("", "  \n", "--- ... ---", SMILE)]
        assert [list(each) for each in await detector.detect(blank)] == [[], [], [], []]
        spaces = " " * 20_000 + NAME
        (found,) = await detector.detect([Passage(spaces)])
        assert named(spaces, found) == [(NAME, "PERSON")]
        assert service.counts.documents == 1
        coded = Passage(NAME, coded=True)
        assert [list(each) for each in await detector.detect([coded])] == [[]]
        assert service.counts.documents == 1


@pytest.mark.parametrize(
    "filler",
    ["word ", "語", "no_space_", "e\u0301 ", "👨‍👩‍👧‍👦", "क्षत्रिय ", "\r\n", "Straße, "],
)
async def test_a_name_is_found_wherever_a_long_text_is_cut(filler: str) -> None:
    """Every name of a text of 200 KB, whole and once, whatever it is written in."""
    every = 40
    unit = filler * max(1, every // len(filler)) + " " + NAME + "{} "
    text = "".join(unit.format(number) for number in range(200_000 // len(unit)))
    async with asked() as (detector, service):
        (found,) = await detector.detect([Passage(text)])
    whole = [f"{NAME}{number}" for number in range(text.count(NAME))]
    assert [value for value, kind in named(text, found) if kind == "PERSON"] == whole
    assert service.counts.refused == 0


@given(st.lists(st.sampled_from(["x", " ", SMILE, "\ud83d", "\x00", "é", "\u0301", "\n", NAME])))
@settings(max_examples=25, deadline=None)
def test_offsets_lead_to_what_was_found_in_any_text(pieces: list[str]) -> None:
    """With characters of one, two or no code unit, and halves of pairs, before and behind."""
    text = "".join(pieces)

    async def detected() -> list[tuple[str, str]]:
        async with asked() as (detector, _):
            (found,) = await detector.detect([Passage(text)])
            return named(text, found)

    for value, kind in asyncio.run(detected()):
        assert kind == "PERSON"
        assert value.startswith(NAME)


@pytest.mark.parametrize("storm", [0, 4])
async def test_long_texts_take_hardly_more_requests_than_they_must(storm: int) -> None:
    """Eight of 200 KB at once, each cut in the middle of names; also through a storm of 429s."""
    texts = LongTexts()
    for _ in range(8):
        texts(random.Random(texts.drawn))
    async with asked() as (detector, service):
        service.faults.coming.extend(["", "", "throttle 0"] * storm)
        detecting = (detector.detect([Passage(text)]) for text in texts.texts)
        found = [spans for (spans,) in await asyncio.gather(*detecting)]
        fewest = math.ceil(8 * math.ceil(texts.size / 5_120) / 5)
        assert fewest <= service.counts.answered <= 1.05 * fewest
        assert (service.counts.throttled, service.counts.refused) == (storm, 0)
    values = [
        value
        for text, spans in zip(texts.texts, found, strict=True)
        for value, _ in named(text, spans)
    ]
    assert values == texts.names


async def test_a_text_goes_in_its_own_language() -> None:
    """Else in the policy's."""
    async with asked(language="de") as (detector, service):
        known = [Passage("guten Tag"), Passage("bonjour", None, "fr")]
        await detector.detect([*known, Passage("saluton", None, "eo")])
        assert service.counts.documents == 3
        assert sorted(service.read) == ["bonjour", "guten Tag", "saluton"]


SHAPES = [
    *("empty", "other_kind", "no_results", "no_documents", "fewer", "same", "no_findings"),
    *("no_offset", "no_score", "no_category"),
]


@pytest.mark.parametrize(
    "fault",
    [
        *("status 500", "status 502", "status 503", "status 504", "status 302", "html", "cut"),
        *("status 401", "status 403", "status 404", "throttle 3600", "status 503 3600"),
        *("document InternalServerError", "document ServiceUnavailable", "document Whatever"),
        *(f"shape {name}" for name in SHAPES),
    ],
)
async def test_what_is_the_services_trouble_is_for_later(fault: str) -> None:
    """Nothing is said to hold nothing, and no delivery is set aside for it."""
    async with asked() as (detector, service):
        service.faults.always = fault
        with pytest.raises(DetectorUnavailable) as unavailable:
            await detector.detect([Passage(f"{NAME}{number}") for number in range(3)])
        assert "Planta" not in str(unavailable.value)
        service.faults.always = ""
        assert fault.endswith("3600") or len(await detector.detect([Passage(NAME)])) == 1


@pytest.mark.parametrize(
    "fault",
    [
        *("document InvalidDocument", "document InvalidArgument", "status 400", "status 413"),
        *("shape misplaced", "shape far_off", "shape truncated"),
    ],
)
async def test_what_is_the_texts_trouble_is_a_failure(fault: str) -> None:
    """A document that is refused, cut short, or whose findings are nobody knows where."""
    async with asked() as (detector, service):
        service.faults.always = fault
        with pytest.raises(DetectorFailed) as failed:
            await detector.detect([Passage(NAME)])
        assert "Planta" not in str(failed.value)


async def test_the_order_of_documents_is_the_services() -> None:
    """Results are told apart by their ids."""
    async with asked() as (detector, service):
        service.faults.always = "shape turned_round"
        answers = await detector.detect([Passage(NAME), Passage("a"), Passage("b")])
        assert [len(each) for each in answers] == [1, 0, 0]


async def test_a_service_that_is_silent_is_given_up() -> None:
    """After the seconds that the settings give it, each time it is tried."""
    async with asked(timeout=0.1) as (detector, service):
        service.faults.always = "silence"
        with pytest.raises(DetectorUnavailable, match=r"language\.timeout"):
            await detector.detect([Passage(NAME)])
        assert service.counts.requests == 2


async def test_a_service_that_is_not_there_is_unavailable() -> None:
    """Nobody listens; no retry of the SDK's own delays the news."""
    async with asked() as (detector, service):
        await service.stop()
        with pytest.raises(DetectorUnavailable, match="cannot be reached"):
            await detector.detect([Passage(NAME)])


async def test_a_wrong_key_is_told_and_waited_for() -> None:
    """By the setting's name."""
    async with asked(key="f" * 32) as (detector, _):
        with pytest.raises(DetectorUnavailable, match=r"language\.key"):
            await detector.detect([Passage(NAME)])


async def test_a_model_that_is_unknown_is_told_and_waited_for() -> None:
    """It is no text's fault."""
    async with asked(model_version="1999-01-01") as (detector, _):
        with pytest.raises(DetectorUnavailable, match=r"language\.model_version"):
            await detector.detect([Passage(NAME)])


def test_without_key_and_identity_there_is_nothing_to_ask_with() -> None:
    """Said before anything starts."""
    with pytest.raises(SettingInvalid, match=r"language\.key"):
        AzureLanguageDetector.open(AzureLanguageAccess("https://language.example"))


async def test_the_service_keeps_no_log_of_a_text_and_none_is_written_here(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Not even with every logger wide open."""
    with caplog.at_level(logging.DEBUG):
        async with asked() as (detector, service):
            await detector.detect([Passage(NAME)])
            assert service.asked[-1]["parameters"]["loggingOptOut"] is True
            assert service.asked[-1]["parameters"]["stringIndexType"] == "UnicodeCodePoint"
            key = service.key
    assert "Lovelace" not in caplog.text
    assert key not in caplog.text


def test_what_reaches_the_service_says_nothing_of_the_key() -> None:
    """In a log or a traceback."""
    assert "geheim" not in repr(AzureLanguageAccess("https://language.example", "geheim"))


async def test_the_version_names_what_findings_depend_on() -> None:
    """The SDK's, the API's and the model's."""
    async with asked(model_version="2023-09-01") as (detector, _):
        assert detector.version == "5.4.0+api-2023-04-01+model-2023-09-01"
