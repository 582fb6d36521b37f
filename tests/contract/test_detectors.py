"""The contract of detection: every detector, over ordinary and hostile passages."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import regex  # type: ignore[import-untyped] # it ships no types
import spacy
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.errors import DetectorFailed
from redaction.cache import Remembering
from redaction.detector import Detector
from redaction.detectors.patterns import PatternDetector
from redaction.detectors.presidio import PresidioDetector
from redaction.detectors.presidio_guard import GuardedPattern
from redaction.detectors.secrets import SecretDetector
from redaction.finding import Passage, Span


@functools.cache
def _presidio() -> Detector:
    return PresidioDetector(["en", "de", "es", "it", "pl"], leave_out=["UrlRecognizer"])


@functools.cache
def _patterns() -> PatternDetector:
    return PatternDetector()


@functools.cache
def _secrets() -> SecretDetector:
    return SecretDetector()


DETECTORS: dict[str, Callable[[], Detector]] = {
    "patterns": _patterns,
    "secrets": _secrets,
    "presidio": _presidio,
    "remembering": lambda: Remembering(_patterns(), entries=3),
}
HOSTILE = [
    "a.", "1 ", "1-", "a@", "=", "password=", "[", '{"a":', "\\", "%41", "+1 ", "AKIA",
    "eyJaaaaaaaaaaaa.", "-----BEGIN PRIVATE KEY-----", "://a:", "Bearer a", "a_", "1.1.1.", "::",
    "born on ", "@a.", "a@a.a ",
    "+" + 42 * "1" + "a ", "00" + 30 * "1 " + "a ", "sk-a-", "-eyJaaaaaaaaaa",
    "4111 ", "DE89 ", "x=y;", "İ", "sk-", "\n", "\x00", "é", "0(", "passport 1",
]  # fmt: skip


@pytest.fixture(params=DETECTORS)
def detector(request: pytest.FixtureRequest) -> Detector:
    """Each detector in turn."""
    return DETECTORS[request.param]()


async def test_each_passage_gets_its_answer_in_order(detector: Detector) -> None:
    """One answer per passage, for none, for one, for the same one twice."""
    card = Passage("card 4111 1111 1111 1111, token ghp_16C7e42F292c6912E7710c838347Ae178B4a")
    nothing = Passage("nothing here")
    assert list(await detector.detect([])) == []
    answers = await detector.detect([nothing, card, nothing, card, Passage("")])
    assert [bool(answer) for answer in answers] == [False, True, False, True, False]
    assert list(answers[1]) == list(answers[3])
    assert detector.name
    assert detector.version


@pytest.mark.parametrize("unit", HOSTILE)
async def test_hostile_passages_are_read_to_the_end(detector: Detector, unit: str) -> None:
    """Repetition makes no detector run away or fail, and what stands behind it is found."""
    text = (unit * 8_000)[:8_000] + " AKIAIOSFODNN7EXAMPLE 5555555555554444 "
    (spans,) = await detector.detect([Passage(text)])
    assert all(0 <= span.start < span.end <= len(text) for span in spans)
    assert any(span.start >= 8_000 for span in spans)


@given(st.text(max_size=300), st.none() | st.text(max_size=12))
@settings(max_examples=50, deadline=None)
async def test_any_text_gives_spans_inside_it(text: str, key: str | None) -> None:
    """For any text and key, offsets lie inside the passage and scores from 0 to 1."""
    for make in DETECTORS.values():
        (spans,) = await make().detect([Passage(text, key)])
        for span in spans:
            assert 0 <= span.start < span.end <= len(text)
            assert 0 <= span.score <= 1


async def test_presidio_sees_across_the_edges_of_its_windows() -> None:
    """A value is found wherever a long text happens to be cut."""
    value = "5555 5555 5555 4444"
    for shift in range(1900, 2100, 7):
        text = "x " * (shift // 2) + value + " y" * 3000
        (spans,) = await _presidio().detect([Passage(text)])
        assert any(text[span.start : span.end] == value for span in spans)


async def test_words_near_by_count_without_a_model() -> None:
    """Presidio's context words work on plain words and on the key."""
    weak = "963852741"
    (alone,) = await _presidio().detect([Passage(f"value {weak} here")])
    (near,) = await _presidio().detect([Passage(f"my passport is {weak} here")])
    (keyed,) = await _presidio().detect([Passage(weak, "passportNumber")])
    assert max((s.score for s in alone if s.type == "US_PASSPORT"), default=0) < 0.4
    assert max(s.score for s in near if s.type == "US_PASSPORT") >= 0.4
    assert max(s.score for s in keyed if s.type == "US_PASSPORT") >= 0.4


