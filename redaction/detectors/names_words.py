"""Words: the tokens of texts, and what the network of names is told of each.

The law: tokens and features are those that spaCy gives each stretch between white space, of which
the network has learnt, and nothing that is read stays behind. spaCy makes a lexeme of every token,
with some twenty attributes of which the network is told four; here each different token is
described once for all texts that are read together, and a plain word is not cut at all, since no
rule of the tokenizer begins, ends or stands within one.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray
from spacy.attrs import NORM, ORTH  # type: ignore[import-not-found] # compiled, without types
from spacy.lang.lex_attrs import word_shape
from spacy.strings import get_string_id

from redaction.detectors.shipped_pipeline import tokenizer

__all__ = ["CHUNK", "Places", "Reader", "Words", "shape_of"]

# Tokens by two: where each begins and ends, in code points.
Places: TypeAlias = NDArray[np.int64]
# A token's number among those that are read together, and its place in what it was cut from.
_Cut: TypeAlias = tuple[tuple[int, int, int], ...]

# What has no white space in it, with the one space that may follow; or white space.
CHUNK = re.compile(r"(\S+) ?|\s+")
# Words, numbers, identifiers and addresses in which no rule finds an end, but for those in which
# one does: a capital behind a full stop, an ellipsis, a unit of measure.
_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_@.]*[A-Za-z0-9])?")
_PARTED = re.compile(r"[a-z]\.[A-Z]|\.\.|[0-9][A-Za-z]+\Z")
# Signs at the end of a plain word; a full stop is one behind some, but behind no single letter.
_ENDS = frozenset(",:;?!")
_BEFORE_A_STOP = frozenset(string.ascii_lowercase + string.digits)
_MANY = {kind * 5: re.compile(f"{kind}{{5,}}") for kind in "xXd"}
_FIVE_ALIKE = re.compile(r"(.)\1{4,}", re.DOTALL)
_ALNUM = frozenset(string.ascii_letters + string.digits)
_LONGEST_UNIT = 12
# What no chunk holds, and no rule goes across: it is a token of its own.
_BETWEEN = " \n "
# spaCy calls longer ones `LONG`; of signs alike it shows four.
_LONGEST_SHAPE, _MOST_ALIKE = 100, 4


@dataclass(frozen=True, slots=True)
class Words:
    """The tokens of some texts, in order.

    `features` has a row for each different token, `numbers` gives for each token which row is its
    own. `edges` are for each text where its tokens begin and end in it.
    """

    features: NDArray[np.uint64]
    numbers: NDArray[np.int64]
    edges: Sequence[Places]

    @property
    def lengths(self) -> list[int]:
        """How many tokens each text has."""
        return [*map(len, self.edges)]


class Reader:
    """Cuts texts into tokens."""

    def __init__(self) -> None:
        # spaCy declares neither a vocabulary's attributes nor which tokenizer a pipeline has.
        self._nlp = cast("Any", tokenizer())
        self._norm: Callable[[str], str] = self._nlp.vocab.lex_attr_getters[NORM]
        # Rules may say what a token counts as; all of those that ship are of one token.
        self._norms: dict[str, str] = {
            token[ORTH]: token[NORM]
            for tokens in self._nlp.tokenizer.rules.values()
            for token in tokens
            if NORM in token
        }
        # What spaCy cuts is asked for its place only.
        self._nlp.vocab.lex_attr_getters = {}
        _hasten(self._nlp.tokenizer)

    @property
    def words(self) -> int:
        """How many words are remembered; it does not grow by reading."""
        return len(self._nlp.vocab.strings)

    def knows(self, word: str) -> bool:
        """Whether a word is remembered."""
        return word in self._nlp.vocab.strings

    def read(self, texts: Sequence[str]) -> Words:
        """Give the tokens of each text; those of one text do not depend on the others."""
        chunks = [[(m[1] or m[0], m.start()) for m in CHUNK.finditer(text)] for text in texts]
        known: dict[str, int] = {}
        cuts = self._cuts(dict.fromkeys(chunk for row in chunks for chunk, _ in row), known)
        tokens = [
            [
                (number, at + start, at + end)
                for chunk, at in row
                for number, start, end in cuts[chunk]
            ]
            for row in chunks
        ]
        every = np.array([*chain.from_iterable(tokens)], np.int64).reshape(-1, 3)
        features = np.array([self._features(word) for word in known], np.uint64).reshape(-1, 4)
        ends = np.cumsum([*map(len, tokens)], dtype=np.int64)
        return Words(features, every[:, 0], np.split(every[:, 1:], ends)[:-1])

    def _cuts(self, chunks: Iterable[str], known: dict[str, int]) -> dict[str, _Cut]:
        """Cut each chunk; every token that is not known yet gets the next number."""
        cuts: dict[str, _Cut] = {}
        others: list[str] = []
        for chunk in chunks:
            length = _plain_length(chunk)
            if length == len(chunk):
                cuts[chunk] = ((known.setdefault(chunk, len(known)), 0, length),)
            elif length:
                cuts[chunk] = _numbered(chunk, ((0, length), (length, length + 1)), known)
            else:
                others.append(chunk)
        for chunk, places in zip(others, self._places(others), strict=True):
            cuts[chunk] = _numbered(chunk, places, known)
        return cuts

    def _places(self, chunks: Sequence[str]) -> Iterator[list[tuple[int, int]]]:
        """Give where the tokens of each chunk begin and end; all are cut as one text."""
        if not chunks:
            return
        # A vocabulary keeps every word it ever saw, but for those of such a zone.
        with self._nlp.memory_zone():
            doc = self._nlp.tokenizer(_BETWEEN.join(chunks))
            cut: list[list[int]] = doc.to_array(["IDX", "LENGTH"]).tolist()
        tokens = iter(cut)
        begin = 0
        for chunk in chunks:
            end = begin + len(chunk)
            places: list[tuple[int, int]] = []
            while not places or places[-1][1] < end - begin:
                start, length = next(tokens)
                places.append((start - begin, start - begin + length))
            yield places
            begin = end + len(_BETWEEN)
            next(tokens, None)

    def _features(self, word: str) -> tuple[int, ...]:
        norm = self._norms.get(word) or self._norm(word)
        return tuple(map(get_string_id, (norm, word[0], word[-3:], shape_of(word))))


def _hasten(tokenizer: Any) -> None:
    """Let the tokenizer's rules look only where they can find something."""
    infixes: re.Pattern[str] = tokenizer.infix_finditer.__self__
    suffixes: re.Pattern[str] = tokenizer.suffix_search.__self__
    # No rule parts a word at a letter or digit of ASCII, and of those that stand at its end only
    # units of measure and genitives have one.
    apart = re.compile(f"(?=[^A-Za-z0-9])(?:{infixes.pattern})", infixes.flags & ~re.UNICODE)

    def ending(word: str) -> re.Match[str] | None:
        near = len(word) - _LONGEST_UNIT if word[-1:] in _ALNUM else 0
        return suffixes.search(word, max(near, 0))

    tokenizer.infix_finditer = apart.finditer
    tokenizer.suffix_search = ending


