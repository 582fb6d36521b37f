"""What `$cbs` and a queue's `$management` answer (the SDK's `_common/constants.py` names it all).

A request is a message whose application properties name an operation, its value a map; the
answer has a status code, and in its value what was asked for.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

from tests.emulators.service_bus.broker import Place
from tests.emulators.service_bus.deliveries import delivered, peeked
from tests.emulators.service_bus.states import Condition, Outcome, Settlement
from tests.emulators.service_bus.types import Array, Int, Timestamp, Value

__all__ = ["SETTLE", "Answer", "answer", "token_answer"]

SETTLE = "com.microsoft:update-disposition"

# A peek gives fewer messages than it was asked for when it pleases: 250 at most, as was observed
# (github.com/Azure/azure-sdk-for-python/issues/26643), and fewer of large ones.
_PEEKED, _PEEKED_BYTES = 250, 256 * 1024

_OUTCOMES = {
    "completed": Settlement(Outcome.ACCEPTED),
    "abandoned": Settlement(Outcome.MODIFIED, failed=True),
    "defered": Settlement(Outcome.MODIFIED, failed=True, elsewhere=True),
    "suspended": Settlement(Outcome.REJECTED),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A status as of HTTP, and the value of the answer. `condition` names what went wrong."""

    status: int
    description: str
    value: Value = field(default=None, repr=False)
    condition: str | None = None

    def properties(self) -> dict[str, Value]:
        """The application properties of a `$management` answer."""
        said: dict[str, Value] = {
            "statusCode": Int(self.status),
            "statusDescription": self.description,
        }
        if self.condition is not None:
            said["errorCondition"] = self.condition
        return said


def token_answer(*, good: bool) -> dict[str, Value]:
    """The application properties with which `$cbs` takes a token, whatever it is, or does not."""
    if good:
        return {"status-code": Int(202), "status-description": "Accepted"}
    return {"status-code": Int(401), "status-description": "InvalidSignature"}


def answer(place: Place, operation: Value, asked: Value, now: float) -> Answer:
    """Carry out an operation on a queue."""
    act = _OPERATIONS.get(operation) if isinstance(operation, str) else None
    if act is None or not isinstance(asked, dict):
        return Answer(501, "Not implemented", condition=Condition.NOT_IMPLEMENTED)
    place.queue.tick(now)
    return act(place, asked, now)


def _renew(place: Place, asked: dict[Value, Value], now: float) -> Answer:
    ends = []
    for token in _tokens(asked):
        end = place.queue.renew(place.sub, token, now)
        if end is None:
            return _lock_lost()
        ends.append(Timestamp(round(end * 1000)))
    return Answer(200, "OK", {"expirations": Array(0x83, tuple(ends))})


def _peek(place: Place, asked: dict[Value, Value], _now: float) -> Answer:
    start, limit = _number(asked, "from-sequence-number"), _number(asked, "message-count")
    messages: list[Value] = []
    size = 0
    for held in place.queue.peek(place.sub, start, min(limit, _PEEKED)):
        size += held.size
        if messages and size > _PEEKED_BYTES:
            break
        messages.append({"message": peeked(place, held)})
    if not messages:
        return Answer(204, "No messages", condition=Condition.MESSAGE_NOT_FOUND)
    return Answer(200, "OK", {"messages": messages})


def _settle(place: Place, asked: dict[Value, Value], now: float) -> Answer:
    told = _OUTCOMES.get(str(asked.get("disposition-status")))
    if told is None:
        return Answer(400, "Unknown disposition", condition="amqp:invalid-field")
    if told.outcome is Outcome.REJECTED:
        reason, description = (
            _text(asked.get(name)) for name in ("deadletter-reason", "deadletter-description")
        )
        told = Settlement(Outcome.REJECTED, reason, description)
    done = [place.queue.settle(place.sub, token, told, now) for token in _tokens(asked)]
    return Answer(200, "OK", {}) if all(done) else _lock_lost()


def _recall(place: Place, asked: dict[Value, Value], now: float) -> Answer:
    numbers = asked.get("sequence-numbers")
    found: list[Value] = []
    for number in numbers.items if isinstance(numbers, Array) else ():
        wanted = number if isinstance(number, int) else 0
        held = place.queue.recall(place.sub, wanted, now)
        if held is None or held.token is None:
            told = f"No deferred message has the number {wanted}."
            return Answer(404, told, condition=Condition.MESSAGE_NOT_FOUND)
        found.append({"lock-token": held.token, "message": delivered(place, held)})
    return Answer(200, "OK", {"messages": found})


_OPERATIONS: dict[str, Callable[[Place, dict[Value, Value], float], Answer]] = {
    "com.microsoft:renew-lock": _renew,
    "com.microsoft:peek-message": _peek,
    SETTLE: _settle,
    "com.microsoft:receive-by-sequence-number": _recall,
}


def _lock_lost() -> Answer:
    told = "The lock supplied is invalid. It expired, or the message was settled."
    return Answer(410, told, condition=Condition.LOCK_LOST)


def _tokens(asked: dict[Value, Value]) -> list[UUID]:
    given = asked.get("lock-tokens")
    items = given.items if isinstance(given, Array) else given if isinstance(given, list) else []
    return [token for token in items if isinstance(token, UUID)]


def _number(asked: dict[Value, Value], name: str) -> int:
    value = asked.get(name)
    return value if isinstance(value, int) else 0


def _text(value: Value) -> str | None:
    return value if isinstance(value, str) else None
