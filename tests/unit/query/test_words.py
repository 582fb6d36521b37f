"""A query said in words, with and without what was looked for."""

from __future__ import annotations

from hypothesis import given

from storage.records.query import FIELDS, Query, describe, parse, render
from tests.unit.query.strategies import queries


def test_a_query_is_said_in_a_sentence() -> None:
    """Each condition is said as a person would say it."""
    query = parse('consumer:demo latency>2s -status:500 (model:gpt* OR "refund it")', 0)
    assert describe(query) == (
        "records where the consumer is demo and the latency is over 2000 ms and not (the status"
        " is 500) and (a model matches gpt* or the text contains “refund it”)"
    )


def test_without_text_only_its_length_is_said() -> None:
    """For a log that must not repeat it, free text becomes a number of words."""
    said = describe(parse('"jane doe" prompt:smi*', 0), show_text=False)
    assert said == (
        "records where the text contains a phrase of 2 words and the prompt contains a phrase of"
        " 1 word (or longer)"
    )


def test_without_text_nobody_is_named() -> None:
    """What someone typed for a user stays out of a log that is never changed; a token may stand."""
    said = describe(parse("user:anna@example.com app:bob@example.com", 0), show_text=False)
    assert "@" not in said
    assert "the user is a value that is not written down" in said
    token = describe(parse("user:<USER_ID_gwkwdddkdspohefl>", 0), show_text=False)
    assert "<USER_ID_gwkwdddkdspohefl>" in token
    assert "anna" in describe(parse("user:anna", 0))


def test_how_long_ago_stays_how_long_ago() -> None:
    """A search that is kept, or changed by a click, means the same tomorrow."""
    query = parse("after:2d -before:1h consumer:demo", 10**18)
    assert render(query) == "after:2d -before:1h consumer:demo"


def test_no_condition_is_all_records() -> None:
    """An empty query says that it finds everything."""
    assert describe(Query()) == "all records"


@given(queries)
def test_every_query_can_be_said(query: Query) -> None:
    """No query is without words."""
    assert describe(query, show_text=False).startswith(("records where", "all records"))


def test_every_field_has_a_sentence() -> None:
    """Help and documentation have something to say of each field."""
    assert all(field.sentence.endswith(".") and field.noun for field in FIELDS.values())