def _numbered(chunk: str, places: Iterable[tuple[int, int]], known: dict[str, int]) -> _Cut:
    return tuple((known.setdefault(chunk[a:b], len(known)), a, b) for a, b in places)


def _plain_length(chunk: str) -> int:
    """How long the first token is of a plain word, or of one with a sign behind it; else 0."""
    length = len(chunk)
    if chunk.isspace():
        return length
    if _is_plain(chunk):
        return length
    word, sign = chunk[:-1], chunk[-1]
    ends = sign in _ENDS or (sign == "." and length > 2 and word[-1] in _BEFORE_A_STOP)
    return length - 1 if ends and _is_plain(word) else 0


def _is_plain(word: str) -> bool:
    if word.isalpha():
        return word.isascii()
    return _PLAIN.fullmatch(word) is not None and _PARTED.search(word) is None


class _Shapes(dict[int, str]):
    """What each character is in a shape, worked out when first met; bounded by Unicode itself."""

    def __missing__(self, point: int) -> str:
        self[point] = shape = word_shape(chr(point))
        return shape


_SHAPES = _Shapes()


def shape_of(word: str) -> str:
    """Give spaCy's shape of a word: `Xxxxx` for `Maria`, `dd.dd` for `12.10`."""
    if len(word) >= _LONGEST_SHAPE:
        return word_shape(word)
    if len(word) <= _MOST_ALIKE:
        return word.translate(_SHAPES)
    shape = word.translate(_SHAPES)
    for kind, many in _MANY.items():
        if kind in shape:
            shape = many.sub(kind[1:], shape)
    return shape if word.isascii() and word.isalnum() else _FIVE_ALIKE.sub(r"\1\1\1\1", shape)
