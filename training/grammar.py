"""Sentences put together from parts: who did what to whom, where and when, in eight languages.

The law: what this gives are templates, with slots, for `Texts` to fill; it draws no value. Far more
sentences come of the parts than could be written out, so that a model learns what people look
like and not which sentences they stand in.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from random import Random

__all__ = ["Grammar"]


class Grammar:
    """Draws templates in a language."""

    def __init__(self, random: Random) -> None:
        self._random = random
        text = resources.files("training.lists").joinpath("grammar.toml").read_text("utf-8")
        self._parts: dict[str, dict[str, list[str]]] = tomllib.loads(text)

    def template(self, language: str) -> str:
        """One template: a sentence or two, a letter, a form, a list or a chat."""
        kinds = (
            self._told,
            self._told,
            self._told,
            self._letter,
            self._form,
            self._rows,
            self._chat,
        )
        made = self._random.choice(kinds)(language).replace("¶", "\n")
        return made.replace("{TITLE}", self._part(language, "titles"))

    def _part(self, language: str, kind: str) -> str:
        return self._random.choice(self._parts[language][kind])

    def _who(self, language: str) -> str:
        """Somebody, with or without what stands before a name."""
        chance = self._random.random()
        if chance < 0.3:
            return "{P}"
        if chance < 0.6:
            return "{PF}"
        if chance < 0.72:
            return f"{self._part(language, 'titles')} {{PL}}"
        if chance < 0.78:
            return "{PL}"
        name = self._random.choice(["{P}", "{PF}", "{PF}"])
        role = self._part(language, "roles")
        return f"{role.capitalize() if self._random.random() < 0.2 else role} {name}"

    def _sentence(self, language: str) -> str:
        words = [self._who(language)]
        if self._random.random() < 0.55:
            words += [self._part(language, "acts"), self._who(language)]
        else:
            words.append(self._part(language, "alone"))
        for kind, share in (("where", 0.4), ("when", 0.3)):
            if self._random.random() < share:
                words.append(self._part(language, kind))
        text = " ".join(words)
        return text[:1].upper() + text[1:] + self._random.choice([".", ".", ".", "", "?", "!"])

    def _told(self, language: str) -> str:
        return " ".join(self._sentence(language) for _ in range(self._random.choice([1, 1, 2])))

    def _letter(self, language: str) -> str:
        joint = self._random.choice(["¶", "¶¶", " "])
        parts = [self._part(language, "hello"), self._told(language), self._part(language, "bye")]
        return joint.join(parts)

    def _form(self, language: str) -> str:
        rows = self._random.randint(1, 5)
        joint = self._random.choice(["¶", "¶", "; ", " | ", "¶- "])
        return joint.join(self._part(language, "forms") for _ in range(rows))

    def _rows(self, language: str) -> str:
        """A table of people, each row alike."""
        cells = self._random.choice(["{P}", "{PL}, {PF}", "{PF};{PL}", "{P};{C}", "{P};{A}"])
        others = ["{C}", "{NUM}", "{DT}", "{ID}", "{EM}", self._part(language, "roles"), "{MON}"]
        mark = self._random.choice([", ", ",", ";", " | ", "\t", " - "])
        row = [*cells.split(";"), *self._random.sample(others, self._random.randint(0, 3))]
        self._random.shuffle(row)
        line = mark.join(row)
        line = f"| {line} |" if mark == " | " else line
        return "¶".join([line] * self._random.randint(1, 4))

    def _chat(self, language: str) -> str:
        turns = self._random.randint(2, 3)
        lead = self._random.choice(["{PF}: ", "<{PF}> ", "[{T}] {PF}: ", "{PF} ({T}): ", "{P}: "])
        return "¶".join(lead + self._told(language) for _ in range(turns))
