"""Credentials by name: what stands next to `password:`, `api_key=` or the like, and at such keys.

How much a value must look like a secret depends on what its name promises: see the words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redaction.detectors.drawn import looks_chosen, looks_drawn, looks_mingled, looks_mixed
from redaction.detectors.placeholders import is_placeholder
from redaction.detectors.prefilter import Needle, loosened
from redaction.detectors.secret_words import PIN, STRONG, WEAK
from redaction.detectors.whole import cut_or_whole
from redaction.finding import Passage, Span

__all__ = ["TellingKeyRecogniser", "TellingNameRecogniser"]

# What may follow a name and leave it the same secret.
_SUFFIX = (
    r"[_-](?:base|value|prod(?:uction)?|dev|test|staging|live|primary|secondary|old|new|main|raw)"
)
# Believed of what is drawn at random only.
_KEY = "keys?"
_NEEDLE = Needle(rf"(?:{STRONG}|{WEAK}|{_KEY})")
_ASSIGNED = re.compile(
    rf"(?:(?P<strong>{STRONG})|(?P<weak>{WEAK}))(?:[_-]?[0-9]|{_SUFFIX})?"
    r"(?:[\"'`]?\]?)(?P<sign>\s{0,3}(?::=|=>|==?|:)\s{0,3}"
    # `<apiToken>…</apiToken>`.
    r"|>(?=[^\s<>\"']{4,400}</)"
    # `define('AUTH_KEY', '…')`; quotes on both sides.
    r"|(?<=[\"'])\s{0,2},\s{0,2}(?=[\"'])"
    # `- name: DB_PASSWORD` and, on the next line, `value: …`.
    r"|[\"']?\s{0,3}[,{]?\s{1,16}[\"']?(?:value|default|val)[\"']?\s{0,3}[:=]\s{0,3}"
    r"|\s{1,2}(?:is|ist|est|es|è|é|to|was|lautet|era)[ :]\s?)"
    r"(?:(?P<quote>[\"'`])(?P<quoted>(?:(?!(?P=quote))[^\n]){4000}"
    r"|(?:(?!(?P=quote))[^\n]){4,3999}+(?=(?P=quote)|\Z))"
    r"|(?P<bare>(?:(?<=>)[^\s<>\"'`]{4,400}|(?<!>)[^\s\"'`]{4,200})))",
    re.IGNORECASE,
)
_KEYED = re.compile(
    rf"(?:.*?(?P<strong>{STRONG}|\bpass\b|(?<![^\W_])pw(?![^\W_]))"
    rf"|(?:.*[\W_])?(?:{WEAK}|authorization|key))(?:[_-]?\d)?",
    re.IGNORECASE | re.DOTALL,
)
_PIN_KEY = re.compile(rf"(?:.*[\W_])?(?:{PIN})", re.IGNORECASE)
_SAID = r"[^\W\d_](?:[^\W\d_]|['\u2019-]){0,15}"
# Where such a value ends, or its bound is.
_EDGE = r"(?:(?![\w\-])|(?<=[A-Za-z0-9+/_\-]{4000}))"
# A few words may stand between a weak word and what is drawn at random for sure.
_EXPLAINED = re.compile(
    rf"(?:(?P<weak>{WEAK})|(?<![^\W_]){_KEY})(?![^\W_])(?: {_SAID}){{0,5}}?"
    r"(?P<sign>\s?[:=]| (?:is|ist|est|es|è|é|to|was|are|jest)[ :]?) ?[\"'`]?"
    rf"(?P<value>[A-Za-z0-9+/_\-]{{16,4000}}+={{0,2}}+){_EDGE}",
    re.IGNORECASE,
)
# Or none at all, where it is long: `auth token 5f0c…`.
_BESIDE = re.compile(
    rf"(?:(?P<weak>{WEAK})|(?<![^\W_]){_KEY})(?![^\W_])(?P<sign>)"
    rf"(?: (?:{_SAID} ){{0,2}}|:? ?\n ?)[\"'`]?"
    rf"(?P<value>[A-Za-z0-9+/_\-]{{20,4000}}+={{0,2}}+){_EDGE}",
    re.IGNORECASE,
)
# Words that also end others: `laptop: …` is no one-time code.
_SHORT = re.compile(r"otp|pwd|psw|sas|salt|dsn|hmac|nonce|ficha|clave|clé|llave|jwt", re.IGNORECASE)
# `apiKey`, `dbPassword`: camel case has no separator before the name.
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
# Their values have parts: a scheme and a credential, or one cookie after another.
_HEADER = re.compile(r"(?:proxy[_-])?authorization|(?:set[_-])?cookie", re.IGNORECASE)
_PARTS = re.compile(r"[\s;,]+")
_LABEL = re.compile(
    r"\b(?:passwords?|passwort|enter|your|must|required|field|please|should|confirm|forgot)\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"[A-Za-z_][\w.]*[(\[].*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+[,;)]*", re.DOTALL)
_NEXT_PAIR = re.compile(r"[;&,](?=[A-Za-z_]\w*=)")
# Names of variables: `AZURE_CLIENT_SECRET`.
_IDENTIFIER = re.compile(r"`?[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+`?")
_MOST_WORDS = 6
_TRAILING = ".,;:)}]>!?"


class TellingNameRecogniser:
    """Values assigned to a name that says they are secret."""

    needs = loosened(
        rf"(?:{STRONG}|{WEAK}|{_KEY})(?:[_-]?[0-9]|{_SUFFIX})?(?:[\"'`]?\]?)"
        r"(?:\s{0,3}[:=,]|\s|>)",
        re.IGNORECASE,
    )
    reach = 5000

    def listens(self, key: str) -> bool:  # noqa: ARG002 - no key makes a difference here
        """Hear nothing."""
        return False

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give the values, without quotation and closing punctuation."""
        text = passage.text
        told = start
        for place in _NEEDLE.starts(text, start, end):
            if place < told:
                continue
            yield from self._loose(text, place)
            match = _ASSIGNED.match(text, place, place + self.reach)
            if match is None or (
                _SHORT.fullmatch(match["strong"] or match["weak"]) and _goes_on(text, place)
            ):
                continue
            told = match.start("sign")
            quoted = match["quote"] is not None
            first, last = match.span("quoted" if quoted else "bare")
            if not quoted:
                last = _trimmed(text, first, last)
            if self._convinces(text, match, text[first:last]):
                entity = "PASSWORD" if match["strong"] else "SECRET"
                span = Span(first, last, entity, 0.85, "telling_name")
                yield cut_or_whole(text, span, match.end("quoted" if quoted else "bare"))

    def _loose(self, text: str, place: int) -> Iterator[Span]:
        """Give what is drawn at random, a few words behind the name."""
        for loose in (_EXPLAINED, _BESIDE):
            match = loose.match(text, place, place + self.reach)
            if match is None or not looks_drawn(match["value"]):
                continue
            # `key: …` and `cache key …` are names of entries as often.
            if match["weak"] or match["sign"].strip(" :=") or looks_mingled(match["value"]):
                span = Span(*match.span("value"), "SECRET", 0.8, "telling_name")
                yield cut_or_whole(text, span, span.end)

    def _convinces(self, text: str, match: re.Match[str], value: str) -> bool:
        if len(value) < 4 or is_placeholder(value):
            return False
        if match["weak"]:
            return looks_drawn(value)
        if match["sign"].strip() == ",":
            return looks_mixed(value)
        if match["quote"]:
            return _is_password(value)
        if _CODE.fullmatch(value):
            return False
        return looks_chosen(value) or self._stands_alone(text, match)

    def _stands_alone(self, text: str, match: re.Match[str]) -> bool:
        """Accept what could be a word behind `password:` only where the line ends with it.

        Behind a name in capitals (`DB_PASSWORD=`) capitals may be mixed in.
        """
        word = match["bare"].rstrip(_TRAILING)
        ends_line = text[match.end() : match.end() + 1] in {"", "\n", "\r"}
        told = match["sign"].strip() == ":" or match["sign"] == "="
        plain = word.islower() or (match["strong"].isupper() and not word.isupper())
        return ends_line and told and len(word) > 5 and word.isalpha() and plain


