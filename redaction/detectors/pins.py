"""Short secret numbers: PINs, one-time codes, codes of doors and alarms.

A word announces them, and a sentence may stand between: "the PIN you want is …", "le code de la
porte, c'est …". What is taken has four digits or more there, and no unit behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redaction.detectors.prefilter import Needle, loosened
from redaction.detectors.secret_words import COPULA, PIN
from redaction.finding import Passage, Span

__all__ = ["PinRecogniser"]

_WORD = rf"(?<![^\W_])(?:{PIN})(?![^\W_])[\"']?"
_VALUE = (
    r"[\"'„“«]?(?P<value>[*#]?\d{3,8}[A-Z]?#?|\d{3}[ -]\d{3}|\d{1,2}(?:-\d{1,2}){2,3}"
    r"|\d(?:[ -]\d){3,7})(?![\w.,]\d|\w)"
)
_SAID = r"[^\W\d_](?:[^\W\d_]|[-'\u2019]){0,15}"
_IS = rf"(?:{COPULA})(?: (?:le|el|il|o|de|het|the|now|ora|ahora|jetzt|agora|nu|teraz|always))?"
_PLAIN = re.compile(
    rf"{_WORD}(?:[ :=#\-(]{{1,3}}|(?: {_SAID}){{1,4}} ?[:=] ?|\s?{_IS}[ :]{{1,2}}){_VALUE}",
    re.IGNORECASE,
)
_UNIT = (
    r"(?! ?(?:[%°€$£]|[munkMG]?[VAWsgbBl]\b|mm|cm|km|k?Hz|kg|px|minut|second|hour|day|year|times))"
)
_LONG = (
    rf"[\"'„“«]?(?P<value>\d{{4,8}}[A-Z]?|\d{{1,2}}(?:-\d{{1,2}}){{2,3}})(?![\w.,/:-]\d|\w){_UNIT}"
)
# Words of a clause; its end is the end of what the word announces.
_SENTENCE = re.compile(
    rf"{_WORD},?(?:[ ,]{{1,2}}{_SAID}){{0,8}}?,? ?(?<![^\W_]){_IS}[ :]{{1,2}}{_LONG}", re.IGNORECASE
)
# A question and, on the next line perhaps, its answer.
_ANSWERED = re.compile(rf"{_WORD}[^\d\n?]{{0,40}}\?\s{{0,2}}[^\d\n]{{0,40}}?{_LONG}", re.IGNORECASE)
_ANOTHER = re.compile(
    rf"[#\"']?,? (?:and|und|et|y|e|en|i|oraz|or|oder|ou|o|lub|of)(?: {_SAID}){{0,5}}? {_LONG}",
    re.IGNORECASE,
)
# Read backwards from the word: `enter … as the PIN`, `… is your verification code`.
_CALLED = re.compile(
    r"(?<![\w.,:/-])(?:[A-Z]-)?(?P<value>\d{4,8}|\d{3} \d{3}) (?:as|als|comme|como|come|jako|is"
    r"|ist|est|es|è"
    rf"|é|to|jest)(?: {_SAID}){{0,4}}? ?\Z",
    re.IGNORECASE,
)
_CODE_TO = re.compile(
    r"(?<![^\W_])(?:code|kod|código|codice)[ :]{1,2}(?P<value>\d{4,8})(?= (?:to (?:sign|log"
    r"|verify|confirm|reset|activate|complete|continue)|um sich|pour (?:vous|confirmer)"
    r"|para (?:iniciar|verificar|confirmar)|per (?:accedere|confermare)|om in te|aby))",
    re.IGNORECASE,
)
_WORDS = rf"(?:{PIN}|code|kod|código|codice)"
_NEEDLE = Needle(_WORDS)


class PinRecogniser:
    """Short secret numbers: PINs, one-time codes, card verification codes, codes of doors."""

    needs = loosened(_WORDS, re.IGNORECASE)
    reach = 256

    def listens(self, key: str) -> bool:  # noqa: ARG002 - no key makes a difference here
        """Hear nothing."""
        return False

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give each number that such a word announces, and a second one that is joined to it."""
        text = passage.text
        for place in _NEEDLE.starts(text, start, end):
            match = _announced(text, place)
            if match is None:
                continue
            yield Span(*match.span("value"), "PASSWORD", 0.7, "pin")
            # What was called so afterwards is followed by the word, and by no second number.
            another = _ANOTHER.match(text, match.end("value"), match.end("value") + 96)
            if another is not None:
                yield Span(*another.span("value"), "PASSWORD", 0.6, "pin")


def _announced(text: str, place: int) -> re.Match[str] | None:
    """Give the number that the word at `place` announces, by the plainest reading there is."""
    for shape in (_PLAIN, _CODE_TO, _SENTENCE, _ANSWERED):
        match = shape.match(text, place, place + 200)
        if match is not None:
            return match
    return _CALLED.search(text, max(0, place - 72), place)
