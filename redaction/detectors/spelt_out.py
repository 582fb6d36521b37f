"""Digits spelt out one by one, `4 1 1 1 - 1 1 1 1 …`: together they are the number they hide."""

from __future__ import annotations

import re

from redaction.detectors.checksums import same_digit
from redaction.detectors.recogniser import ShapeRecogniser, digits_of, words

__all__ = ["SPELT_OUT"]

_CONTEXT = words(
    "card", "visa", "mastercard", "amex", "ssn", "social", "phone", "number", "tel", "call",
    "account",
    "iban", "id", "passport", "nummer", "karte", "numéro", "carte", "número", "tarjeta", "numero",
    "carta", "cartão", "kaart", "numer", "karty", "pesel", "bsn", "dni", "nhs", "reads?", "digits?",
)  # fmt: skip


def _is_number(value: str) -> bool:
    """Tell a spelt number from rows of a table and from counting."""
    digits = digits_of(value)
    counting = digits in "012345678901234567890123456789"
    return not same_digit(digits) and not counting and not set(digits) <= {"0", "1"}


_SINGLE = re.compile(
    r"(?<![\w.,])\d(?:(?: ?[.\-_/*|] ?|\s{1,3}|, )\d(?![\d.,]\d)){8,24}(?![\w])(?!\.\d)"
)

SPELT_OUT = ShapeRecogniser(
    "spelt_out", "SPELT_NUMBER", _SINGLE, 0.3, _is_number, _CONTEXT, 0.75, reach=128
)
