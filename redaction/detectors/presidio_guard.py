"""The guard around Presidio's recognisers: on time or not at all, and never on the network.

`PatternRecognizer` catches a regex that runs out of time, logs it and goes on as if nothing had
been found. The guard stands where the compiled pattern stands and raises an error that is not
caught there.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from typing import Any

import regex  # type: ignore[import-untyped] # it ships no types
import tldextract
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer
from presidio_analyzer.predefined_recognizers import EmailRecognizer

from audit.errors import DetectorFailed

__all__ = ["GuardedPattern", "guarded"]

# It searches past the pattern's own object, so that its time-outs cannot be caught, and logs the
# value when it cannot check it. The `patterns` detector proves IBANs itself.
_CANNOT_BE_GUARDED = frozenset({"IbanRecognizer"})


class GuardedPattern:
    """A compiled pattern that raises `DetectorFailed` when a search takes too long."""

    def __init__(self, name: str, compiled: regex.Pattern[str], seconds: float) -> None:
        self._name = name
        self._compiled = compiled
        self._seconds = seconds

    def finditer(self, text: str, timeout: float) -> Iterator[regex.Match[str]]:  # noqa: ARG002 - Presidio passes its own, of a minute
        """Search within the guard's own time."""
        try:
            yield from self._compiled.finditer(text, timeout=self._seconds)
        except TimeoutError:
            raise DetectorFailed(f"presidio's pattern {self._name!r} ran out of time") from None


class _OfflineEmailRecognizer(EmailRecognizer):
    """Presidio's recogniser with the list of domains that ships with `tldextract`."""

    _extract = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

    def validate_result(self, pattern_text: str) -> bool:
        return bool(self._extract(pattern_text).fqdn)


def guarded(
    recognizers: Iterable[EntityRecognizer],
    language: str,
    leave_out: frozenset[str],
    seconds: float,
) -> list[EntityRecognizer]:
    """Give one guarded recogniser of each class, all speaking for `language`.

    Presidio has an instance per language that differs in its context words only; each would
    search the same text for the same pattern again.
    """
    refused = leave_out | _CANNOT_BE_GUARDED
    chosen: dict[str, EntityRecognizer] = {}
    for recognizer in recognizers:
        kind = type(recognizer).__name__
        if kind in chosen or kind in refused:
            continue
        chosen[kind] = _guard(_offline(recognizer), seconds)
        chosen[kind].supported_language = language
    return list(chosen.values())


def _offline(recognizer: EntityRecognizer) -> EntityRecognizer:
    return _OfflineEmailRecognizer() if isinstance(recognizer, EmailRecognizer) else recognizer


def _guard(recognizer: EntityRecognizer, seconds: float) -> EntityRecognizer:
    if isinstance(recognizer, PatternRecognizer):
        flags = recognizer.global_regex_flags
        patterns: list[Pattern] = vars(recognizer)["patterns"]
        guarded_patterns = [_guarded_pattern(pattern, flags, seconds) for pattern in patterns]
        vars(recognizer)["patterns"] = guarded_patterns
    return recognizer


def _guarded_pattern(pattern: Pattern, flags: Any, seconds: float) -> Pattern:
    # The tables are shared by all instances of a class: the copy is ours to change. It is `Any`
    # because Presidio declares what is compiled later as None.
    own: Any = copy.deepcopy(pattern)
    own.compiled_with_flags = flags
    own.compiled_regex = GuardedPattern(own.name, regex.compile(own.regex, flags), seconds)
    guarded_pattern: Pattern = own
    return guarded_pattern
