"""Training texts: templates filled, joined, and written as carelessly as people write.

The law: a text and its spans are made together, so that a span always cuts its value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import resources
from random import Random

from training.grammar import Grammar
from training.values import Values

__all__ = ["LANGUAGES", "Labelled", "Texts"]

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl")
# English comes first; the others have one share each.
_SHARES = (8, 2, 2, 2, 2, 2, 2, 2)
_AMID = (
    "{P}", "{P}", "{P}", "{PF}", "{PF}", "{PF}", "{PL}", "{C}", "{A}", "{PR}", "{PR}", "{FIG}",
    "{W}", "{DT}", "{ID}", "{NUM}",
)  # fmt: skip
# Of templates in small letters, how many have names in small letters too.
_SMALL = 0.4


@dataclass(frozen=True, slots=True)
class Labelled:
    """A text with `(start, end, label)` spans; what lies in `unknown` teaches nothing."""

    text: str
    spans: tuple[tuple[int, int, str], ...]
    unknown: tuple[tuple[int, int], ...] = ()


class Texts:
    """Draws texts without end."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._values = Values(random)
        self._grammar = Grammar(random)
        slots = sorted(self._values.slots, key=len, reverse=True)
        self._slot = re.compile(r"\{(" + "|".join(slots) + r")\}")
        self._positive = {language: _templates(language) for language in LANGUAGES}
        self._negative = _templates("negatives")
        self._code = _templates("code")

    def __iter__(self) -> Iterator[Labelled]:
        while True:
            yield self._careless(self._joined())

    def of(self, language: str, template: str) -> Labelled:
        """One template filled."""
        parts: list[str] = []
        spans: list[tuple[int, int, str]] = []
        at = last = 0
        for slot in self._slot.finditer(template):
            literal = template[last : slot.start()]
            value, label = self._values.draw(slot[1], language)
            start = at + len(literal)
            at = start + len(value)
            last = slot.end()
            parts += [literal, value]
            if label is not None:
                spans.append((start, at, label))
        return Labelled("".join([*parts, template[last:]]), tuple(spans))

    def _joined(self) -> Labelled:
        random = self._random
        language = random.choices(LANGUAGES, _SHARES)[0]
        joint = random.choice(["\n", " ", "\n\n"])
        texts = [self._one(language) for _ in range(random.choice([1, 1, 2, 2, 3]))]
        whole, spans = "", []
        for each in texts:
            whole += joint if whole else ""
            spans += [
                (start + len(whole), end + len(whole), label) for start, end, label in each.spans
            ]
            whole += each.text
        return Labelled(whole, tuple(spans))

    def _one(self, language: str) -> Labelled:
        chance = self._random.random()
        if chance < 0.3:
            return self._of_a_kind(language, self._random.choice(self._positive[language]))
        if chance < 0.53:
            return self.of(language, self._grammar.template(language))
        if chance < 0.61:
            return self.of(language, self._amid(language))
        if chance < 0.8:
            return self.of(language, self._random.choice(self._negative))
        if chance < 0.94:
            return self.of(language, self._plain(language))
        return self.of("en", self._random.choice(self._code))

    def _of_a_kind(self, language: str, template: str) -> Labelled:
        """A template filled; who writes without capitals often writes names so too."""
        made = self.of(language, template)
        small = self._slot.sub("", template).islower() and self._random.random() < _SMALL
        return _lowered(made) if small else made

    def _plain(self, language: str) -> str:
        count = self._random.randint(1, 3)
        text = " ".join(self._values.sentence(language) for _ in range(count))
        return text.replace("{", "(").replace("}", ")")

    def _amid(self, language: str) -> str:
        """Somebody, or nobody, amid words that say nothing about it."""
        words = self._plain(language).split()
        for slot in self._random.choices(_AMID, k=self._random.choice([1, 1, 2])):
            words.insert(self._random.randint(0, len(words)), slot)
        return " ".join(words)

    def _careless(self, made: Labelled) -> Labelled:
        chance = self._random.random()
        text = made.text
        if chance < 0.13:
            return _lowered(made)
        if chance < 0.16:
            text = text.upper()
        elif chance < 0.18:
            text = text.replace("\n", " ")
        elif chance < 0.2:
            text = text.replace(", ", ",")
            return made if len(text) != len(made.text) else replace(made, text=text)
        return replace(made, text=text) if len(text) == len(made.text) else made


def _lowered(made: Labelled) -> Labelled:
    # A letter may become two: then the spans would be wrong.
    text = made.text.lower()
    return replace(made, text=text) if len(text) == len(made.text) else made


def _templates(name: str) -> list[str]:
    lines = resources.files("training.templates").joinpath(f"{name}.txt").read_text("utf-8")
    return [line.replace("¶", "\n") for line in lines.splitlines() if line.strip()]
