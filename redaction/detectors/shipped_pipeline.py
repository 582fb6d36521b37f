"""The model's shape, and its way to disk and back without a word of what it was trained on.

The law: the artefact holds numbers only, as half floats in the order of the network's parts.
spaCy's `vocab` folder would hold every token that training saw, so it is never written; nor are
there word vectors. Each token gets a probability for each tag: none of ours, or the beginning or
the inside of a value of one label. What is read inside `forgetting` leaves no word behind.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import spacy
from numpy.typing import NDArray
from spacy.language import Language
from spacy.ml.models import MaxoutWindowEncoder, MultiHashEmbed, build_Tok2Vec_model
from spacy.tokens import Doc
from thinc.api import Linear, Model, NumpyOps, chain, with_array

__all__ = ["LABELS", "TAGS", "Floats", "Tagger", "softmax", "tokenizer"]

LABELS = ("PERSON", "LOCATION", "ADDRESS", "ORGANIZATION", "NRP", "AGE", "DATE_OF_BIRTH")
# Tag 0 is nobody's; label n begins with tag 1 + 2n and goes on with tag 2 + 2n.
TAGS = 1 + 2 * len(LABELS)

Floats = NDArray[np.float32]

_WIDTH, _DEPTH = 96, 4
# Rows of the hashed tables: words and word ends need many, beginnings and shapes few.
_ROWS = [20_000, 2_000, 10_000, 3_000]
# Data and code are written without blanks: `"to":"Lena"` are more words than one.
_APART = r"""["'“”„«»(){}\[\]<>|;:=,/\\]"""


class _Ops(NumpyOps):  # type: ignore[misc]  # thinc's compiled module has no types
    """Arithmetic with numpy's matrix product, which takes a third of the time of thinc's own."""

    name = "auditstream"

    def gemm(
        self, x: Any, y: Any, out: Any = None, trans1: bool = False, trans2: bool = False
    ) -> Any:
        return np.dot(x.T if trans1 else x, y.T if trans2 else y, out=out)


class Tagger:
    """A tokenizer for any language and the network that judges its tokens.

    It has no weights until it is trained (`model`) or `load`ed.
    """

    def __init__(self) -> None:
        self._nlp = tokenizer()
        self.model = _network()

    @property
    def words(self) -> int:
        """How many words are remembered; it does not grow by reading."""
        return len(self._nlp.vocab.strings)

    def knows(self, word: str) -> bool:
        """Whether a word is remembered."""
        return word in self._nlp.vocab.strings

    def prepare(self, texts: Sequence[str]) -> None:
        """Draw first weights; the texts only tell the network what tokens are."""
        self.model.initialize(X=self.split(texts))

    def split(self, texts: Sequence[str]) -> list[Doc]:
        """Give the tokens of each text."""
        return [self._nlp.make_doc(text) for text in texts]

    @contextmanager
    def forgetting(self) -> Iterator[None]:
        """What is split and judged inside is forgotten: else a vocabulary keeps every word."""
        with self._nlp.memory_zone():
            yield

    def judge(self, docs: Sequence[Doc]) -> list[Floats]:
        """Give for each text an array of tokens by `TAGS`: probabilities, each row's sum is 1."""
        scored: list[Floats] = self.model.predict(docs)
        return [softmax(each) for each in scored]

    def load(self, weights: bytes) -> None:
        """Take over the weights of an artefact. Raises `ValueError` where they do not fit."""
        self.prepare([" "])
        numbers = np.frombuffer(weights, "<f2").astype(np.float32)
        at = 0
        for node, name in _parameters(self.model):
            shape = node.get_param(name).shape
            size = math.prod(shape)
            part: Any = numbers[at : at + size].reshape(shape)
            node.set_param(name, part)
            at += size
        if at != len(numbers):
            raise ValueError("the weights are of another shape")

    def weights(self) -> bytes:
        """Give what `load` takes: two bytes a number."""
        parts: list[Any] = [node.get_param(name) for node, name in _parameters(self.model)]
        return b"".join(part.astype("<f2").tobytes() for part in parts)


def softmax(scores: Floats) -> Floats:
    """Turn the scores of each row into probabilities."""
    powers: Floats = np.exp(scores - scores.max(axis=1, keepdims=True)) if len(scores) else scores
    shares: Floats = powers / powers.sum(axis=1, keepdims=True)
    return shares


def _parameters(model: Model[Any, Any]) -> Iterator[tuple[Model[Any, Any], str]]:
    for node in model.walk():
        for name in sorted(node.param_names):
            yield node, name


def tokenizer() -> Language:
    """Make a pipeline that cuts texts of any language into tokens, and does no more."""
    nlp = spacy.blank("xx")
    infixes = [*(nlp.Defaults.infixes or ()), _APART]
    nlp.tokenizer.infix_finditer = spacy.util.compile_infix_regex(infixes).finditer  # type: ignore[union-attr]
    return nlp


def _network() -> Model[Any, Any]:
    embed = MultiHashEmbed(
        width=_WIDTH,
        attrs=["NORM", "PREFIX", "SUFFIX", "SHAPE"],
        rows=_ROWS,
        include_static_vectors=False,
    )
    encode = MaxoutWindowEncoder(width=_WIDTH, window_size=1, maxout_pieces=3, depth=_DEPTH)
    model: Model[Any, Any] = chain(
        build_Tok2Vec_model(embed, encode), with_array(Linear(nO=TAGS, nI=_WIDTH))
    )
    ops = _Ops()
    for node in model.walk():
        node.ops = ops
    return model
