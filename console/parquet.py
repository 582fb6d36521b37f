"""Exports as Parquet: the columns of the CSV with their types, in row groups as they fill up.

The law: nothing but the rows of one group is held, and a cell is what the record has: an unknown
number is null, an instant an instant, and no text is quoted, since nothing runs a cell of Parquet.

pyarrow, 170 MB of it, is an extra of the installation (`auditstream[parquet]`): it is imported
when an export begins, and without it the form is not offered.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from audit.errors import QueryInvalid
from console.sink import Sink

__all__ = ["INSTALL", "ParquetRows", "available"]

INSTALL = "Parquet needs pyarrow: pip install pyarrow"

# Rows of a group: what is held at once. Readers skip and share work by groups.
_GROUP = 5_000

_WHOLE = ("status", "input_tokens", "output_tokens", "total_tokens")
_DECIMAL = ("ttft_ms", "duration_ms")


def available() -> bool:
    """Whether pyarrow is installed."""
    return importlib.util.find_spec("pyarrow") is not None


class ParquetRows:
    """Turns rows into a Parquet file that grows; one object for each export.

    `columns` name the cells in the order in which `write` gets them: `received_at` as text of the
    record, `signals` as names, `taken_out` as counts by type, the others as `exporting` has them.
    Raises `QueryInvalid` where pyarrow is not installed.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        if not available():
            raise QueryInvalid(INSTALL)
        import pyarrow as pa  # noqa: PLC0415 - see the module's law
        import pyarrow.parquet as pq  # noqa: PLC0415

        self._arrow = pa
        self._sink = Sink()
        self._schema = pa.schema([(name, _type_of(pa, name)) for name in columns])
        self._file = pq.ParquetWriter(self._sink, self._schema, compression="zstd")
        self._rows: list[tuple[object, ...]] = []

    def write(self, rows: Sequence[Sequence[object]]) -> bytes:
        """Take rows; gives the bytes of the groups that are full now."""
        self._rows += [tuple(map(_cell, self._schema.names, row)) for row in rows]
        while len(self._rows) >= _GROUP:
            self._flush(_GROUP)
        return self._sink.take()

    def end(self) -> bytes:
        """The last rows, and what a reader begins with."""
        if self._rows:
            self._flush(len(self._rows))
        self._file.close()
        return self._sink.take()

    def _flush(self, count: int) -> None:
        group, self._rows = self._rows[:count], self._rows[count:]
        columns = [
            self._arrow.array(cells, type=each.type)
            for each, cells in zip(self._schema, zip(*group, strict=True), strict=True)
        ]
        self._file.write_table(self._arrow.Table.from_arrays(columns, schema=self._schema), count)


def _type_of(pa: Any, name: str) -> Any:
    if name in _WHOLE:
        return pa.int64()
    if name in _DECIMAL:
        return pa.float64()
    special = {
        "received_at": pa.timestamp("us", tz="UTC"),
        "streamed": pa.bool_(),
        "signals": pa.list_(pa.string()),
        "taken_out": pa.map_(pa.string(), pa.int64()),
    }
    return special.get(name, pa.string())


def _cell(name: str, value: object) -> object:
    if name == "received_at" and isinstance(value, str):
        return datetime.fromisoformat(value)
    if name == "taken_out" and isinstance(value, dict):
        return sorted(value.items())
    if isinstance(value, str):
        # A record's text is any text; half of a surrogate pair has no bytes in UTF-8.
        return value.encode("utf-8", "backslashreplace").decode()
    return value
