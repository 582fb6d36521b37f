"""Tokens: what stands in place of a value, the same for the same value.

A token is `<TYPE_n>`, numbered by first appearance in the exchange, or with a key `<TYPE_…>`
with a pseudonym that stays the same from exchange to exchange. Tokens are made of letters,
digits, `_`, `<` and `>` only, so that they stand unescaped in JSON at any depth.
"""

from __future__ import annotations

import base64
import hmac
import re
import unicodedata
from collections.abc import Iterable

__all__ = ["Pseudonyms", "TokenBook", "normalised"]

# Types whose values are numbers with free punctuation.
_NUMBERS = frozenset({"PHONE_NUMBER", "CREDIT_CARD", "US_SSN", "US_ITIN", "UK_NHS", "BR_CPF"})
_LOOKS_LIKE_TOKEN = re.compile(r"<([A-Z][A-Z0-9_]*)_([0-9]{1,9})>")
# 80 bits: two of a million values share a pseudonym with a chance of 4 in 10^13.
_PSEUDONYM_BYTES = 10


def normalised(entity: str, value: str) -> str:
    """Give the form in which two spellings of one value are the same."""
    folded = unicodedata.normalize("NFKC", value).casefold()
    if entity in _NUMBERS:
        return "".join(c for c in folded if c.isdigit()) or folded
    if entity == "IBAN_CODE":
        return "".join(c for c in folded if c.isalnum())
    return " ".join(folded.split())


class TokenBook:
    """Numbers the values of one exchange.

    Where the clear text itself contains something that looks like one of our tokens, that
    number is not given out, so that a reader cannot take one for the other.
    """

    def __init__(self, clear_texts: Iterable[str] = ()) -> None:
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] = {}
        self._reserved = {
            (match[1], int(match[2]))
            for text in clear_texts
            for match in _LOOKS_LIKE_TOKEN.finditer(text)
        }

    def token(self, entity: str, value: str) -> str:
        """Give the value's token; the first call for a value gives it the next number."""
        known = (entity, normalised(entity, value))
        if known not in self._numbers:
            self._numbers[known] = self._next(entity)
        return f"<{entity}_{self._numbers[known]}>"

    def _next(self, entity: str) -> int:
        number = self._last.get(entity, 0) + 1
        while (entity, number) in self._reserved:
            number += 1
        self._last[entity] = number
        return number


class Pseudonyms:
    """Names values by HMAC-SHA-256 under a key, within a scope (a tenant, a session).

    Without the key a pseudonym can neither be made nor guessed from a value, and pseudonyms of
    two scopes cannot be joined.
    """

    def __init__(self, key: bytes, scope: str) -> None:
        self._key = key
        self._scope = scope

    def token(self, entity: str, value: str) -> str:
        """Give the value's pseudonym, `<TYPE_` and 16 characters of base 32 and `>`."""
        said = f"{len(self._scope)}|{self._scope}{entity}|{normalised(entity, value)}"
        digest = hmac.digest(self._key, said.encode("utf-8", "surrogatepass"), "sha256")
        name = base64.b32encode(digest[:_PSEUDONYM_BYTES]).decode().lower()
        return f"<{entity}_{name}>"
