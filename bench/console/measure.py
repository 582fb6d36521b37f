"""How long looks take: searches of every field over the store, and bare SQLite beside them.

The law: seconds are of one look at a time, from the question to the last byte of the answer, as
whoever asks waits for them. Beside them stands what the processors spent on it, and what it took
but for standing in line for one: so that figures of a busy machine can be used. What comes with
them is what was found, so that an empty answer is not taken for a quick one.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from audit.errors import QueryTooCostly
from bench.console.asking import Asked
from bench.console.processors import Clock
from storage.records.port import RecordReader
from storage.records.query import parse

__all__ = ["Look", "bare", "quantile", "searched"]

PAGE = 50


@dataclass(frozen=True, slots=True)
class Look:
    """One look: what about, seconds, records on the page, and seconds of processors.

    `alone` are the seconds without standing in line for a processor; `whole` is false past a
    budget.
    """

    about: str
    seconds: float
    found: int
    computed: float
    alone: float
    text: str = ""
    whole: bool = True


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of values does not exceed; 0 of none."""
    ranked = sorted(values)
    return ranked[min(len(ranked) - 1, int(share * len(ranked)))] if ranked else 0.0


async def searched(reader: RecordReader, asked: Sequence[Asked]) -> list[Look]:
    """The first page of each filter."""
    return [await _search(reader, each) for each in asked]


async def _search(reader: RecordReader, asked: Asked) -> Look:
    query = parse(asked.text, 0)
    clock = Clock(os.getpid())
    try:
        page = await reader.search(query, PAGE)
        found, whole = len(page.documents), True
    except QueryTooCostly:
        found, whole = 0, False
    taken, computed, alone = clock.read()
    return Look(asked.about, taken, found, computed, alone, asked.text, whole)


def bare(path: Path, ids: Sequence[str], words: Sequence[str]) -> dict[str, list[Look]]:
    """What SQLite alone takes on this file, by what is read."""
    database = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    total = database.execute("SELECT max(number) FROM records").fetchone()[0]
    rng = random.Random(1)
    numbers = [rng.randint(1, total) for _ in ids]

    def run(sql: str, *values: object) -> Callable[[], object]:
        return lambda: database.execute(sql, values).fetchall()

    readings = {
        "point read by id": [run("SELECT json FROM records WHERE id = ?", each) for each in ids],
        "50 records by number": [
            run("SELECT json FROM records WHERE number >= ? LIMIT 50", each) for each in numbers
        ],
        "FTS5 match, 50 newest of a word": [
            run("SELECT rowid FROM texts WHERE texts MATCH ? ORDER BY rowid DESC LIMIT 50", each)
            for each in words
        ],
        "FTS5 match, count of a word": [
            run("SELECT count(*) FROM texts WHERE texts MATCH ?", each) for each in words
        ],
        "every row of the widest index": [run("SELECT count(*) FROM records WHERE latency < -1")],
    }
    taken = {name: [_timed(each) for each in looks] for name, looks in readings.items()}
    database.close()
    return taken


def _timed(look: Callable[[], object]) -> Look:
    clock = Clock(os.getpid())
    look()
    taken, computed, alone = clock.read()
    return Look("bare", taken, 0, computed, alone)