async def test_a_pattern_that_runs_out_of_time_is_a_failure() -> None:
    """Presidio would skip it and report nothing found."""
    bomb = regex.compile(r"(a|aa)+$")
    guarded = GuardedPattern("bomb", bomb, 0.01)
    with pytest.raises(DetectorFailed, match="bomb"):
        list(guarded.finditer("a" * 60 + "!", timeout=60))
    detector = PresidioDetector(["en"])
    ssn = next(
        r for r in detector._engine.registry.recognizers if type(r).__name__ == "UsSsnRecognizer"
    )
    vars(ssn)["patterns"][0].compiled_regex = guarded
    with pytest.raises(DetectorFailed, match="bomb"):
        await detector.detect([Passage("219-09-9999 " + "a" * 60 + "!")])


async def test_presidio_logs_nothing_it_reads(caplog: pytest.LogCaptureFixture) -> None:
    """Not even with every logger wide open."""
    with caplog.at_level(logging.DEBUG):
        await _presidio().detect([Passage("card 5555555555554444 of ada@lovelace.example")])
    assert "lovelace" not in caplog.text
    assert "5555" not in caplog.text


async def test_a_configured_model_finds_names(tmp_path: Path) -> None:
    """An installed pipeline is loaded from where it is, and named in the version."""
    nlp = spacy.blank("en")
    ruler = nlp.add_pipe("entity_ruler")
    ruler.add_patterns([{"label": "PERSON", "pattern": "Ada Lovelace"}])  # type: ignore[attr-defined] # spaCy types a pipe as a callable
    nlp.to_disk(tmp_path / "names")
    folder = str(tmp_path / "names")
    detector = PresidioDetector(["en", "de"], {"en": folder, "de": "de_core_news_lg"})
    assert detector.reads_names_in == {"en"}
    assert detector.version.endswith(f"+en:{folder}")
    text = "Thank you, Ada Lovelace, for 5555555555554444."
    (spans,) = await detector.detect([Passage(text)])
    assert ("PERSON", "Ada Lovelace") in [(s.type, text[s.start : s.end]) for s in spans]


async def test_memory_is_bounded_and_tells_keys_from_texts() -> None:
    """What is remembered of one passage is never given for another."""
    remembering = Remembering(PatternDetector(), entries=3)
    pairs = [("a", "bc"), ("ab", "c"), (None, "abc"), ("", "abc"), ("ssn", "219099999")]
    for _ in range(2):
        answers = await remembering.detect([Passage(text, key) for key, text in pairs])
        assert [len(answer) > 0 for answer in answers] == [False, False, False, False, True]
    assert len(remembering._known) == 3
    assert all(isinstance(span, Span) for spans in remembering._known.values() for span in spans)


async def test_memory_is_bounded_by_what_it_holds() -> None:
    """A passage of nothing but addresses pushes out others, or is not remembered at all."""
    remembering = Remembering(PatternDetector(), spans=5)
    for count in (1, 3, 2, 6):
        text = " ".join(f"a{i}@b{count}.example" for i in range(count))
        (answer,) = await remembering.detect([Passage(text)])
        assert len(answer) == count
        assert sum(len(spans) for spans in remembering._known.values()) <= 5
    assert not remembering._known
