"""Two logs that a reader of `ours` must not be able to tell apart: one with others' records.

The other consumer's records share whatever can be shared: session, trace, model, times, words. What
is theirs alone is planted, so that a page that holds it is found even where both worlds show it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from audit.exchange import Ending, Identity
from audit.ledger import LedgerEntry, LedgerState
from audit.record import RedactedRecord
from console.principal import Principal, Role
from console.room import ReadingRoom, Sources
from storage.access.memory import MemoryAccessLog
from storage.records.facts_sqlite import SqliteFacts
from storage.records.ledger_sqlite import SqliteLedger
from storage.records.sqlite import SqliteRecordReader, SqliteRecordWriter
from storage.records.sqlite_file import open_store, open_store_for_reading
from tests.contract.samples import a_record, an_entry, record_id, some_facts
from tests.unit.console.kit import NOW_NS

__all__ = [
    "ATTEMPTS",
    "OURS",
    "PLANTED",
    "READER",
    "THEIRS",
    "entry_of",
    "sqlite_world",
    "told",
]

READER = Principal("rob", "account", Role.READER, frozenset({"ours"}), "subject-rob")
SECRET = "zebra"
_TRACE = "0af7651916cd43dd8448eb211c80319c"
_SHARED = Identity(session="shared-session", trace_id=_TRACE, user="shared-user")

# Words that occur in the others' records and in nothing else.
PLANTED = (SECRET, "theirs", record_id(70), record_id(101), "PASSPORT", "model-of-theirs")

OURS: Sequence[RedactedRecord] = (
    a_record(1, consumer="ours", prompt="a horse", identity=_SHARED),
    a_record(50, consumer="ours", prompt="a donkey", facts=some_facts(status=429)),
)
THEIRS: Sequence[RedactedRecord] = (
    *(
        a_record(
            seq,
            consumer="theirs",
            prompt=f"a {SECRET} and a horse",
            identity=_SHARED,
            facts=some_facts(model="model-of-theirs", ending=Ending.FILTERED),
            counts={"PASSPORT": 3},
            signals=("theirs.signal",),
            total=1_000,
        )
        for seq in range(70, 102)
    ),
    # Older and newer than all of ours, in between, and of a consumer whose name begins like ours.
    a_record(2, consumer="theirs", received_at="2026-01-01T00:00:00.000000Z"),
    a_record(3, consumer="ours-too", prompt="a horse", received_at="2026-11-20T10:00:30.000000Z"),
)

ATTEMPTS = [
    "",
    "consumer:theirs",
    "consumer:ours OR consumer:theirs",
    "-consumer:ours",
    "-(consumer:ours)",
    "-(consumer:ours OR consumer:nobody)",
    "consumer:*",
    "consumer:our*",
    "consumer:t*",
    SECRET,
    f'"a {SECRET}"',
    f"{SECRET} OR -{SECRET}",
    f"horse -{SECRET}",
    f"id:{record_id(70)}",
    "id:*",
    f"trace:{_TRACE}",
    "session:shared-session",
    "user:shared-user",
    "model:model-of-theirs",
    "model:model*",
    "status:200 OR status:429",
    "tokens:>500",
    "ending:filtered",
    "entity:PASSPORT",
    "signal:theirs.signal",
    "signal:*",
    "tool:get_weather",
    "(consumer:ours) OR (consumer:theirs)",
    "after:2026-01-01",
    "before:2026-11-01",
    "tokens:nothing",
    "(",
]


def entry_of(record: RedactedRecord) -> LedgerEntry:
    """Its ledger entry; of every third of the others' exchanges it was set aside or erased."""
    states = (LedgerState.STORED, LedgerState.DEAD_LETTERED, LedgerState.ERASED)
    state = states[record.tap.seq % 3] if record.consumer == "theirs" else LedgerState.STORED
    digest = record.integrity.record_digest
    return msgspec.structs.replace(
        an_entry(record.tap.seq, state),
        consumer=record.consumer,
        day=record.day,
        record_digest=digest,
    )


def told(text: str, asked: str) -> list[str]:
    """Which of the planted words an answer holds beyond what was asked itself."""
    return [word for word in PLANTED if word in text and word not in asked]


@asynccontextmanager
async def sqlite_world(path: Path, *records: RedactedRecord) -> AsyncIterator[ReadingRoom]:
    """The same log in files, with the plans and indexes that these have."""
    writing = await open_store(path)
    for record in records:
        await SqliteRecordWriter(writing).put(record)
        await SqliteLedger(writing).enter(entry_of(record))
    reading = await open_store_for_reading(path)
    facts, ledger = SqliteFacts(reading), SqliteLedger(reading)
    log = MemoryAccessLog()
    sources = Sources(SqliteRecordReader(reading), facts, facts, ledger, log)
    yield ReadingRoom(sources, lambda: NOW_NS, max_rows=1000)
    await reading.close()
    await writing.close()
