"""Money: payment cards and bank accounts, each proven by its own check."""

from __future__ import annotations

import re
from collections.abc import Iterator

from redaction.detectors.checksums import luhn, mod97, same_digit
from redaction.detectors.prefilter import SEVEN_DIGITS, loosened
from redaction.detectors.recogniser import ShapeRecogniser, digits_of, words
from redaction.finding import Passage, Span

__all__ = ["CARDS", "IbanRecogniser"]

# Issuer prefixes with the lengths they use (ISO/IEC 7812 and the networks' public tables).
_ISSUERS = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}"
    r"|3(?:0[0-5]|[689]\d)\d{11,16}"
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12,15}"
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"
    r"|62\d{14,17}"
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"
    r"|220[0-4]\d{12,15}"
)


def _is_card(value: str) -> bool:
    digits = digits_of(value)
    return bool(_ISSUERS.fullmatch(digits)) and not same_digit(digits) and luhn(digits)


# Grouped as cards are printed, or not at all: a row of numbers in a table is not a card.
CARDS = ShapeRecogniser(
    name="card",
    entity="CREDIT_CARD",
    pattern=re.compile(
        r"(?<![\w.])(?<![\d][-])(?:\d{4}([ \-.]?)\d{4}\1\d{4}\1\d{1,7}"
        r"|\d{4}([ \-.])\d{6}\2\d{4,5}|\d{12,19})(?![\w])(?!-\d|\.\d)"
    ),
    alone=0.9,
    believed=1.0,
    proof=_is_card,
    telling=SEVEN_DIGITS,
    reach=48,
    context=words("card", "visa", "mastercard", "amex", "credit", "debit", "karte", "tarjeta"),
)

# Total lengths by country (SWIFT IBAN registry).
_IBAN_LENGTHS = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU",
        31: "MT SC",
        33: "LC RU",
    }.items()
    for country in countries.split()
}
_IBAN_HEAD = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{2})\d{2}(?=[ \-]?[A-Za-z0-9]{2})")
_IBAN_NEXT = re.compile(r"[ \-\u00a0]?([A-Za-z0-9])")


class IbanRecogniser:
    """International bank account numbers, proven by length and ISO 7064.

    The country decides how many characters belong to the number, so that a word behind it is
    neither taken in nor allowed to break the check.
    """

    needs = loosened(_IBAN_HEAD.pattern)
    reach = 96

    def listens(self, key: str) -> bool:  # noqa: ARG002 - no key makes a difference here
        """Hear nothing."""
        return False

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give every valid IBAN, spaced or not, in any letter case."""
        for head in _IBAN_HEAD.finditer(passage.text, start, end + self.reach):
            if head.start() >= end:
                return
            length = _IBAN_LENGTHS.get(head[1].upper())
            last = self._end(passage.text, head.end(), length - 4) if length else None
            if last is not None and self._holds(passage.text[head.start() : last]):
                yield Span(head.start(), last, "IBAN_CODE", 1.0, "iban")

    def _end(self, text: str, at: int, missing: int) -> int | None:
        for _ in range(missing):
            following = _IBAN_NEXT.match(text, at)
            if following is None:
                return None
            at = following.end()
        return None if text[at : at + 1].isdigit() else at

    def _holds(self, value: str) -> bool:
        plain = "".join(c for c in value if c.isalnum()).upper()
        return plain.isascii() and mod97(plain[4:] + plain[:4])
