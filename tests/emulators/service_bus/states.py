"""Outcomes of deliveries, errors and the ends of links, as values (AMQP 1.0 part 3 §3.4, §3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from tests.emulators.service_bus.types import Described, Symbol, ULong, Value

__all__ = ["ACCEPTED", "Condition", "Outcome", "Settlement", "address", "error", "read", "rejected"]

_SOURCE, _TARGET = 0x28, 0x29

ACCEPTED = Described(ULong(0x24), [])


class Condition:
    """Conditions that Service Bus names in its errors."""

    BUSY = "com.microsoft:server-busy"
    LOCK_LOST = "com.microsoft:message-lock-lost"
    MESSAGE_NOT_FOUND = "com.microsoft:message-not-found"
    NOT_FOUND = "amqp:not-found"
    NOT_IMPLEMENTED = "amqp:not-implemented"
    TOO_LARGE = "amqp:link:message-size-exceeded"


class Outcome(Enum):
    """What a receiver decided, by the descriptor of its delivery state."""

    ACCEPTED = 0x24
    REJECTED = 0x25
    RELEASED = 0x26
    MODIFIED = 0x27


_OUTCOMES = {outcome.value for outcome in Outcome}


@dataclass(frozen=True, slots=True)
class Settlement:
    """An outcome with what it says: of a rejection the reason, of a modification what to do.

    `failed` counts the delivery as an attempt; `elsewhere` is how Service Bus is told to defer.
    """

    outcome: Outcome
    reason: str | None = None
    description: str | None = None
    failed: bool = False
    elsewhere: bool = False

    def echo(self) -> Described:
        """The state that the service answers with: the same outcome, without an error.

        The SDK takes a `rejected` that carries an error for a refusal (`check_disposition_outcome`
        in its `_pyamqp/receiver.py`).
        """
        return Described(ULong(self.outcome.value), [])


def error(condition: str, description: str | None = None) -> Described:
    """An error. All three fields are there, since the SDK reads the third without asking."""
    return Described(ULong(0x1D), [Symbol(condition), description, None])


def rejected(condition: str, description: str | None = None) -> Described:
    """The state of a message that was not taken, or of a settlement that was not carried out."""
    return Described(ULong(0x25), [error(condition, description)])


def read(state: Value) -> Settlement | None:
    """The settlement in a delivery state; None for one that decides nothing (`received`)."""
    if not isinstance(state, Described) or not isinstance(state.descriptor, ULong):
        return None
    if state.descriptor not in _OUTCOMES:
        return None
    outcome = Outcome(state.descriptor)
    given = state.value if isinstance(state.value, list) else []
    if outcome is Outcome.REJECTED:
        return Settlement(outcome, *_reason(given[0] if given else None))
    if outcome is Outcome.MODIFIED:
        flags = [bool(item) for item in given[:2]] + [False, False]
        return Settlement(outcome, failed=flags[0], elsewhere=flags[1])
    return Settlement(outcome)


def _reason(told: Value) -> tuple[str | None, str | None]:
    """Reason and description out of a rejection's error: its info map, else its own description."""
    if not isinstance(told, Described) or not isinstance(told.value, list):
        return None, None
    parts = [*told.value, None, None, None]
    info = parts[2] if isinstance(parts[2], dict) else {}
    reason = info.get("DeadLetterReason")
    description = info.get("DeadLetterErrorDescription", parts[1])
    return _text(reason), _text(description)


def _text(value: Value) -> str | None:
    return value.decode() if isinstance(value, bytes) else value if isinstance(value, str) else None


def address(terminus: Value) -> str | None:
    """The address of a source or a target."""
    if not isinstance(terminus, Described) or not isinstance(terminus.descriptor, ULong):
        return None
    if terminus.descriptor not in {_SOURCE, _TARGET}:
        return None
    fields = terminus.value
    return _text(fields[0]) if isinstance(fields, list) and fields else None
