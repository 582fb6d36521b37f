"""Passwords near the talk of logging in, where no word calls them so.

"Log in with user kate and …", "it unlocks with …", "I've changed it from … to …". Two things must
come together: words about getting in or about a password, and a value that nobody writes by
accident. The more contrived it looks, the less must lead up to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from redaction.detectors.drawn import has_code, looks_contrived, looks_mixed
from redaction.detectors.placeholders import is_placeholder
from redaction.detectors.prefilter import Needle, loosened
from redaction.detectors.secret_words import ENTRY, STRONG_PROSE
from redaction.detectors.whole import cut_or_whole
from redaction.finding import Passage, Span

__all__ = ["LoginRecogniser"]

_ABOUT = rf"(?:{ENTRY}|{STRONG_PROSE})"
_NEEDLE = Needle(_ABOUT)
_WORD = re.compile(rf"(?<![^\W_]){_ABOUT}(?![^\W\d_])", re.IGNORECASE)
# How far the talk goes on behind the word, in characters.
_TALK, _BEFORE = 140, 80
_EDGE = r"(?=[\s\"'`»”“,;:.!?)\]]|\Z)"
_LED = re.compile(
    r"(?<![^\s(\"'«„“])(?:and|with|using|via|by|und|mit|et|avec|par|y|con|e|com|en|met|i|z|is|to"
    r"|from"
    r"|was|als|as|auf|von|zu|ist|est|es|è|é|de|à|en|a|por|da|na|naar|van|is|jest|to|key|code|then"
    r"|type|typing|enter|entering|entered|uses?|used|tippe|eingebe|gebe|nutze|benutze|saisis"
    r"|utilise"
    r"|uso|usaba|usavo|usando|usava|digito|invoer|typ|gebruik|wpisuję|używam|para|por|in|w|was"
    r"|hatte"
    r"|try|tried|trying|typed|provided|called|now|schlüssel|clé|clave|chiave|chave|sleutel|klucz)"
    r"(?: ?[:=])? [\"'`«„“(]{0,2} ?(?P<value>[^\s\"'`«»”“„()<>\[\]{}=,;|]{6,40})",
    re.IGNORECASE,
)
_BRACKETED = re.compile(
    r"(?<= )\((?P<value>[^\s()<>\[\]{}=,;|]{40}|[^\s()<>\[\]{}=,;|]{6,39}(?=\)))"
)
_PAIRED = re.compile(
    r"(?<![^\s\"'`(])(?:[\w.\-@]{2,40}(?: ?(?:/|\||->|→) ?|:)"
    r"|[\w.\-]{2,30}@[\w.\-]{3,60}, ?)[\"'`]?"
    r"(?P<value>[^\s\"'`«»”“„()<>\[\]{}=,;|/]{6,40})"
)
_ALONE = re.compile(r"(?<![^\s\"'`«„“(:])(?P<value>[^\s\"'`«»”“„()<>\[\]{}=,;|/\\]{7,40})" + _EDGE)
# What stands behind a value that is longer than its bound.
_MORE = re.compile(r"[^\s\"'`«»“”„()<>\[\]{}=,;|]")
_SHAPES: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (_LED, looks_mixed),
    (_BRACKETED, looks_mixed),
    (_PAIRED, looks_mixed),
    (_ALONE, looks_contrived),
)
# What a line of code has and a sentence has not.
_IS_CODE = re.compile(r"[;{}]\s*$|^\s*(?:[#/*]|(?:def|class|return|import|from|if|for|assert)\b)"
                      r"|\w\(\w*[,)=]|[=!]=|\w\[|::|->\s*\w+:|</?\w", re.MULTILINE)  # fmt: skip
# Without a digit or a sign in some word there is nothing contrived, and most talk has none.
_ODD = re.compile(r"[^\W\d_][^\s]{0,24}[0-9@#$%^&*+~]|[0-9][^\s]{0,24}[^\W\d_]|[a-z][A-Z]")
_TRAILING = ".,;:)!?"


class LoginRecogniser:
    """Contrived values in the talk of logging in, unlocking and changing passwords."""

    needs = loosened(rf"(?:{_ABOUT})", re.IGNORECASE)
    reach = 256

    def listens(self, key: str) -> bool:  # noqa: ARG002 - no key makes a difference here
        """Hear nothing."""
        return False

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give what is led up to, or contrived, in the talk behind each such word."""
        text, read = passage.text, start
        for place in _NEEDLE.starts(text, start, end):
            word = _WORD.match(text, place)
            if word is None or word.end() < read:
                continue
            talk = _talk(text, word.start(), word.end())
            if talk is not None:
                yield from _spoken(text, max(read, talk[0]), talk[1])
                read = talk[1]


def _talk(text: str, word: int, start: int) -> tuple[int, int] | None:
    """Give where the talk around a word begins and ends; None where it is code."""
    first = max(text.rfind("\n", max(0, word - 200), word) + 1, word - 200, 0)
    paragraph = text.find("\n\n", start, start + _TALK)
    last = paragraph if paragraph >= 0 else min(len(text), start + _TALK)
    line = text.find("\n", start, start + 200)
    whole = text[first : line if line >= 0 else start + 200]
    return None if _IS_CODE.search(whole) else (max(first, word - _BEFORE), last)


def _spoken(text: str, start: int, end: int) -> Iterator[Span]:
    if not _ODD.search(text, start, end + 40):
        return
    for shape, looks in _SHAPES:
        for match in shape.finditer(text, start, end + 40):
            if match.start() >= end:
                break
            first, last = match.span("value")
            while last > first and text[last - 1] in _TRAILING:
                last -= 1
            # A sign at the end may be the password's own; it costs nothing to take it along.
            if _convinces(text[first:last], looks):
                last += text[last : last + 1] in {"!", "?"}
                span = Span(first, last, "PASSWORD", 0.6, "login")
                reached = match.end("value")
                yield cut_or_whole(text, span, reached) if _MORE.match(text, reached) else span


def _convinces(value: str, looks: Callable[[str], bool]) -> bool:
    return (
        not is_placeholder(value)
        and not has_code(value)
        and "://" not in value
        and "**" not in value
        and not _IS_NAMED.fullmatch(value)
        and looks(value)
    )


# Addresses, names of files and hosts, quantities, ids of machines and tickets.
_IS_NAMED = re.compile(
    r"[\w.+\-]+@[\w\-]+(?:\.[\w\-]+)+|(?:[\w\-]+\.)+[a-z]{2,6}|[\w\-]*\.\w{1,5}"
    r"|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*){2,}"
    r"|(?:[a-z]+[-_])*(?:node|srv|server|host|db|web|app|vm|pc|nb|lap|dc|prod|dev|test|api|eu|us|ap"
    r"|user|svc|step|part|python|java|node|win|windows|ubuntu|rev|build|issue|bug|pr|v|version)"
    r"[-_]?\d{1,6}\w?|\d+(?:[.,:\-]\d+)*[a-z%]{0,4}|[0-9a-f]{7,}|\d{1,2}[ap]m",
    re.IGNORECASE,
)
