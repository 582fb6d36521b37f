"""What Presidio needs to know of words: from a spaCy model where one is installed, else plain.

Presidio weighs the words around a find. Without a model, words are cut by a pattern and stand
for their own lemmas. Nothing is loaded that is not on this machine already, and no vocabulary
grows with what is read: a spaCy vocabulary keeps every word it ever saw.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import spacy.util
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine, SpacyNlpEngine

__all__ = ["LanguageEngine", "installed_models"]

_WORD = re.compile(r"\w+|[^\w\s]")


def installed_models(models: Mapping[str, str]) -> dict[str, str]:
    """Give those of the configured models (language to package or folder) that are here."""
    return {
        language: name
        for language, name in models.items()
        if spacy.util.is_package(name) or Path(name).exists()
    }


class LanguageEngine(NlpEngine):
    """Words for the main language, and words and names for each language that has a model."""

    engine_name = "auditstream"
    is_available = True

    def __init__(self, main: str, models: Mapping[str, str]) -> None:
        self._main = main
        self._models = dict(models)
        self._stop_words = _stop_words(main)
        self._spacy = SpacyNlpEngine(
            models=[{"lang_code": code, "model_name": name} for code, name in models.items()]
        )
        if models:
            self._spacy.load()

    def load(self) -> None:
        """Do nothing: construction has loaded what there is."""

    def is_loaded(self) -> bool:
        """Tell Presidio that it need not load."""
        return True

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Read a text: with the language's model, or plainly."""
        if language in self._models:
            return self._spacy.process_text(text, language)
        words = list(_WORD.finditer(text))
        return NlpArtifacts(
            entities=[],
            # Presidio walks over tokens and takes their lengths; plain strings serve as well.
            tokens=[word[0] for word in words],  # type: ignore[arg-type] # declared as a spaCy Doc
            tokens_indices=[word.start() for word in words],
            lemmas=[word[0].lower() for word in words],
            nlp_engine=self,
            language=language,
        )

    def process_batch(
        self,
        texts: Iterable[str],
        language: str,
        batch_size: int = 1,  # noqa: ARG002 - the signature is Presidio's
        n_process: int = 1,  # noqa: ARG002 - as above
        **_: Any,
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """Read texts one by one."""
        for text in texts:
            yield text, self.process_text(text, language)

    def is_stopword(self, word: str, language: str) -> bool:
        """Tell whether a word says too little to be context."""
        if language in self._models:
            return bool(self._spacy.is_stopword(word, language))
        return word.lower() in self._stop_words

    def is_punct(self, word: str, language: str) -> bool:
        """Tell whether a word is punctuation."""
        if language in self._models:
            return bool(self._spacy.is_punct(word, language))
        return not word[0].isalnum() and not any(c.isalnum() for c in word)

    def get_supported_entities(self) -> list[str]:
        """Give what the models can find."""
        return list(self._spacy.get_supported_entities())

    def get_supported_languages(self) -> list[str]:
        """Give the languages that can be read."""
        return [self._main, *(code for code in self._models if code != self._main)]


def _stop_words(language: str) -> frozenset[str]:
    try:
        module = importlib.import_module(f"spacy.lang.{language}.stop_words")
    except ModuleNotFoundError:
        return frozenset()
    return frozenset(module.STOP_WORDS)
