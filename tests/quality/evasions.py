"""Evasions: ways to write a value so that a pattern misses it, and who sees through each.

A row is a sentence, the value as it should be read, what is done to it, and the name of the layer
without which it must be missed; else the row would prove nothing.
"""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

__all__ = ["EVASIONS", "Evasion"]

CARD, MAIL, PHONE = "4111111111111111", "ada.lovelace@analytical.org", "+14155552671"
IBAN, KEY = "DE89370400440532013000", "sk-proj-Ab3dEf6hIj9kLmN0pQrStUvWx"
GROUPED = "4111 1111 1111 1111"


@dataclass(frozen=True)
class Evasion:
    """One row: `written` is what stands in the sentence, `layer` what sees through it."""

    name: str
    sentence: str
    written: str
    layer: str

    @property
    def text(self) -> str:
        """The sentence with the value in it."""
        return self.sentence.replace("{}", self.written)

    @property
    def span(self) -> tuple[int, int]:
        """Where the value stands."""
        start = self.sentence.index("{}")
        return start, start + len(self.written)


def _wide(value: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in value)


def _digits_from(zero: int) -> Callable[[str], str]:
    return lambda value: "".join(chr(zero + int(c)) if c.isdigit() else c for c in value)


def _between(sign: str) -> Callable[[str], str]:
    return sign.join


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _percent(value: str) -> str:
    return "".join(f"%{ord(c):02X}" for c in value)


def _entities(value: str) -> str:
    return "".join(f"&#{ord(c)};" for c in value)


def _escapes(value: str) -> str:
    return "".join(f"\\u{ord(c):04x}" for c in value)


_SAID = "Please note {} for later."
_MAILED = "or write to {} instead, thanks"

EVASIONS: tuple[Evasion, ...] = (
    Evasion("full-width digits", _SAID, _wide(CARD), "normalise"),
    Evasion("full-width letters", _SAID, _wide(MAIL), "normalise"),
    Evasion("full-width country code", _SAID, _wide(PHONE), "normalise"),
    Evasion("digits of Arabic", _SAID, _digits_from(0x660)(CARD), "normalise"),
    Evasion("digits of Devanagari", _SAID, _digits_from(0x966)(PHONE), "normalise"),
    Evasion("digits of mathematics", _SAID, _digits_from(0x1D7CE)(CARD), "normalise"),
    Evasion("zero-width space", _SAID, _between("\u200b")(CARD), "normalise"),
    Evasion("zero-width space between groups", _SAID, _between("\u200b")(GROUPED), "normalise"),
    Evasion("zero width in brackets", _SAID, _between("\u200b")("(415) 555-2671"), "normalise"),
    Evasion("zero-width joiner in mail", _SAID, MAIL.replace("@", "\u200d@\u200d"), "normalise"),
    Evasion("byte order mark in a key", _SAID, KEY.replace("-", "-\ufeff", 1), "normalise"),
    Evasion("soft hyphens", _SAID, IBAN[:6] + "\u00ad" + IBAN[6:], "normalise"),
    Evasion("variation selectors", _SAID, _between("\ufe0f")(CARD), "normalise"),
    Evasion("no-break spaces", _SAID, GROUPED.replace(" ", "\u00a0"), "normalise"),
    Evasion("thin spaces", _SAID, GROUPED.replace(" ", "\u2009"), "normalise"),
    Evasion("typographic hyphens", _SAID, GROUPED.replace(" ", "\u2011"), "normalise"),
    Evasion("Cyrillic capitals", _SAID, IBAN.replace("E", "Е"), "normalise"),
    Evasion("Cyrillic in a key", _SAID, KEY.replace("s", "ѕ", 1), "normalise"),
    Evasion("Greek in a key", _SAID, "AΚIAIOSFODNN7EXAMPLE", "normalise"),
    Evasion("accents apart", _SAID, unicodedata.normalize("NFD", "jörg.müller@bücher.de"),
            "normalise"),
    Evasion("bracketed words", _MAILED, "ada.lovelace [at] analytical [dot] org", "obfuscated"),
    Evasion("words in round brackets", _MAILED, "ada(at)analytical(dot)org", "obfuscated"),
    Evasion("bare words", _MAILED, "ada dot lovelace at analytical dot org", "obfuscated"),
    Evasion("spaces around the sign", _MAILED, "ada.lovelace @ analytical . org", "obfuscated"),
    Evasion("German words", _MAILED, "ada (at) analytical (punkt) de", "obfuscated"),
    Evasion("French words", _MAILED, "ada arobase analytical point fr", "obfuscated"),
    Evasion("Spanish words", _MAILED, "ada arroba analytical punto es", "obfuscated"),
    Evasion("Italian words", _MAILED, "ada chiocciola analytical punto it", "obfuscated"),
    Evasion("Portuguese words", _MAILED, "ada arroba analytical ponto pt", "obfuscated"),
    Evasion("Dutch words", _MAILED, "ada apenstaartje analytical punt nl", "obfuscated"),
    Evasion("Polish words", _MAILED, "ada małpa analytical kropka pl", "obfuscated"),
    Evasion("digits one by one", "my card number is {} ok", " ".join(CARD), "spelt out"),
    Evasion("digits with strokes", "my card number is {} ok", "_".join(CARD), "spelt out"),
    Evasion("base 64", _SAID, _base64(MAIL), "encoded"),
    Evasion("base 64 of a sentence", _SAID, _base64(f"the card is {GROUPED}, ok?"), "encoded"),
    Evasion("base 64 for URLs", _SAID, _base64(f"mail?>{MAIL}").replace("+", "-").replace("/", "_"),
            "encoded"),
    Evasion("base 64 twice", _SAID, _base64(_base64(MAIL)), "encoded"),
    Evasion("hexadecimal digits", _SAID, MAIL.encode().hex(), "encoded"),
    Evasion("percent-encoding", "https://x.example/?to={}&a=1", quote(MAIL, safe=""), "escapes"),
    Evasion("all percent-encoded", "https://x.example/?to={}&a=1", _percent(MAIL), "escapes"),
    Evasion("percent-encoded twice", "https://x.example/?to={}&a=1", quote(quote(MAIL, safe=""),
                                                                           safe=""),
            "escapes"),
    Evasion("percent-encoded card", "https://x.example/?to={}&a=1", _percent(GROUPED), "escapes"),
    Evasion("entities of HTML", "<p>{}</p>", _entities(MAIL), "escapes"),
    Evasion("hexadecimal entities", "<p>{}</p>", MAIL.replace("@", "&#x40;"), "escapes"),
    Evasion("escapes of code", 'mail = "{}"', _escapes(MAIL), "escapes"),
    Evasion("escapes in tool arguments", '{"to": "{}"}', _escapes(MAIL), "escapes"),
    Evasion("escapes in arguments of arguments", '{"a": "{\\"to\\": \\"{}\\"}"}',
            json.dumps(_escapes(MAIL))[1:-1], "escapes"),
    Evasion("a column's heading",
            f"name,ssn,city\n{'Ada King, '.replace(',', '') * 9},{{}},york\n", "219099999",
            "tables"),
    Evasion("a column of Markdown", "| who | date of birth |\n|---|---|\n| ada | {} |\n",
            "1985-03-12",
            "tables"),
)  # fmt: skip
