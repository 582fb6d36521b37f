"""The `presidio` detector: Presidio's recognisers, context words and, where configured, names.

Presidio is made to carry on when something goes wrong; here it must not. A recogniser whose
pattern runs out of time raises instead of being skipped, nothing it could log reaches a log, no
model is downloaded and no list of domains fetched. Long texts are read in overlapping windows,
which keeps its cost linear and its memory bounded.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version

from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer.context_aware_enhancers import LemmaContextAwareEnhancer
from presidio_analyzer.nlp_engine import NoOpNlpEngine
from presidio_analyzer.predefined_recognizers import SpacyRecognizer

from audit.errors import DetectorFailed
from redaction.detectors.presidio_guard import guarded
from redaction.detectors.presidio_nlp import LanguageEngine, installed_models
from redaction.detectors.presidio_sieve import Sieve
from redaction.finding import Passage, Span

__all__ = ["PresidioDetector"]

# These repeat what they read: at debug level the context words, on a bad IBAN the whole value.
_TALKATIVE = ("presidio-analyzer", "presidio-anonymizer", "decision_process", "tldextract")

# Characters read at once, and how much of the previous window is read again, so that what lies
# across an edge is seen whole and with its context.
_WINDOW, _OVERLAP = 2000, 250

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


class PresidioDetector:
    """Presidio's AnalyzerEngine behind the port of detection.

    `languages` decides which national recognisers are asked, of every text; `models` names the
    spaCy pipeline (a package or a folder) per language, of which those that are installed are
    used. `leave_out` names recogniser classes. Construction loads everything.
    """

    def __init__(
        self,
        languages: Sequence[str],
        models: Mapping[str, str] | None = None,
        leave_out: Sequence[str] = (),
        *,
        seconds: float = 2.0,
    ) -> None:
        for name in _TALKATIVE:
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
        self._models = installed_models(models or {})
        self._main = languages[0]
        self._engine, self._sieve, self._names = _engine(
            languages, self._models, frozenset(leave_out), seconds
        )

    @property
    def name(self) -> str:
        """The name policies know it by."""
        return "presidio"

    @property
    def version(self) -> str:
        """Presidio's version, and the models in use."""
        named = "".join(f"+{language}:{name}" for language, name in sorted(self._models.items()))
        return version("presidio-analyzer") + named

    @property
    def reads_names_in(self) -> frozenset[str]:
        """The languages for which a model that finds names is loaded."""
        return frozenset(self._models)

    @property
    def languages(self) -> frozenset[str]:
        """Those whose names a loaded model finds."""
        return frozenset(self._models)

    async def detect(self, passages: Sequence[Passage]) -> Sequence[Sequence[Span]]:
        """Ask Presidio; raises `DetectorFailed` when a recogniser fails or runs out of time."""
        return [list(self._read(passage)) for passage in passages]

    def _read(self, passage: Passage) -> Iterator[Span]:
        if not self._models or passage.coded:
            for start, end, types in self._sieve.stretches(passage.text):
                for offset, window in _windows(passage.text[start:end]):
                    yield from self._analyse(window, start + offset, self._main, passage.key, types)
            return
        for offset, window in _windows(passage.text):
            types = self._sieve.types(window)
            for language in self._languages(passage):
                wanted = types.union(self._names) if language in self._models else types
                if wanted:
                    yield from self._analyse(window, offset, language, passage.key, wanted)

    def _languages(self, passage: Passage) -> list[str]:
        """Give the main language, which holds the patterns, and those whose names are sought."""
        named = [language for language in self._models if language != self._main]
        if passage.language is not None:
            named = [language for language in named if language == passage.language]
        return [self._main, *named]

    def _analyse(
        self, text: str, offset: int, language: str, key: str | None, wanted: frozenset[str]
    ) -> Iterator[Span]:
        context = _CAMEL.sub(" ", key).replace("_", " ").split() if key else None
        try:
            results = self._engine.analyze(
                text=text, language=language, context=context, entities=sorted(wanted)
            )
        except DetectorFailed:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, its message may hold text
            raise DetectorFailed(f"presidio failed with {type(error).__name__}") from None
        for found in results:
            start, end = offset + found.start, offset + found.end
            yield Span(start, end, found.entity_type, float(found.score), self.name)


def _windows(text: str) -> Iterator[tuple[int, str]]:
    """Cut a long text at white space into windows that overlap."""
    start = 0
    while len(text) - start > _WINDOW:
        edge = max(
            text.rfind(" ", start, start + _WINDOW), text.rfind("\n", start, start + _WINDOW)
        )
        end = edge if edge > start + _WINDOW // 2 else start + _WINDOW
        yield start, text[start:end]
        start = end - _OVERLAP
    yield start, text[start:]


def _engine(
    languages: Sequence[str], models: Mapping[str, str], leave_out: frozenset[str], seconds: float
) -> tuple[AnalyzerEngine, Sieve, frozenset[str]]:
    main = languages[0]
    loader = RecognizerRegistry(supported_languages=list(languages))
    no_names = NoOpNlpEngine([{"lang_code": main, "model_name": "none"}])
    loader.load_predefined_recognizers(languages=list(languages), nlp_engine=no_names)
    nlp_engine = LanguageEngine(main, models)
    names = [
        SpacyRecognizer(
            supported_language=language, supported_entities=nlp_engine.get_supported_entities()
        )
        for language in models
    ]
    served = [main, *(language for language in models if language != main)]
    patterns = guarded(loader.recognizers, main, leave_out, seconds)
    registry = RecognizerRegistry([*patterns, *names], supported_languages=served)
    # Whole words: as a part of a word, `lic` is also in `public`.
    enhancer = LemmaContextAwareEnhancer(context_matching_mode="whole_word")
    engine = AnalyzerEngine(
        registry, nlp_engine, supported_languages=served, context_aware_enhancer=enhancer
    )
    return engine, Sieve(patterns), frozenset(nlp_engine.get_supported_entities())
