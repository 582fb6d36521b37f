"""The embedded store's file: records with their indexes, ledger, checkpoints and orders.

A record's truth is its JSON text, kept verbatim; every other column and table beside it is an
index over it and can be made again. The ledger stands apart: it keeps what became of a number
after the record has gone.
"""

from __future__ import annotations

from pathlib import Path

from audit.errors import StoreUnavailable
from storage.database import Database, Schema

__all__ = ["open_store", "open_store_for_reading"]

# (tap, boot, seq) is no unique key of records: a realtime session has one record per response,
# all under the number of its opening. It is the ledger's key.
#
# `records_by_time` has every column that a query can ask for: whatever is asked is decided in the
# index, without a look at the records, which are ten times its size. The others are for values of
# which there may be few.
_INDEXES = """
CREATE INDEX records_by_time ON records (
    received_at, id, status, latency, ttft, tokens, input, output, streamed, truncated, ending,
    consumer, day, dialect, operation, deployment, level, policy, tap, app, tenant, user, session,
    trace
);
CREATE INDEX records_by_day ON records (day, received_at, id);
CREATE INDEX records_by_app ON records (app) WHERE app IS NOT NULL;
CREATE INDEX records_by_deployment ON records (deployment) WHERE deployment IS NOT NULL;
CREATE INDEX records_by_ending ON records (ending);
CREATE INDEX records_by_status ON records (status) WHERE status IS NOT NULL;
"""

SCHEMA = Schema(
    application_id=0x41535331,
    version=4,
    upgrades={
        2: "ALTER TABLE ledger ADD COLUMN records INTEGER NOT NULL DEFAULT 1",
        3: f"DROP INDEX records_by_time;{_INDEXES}".rstrip(";\n"),
    },
    script=f"""
CREATE TABLE records (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE,
    tap         TEXT NOT NULL,
    boot        TEXT NOT NULL,
    seq         INTEGER NOT NULL,
    consumer    TEXT NOT NULL,
    day         TEXT NOT NULL,
    received_at TEXT NOT NULL,
    expires_at  TEXT,
    hold        INTEGER NOT NULL,
    policy      TEXT NOT NULL,
    level       TEXT NOT NULL,
    dialect     TEXT NOT NULL,
    operation   TEXT NOT NULL,
    deployment  TEXT,
    ending      TEXT NOT NULL,
    status      INTEGER,
    streamed    INTEGER NOT NULL,
    truncated   INTEGER NOT NULL,
    app         TEXT,
    tenant      TEXT,
    user        TEXT,
    session     TEXT,
    trace       TEXT,
    tokens      INTEGER,
    input       INTEGER,
    output      INTEGER,
    latency     REAL,
    ttft        REAL,
    json        TEXT NOT NULL
) STRICT;
CREATE INDEX records_by_consumer ON records (consumer, received_at, id);
CREATE INDEX records_by_number ON records (tap, boot, seq);
CREATE INDEX records_by_expiry ON records (expires_at, id) WHERE expires_at IS NOT NULL;
CREATE INDEX records_by_trace ON records (trace) WHERE trace IS NOT NULL;
CREATE INDEX records_by_session ON records (session) WHERE session IS NOT NULL;
CREATE INDEX records_by_user ON records (user) WHERE user IS NOT NULL;
{_INDEXES.strip()}
CREATE TABLE labels (
    kind   TEXT NOT NULL,
    label  TEXT NOT NULL,
    record INTEGER NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (kind, label, record)
) STRICT, WITHOUT ROWID;
CREATE INDEX labels_by_record ON labels (record);
CREATE VIRTUAL TABLE texts USING fts5(
    prompt, answer, tokenize = "unicode61 remove_diacritics 2"
);
CREATE TABLE ledger (
    tap           TEXT NOT NULL,
    boot          TEXT NOT NULL,
    seq           INTEGER NOT NULL,
    id            TEXT NOT NULL,
    state         TEXT NOT NULL,
    consumer      TEXT,
    day           TEXT,
    commitment    TEXT,
    record_digest TEXT,
    amendments    TEXT NOT NULL,
    at            TEXT,
    signature     TEXT,
    records       INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (tap, boot, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_by_id ON ledger (id);
CREATE INDEX ledger_by_consumer ON ledger (consumer) WHERE state = 'erased';
CREATE TABLE orders (
    id       TEXT PRIMARY KEY,
    consumer TEXT,
    json     TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX orders_by_consumer ON orders (consumer) WHERE consumer IS NOT NULL;
CREATE TABLE ordered_ids (
    record  TEXT NOT NULL,
    "order" TEXT NOT NULL,
    PRIMARY KEY (record, "order")
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoints (
    tap     TEXT NOT NULL,
    boot    TEXT NOT NULL,
    "index" INTEGER NOT NULL,
    json    TEXT NOT NULL,
    PRIMARY KEY (tap, boot, "index")
) STRICT, WITHOUT ROWID
""",
)


async def open_store(path: Path) -> Database:
    """Open or make the file for writing. Raises `StoreUnavailable`, saying what is wrong."""
    return await Database.open(path, StoreUnavailable, SCHEMA)


async def open_store_for_reading(path: Path) -> Database:
    """Open an existing file so that nothing in it can be changed. Raises `StoreUnavailable`."""
    return await Database.open(path, StoreUnavailable, SCHEMA, read_only=True)
