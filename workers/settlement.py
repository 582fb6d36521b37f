"""What becomes of a delivery that failed: the table, and the function that reads it.

| what happened                                   | settlement                                 |
| ----------------------------------------------- | ------------------------------------------ |
| a dependency is down (`TransientError`)         | hold it, stop receiving, try again         |
| the key is not there, the envelope is damaged   | set aside; the ledger says `unreadable`    |
| it can never work (`PermanentError`)            | set aside; the ledger says `dead_lettered` |
| something nobody expected                       | give it back with growing delay            |
| delivered more often than `max_attempts`        | set aside, `delivery.too_many_attempts`    |

A settlement is a value; carrying it out is the worker's. What was held, and what a stop of the
worker cuts short, is excused (`storage.queue.port.Inbox.excuse`): it costs no attempt, so that an
outage dead-letters nothing, however long it lasts and however often workers are restarted in it.
What a settlement says of an error is its code and the
first line of its class's documentation, never its message: messages are not assumed safe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from audit.errors import (
    AuditStreamError,
    EnvelopeDamaged,
    KeyMissing,
    PermanentError,
    TransientError,
    WrongKey,
)
from audit.ledger import LedgerState

__all__ = [
    "TOO_MANY_ATTEMPTS",
    "GiveBack",
    "Hold",
    "Patience",
    "SetAside",
    "Settlement",
    "decide",
    "worn_out",
]

TOO_MANY_ATTEMPTS = "delivery.too_many_attempts"

_UNREADABLE = (KeyMissing, WrongKey, EnvelopeDamaged)


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a message is delivered at most, and how long between tries, in seconds."""

    max_attempts: int = 10
    first_delay: float = 1.0
    longest_delay: float = 30.0

    def delay(self, failures: int) -> float:
        """Double with each failure, up to the longest."""
        return float(min(self.longest_delay, self.first_delay * 2 ** min(failures - 1, 30)))


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep the delivery, renew its lease, try again after `delay` seconds; receive no others."""

    delay: float
    code: str


@dataclass(frozen=True, slots=True)
class GiveBack:
    """Abandon it, to be delivered again after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True)
class SetAside:
    """Enter `state` in the ledger, then dead-letter with the code."""

    code: str
    description: str
    state: LedgerState = LedgerState.DEAD_LETTERED


Settlement: TypeAlias = Hold | GiveBack | SetAside


def decide(error: Exception, attempt: int, failures: int, patience: Patience) -> Settlement:
    """Read the table: `attempt` counts deliveries, `failures` the tries of this one, from 1."""
    match error:
        case TransientError(retry_after=after):
            return Hold(patience.delay(failures) if after is None else after, error.code)
        case PermanentError():
            unreadable = isinstance(error, _UNREADABLE)
            state = LedgerState.UNREADABLE if unreadable else LedgerState.DEAD_LETTERED
            return SetAside(error.code, _meaning(error), state)
        case _:
            return worn_out(attempt + 1, patience) or GiveBack(patience.delay(attempt))


def worn_out(attempt: int, patience: Patience) -> SetAside | None:
    """Set aside a message that comes once too often: it may be what kills the workers."""
    if attempt <= patience.max_attempts:
        return None
    return SetAside(
        TOO_MANY_ATTEMPTS, f"Not carried through in {patience.max_attempts} deliveries."
    )


def _meaning(error: AuditStreamError) -> str:
    return (type(error).__doc__ or error.code).partition("\n")[0]
