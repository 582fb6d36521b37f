"""What someone who asks is told to know of the answer."""

from __future__ import annotations

import pytest
from hypothesis import given

from storage.records.query import FIELDS, Query, notes, parse
from tests.unit.query.strategies import queries


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ('user:"<PERSON_1>"', ["PERSON_1"]),
        (
            '-(session:"<USER_ID_12>" OR "call <EMAIL_ADDRESS_2> back")',
            ["USER_ID_12", "EMAIL_ADDRESS_2"],
        ),
        ("PERSON_1 prompt:PERSON_1", ["PERSON_1"]),
        ('user:"<USER_ID_k3f7abcdefgh2345>"', []),
        ("user:<USER_ID_k3f7*", []),
        ("user:AGENT_7", []),
        ("person consumer:demo tokens>1", []),
    ],
)
def test_a_numbered_token_is_said_to_mix_people(text: str, tokens: list[str]) -> None:
    """Once for each; a pseudonym is one person's, and a name may look like a token."""
    told = notes(parse(text, 0))
    assert [each.partition(" ")[0] for each in told] == [f"<{token}>" for token in tokens]
    assert all("different people" in each for each in told)


@given(queries)
def test_any_query_has_its_notes(query: Query) -> None:
    """Each is a sentence."""
    assert all(each.endswith(".") for each in notes(query))


def test_no_field_is_shown_with_an_example_that_misleads() -> None:
    """What the help offers needs no note."""
    for entry in FIELDS.values():
        assert notes(parse(entry.example, 0)) == []
