"""What the bench of redaction says beside its figures."""

from __future__ import annotations

from bench.redaction.draws import rows
from bench.redaction.quality import LANGUAGES, Quality, unmeasured
from bench.redaction.score import Counts


def test_a_configured_model_that_is_not_there_is_said_and_has_no_column() -> None:
    """Rather than figures of the same redaction under the absent model's name."""
    assert unmeasured({"en": "en_core_web_lg"}, {}).endswith("en_core_web_lg")
    assert unmeasured({}, {}) == "a configured spaCy model: not measured, none installed"
    assert unmeasured({"en": "en_core_web_lg"}, {"en": "en_core_web_lg"}) == ""
    both = {"en": "en_core_web_lg", "de": "de_core_news_lg"}
    assert "en_core_web_lg" not in unmeasured(both, {"en": "en_core_web_lg"})


def _quality(found: int) -> Quality:
    counts = Counts(4, found)
    languages = dict.fromkeys(LANGUAGES, counts)
    types = dict.fromkeys(("ADDRESS", "LOCATION"), counts)
    return Quality(0.9, 0.8, types, languages, code=0.0, prose=0.0)


def test_draws_are_told_apart_for_each_language() -> None:
    """One figure a draw, in the order of the draws."""
    told = dict(rows([_quality(2), _quality(3)]))
    assert told["`PERSON`, en"] == [0.5, 0.75]
    assert {f"`PERSON`, {language}" for language in LANGUAGES} <= told.keys()
    assert told["character precision"] == [0.8, 0.8]
