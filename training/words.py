"""Plain words of eight languages in sentences that say nothing: what is no name.

The law: a word that is also somebody's name, or a place, is left out, for here nothing is
labelled; but `words.toml` lists those which are more often words, and they come in small letters.
Frequent words come often and rare ones now and then, as in any text.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib import resources
from random import Random

import wordfreq

__all__ = ["Plain"]

_MOST = 30_000
# How many words of a hundred are also names, or parts of names.
_ALSO_NAMES = 0.05


class Plain:
    """Draws sentences; `names` are words that must not stand in them, in lower case."""

    def __init__(self, random: Random, languages: Iterable[str], names: frozenset[str]) -> None:
        self._random = random
        self._words = {language: _words(language, names) for language in languages}
        text = resources.files("training.lists").joinpath("words.toml").read_text("utf-8")
        self._also_names = {name: each["words"] for name, each in tomllib.loads(text).items()}

    def also_name(self, language: str) -> str:
        """One word that is somebody's name as well."""
        return str(self._random.choice(self._also_names[language]))

    def word(self, language: str) -> str:
        """One word."""
        words = self._words[language]
        return words[int(len(words) ** self._random.random()) - 1]

    def sentence(self, language: str) -> str:
        """Some words with a capital and a full stop."""
        count = self._random.randint(3, 13)
        words = [self._any(language) for _ in range(count)]
        if count > 6 and self._random.random() < 0.5:
            words[count // 2] += self._random.choice([",", ",", ";", ":", " \N{EN DASH}"])
        words[0] = words[0][:1].upper() + words[0][1:]
        return " ".join(words) + self._random.choice([".", ".", ".", "?", "!", ""])

    def _any(self, language: str) -> str:
        if self._random.random() < _ALSO_NAMES:
            return self.also_name(language)
        return self._cased(self.word(language), language)

    def _cased(self, word: str, language: str) -> str:
        # German writes its nouns with a capital; elsewhere it is a title, or for weight.
        share = 0.35 if language == "de" and len(word) > 3 else 0.04
        return word[:1].upper() + word[1:] if self._random.random() < share else word


def _words(language: str, names: frozenset[str]) -> list[str]:
    words = wordfreq.top_n_list(language, _MOST)
    return [word for word in words if word not in names and not word.isdigit()]
