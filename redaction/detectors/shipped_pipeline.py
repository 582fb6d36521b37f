"""The model's shape, and its way to disk and back without a word of what it was trained on.

The law: the artefact holds weights, labels and the tokenizer's rules. spaCy's `vocab` folder would
hold every token that training saw, so it is never written; nor are there word vectors.
"""

from __future__ import annotations

from typing import Any

import spacy
from spacy.language import Language

__all__ = ["LABELS", "blank", "load"]

LABELS = ("PERSON", "LOCATION", "ADDRESS", "ORGANIZATION", "NRP", "AGE", "DATE_OF_BIRTH")

_WIDTH = 64
# Rows of the hashed tables: words and word ends need many, beginnings and shapes few.
_ROWS = [12_000, 2_000, 6_000, 2_000]
# Data and code are written without blanks: `"to":"Lena"` are more words than one.
_APART = r"""["'“”„«»(){}\[\]<>|;:=,/\\]"""
_TOK2VEC: dict[str, Any] = {
    "@architectures": "spacy.Tok2Vec.v2",
    "embed": {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": _WIDTH,
        "attrs": ["NORM", "PREFIX", "SUFFIX", "SHAPE"],
        "rows": _ROWS,
        "include_static_vectors": False,
    },
    "encode": {
        "@architectures": "spacy.MaxoutWindowEncoder.v2",
        "width": _WIDTH,
        "window_size": 1,
        "maxout_pieces": 3,
        "depth": 4,
    },
}
CONFIG: dict[str, Any] = {
    "model": {
        "@architectures": "spacy.TransitionBasedParser.v2",
        "state_type": "ner",
        "extra_state_tokens": False,
        "hidden_width": 64,
        "maxout_pieces": 2,
        "use_upper": True,
        "tok2vec": _TOK2VEC,
    }
}


def blank() -> Language:
    """A pipeline for any language, with the labels and without weights."""
    nlp = spacy.blank("xx")
    infixes = [*(nlp.Defaults.infixes or ()), _APART]
    nlp.tokenizer.infix_finditer = spacy.util.compile_infix_regex(infixes).finditer  # type: ignore[union-attr]
    recogniser: Any = nlp.add_pipe("ner", config=CONFIG)
    for label in LABELS:
        recogniser.add_label(label)
    return nlp


def load(weights: bytes) -> Language:
    """A pipeline with the weights of the artefact. Reads no file and no network."""
    nlp = blank()
    nlp.initialize()
    nlp.get_pipe("ner").from_bytes(weights, exclude=["vocab"])  # type: ignore[attr-defined]
    return nlp
