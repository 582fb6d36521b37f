"""Passwords in loose prose: said, not assigned.

"The password for the staging box is …", "contraseña del servidor: …", "use … as her password".
Between word and value may stand a few words without a digit; what is taken must look chosen, and
the looser the words, the more so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from redaction.detectors.drawn import has_code, looks_chosen, looks_mixed
from redaction.detectors.placeholders import is_placeholder
from redaction.detectors.prefilter import Needle, loosened
from redaction.detectors.secret_words import COPULA, CREDENTIALS, STRONG_PROSE
from redaction.detectors.whole import cut_or_whole
from redaction.finding import Passage, Span

__all__ = ["PairRecogniser", "SpokenPasswordRecogniser"]

# What a password is changed into, too; a code of digits would be a year there.
_IS = rf"{COPULA}|in|para"
_NEEDLE = Needle(rf"(?:{STRONG_PROSE})")
_WORD = re.compile(rf"(?:{STRONG_PROSE})(?:['’]s)?(?![^\W_])", re.IGNORECASE)
# A few words, then perhaps the next line of a dialogue with its speaker.
# Signs stand between words and never in them, so that there is one way only to read a gap.
_GAP = (
    r"(?: \([^()\n]{1,40}\)|[ \t,?'\u2019\"()*`/]{1,3}[^\W_][\w.@\-]{0,30}){0,7}?"
    r"[ \t,?\"'()*`]{0,3}(?:\n[^\W\d_]{1,16}[:>] ?)?"
)
_VALUE = r"[*_]{0,2}\s?[\"'`*«“„]{0,2}(?:(?<=[«„“])\s)?(?P<value>[^\s\"'`«»“”„<>]{4,64})"
_MIXED = _VALUE.replace("(?P<value>", r"(?P<value>(?=[^\s\"'`<>]*[\d!@#$%^&*+?~][^\s\"'`<>]?)")
# From the plainest announcement to the loosest.
_ANNOUNCED = (
    (re.compile(rf"[\"'`*]{{0,2}}\s?(?:[:=→–—]|->|=>| - ){_VALUE}", re.IGNORECASE), looks_chosen),
    # A question and its answer; what is quoted a few words on.
    (
        re.compile(
            rf"\?[\"”'»]?\s{{1,2}}(?:[^\W\d_]{{1,16}}[:>] ?)?[\"“'„«]?{_VALUE}", re.IGNORECASE
        ),
        looks_mixed,
    ),
    (
        re.compile(
            r"(?: [^\W\d_]{1,14}){1,4} [«„“\"'`]\s?(?P<value>[^\s«»“”„\"'`<>]{6,40})\s?[»”“\"'`]"
        ),
        looks_mixed,
    ),
    (re.compile(r">(?P<value>[^\s<>]{64}|[^\s<>]{4,63}(?=</))"), looks_chosen),
    (
        re.compile(
            rf"{_GAP}(?:[:=]"
            rf"|(?<![^\W_])(?:{_IS})(?![^\W_])(?: [^\W\d_]{{1,12}}){{0,2}}?:?){_MIXED}",
            re.IGNORECASE,
        ),
        looks_mixed,
    ),
    (re.compile(rf"[ \t]{{1,2}}[\"'`*(]?{_VALUE}", re.IGNORECASE), looks_mixed),
    (re.compile(r"[ \t]{1,2}[\"'(]?(?P<value>\d{6,10})(?![\w.,/-]\d|\w)"), str.isdigit),
    (
        re.compile(
            rf"{_GAP}(?<![^\W_])(?:{_IS})[ :]{{1,2}}(?P<value>\d{{6,10}})(?![\w.,/-]\d|\w)",
            re.IGNORECASE,
        ),
        str.isdigit,
    ),
)
_OR = re.compile(
    rf"[^\d\n]{{0,50}}?(?<![^\W_])(?:or|oder|ou|o|lub|of|albo|try|with|con|avec|mit|met|com|z"
    rf"|and|und"
    rf"|et|y|e|en|i|maybe){_VALUE}",
    re.IGNORECASE,
)
_LONGEST_OF_PAIR = 40
_PAIR = re.compile(
    r"(?<![^\s\"'(])(?:(?:admin|root|user|guest|login|[\w.\-]{2,30}@[\w.\-]{3,60}) ?/"
    rf"|(?:{CREDENTIALS})(?: ?[:=] ?| )[\"'`]?[\w.\-@]{{2,60}}(?: ?[/:|,] ?| and | und | et | y "
    rf"| e | en | i ))"
    r" ?[\"'`]?(?P<value>[^\s\"'`/]{40}|[^\s\"'`/]{6,39}(?=[\s\"'`,;).]|$))",
    re.IGNORECASE,
)
# Read backwards from the word: `… (password)`, `… as her password`.
_SO_CALLED = (
    r"\s?[\"'`»”]?"
    r" (?:\((?:[^\W\d_]{1,10}(?:'s)? ){0,3}|(?:as|als|comme|como|come"
    r"|jako) (?:[^\W\d_]{1,10} ){0,2})\Z"
)
_AFTERWARDS = re.compile(
    r"(?<![^\s\"'`(:])(?P<value>[^\s\"'`()]{6,64})" + _SO_CALLED, re.IGNORECASE
)
# How much of a value is read from its end, and how far back a longer one is followed.
_CALLED = re.compile(_SO_CALLED, re.IGNORECASE)
_JUDGED, _FOLLOWED = 64, 20_000
_NEXT_PAIR = re.compile(r"[;&,](?=[A-Za-z_]\w*=)")
_TRAILING = ".,;:)}]>*"


class SpokenPasswordRecogniser:
    """Passwords that a sentence announces, or calls so afterwards."""

    needs = loosened(rf"(?:{STRONG_PROSE})", re.IGNORECASE)
    reach = 256

    def listens(self, key: str) -> bool:  # noqa: ARG002 - no key makes a difference here
        """Hear nothing."""
        return False

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give each value that looks as its announcement demands."""
        text = passage.text
        for place in _NEEDLE.starts(text, start, end):
            behind = _behind(text, place)
            for found in (behind, _before(text, place), _another(text, behind)):
                if found is not None:
                    yield found


