"""Telephones: numbers that a person could dial, proven by the numbering plans.

Only windows that look like a dialled number are handed to `phonenumbers`. A number with its
country code needs no more; a national one must be valid in one of the regions, and where its
shape is common (a bare row of digits, groups without a leading zero) words near by must say
that it is a telephone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import phonenumbers

from redaction.detectors.recogniser import digits_of, near, words
from redaction.finding import Passage, Span

__all__ = ["REGIONS", "PhoneRecogniser"]

REGIONS = ("US", "GB", "DE", "FR", "ES", "IT", "PT", "NL", "PL", "CH", "AT", "BE", "IN", "BR", "AU")

_CONTEXT = words(
    "tel", "telephone", "phone", "phones", "phone number", "cell", "cellphone", "mobile", "call",
    "called", "calling", "ring", "dial", "sms", "text me", "whatsapp", "fax", "contact number",
    "hotline", "telefon", "telefonnummer", "handy", "handynummer", "mobil", "rufnummer", "anrufen",
    "rückruf", "téléphone", "portable", "appeler", "numéro", "teléfono", "telefono", "móvil",
    "llamar", "cellulare", "chiamare", "telefone", "telemóvel", "celular", "ligar", "telefoon",
    "mobiel", "bellen", "komórka", "numer", "zadzwoń", "msisdn", "fon",
)  # fmt: skip
_GAP = r"[ \u00a0\u2011.\-/]"
_INTERNATIONAL = re.compile(
    rf"(?<![\w+])(?:\+|00(?=[1-9])|\(\+)\(?\d(?:(?:{_GAP}|[()]){{0,3}}\d){{5,24}}(?!(?!x\d)\w)"
)
_NORTH_AMERICAN = re.compile(
    rf"(?<![\w+.\-])(?:1{_GAP})?(?:\([2-9]\d\d\) ?|[2-9]\d\d{_GAP})[2-9]\d\d{_GAP}\d{{4}}(?![\w])"
    r"(?!-\d|\.\d)(?:(?: ?x| ext\.?) ?\d{1,6})?"
)
_TRUNK_ZERO = re.compile(
    rf"(?<![\w+.\-:/])\(?0[1-9]\d{{0,4}}\)?(?:(?:{_GAP}|[()]){{1,2}}\d{{2,8}}){{1,5}}(?![\w:])(?!-\d)"
)
_IN_CONTEXT = re.compile(rf"(?<![\w+.\-])\(?\d(?:(?:{_GAP}|[()]){{0,2}}\d){{6,14}}(?![\w])")
_GROUP = re.compile(r"\d+\)?")
_DATE_LIKE = re.compile(r"(?:19|20)\d\d[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./](?:19|20)\d\d\b")
_ENOUGH_DIGITS = re.compile(r"\d(?:\D{0,3}\d){6}")


class PhoneRecogniser:
    """Telephone numbers of the configured regions, and of any region with a country code."""

    def __init__(self, regions: Sequence[str] = REGIONS) -> None:
        self._regions = tuple(regions)

    def find(self, passage: Passage) -> Iterator[Span]:
        """Give every number; a number in several shapes may be given more than once."""
        text = passage.text
        if not _ENOUGH_DIGITS.search(text):
            return
        for match in _INTERNATIONAL.finditer(text):
            yield from self._international(match)
        for match in _NORTH_AMERICAN.finditer(text):
            yield self._span(match.start(), match.end(), 0.75)
        for match in _TRUNK_ZERO.finditer(text):
            if self._is_national(match[0]):
                yield self._span(match.start(), match.end(), 0.7)
        for match in _IN_CONTEXT.finditer(text):
            if near(passage, match.start(), match.end(), _CONTEXT) and self._dialled(match[0]):
                yield self._span(match.start(), match.end(), 0.8)

    def _span(self, start: int, end: int, score: float) -> Span:
        return Span(start, end, "PHONE_NUMBER", score, "phone")

    def _international(self, match: re.Match[str]) -> Iterator[Span]:
        """Take the longest beginning that a plan allows: what follows may be another number."""
        window = match[0]
        for end in sorted((m.end() for m in _GROUP.finditer(window)), reverse=True):
            if _possible("+" + digits_of(window[:end]).removeprefix("00")):
                yield self._span(match.start(), match.start() + end, 0.9)
                return

    def _is_national(self, window: str) -> bool:
        if _DATE_LIKE.search(window) or not 8 <= len(digits_of(window)) <= 13:
            return False
        return any(_valid(window, region) for region in self._regions)

    def _dialled(self, window: str) -> bool:
        """In context, any plausible length will do: plans differ and people mistype."""
        return not _DATE_LIKE.search(window) and 7 <= len(digits_of(window)) <= 15


def _possible(number: str) -> bool:
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse(number, None))
    except phonenumbers.NumberParseException:
        return False


def _valid(window: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(window, region))
    except phonenumbers.NumberParseException:
        return False
