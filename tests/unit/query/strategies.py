"""Queries of every shape, for properties that must hold of all of them."""

from __future__ import annotations

from hypothesis import strategies as st

from storage.records.query import (
    FIELDS,
    Compare,
    Comparison,
    Contains,
    FieldKind,
    Match,
    Node,
    Not,
    Query,
    Received,
    Truth,
    either,
    every,
)

__all__ = ["hostile_text", "nodes", "queries"]

hostile_text = st.text(
    st.one_of(
        st.sampled_from("\"\\'();-*:><% \n\t[]?{}^"),
        st.characters(exclude_categories=["Cs", "Cc"]),
    ),
    max_size=20,
)


def _named(*kinds: FieldKind) -> st.SearchStrategy[str]:
    return st.sampled_from([f.name for f in FIELDS.values() if f.kind in kinds])


_values = hostile_text.filter(bool)
_words = _named(FieldKind.WORD).filter(lambda name: name not in {"entity", "day"})
_choices = st.sampled_from([f for f in FIELDS.values() if f.kind is FieldKind.CHOICE]).flatmap(
    lambda entry: st.builds(Match, st.just(entry.name), st.sampled_from(entry.choices))
)
_globs = st.tuples(
    st.text("abcdemo-_.[?]{", max_size=4), st.text("abcdemo-_.[?]{", max_size=4)
).map("*".join)
_amounts = st.one_of(st.integers(0, 5000).map(float), st.integers(0, 20_000).map(lambda n: n / 4))
_instants = st.datetimes().map(lambda told: told.isoformat(timespec="microseconds") + "Z")
_texts = st.one_of(
    hostile_text.filter(lambda text: any(c.isalnum() for c in text)),
    st.sampled_from(["refund", "my order", "PERSON 1", "done", "e"]),
)

leaves: st.SearchStrategy[Node] = st.one_of(
    st.builds(Match, _words, _values),
    st.builds(Match, _words, _globs, st.just(True)),
    st.builds(Match, st.just("entity"), st.sampled_from(["EMAIL_ADDRESS", "PERSON", "X Y"])),
    st.builds(Match, st.just("day"), st.dates().map(lambda day: day.isoformat())),
    _choices,
    st.builds(
        Compare,
        _named(FieldKind.NUMBER, FieldKind.DURATION),
        st.sampled_from(Comparison),
        _amounts,
    ),
    st.builds(Truth, _named(FieldKind.TRUTH), st.booleans()),
    st.builds(Received, _named(FieldKind.INSTANT), _instants),
    st.builds(Contains, _texts, st.booleans(), _named(FieldKind.TEXT)),
)

nodes: st.SearchStrategy[Node] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: every(tuple(parts))),
        st.lists(inner, min_size=1, max_size=4).map(lambda parts: either(tuple(parts))),
    ),
    max_leaves=8,
)

queries = st.builds(Query, nodes)
