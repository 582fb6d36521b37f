"""The language of a part: told where it shows, and not guessed where it does not."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from redaction.build import build_redactor
from redaction.detectors.patterns import PatternDetector
from redaction.finding import Passage, Span
from redaction.languages import language_of
from redaction.policy import Policy
from redaction.redactor import Redactor
from tests.unit.redaction.exchanges import KEY, a_record

SAID = {
    "en": "Could you tell me what the weather will be like in the mountains, and if it is safe?",
    "de": "Können Sie mir bitte sagen, wie das Wetter in den Bergen wird und ob es sicher ist?",
    "fr": "Pouvez-vous me dire quel temps il fera dans les montagnes et si la route est ouverte ?",
    "es": "¿Me puede decir qué tiempo hará en las montañas y si la carretera está abierta?",
    "it": "Mi sa dire che tempo farà in montagna, e se la strada è aperta anche di notte?",
    "pt": "Pode dizer que tempo vai fazer na serra e se a estrada está aberta? Não sei.",
    "nl": "Kunt u zeggen wat het weer in de bergen wordt en of de weg ook voor auto's open is?",
    "pl": "Czy może mi pani powiedzieć, jak jest w górach i czy to nie jest za daleko?",
    "hu": "Meg tudja mondani, hogy milyen az idő a hegyekben, és hogy nem volt-e baj? Ez már kell.",
    "ru": "Скажите, пожалуйста, какая погода в горах и открыта ли дорога?",
    "ja": "山の天気はどうですか。道路は開いていますか。",
    "zh": "请问山上的天气怎么样？路开了吗？",
}  # fmt: skip


@pytest.mark.parametrize("language", SAID)
def test_a_sentence_tells_its_language(language: str) -> None:
    """One sentence of a person is enough, and is still where it stands in a long text."""
    assert language_of(SAID[language]) == language
    assert language_of(f"{SAID[language]} " * 400) == language


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4111 1111 1111 1111",
        "for i in range(10): print(i)",
        '{"to": "ada@lovelace.example", "n": 3}',
        "Ada Lovelace, London",
        f"{SAID['en']} {SAID['de']}",
        "ok danke",
    ],
)
def test_what_does_not_show_is_not_guessed(text: str) -> None:
    """Numbers, code, names and mixtures have no language, so that every model is asked."""
    assert language_of(text) is None


def _policy(*required: str) -> Policy:
    return Policy(name="trial", version="1", required=required)


class _Listening:
    """Remembers which languages it was told."""

    name, version = "patterns", "1"

    def __init__(self) -> None:
        self.heard: set[str | None] = set()

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        self.heard |= {passage.language for passage in passages}
        return [[] for _ in passages]


async def test_a_detector_is_told_the_language_of_each_part() -> None:
    """Two parts of one record are two languages; what has none is None."""
    detector = _Listening()
    redactor = Redactor(_policy("patterns"), [detector], pseudonym_key=KEY)
    await redactor.redact(a_record(SAID["de"], arguments=SAID["fr"]))
    assert {"de", "fr", None} <= detector.heard


async def test_a_record_names_the_languages_whose_names_nobody_read() -> None:
    """Of two languages with a model for one, the other is said; a part without language is not."""
    redactor = Redactor(
        _policy("patterns"), [PatternDetector()], pseudonym_key=KEY,
        names_in=frozenset({"de"}),
    )  # fmt: skip
    record = await redactor.redact(a_record(SAID["de"], arguments=SAID["hu"]))
    assert record.redaction.gaps == ("no_name_model.hu",)
    other = await redactor.redact(a_record(SAID["de"], arguments="{}"))
    assert other.redaction.gaps == ()


async def test_the_shipped_model_reads_eight_languages() -> None:
    """With it only what is written in others is said to lack a name model."""
    redactor = build_redactor(_policy("patterns", "names"), pseudonym_key=KEY)
    said = {
        language: (await redactor.redact(a_record(text))).redaction.gaps
        for language, text in SAID.items()
    }
    assert {language for language, gaps in said.items() if gaps} == {"hu", "ru", "ja", "zh"}
