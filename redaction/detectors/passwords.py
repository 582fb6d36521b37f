"""Passwords and PINs in loose prose: said, not assigned.

"The password for the staging box is …", "contraseña del servidor: …", "use … as her password".
Between word and value may stand a few words without a digit; what is taken must look chosen, and
the looser the words, the more so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redaction.detectors.drawn import looks_chosen, looks_mixed
from redaction.detectors.placeholders import is_placeholder
from redaction.detectors.prefilter import Needle, loosened
from redaction.detectors.secret_words import PIN, STRONG_PROSE
from redaction.finding import Passage, Span

__all__ = ["PinRecogniser", "SpokenPasswordRecogniser"]

_IS = (
    r"is now|is|was|are|being|will be|ist|war|lautet|heißt|est|sera|était|es|era|será|è|sarà"
    r"|é|foi|to|brzmi|jest|luidt|werd|set to|changed to|reset to|its|it's|that's"
)
_NEEDLE = Needle(rf"(?:{STRONG_PROSE})")
_SAID = re.compile(
    rf"(?:{STRONG_PROSE})(?![^\W_])"
    r"(?P<gap>(?:[ \t,?'’\"()*`/\-]{1,3}[^\W\d_]{1,14}){0,7}?[ \t,?\"'()*`]{0,3}"
    r"(?:\n[^\W\d_]{1,16}[:>] ?)?)"
    rf"(?P<sign>[:=]|(?<![^\W_])(?:{_IS})(?![^\W_]):?|(?<=[ \t\"'`*(]))\s?"
    r"[\"'`*«“„]{0,2}(?P<value>[^\s\"'`«»“”„<>]{4,64})",
    re.IGNORECASE,
)
# Read backwards from the word: `… (password)`, `… as her password`.
_AFTERWARDS = re.compile(
    r"(?<![^\s\"'`(:])(?P<value>[^\s\"'`()]{6,64})[\"'`]?"
    r" (?:\(|(?:as|als|comme|como|come|jako) (?:[^\W\d_]{1,10} ){0,2})\Z",
    re.IGNORECASE,
)
_PIN = re.compile(
    rf"(?<![^\W_])(?:{PIN})(?![^\W_])[\"']?(?:[ :=#\-]{{1,3}}|\s?(?:{_IS})[ :]{{1,2}})[\"']?"
    r"(?P<value>\d{3,8}|\d{3}[ -]\d{3})(?![\w.,]\d|\w)",
    re.IGNORECASE,
)
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
            said = _SAID.match(text, place, place + self.reach)
            if said is not None:
                first, last = _trimmed(text, *said.span("value"))
                if _convinces(said["sign"], said["gap"], text[first:last]):
                    yield Span(first, last, "PASSWORD", 0.7, "spoken_password")
            afterwards = _AFTERWARDS.search(text, max(0, place - 100), place)
            if afterwards is not None:
                first, last = _trimmed(text, *afterwards.span("value"))
                if looks_mixed(text[first:last]) and not is_placeholder(text[first:last]):
                    yield Span(first, last, "PASSWORD", 0.6, "spoken_password")


class PinRecogniser:
    """Short secret numbers: PINs, one-time codes, card verification codes."""

    needs = loosened(rf"(?:{PIN})[\"']?[^0-9]{{1,10}}[0-9]{{3}}", re.IGNORECASE)
    reach = 64

    def listens(self, key: str) -> bool:  # noqa: ARG002 - no key makes a difference here
        """Hear nothing."""
        return False

    def find(self, passage: Passage, start: int, end: int) -> Iterator[Span]:
        """Give each number that such a word announces."""
        for match in _PIN.finditer(passage.text, start, end + self.reach):
            if match.start() >= end:
                return
            yield Span(*match.span("value"), "PASSWORD", 0.7, "pin")


def _convinces(sign: str, gap: str, value: str) -> bool:
    if len(value) < 4 or is_placeholder(value):
        return False
    if sign in {":", "="} and not gap.strip():
        return looks_chosen(value)
    if sign and len(gap) < 48:
        return looks_mixed(value) or (looks_chosen(value) and len(value) >= 8)
    return looks_mixed(value) and len(gap) < 24


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while end > start and text[end - 1] in _TRAILING:
        end -= 1
    return start, end
