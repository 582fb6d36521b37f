"""Obfuscated mail: addresses written for people only, `name [at] domain dot com`.

Bracketed words are believed alone. Bare words (`name at domain dot com`) need one for the `@`,
one for each dot, and an ending that is a domain's; so that "at noon" and "punto" stay words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redaction.detectors.prefilter import Needle, loosened
from redaction.finding import Passage, Span

__all__ = ["ObfuscatedMailRecogniser"]

_AT_WORDS = (
    r"at|ät|ad|arobase|arobas|arroba|chiocciola|apenstaartje|apestaart|małpa|malpa|affe|klammeraffe"
    r"|snabel-?a|zavináč|kukac|a-t"
)
_DOT_WORDS = r"dot|punkt|point|punto|ponto|punt|kropka|teč?ka|prick|pont|d-o-t"
_OPEN, _CLOSE = r"[\[({<]", r"[\])}>]"
_AT = (
    rf"(?:\s?{_OPEN}\s?(?:{_AT_WORDS}|@|a|æ)\s?{_CLOSE}\s?|\s(?:{_AT_WORDS})\s|[_\-.]{{1,2}}at[_\-.]{{1,2}}"
    rf"|\s@\s?|@\s|\s\*at\*\s|\s(?:AT|_at_|-at-)\s|(?-i:(?<=[a-z0-9])AT(?=[a-z0-9])))"
)
_DOT = (
    rf"(?:\s?{_OPEN}\s?(?:{_DOT_WORDS}|\.)\s?{_CLOSE}\s?|\s(?:{_DOT_WORDS})\s|[_\-]dot[_\-]|\s\.\s?"
    rf"|\.|(?-i:(?<=[a-z0-9])DOT(?=[a-z0-9])))"
)
_ENDS = (
    r"com|org|net|edu|gov|info|biz|io|co|eu|de|at|ch|fr|es|it|pt|nl|pl|be|uk|us|ca|au|br|mx|in|jp|cn"
    r"|ru|se|no|dk|fi|cz|ie|me|app|dev|ai|tech|xyz|online|site|cloud|email|mail|example|test|gmbh|tv"
)
_PIECE = r"[^\W_](?:[\w\-+]{0,40}[^\W_])?"
_LOCAL = rf"{_PIECE}(?:{_DOT}{_PIECE}){{0,3}}"
_ADDRESS = re.compile(
    rf"(?<![\w@.])(?P<local>{_LOCAL}?)(?P<at>{_AT})(?P<host>{_PIECE}(?P<dots>(?:{_DOT}{_PIECE}){{0,3}}?)"
    rf"(?P<dot>{_DOT})(?:{_ENDS}))(?![^\W_])(?!@)",
    re.IGNORECASE,
)
# Before the `at`, a bare full stop belongs to an address only without space around it.
_STRICT_DOT = (
    rf"(?:\s?{_OPEN}\s?(?:{_DOT_WORDS}|\.)\s?{_CLOSE}\s?|\s(?:{_DOT_WORDS})\s|[_\-]dot[_\-]|\.)"
)
_BEFORE = re.compile(rf"(?<![\w@.])(?:{_PIECE}(?:{_STRICT_DOT}{_PIECE}){{0,3}})\Z", re.IGNORECASE)
_ANCHOR = re.compile(rf"{_AT}(?={_PIECE}{_DOT})", re.IGNORECASE)
_NEEDLE = Needle(_ANCHOR.pattern + _PIECE)
_BRACKETED = re.compile(r"[\[({<@_*]|AT|-at-")
_SENTENCE = re.compile(r"\.\s|\s\.$")


class ObfuscatedMailRecogniser:
    """Addresses whose `@` or dots are spelt out, in the languages' own words."""

    needs = loosened(_AT + r"[^\W_]", re.IGNORECASE)
    reach = 256

    def listens(self, key: str) -> bool:  # noqa: ARG002 - no key makes a difference here
        """Hear nothing."""
        return False

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give every address that no plain reader of addresses would find."""
        text = passage.text
        read = start - 1
        for place in _NEEDLE.starts(text, start, end):
            anchor = _ANCHOR.search(text, place, place + self.reach) if place > read else None
            read = anchor.start() if anchor else read
            span = self._around(text, anchor.start()) if anchor else None
            if span is not None:
                yield Span(*span, "EMAIL_ADDRESS", 0.8, "mail_obfuscated")

    def _around(self, text: str, at: int) -> tuple[int, int] | None:
        """Read the words before and behind an `at`; at most 90 characters before it."""
        begin = self._beginning(text, at)
        match = _ADDRESS.match(text, begin) if begin < at else None
        if match is None or match.start("at") != at or not self._convinces(match):
            return None
        return match.span()

    def _beginning(self, text: str, at: int) -> int:
        found = _BEFORE.search(text, max(0, at - 90), at)
        return found.start() if found else at

    def _convinces(self, match: re.Match[str]) -> bool:
        if _BRACKETED.search(match["at"]):
            return True
        spelt = match["dot"].strip() not in {"", "."}
        return spelt and not _SENTENCE.search(match["host"])
