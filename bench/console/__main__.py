"""`python -m bench.console`: how long the reading room's looks take over a million records.

It fills a store with generated records (`BENCH_RECORDS`, 1,000,000) in `BENCH_DIR`, which takes
some ten minutes and 8 GB and is done once, and then asks it `BENCH_QUERIES` (330) filters: every
field in turn, alone, negated and with others, and free text. First of the store itself, then as
pages of a served reading room, which also opens conversations. Beside them stands what SQLite
alone takes on the same file. One look at a time; the searches are repeated `BENCH_ROUNDS` (3) times
to see whether memory stays where it is. "Alone" is without the time that a look stood in line for a
processor.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from pathlib import Path

from bench.console.asking import Asked, Asker
from bench.console.measure import Look, bare, quantile, searched
from bench.console.records import WORDS, Maker
from bench.console.served import Room, served
from bench.console.store import built
from storage.records.sqlite import SqliteRecordReader
from storage.records.sqlite_file import open_store_for_reading

RECORDS = int(os.environ.get("BENCH_RECORDS", "1000000"))
QUERIES = int(os.environ.get("BENCH_QUERIES", "330"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "3"))
# Not /tmp, which may lie in memory.
FOLDER = Path(os.environ.get("BENCH_DIR", ".bench"))
_SECONDS = 10.0
_WORDS = ("the", "refund", "invoice", WORDS[200], WORDS[3_000], WORDS[19_000], "T0004242")


async def main() -> None:
    """Build, ask, and print the tables."""
    maker = Maker(RECORDS)
    folder = FOLDER / f"console-{RECORDS}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    await built(folder / "records.sqlite", maker)
    sample = [maker.record(number) for number in range(1, RECORDS + 1, max(1, RECORDS // 2_000))]
    ids = [each.id for each in sample[:: max(1, len(sample) // QUERIES)]]
    print(f"{RECORDS:,} records, {_size(folder):.1f} GB, load {os.getloadavg()[0]:.1f}")
    print("\nof SQLite alone, milliseconds")
    _lines(bare(folder / "records.sqlite", ids, _WORDS))
    asked = Asker(sample).ask(QUERIES)
    database = await open_store_for_reading(folder / "records.sqlite")
    looks = await searched(SqliteRecordReader(database, _SECONDS), asked)
    await database.close()
    _by_field(looks)
    async with served(folder) as room:
        await _pages(room, asked, ids)
    _slowest(looks)


async def _pages(room: Room, asked: Sequence[Asked], ids: Sequence[str]) -> None:
    memory = [("at the start", room.memory())]
    found = [await room.search(each) for each in asked]
    memory.append((f"after {len(found)} searches", room.memory()))
    opened = [await room.open(each) for each in ids]
    memory.append((f"and {len(opened)} conversations", room.memory()))
    for _ in range(ROUNDS):
        for each in asked:
            await room.search(each)
        memory.append((f"and {len(found)} searches more", room.memory()))
    print("\nof a page, as the browser gets it, milliseconds")
    _lines({"search with facets, first page": found, "conversation": opened})
    print(f"\n{'MiB of the console':40}{'now':>8}{'at most':>9}")
    for name, (now, most) in memory:
        print(f"{name:40}{now:8.0f}{most:9.0f}")


def _lines(taken: dict[str, list[Look]]) -> None:
    print(f"{'':34}{'looks':>6}{'p50':>8}{'p95':>8}{'most':>8}{'alone p95':>11}{'CPU p95':>9}")
    for name, looks in taken.items():
        seconds = [look.seconds for look in looks]
        figures = (quantile(seconds, 0.5), quantile(seconds, 0.95), max(seconds))
        told = "".join(f"{each * 1000:8.1f}" for each in figures)
        alone = quantile([look.alone for look in looks], 0.95) * 1000
        computed = quantile([look.computed for look in looks], 0.95) * 1000
        print(f"{name:34}{len(looks):6}{told}{alone:11.1f}{computed:9.1f}")


def _by_field(looks: Sequence[Look]) -> None:
    print("\nof a search of the store, first page, by the field asked for first, milliseconds")
    fields = list(dict.fromkeys(look.about for look in looks))
    table = {name: [look for look in looks if look.about == name] for name in fields}
    _lines(table | {"all": list(looks)})
    print(f"given up after {_SECONDS:.0f} s: {sum(not look.whole for look in looks)}")


def _slowest(looks: Sequence[Look]) -> None:
    print("\nthe slowest searches of the store: milliseconds, alone, CPU, records, filter")
    for look in sorted(looks, key=lambda each: each.seconds, reverse=True)[:8]:
        spent = f"{look.seconds * 1000:8.0f}{look.alone * 1000:8.0f}{look.computed * 1000:8.0f}"
        print(f"{spent}{look.found:5}  {look.text}")


def _size(folder: Path) -> float:
    return sum(each.stat().st_size for each in folder.iterdir() if each.is_file()) / 1e9


if __name__ == "__main__":
    asyncio.run(main())
