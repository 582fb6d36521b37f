"""The spool's port: how the tap puts what it sees beyond the reach of a crash."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from audit.exchange import Opening
from audit.ids import ExchangeNumber
from audit.ledger import Checkpoint

__all__ = ["PieceKind", "Shipment", "ShipmentKind", "Spool", "SpoolCensus"]


class PieceKind(StrEnum):
    """Which part of an exchange a piece frame carries."""

    REQUEST_BODY = "request_body"
    ANSWER_HEAD = "answer_head"
    ANSWER_BODY = "answer_body"
    END = "end"


class ShipmentKind(StrEnum):
    """A whole record, or what a crash left of an exchange."""

    RECORD = "record"
    REMNANT = "remnant"


@dataclass(frozen=True, slots=True)
class Shipment:
    """An exchange that is ready to leave the spool.

    `envelope` is the sealed bytes (`storage.envelope`) that go on the queue as they are.
    """

    id: str
    number: ExchangeNumber
    kind: ShipmentKind
    envelope: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SpoolCensus:
    """How full the spool is: bytes on disk, exchanges open, exchanges waiting to be shipped.

    `dropped` counts piece frames that found no room, in memory or on disk, since the start. It is
    `full` when it takes no more openings.
    """

    bytes: int
    open: int
    waiting: int
    dropped: int = 0
    full: bool = False


class Spool(Protocol):
    """One tap's spool. All methods are called from one event loop; none blocks it."""

    def next_number(self) -> ExchangeNumber:
        """Give out the next number. Never gives one twice, not even after a power loss.

        A number that was given out is accounted for: by an opening, or by `unrecorded`.
        """

    async def open(self, opening: Opening, *, strict: bool = False) -> None:
        """Write the opening; returns when it is in the file, or synced where `strict`.

        Raises `SpoolFull` or `SpoolUnavailable`; then nothing of the exchange is in the spool.
        """

    def unrecorded(self, number: ExchangeNumber, reason: str) -> None:
        """Note a number that was forwarded without an opening (a content-free reason code).

        The next checkpoints name it.
        """

    def piece(self, record_id: str, kind: PieceKind, data: bytes) -> None:
        """Add bytes of an opened exchange. Never raises; losses are counted and flagged."""

    def close(self, record_id: str, record: bytes) -> bool:
        """Add the record's JSON: the exchange is whole and may be shipped. Never raises.

        False where there is no room even for that; the exchange is then to be surrendered.
        """

    def surrender(self, record_id: str, end: bytes = b"") -> None:
        """Give up building a record: what was captured is shipped as a remnant. Never raises.

        `end`, some hundred bytes, is the piece that tells how it ended, unless one was taken
        before; a remnant without any is taken for a crash.
        """

    async def shipments(
        self, limit: int, wait: float, past: AbstractSet[str] = frozenset()
    ) -> Sequence[Shipment]:
        """Up to `limit` exchanges to ship, oldest first; wait up to `wait` s for the first.

        The same ones are given again until `shipped` is told; never those whose ids are in `past`.
        While there are none but these it does not wait.
        """

    def shipped(self, record_ids: Sequence[str]) -> None:
        """Receipt 2 has arrived: these may be forgotten."""

    def checkpoint(self, *, final: bool = False) -> Checkpoint:
        """The tap's word on how many exchanges it has opened, as of now.

        It may leave the tap once `synced` has returned behind it: else a crash could take what it
        says, and the next boot would say something else under its index. `final` asks for the last
        one; it is not final while openings are in doubt.
        """

    async def synced(self) -> None:
        """Return once everything that was handed over before is synced.

        Raises `SpoolUnavailable` when the spool is closed first; waits for a disk that refuses.
        """

    def census(self) -> SpoolCensus:
        """How full it is."""

    async def shut(self) -> None:
        """Write and sync what is pending, and close. Idempotent."""