class PairRecogniser:
    """User and password as people note them: `admin / …`."""

    needs = loosened(_PAIR.pattern, re.IGNORECASE)
    reach = 160

    def listens(self, key: str) -> bool:  # noqa: ARG002 - no key makes a difference here
        """Hear nothing."""
        return False

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give what stands behind the stroke and looks like a password."""
        for match in _PAIR.finditer(passage.text, start, end + self.reach):
            if match.start() >= end:
                return
            if _convinces(match["value"], looks_mixed):
                span = Span(*match.span("value"), "PASSWORD", 0.6, "password_pair")
                long = match.end("value") - match.start("value") == _LONGEST_OF_PAIR
                yield cut_or_whole(passage.text, span, span.end) if long else span


def _behind(text: str, place: int) -> Span | None:
    """Give the value that the word at `place` announces, by the plainest reading that convinces."""
    word = _WORD.match(text, place)
    if word is None:
        return None
    for shape, looks in _ANNOUNCED:
        found = _taken(text, shape.match(text, word.end(), word.end() + 200), looks)
        if found is not None:
            return found
    return None


def _another(text: str, first: Span | None) -> Span | None:
    """Give a second value that a sentence offers for the first: `… or else try …`."""
    match = _OR.match(text, first.end, first.end + 120) if first else None
    return _taken(text, match, looks_mixed)


def _before(text: str, place: int) -> Span | None:
    """Give the value that is called a password afterwards."""
    short = _taken(text, _AFTERWARDS.search(text, max(0, place - 100), place), looks_mixed)
    called = None if short else _CALLED.search(text, max(0, place - 60), place)
    if called is None:
        return short
    end = called.start()
    start = 1 + max(text.rfind(mark, max(0, end - _FOLLOWED), end) for mark in " \t\n\"'`(:")
    if end - start <= _JUDGED or not _convinces(text[end - _JUDGED : end], looks_mixed):
        return None
    return Span(start, end, "PASSWORD", 0.7, "spoken_password")


def _taken(text: str, match: re.Match[str] | None, looks: Callable[[str], bool]) -> Span | None:
    """Give the value if it convinces, as far as its bound let it be read."""
    if match is None:
        return None
    start, end = _trimmed(text, *match.span("value"))
    if not _convinces(text[start:end], looks):
        return None
    span = Span(start, end, "PASSWORD", 0.7, "spoken_password")
    # A code of digits has its own end.
    return span if looks is str.isdigit else cut_or_whole(text, span, match.end("value"))


def _convinces(value: str, looks: Callable[[str], bool]) -> bool:
    return len(value) >= 4 and not is_placeholder(value) and not has_code(value) and looks(value)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave off the next assignment (`;Name=`, `&name=`) and closing punctuation."""
    following = _NEXT_PAIR.search(text, start, end)
    end = following.start() if following else end
    while end > start and text[end - 1] in _TRAILING:
        end -= 1
    return start, end
