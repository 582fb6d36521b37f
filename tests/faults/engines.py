"""What a system under faults stands on: files in its folder, or emulators of Azure's services.

The law: an engine is asked for what only it can tell (what waits, what is stored, what lies at
rest) and has done to it what only it can suffer. The judge is the same for all.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

from tests.faults.schedule import Fault
from tests.harness.leaks import files_under

__all__ = ["Embedded", "Engine", "FaultUnknown"]


class FaultUnknown(Exception):
    """A schedule has a fault that does not exist on this engine.

    Passed over, it would count as survived.
    """


class Engine(Protocol):
    """Opened before the system and closed after it."""

    @property
    def settings(self) -> Mapping[str, str]:
        """The environment that puts a part of the system on it."""

    @property
    def callers(self) -> int:
        """How many callers talk at once: as many as the engine keeps up with on two cores."""

    @property
    def large(self) -> float:
        """The share of calls whose bodies are too large for a message."""

    async def start(self) -> None:
        """Have it there, with nothing in it."""

    async def stop(self) -> None:
        """Leave nothing running. Idempotent."""

    async def begin(self, fault: Fault) -> None:
        """Have it go wrong. Raises `FaultUnknown`."""

    async def end(self, fault: Fault) -> None:
        """Have it go wrong no longer, unless another fault of the same kind still lasts."""

    async def waiting(self, data: Path) -> int:
        """How many messages the queue holds, lent ones included; not those set aside."""

    async def set_aside(self, data: Path) -> int:
        """How many messages the queue has set aside, by its own count."""

    async def records(self, data: Path) -> list[dict[str, Any]]:
        """Every stored record."""

    async def at_rest(self, data: Path) -> dict[str, bytes]:
        """Everything that lies anywhere, by place."""

    def met(self) -> Mapping[str, int]:
        """How many calls the engine itself had go wrong, by kind."""


class Embedded:
    """SQLite files in the data folder. What goes wrong with them goes wrong inside the parts."""

    settings: Mapping[str, str] = {}
    callers = 4
    large = 0.04

    async def start(self) -> None:
        """There is nothing to be started."""

    async def stop(self) -> None:
        """There is nothing to be stopped."""

    async def begin(self, fault: Fault) -> None:
        """No file goes wrong by itself."""
        raise FaultUnknown(fault)

    async def end(self, fault: Fault) -> None:
        """As in `begin`."""
        raise FaultUnknown(fault)

    async def waiting(self, data: Path) -> int:
        """Messages that were not set aside."""
        with closing(_read_only(data / "queue.sqlite")) as db:
            found = db.execute("SELECT count(*) FROM messages WHERE dead_since IS NULL")
            count: int = found.fetchone()[0]
        return count

    async def set_aside(self, data: Path) -> int:
        """Messages that were set aside, checkpoints among them."""
        with closing(_read_only(data / "queue.sqlite")) as db:
            found = db.execute("SELECT count(*) FROM messages WHERE dead_since IS NOT NULL")
            count: int = found.fetchone()[0]
        return count

    async def records(self, data: Path) -> list[dict[str, Any]]:
        """Every row."""
        with closing(_read_only(data / "records.sqlite")) as db:
            return [json.loads(row[0]) for row in db.execute("SELECT json FROM records")]

    async def at_rest(self, data: Path) -> dict[str, bytes]:
        """Every file; none where the second worker has just ended SQLite's own ones."""
        try:
            return files_under(data)
        except FileNotFoundError:
            return {}

    def met(self) -> Mapping[str, int]:
        """It had nothing go wrong."""
        return {}


def _read_only(file: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{file}?mode=ro", uri=True)
