"""Credentials by name: what stands next to `password:`, `api_key=` or the like.

How much a value must look like a secret depends on what its name promises. Behind a word such
as `password` almost any single value is one; behind `token` or `key` only what looks drawn at
random is, because `max_tokens: 100`, `"token": "the"` and `token = tokenizer.encode(text)` are
not secrets and a log without them is useless.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator

from redaction.finding import Passage, Span

__all__ = ["TellingNameRecogniser", "looks_chosen", "looks_drawn"]

_STRONG = (
    r"passw(?:or)?ds?|pass[ _-]?phrase|passwort|kennwort|mot[ _-]de[ _-]passe|contrase[nñ]a|senha"
    r"|hasło|wachtwoord|pwd|passcode|pin[ _-]?code|client[ _-]?secret|otp|one[ _-]?time[ _-]?code"
)
_WEAK = (
    r"secret(?:[ _-]?(?:access[ _-]?)?key)?|(?:api|access|account|subscription|signing|encryption"
    r"|private|license|master|shared|webhook|functions|auth|secret|session|app)[ _-]?"
    r"(?:key|token|secret)|apikey|(?:refresh|id|csrf|bearer|bot|device)[ _-]?token"
    r"|credentials?|jwt|token|cookie|sas"
)
_HINTS = re.compile(
    r"pass|pwd|secret|key|token|kennwort|contrase|senha|hasło|wachtwoord|credential|cookie|otp"
    r"|one.?time|jwt|sas|pin.?code",
    re.IGNORECASE,
)
_ASSIGNED = re.compile(
    r"(?<![^\W_])(?:[A-Za-z0-9]{1,20}[_.\-]){0,4}[A-Za-z0-9]{0,20}?"
    rf"(?:(?P<strong>{_STRONG})|(?P<weak>{_WEAK}))(?:[_-]?[0-9])?"
    r"(?:[\"'`]?\]?)(?P<sign>\s{0,3}(?::=|=>|==?|:)\s{0,3}"
    r"|\s{1,2}(?:is|ist|est|es|è|é|to|was)[ :]\s?)"
    r"(?:(?P<quote>[\"'`])(?P<quoted>(?:(?!(?P=quote))[^\n]){4,400})(?=(?P=quote)|\Z)"
    r"|(?P<bare>[^\s\"'`]{4,4000}))",
    re.IGNORECASE,
)
# `apiKey`, `dbPassword`: camel case has no separator before the name.
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_KEY = re.compile(
    rf"(?:.*?(?P<strong>{_STRONG})|(?:.*[\W_])?(?:{_WEAK}|authorization|key))(?:[_-]?\d)?",
    re.IGNORECASE | re.DOTALL,
)
# Their values have parts: a scheme and a credential, or one cookie after another.
_HEADER = re.compile(r"(?:proxy[_-])?authorization|(?:set[_-])?cookie", re.IGNORECASE)
_PARTS = re.compile(r"[\s;,]+")
# What stands where a value would: documentation, types, references to where the value is kept.
_PLACEHOLDER = re.compile(
    r"[*•x.\-]{3,}|<[^>]*>?|\$[({]?[\w.]+[)}]?|\{\{?[^}]*\}?\}?|%\w+%|\[[^\]]*\]?"
    r"|(?:your|my|the|some|new|old|test|example|sample|dummy|fake|default)[ _-].{0,24}"
    r"|(?:string|str|text|none|null|true|false|undefined|number|integer|boolean|bool|bytes|any"
    r"|unknown|required|optional|redacted|removed|hidden|masked|empty|missing|invalid|expired"
    r"|incorrect|wrong|passw(?:or)?d|secret|token|api[_-]?key|object|value|changeme)\d?[,;.)]?"
    r"|(?:process\.env|os\.environ|os\.getenv|env|self|this|config|settings|args|secrets|vault)"
    r"[.:(\[].*",
    re.IGNORECASE,
)
_LABEL = re.compile(
    r"\b(?:passwords?|passwort|enter|your|must|required|field|please|should|confirm|forgot)\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"[A-Za-z_][\w.]*[(\[].*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+[,;)]*", re.DOTALL)
_NEXT_PAIR = re.compile(r"[;&,](?=[A-Za-z_]\w*=)")
_TRAILING = ".,;:)}]>!?"


class TellingNameRecogniser:
    """Values assigned to a name, or standing at a JSON key, that says they are secret."""

    def find(self, passage: Passage) -> Iterator[Span]:
        """Give the values, without quotation and closing punctuation."""
        yield from self._by_key(passage)
        text = passage.text
        if not _HINTS.search(text):
            return
        for match in _ASSIGNED.finditer(text):
            quoted = match["quote"] is not None
            start, end = match.span("quoted" if quoted else "bare")
            if not quoted:
                end = _trimmed(text, start, end)
            if self._convinces(text, match, text[start:end]):
                entity = "PASSWORD" if match["strong"] else "SECRET"
                yield Span(start, end, entity, 0.85, "telling_name")

    def _by_key(self, passage: Passage) -> Iterator[Span]:
        value = passage.text.strip()
        if passage.key is None or not 4 <= len(value) <= 8000:
            return
        name = _KEY.fullmatch(_CAMEL.sub("_", passage.key[-80:]))
        if name is None or _PLACEHOLDER.fullmatch(value):
            return
        strong = name["strong"] is not None
        parts = _PARTS.split(value) if _HEADER.fullmatch(passage.key) else [value]
        if _is_password(value) if strong else any(map(looks_drawn, parts)):
            entity = "PASSWORD" if strong else "SECRET"
            yield Span(0, len(passage.text), entity, 0.9, "telling_key")

    def _convinces(self, text: str, match: re.Match[str], value: str) -> bool:
        if len(value) < 4 or _PLACEHOLDER.fullmatch(value):
            return False
        if match["weak"]:
            return looks_drawn(value)
        if match["quote"]:
            return _is_password(value)
        if _CODE.fullmatch(value):
            return False
        return looks_chosen(value) or self._stands_alone(text, match)

    def _stands_alone(self, text: str, match: re.Match[str]) -> bool:
        """Accept a plain word behind `password:` only where the line ends with it."""
        word = match["bare"].rstrip(_TRAILING)
        ends_line = text[match.end() : match.end() + 1] in {"", "\n", "\r"}
        told = match["sign"].strip() == ":" or match["sign"] == "="
        return ends_line and told and len(word) > 5 and word.isalpha() and word.islower()


def _trimmed(text: str, start: int, end: int) -> int:
    """Leave off the next assignment (`;Name=`, `&name=`) and closing punctuation."""
    following = _NEXT_PAIR.search(text, start, end)
    end = following.start() if following else end
    while end > start and text[end - 1] in _TRAILING:
        end -= 1
    return end


def _is_password(value: str) -> bool:
    """Tell a password, which may be a phrase, from a label in a form or a message."""
    return "\n" not in value and not (" " in value and (_LABEL.search(value) or len(value) > 80))


def looks_chosen(value: str) -> bool:
    """Tell a password from a word: a digit or a sign among letters, or odd capitals."""
    letters = any(c.isalpha() for c in value)
    mixed = any(c.isdigit() or c in "!@#$%^&*+?~" for c in value[1:])
    return (letters and mixed) or bool(_ODD_CAPITALS.search(value)) or value.isdigit()


# Capitals where neither `CamelCase` nor `UPPER_CASE` would put them.
_ODD_CAPITALS = re.compile(r"[a-z][A-Z]+[a-z]?[A-Z][a-z]|[a-z][A-Z]{2,}|[A-Z]{2}[a-z]+[A-Z]")
_SEGMENT = re.compile(r"[A-Za-z0-9]{8,}")


def looks_drawn(value: str) -> bool:
    """Tell a random value from words, numbers, dates and identifiers.

    It must be written in an alphabet of keys and hold a run of eight or more letters and digits
    that are mixed as words do not mix them.
    """
    plain = value.strip("=")
    if len(plain) < 8 or not re.fullmatch(r"[\w+/\-.~|:%!@#$^&*=;]+", plain, re.ASCII):
        return False
    return any(_is_drawn(segment[0]) for segment in _SEGMENT.finditer(plain))


def _is_drawn(segment: str) -> bool:
    changes = len(re.findall(r"(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])", segment))
    mixed = changes >= 2 or (changes == 1 and entropy(segment) > 2.8)
    return (mixed or bool(_ODD_CAPITALS.search(segment))) and entropy(segment) >= 2.2


def entropy(value: str) -> float:
    """Give the information per character in bits, by the value's own letter counts."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values())
