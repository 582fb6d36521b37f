"""No value ever becomes SQL."""

from __future__ import annotations

import re

import pytest
from hypothesis import given

from audit.errors import QueryInvalid
from storage.records.findable import SCALARS
from storage.records.query import Match, Query
from storage.records.query_sqlite import compile_query
from tests.unit.query.strategies import queries

# Everything that may stand in compiled SQL besides parentheses and question marks.
VOCABULARY = {
    *("r", "id", "number", "IN", "SELECT", "record", "rowid", "FROM", "labels", "texts", "WHERE"),
    *("EXISTS", "kind", "label", "AND", "OR", "NOT", "GLOB", "MATCH", "coalesce", "TRUE", "FALSE"),
    *("t", "run", "value", "json_each", "json_extract", "AS", "CROSS", "JOIN", "0", "1"),
    *SCALARS,
}


@given(queries)
def test_sql_is_made_of_a_fixed_vocabulary(query: Query) -> None:
    """Whatever the values, the SQL text holds only words of a fixed list and placeholders."""
    sql, parameters = compile_query(query)
    assert set(re.findall(r"\w+", sql)) <= VOCABULARY
    assert not set(re.sub(r"\w+", "", sql)) - set(" ().,?\"=<>$[]'")
    assert sql.count("?") == len(parameters)


def test_a_field_that_was_made_up_is_refused() -> None:
    """A query built by hand with an unknown field does not reach the database."""
    with pytest.raises(QueryInvalid):
        compile_query(Query(Match("1; DROP TABLE records", "x")))
