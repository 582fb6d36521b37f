"""Tokens and repeats: one value, one token, everywhere."""

from __future__ import annotations

import pytest

from audit.errors import TextTooLarge
from redaction import repeats
from redaction.finding import Span
from redaction.repeats import Values
from redaction.tokens import Pseudonyms, TokenBook, normalised

KEY = b"0123456789abcdef"


@pytest.mark.parametrize(
    ("entity", "one", "other"),
    [
        ("EMAIL_ADDRESS", "Ada@Example.org", "ada@example.ORG"),
        ("CREDIT_CARD", "4111 1111 1111 1111", "4111-1111-1111-1111"),
        ("US_SSN", "219-09-9999", "219099999"),
        ("IBAN_CODE", "DE89 3704 0044", "de8937040044"),
        ("PERSON", "Ada  Lovelace", "ada lovelace"),
    ],
)
def test_spellings_of_one_value_share_a_token(entity: str, one: str, other: str) -> None:
    """Case, spacing and punctuation do not make another person."""
    assert normalised(entity, one) == normalised(entity, other)
    book = TokenBook()
    assert book.token(entity, one) == book.token(entity, other) == f"<{entity}_1>"


def test_values_are_numbered_as_they_appear() -> None:
    """The second value of a type is number two; another type starts at one."""
    book = TokenBook()
    tokens = [book.token(*pair) for pair in [("A", "x"), ("A", "y"), ("B", "x"), ("A", "x")]]
    assert tokens == ["<A_1>", "<A_2>", "<B_1>", "<A_1>"]


def test_a_token_typed_by_a_user_is_not_given_out() -> None:
    """What looks like our token in the clear text keeps its number to itself."""
    book = TokenBook(["I am <PERSON_1>, not <PERSON_3>"])
    assert [book.token("PERSON", name) for name in "abc"] == [
        "<PERSON_2>",
        "<PERSON_4>",
        "<PERSON_5>",
    ]


def test_a_pseudonym_depends_on_key_scope_type_and_value_only() -> None:
    """Stable for the same four, different when one differs."""
    base = Pseudonyms(KEY, "tenant:a").token("PERSON", "Ada")
    assert base == Pseudonyms(KEY, "tenant:a").token("PERSON", " ADA")
    assert base != Pseudonyms(KEY, "tenant:b").token("PERSON", "Ada")
    assert base != Pseudonyms(KEY[::-1], "tenant:a").token("PERSON", "Ada")
    assert base[8:] != Pseudonyms(KEY, "tenant:a").token("USER_ID", "Ada")[9:]
    assert base.startswith("<PERSON_")
    assert len(base) == len("<PERSON_>") + 16


def _values(*known: str) -> Values:
    values = Values()
    for value in known:
        values.add(value, Span(0, len(value), "X", 1.0, "d"))
    return values


@pytest.mark.parametrize(
    ("value", "text", "found"),
    [
        ("Lovelace", "miss LOVELACE, lovelaces", ["LOVELACE"]),
        ("Anna B", "Annapolis, Anna B. and Anna Bell", ["Anna B"]),
        ("4155552671", "x4155552671y", ["4155552671"]),
        ("a@b.example", "mailto:A@B.example.", ["A@B.example"]),
        ("34", "34 of 34", []),
        ("Żółć-Kot", "İ: ŻÓŁĆ-kot", ["ŻÓŁĆ-kot"]),
    ],
)
def test_a_known_value_is_found_where_it_counts(value: str, text: str, found: list[str]) -> None:
    """Identifiers anywhere, words only as words, scraps not at all."""
    assert [text[s.start : s.end] for s in _values(value).find(text)] == found


def test_values_that_begin_alike_cost_no_more_than_others() -> None:
    """A list of a hundred thousand accounts is searched in one go, and each one is found."""
    known = [f"user{i:07d}@b.example" for i in range(100_000)]
    assert sum(1 for _ in _values(*known).find(" ".join(known))) == len(known)


def test_a_search_that_is_made_to_last_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Values of many lengths that begin alike end in a refusal, never in a search cut short."""
    monkeypatch.setattr(repeats, "_MOST_LOOKS", 1000)
    values = _values(*("a" * length for length in range(5, 55)))
    assert list(values.find("a" * 10 + " b"))
    with pytest.raises(TextTooLarge):
        list(values.find("a" * 100))


def test_an_empty_memory_finds_nothing() -> None:
    """Nothing known, nothing found."""
    assert not list(_values().find("anything at all"))
    assert not _values()
