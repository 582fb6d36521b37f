"""What a query becomes for Cosmos DB, beyond what an emulator can show."""

from __future__ import annotations

import pytest
from hypothesis import given

from audit.errors import QueryInvalid
from storage.records.query import Query, parse
from storage.records.query_ast import Match
from storage.records.query_cosmos import compile_query
from tests.unit.query.strategies import queries


def compiled(text: str, *, full_text: bool = False) -> tuple[str, list[object]]:
    """The condition of a filter and the values of its parameters."""
    found = compile_query(parse(text, 0), full_text=full_text)
    return found.condition, [each["value"] for each in found.parameters]


@given(queries)
def test_no_value_is_ever_in_the_text(query: Query) -> None:
    """The condition is made of this module's own words; each parameter is there once."""
    found = compile_query(query, full_text=True)
    names = [str(each["name"]) for each in found.parameters]
    assert len(set(names)) == len(names)
    allowed = set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,()[]"=<>@_')
    assert set(found.condition) <= allowed
    for name in names:
        assert name in found.condition


PLACES = [
    ("", ()),
    ("consumer:demo", ("demo",)),
    ("day:2026-11-20", ()),
    ("consumer:demo day:2026-11-20 status:200", ("demo", "2026-11-20")),
    ("consumer:d*", ()),
    ("-consumer:demo", ()),
    ("consumer:demo OR status:200", ()),
    ("(consumer:demo status:200)", ("demo",)),
]


@pytest.mark.parametrize(("text", "key"), PLACES, ids=[text for text, _ in PLACES])
def test_what_a_query_fixes_becomes_its_partition(text: str, key: tuple[str, ...]) -> None:
    """Only what every record must have in common goes into the key, from its first level on."""
    assert compile_query(parse(text, 0)).key == key


def test_a_pattern_keeps_its_ends_for_the_index() -> None:
    """A beginning alone is asked for as one; only what lies between two ends needs a regex."""
    assert compiled("model:gpt*") == (
        'EXISTS(SELECT VALUE l FROM l IN c.find["model"] WHERE STARTSWITH(l, @p0))',
        ["gpt"],
    )
    condition, values = compiled("user:*a.b*c")
    assert condition.split(" AND ") == [
        'IS_DEFINED(c.find["user"])',
        'ENDSWITH(c.find["user"], @p0)',
        'RegexMatch(c.find["user"], @p1, "s")',
    ]
    assert values == ["c", r"^.*a\.b.*c$"]


def test_words_are_asked_of_the_full_text_index_first() -> None:
    """It narrows down; what it finds is looked through for the very words."""
    assert compiled("prompt:refunds", full_text=True) == (
        "FullTextContainsAll(c.find.prompt, @p1) AND CONTAINS(c.find.prompt, @p0)",
        [" refunds ", "refunds"],
    )


@pytest.mark.parametrize("words", ["the", "with", "запрос", "a b c", "refun*", "with the"])
def test_what_the_index_may_not_have_is_not_asked_of_it(words: str) -> None:
    """Stop words, short words, beginnings and foreign letters are looked for without it."""
    condition, _ = compiled(
        f'prompt:"{words}"' if "*" not in words else f"prompt:{words}", full_text=True
    )
    assert condition == "CONTAINS(c.find.prompt, @p0)"


def test_without_a_full_text_index_none_is_asked() -> None:
    """An emulator would not know the function."""
    condition, _ = compiled("refunds")
    assert "FullText" not in condition


def test_a_field_that_nobody_knows_is_an_invalid_query() -> None:
    """A tree made by hand may name anything."""
    with pytest.raises(QueryInvalid):
        compile_query(Query(Match("nonsense", "x")))
