"""How a search over the embedded store goes: from rare words to records, or through time.

SQLite does not know how common a word is. It goes from every list of numbers to the records, and
a word that is in most of them makes it fetch and sort them all before the first fifty are known.
So it is asked, for each word and label, whether few have it; if none is rare, the records are
read newest first and looked up in the lists, and the first page is found after a few of them.
"""

from __future__ import annotations

import sqlite3

from storage.records.query import Query
from storage.records.query_sqlite import Sql, compile_query, probes, scanning

__all__ = ["planned"]

# Fetching and sorting so many records takes some 50 ms; counting them a few.
_FEW = 2_000


def planned(db: sqlite3.Connection, query: Query) -> Sql:
    """Compile a query for this file as it is now. Raises `QueryInvalid` for a field unknown."""
    sql, parameters = compile_query(query)
    rare = any(
        db.execute(probe, values).fetchone()[0] < _FEW for probe, values in probes(query, _FEW)
    )
    return (sql if rare else scanning(sql)), parameters
