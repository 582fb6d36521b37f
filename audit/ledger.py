"""The ledger: what became of every number, without a word of what was said.

Entries and checkpoints outlive the records they speak of, so that a lawful deletion stays
verifiable and a tail that was cut off can be told from one that never was.
"""

from __future__ import annotations

from enum import StrEnum

from audit.ids import ExchangeNumber
from audit.value import Value, prepare

__all__ = ["Amendment", "Checkpoint", "LedgerEntry", "LedgerState"]


class LedgerState(StrEnum):
    """What became of an exchange's record."""

    STORED = "stored"
    DEAD_LETTERED = "dead_lettered"
    REFUSED = "refused"
    ERASED = "erased"
    EXPIRED = "expired"
    UNREADABLE = "unreadable"


class Amendment(Value, frozen=True):
    """A later, lawful change of a record: when, what, its digest afterwards, and by which order.

    `kind` is `hold`, `release` or `reredacted` of a record that stays; `erased`, `discarded` (a
    dead letter) or `expired` of one that went, of which `record_digest` is the last digest it had,
    or empty.
    """

    at: str
    kind: str
    record_digest: str
    order: str | None = None


class LedgerEntry(Value, frozen=True):
    """What became of one number. Content-free; kept without expiry.

    `records` is how many records the exchange has, or had (`audit.sheaf`); `record_digest`, also of
    an amendment, is `audit.digest.sheaf_digest` over all of them. Entries of before there were
    several lack the field, and an entry of one is signed as if it did. `signature` is the worker's,
    over all of it (`audit.signing`).
    """

    number: ExchangeNumber
    id: str
    state: LedgerState
    consumer: str | None = None
    day: str | None = None
    commitment: str | None = None
    record_digest: str | None = None
    amendments: tuple[Amendment, ...] = ()
    at: str | None = None
    signature: str | None = None
    records: int = 1

    def __repr__(self) -> str:
        return f"<LedgerEntry {self.number!r} {self.state}>"


class Checkpoint(Value, frozen=True):
    """A tap's own word on how many exchanges it has opened.

    `index` counts the checkpoints of one boot from 0. `opened` is the highest number given out,
    `chain` the hex digest chain over (number, id) of all openings of the boot up to it (see
    `audit.digest.chain`). `predecessor` names the tap's previous boot and
    `predecessor_opened` how far it had come; both are null only on a tap's first boot.
    `unrecorded` lists ranges of numbers that were forwarded although the audit could not take
    their opening, each `[first, last, reason]`.
    """

    tap: str
    boot: str
    index: int
    opened: int
    chain: str
    at: str
    predecessor: str | None = None
    predecessor_opened: int | None = None
    predecessor_chain: str | None = None
    unrecorded: tuple[tuple[int, int, str], ...] = ()
    final: bool = False
    signature: str | None = None

    def __repr__(self) -> str:
        return f"<Checkpoint {self.tap}/{self.boot} #{self.index} opened={self.opened}>"


prepare(LedgerEntry, Checkpoint)