class TellingKeyRecogniser:
    """Whole values that stand at a JSON key, or under a column, that says they are secret."""

    needs = None
    reach = 0

    def listens(self, key: str) -> bool:
        """Hear the names of secrets."""
        name = _CAMEL.sub("_", key[-80:])
        return bool(_KEYED.fullmatch(name) or _PIN_KEY.fullmatch(name))

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:  # noqa: ARG002 - a value is taken whole or not at all
        """Give the whole value where key and value agree."""
        value = passage.text.strip()
        if start or passage.key is None or len(value) < 3:
            return
        key = _CAMEL.sub("_", passage.key[-80:])
        if _PIN_KEY.fullmatch(key) and value.isdigit() and len(value) <= 8:
            yield Span(0, len(passage.text), "PASSWORD", 0.9, "telling_key")
        name = _KEYED.fullmatch(key)
        if name is None or len(value) < 4 or is_placeholder(value):
            return
        strong = name["strong"] is not None
        parts = _PARTS.split(value) if _HEADER.fullmatch(passage.key) else [value]
        if _is_password(value) if strong else any(map(looks_drawn, parts)):
            entity = "PASSWORD" if strong else "SECRET"
            yield Span(0, len(passage.text), entity, 0.9, "telling_key")


def _goes_on(text: str, start: int) -> bool:
    """Tell whether a letter stands right before."""
    return start > 0 and text[start - 1].isalpha()


def _trimmed(text: str, start: int, end: int) -> int:
    """Leave off the next assignment (`;Name=`, `&name=`) and closing punctuation."""
    following = _NEXT_PAIR.search(text, start, end)
    end = following.start() if following else end
    while end > start and text[end - 1] in _TRAILING:
        end -= 1
    return end


def _is_password(value: str) -> bool:
    """Tell a password, which may be a phrase, from a label in a form or a message."""
    if "\n" in value or _IDENTIFIER.fullmatch(value):
        return False
    return not (" " in value and (_LABEL.search(value) or value.count(" ") > _MOST_WORDS - 1))
