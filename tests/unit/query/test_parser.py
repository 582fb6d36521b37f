"""What a person may type, what it means, and what they are told when it means nothing."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from audit.errors import QueryInvalid
from storage.records.query import (
    FIELDS,
    All,
    Compare,
    Comparison,
    Contains,
    Match,
    Node,
    Not,
    Query,
    Received,
    Some,
    Truth,
    parse,
    render,
)
from tests.unit.query.strategies import hostile_text, queries

NOW_NS = 1_795_170_000 * 10**9  # 2026-11-20T10:20:00Z

MEANINGS: list[tuple[str, Node]] = [
    ("", All(())),
    ("consumer:demo", Match("consumer", "demo")),
    ("Consumer:demo", Match("consumer", "demo")),
    ('user:"Jane Doe"', Match("user", "Jane Doe")),
    (r'user:"a \"b\" \\"', Match("user", r'a "b" \\'[:-1])),
    ("model:gpt*", Match("model", "gpt*", glob=True)),
    ('model:"gpt*"', Match("model", "gpt*")),
    ("entity:email_address", Match("entity", "EMAIL_ADDRESS")),
    ("ending:COMPLETE", Match("ending", "complete")),
    ("dialect:openai.*", Match("dialect", "openai.*", glob=True)),
    ("status:500", Compare("status", Comparison.IS, 500)),
    ("status>=500", Compare("status", Comparison.AT_LEAST, 500)),
    ("tokens<10", Compare("tokens", Comparison.UNDER, 10)),
    ("latency>2s", Compare("latency", Comparison.OVER, 2000)),
    ("ttft<=1.5s", Compare("ttft", Comparison.AT_MOST, 1500)),
    ("latency>5m", Compare("latency", Comparison.OVER, 300_000)),
    ("streamed:True", Truth("streamed", value=True)),
    ("after:1h", Received("after", "2026-11-20T09:20:00.000000Z")),
    ("after:2026-11-20", Received("after", "2026-11-20T00:00:00.000000Z")),
    ("before:2026-11-20T12:00:00+02:00", Received("before", "2026-11-20T10:00:00.000000Z")),
    ("refund", Contains("refund")),
    ('"my refund"', Contains("my refund")),
    ("refun*", Contains("refun", prefix=True)),
    ('"my refun"*', Contains("my refun", prefix=True)),
    ('answer:"I cannot"', Contains("I cannot", field="answer")),
    ("<PERSON_1>", Contains("<PERSON_1>")),
    ("well-known", Contains("well-known")),
    ("-status:500", Not(Compare("status", Comparison.IS, 500))),
    ("-(a b)", Not(All((Contains("a"), Contains("b"))))),
    ("refund or invoice", All((Contains("refund"), Contains("or"), Contains("invoice")))),
    ('status:500 "or"', All((Compare("status", Comparison.IS, 500), Contains("or")))),
    ('"AND" "NOT"', All((Contains("AND"), Contains("NOT")))),
    ("and not", All((Contains("and"), Contains("not")))),
    ('"consumer=demo"', Contains("consumer=demo")),
    ("x=y", Contains("x=y")),
    ("day:2026-11-20", Match("day", "2026-11-20")),
    ("day:20261120", Match("day", "2026-11-20")),
    ("day:2026-11-*", Match("day", "2026-11-*", glob=True)),
    ("a b OR c", Some((All((Contains("a"), Contains("b"))), Contains("c")))),
    ("a (b OR c)", All((Contains("a"), Some((Contains("b"), Contains("c")))))),
    ('"OR"', Contains("OR")),
]


@pytest.mark.parametrize(("text", "meaning"), MEANINGS, ids=[text for text, _ in MEANINGS])
def test_a_filter_means(text: str, meaning: Node) -> None:
    """Each form of the language has the meaning that its documentation says."""
    assert parse(text, NOW_NS) == Query(meaning)


REFUSALS = [
    ("consumr:x", r"unknown field consumr; did you mean consumer.*character 1"),
    ("a zzz:x", r"unknown field zzz; .*consumer.*character 3"),
    ("ending:complet", r"did you mean complete.*character 1"),
    ("status:abc", r"status takes a number"),
    ("latency>5", r"latency takes a duration with a unit"),
    ("streamed:maybe", r"true or false"),
    ("consumer>demo", r"consumer takes a colon"),
    ("consumer:", r"consumer needs a value, as in consumer:demo"),
    ("after:yesterday", r"takes an instant"),
    ("after:2026-13-40", r"takes an instant"),
    ("after:999999w", r"takes an instant"),
    ("before:0001-01-01T00:00:00+14:00", r"takes an instant"),
    ('x "abc', r"quote at character 3 is not closed"),
    ('user:"abc', r"quote at character 6 is not closed"),
    ("(a", r"parenthesis at character 1 is not closed"),
    ("a)", r"parenthesis at character 2 closes nothing"),
    ("()", r"missing before character 2"),
    ("OR a", r"missing before character 1"),
    ("a OR", r"missing at the end"),
    ("ending:failed or ending:filtered", r"OR between conditions.*capitals.*character 15"),
    ("refund not status:500", r"write -x for not x.*character 8"),
    ("a AND b", r"conditions all hold anyway: leave AND away.*character 3"),
    ("NOT a", r"write -x for not x.*character 1"),
    ("a Consumer=acme", r"consumer takes no =; did you mean consumer:…, as in consumer:demo\?"),
    ('user="Jane Doe"', r"did you mean user:…"),
    ("status=500", r"did you mean status:…, as in status>=500"),
    ("day:2026-02-30", r"day takes a date, as in day:2026-11-20"),
    ("day:monday", r"day takes a date"),
    ("re*fund", r"only at the end of a word"),
    ('consumer:"a"*', r"means nothing here"),
    ("...", r"no letter or digit"),
    ("a\x00b", r"control character stands at character 2"),
    ("a \ud800", r"control character stands at character 3"),
    ("(" * 30 + "a" + ")" * 30, r"nested too deeply"),
    ("-" * 30 + "a", r"nested too deeply"),
    ("a " * 101, r"more than 100 conditions"),
    ("a" * 8193, r"longer than 8192"),
]


@pytest.mark.parametrize(("text", "told"), REFUSALS, ids=[told for _, told in REFUSALS])
def test_what_means_nothing_is_explained(text: str, told: str) -> None:
    """A filter that cannot be understood is refused with where it fails and what would do."""
    with pytest.raises(QueryInvalid, match=told):
        parse(text, NOW_NS)


@given(st.one_of(st.text(max_size=60), st.lists(hostile_text, max_size=4).map(":".join)))
@example('user:"\\')
@settings(max_examples=300)
def test_no_text_raises_anything_else(text: str) -> None:
    """Whatever is typed, the parser answers with a query or with `QueryInvalid`."""
    with suppress(QueryInvalid):
        parse(text, NOW_NS)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["(", ")", "OR", "AND", "-", " ", "a", '"b c"', "-x", "refun*"]),
            st.sampled_from([field.example for field in FIELDS.values()]),
        ),
        max_size=12,
    )
)
@settings(max_examples=300)
def test_what_was_understood_reads_the_same_when_written_again(pieces: list[str]) -> None:
    """A filter that parses is rendered to text that parses into the same query at that instant."""
    try:
        query = parse(" ".join(pieces), NOW_NS)
    except QueryInvalid:
        return
    assert parse(render(query), NOW_NS) == query


@given(queries)
@example(Query(Contains('back\\slash "quote" \\')))
@example(Query(Match("user", "two words\\")))
@settings(max_examples=300)
def test_any_query_survives_being_written_and_read(query: Query) -> None:
    """Every query, whoever made it, is rendered to text that parses into it, hostile values too."""
    assert parse(render(query), 0) == query


def test_every_example_of_the_table_parses() -> None:
    """The examples that help and documentation show are valid, each for its own field."""
    for name, field in FIELDS.items():
        assert field.example.startswith(name)
        parse(field.example, NOW_NS)


@pytest.mark.parametrize("text", ["user=hushhush", "day:hushhush", 'user="hushhush"'])
def test_an_answer_about_a_value_does_not_repeat_it(text: str) -> None:
    """What someone looks for stays out of messages, which others may keep."""
    with pytest.raises(QueryInvalid) as refused:
        parse(text, NOW_NS)
    assert "hushhush" not in str(refused.value)


def test_a_query_shows_no_text_when_printed() -> None:
    """What someone looks for stays out of a query's repr."""
    query = parse('"jane doe" user:jane', NOW_NS)
    assert "jane" not in repr(query)
