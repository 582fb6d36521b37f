"""What the service writes on a message when it hands it out or shows it."""

from __future__ import annotations

from tests.emulators.service_bus.broker import Place
from tests.emulators.service_bus.events import Sub
from tests.emulators.service_bus.shelf import Held, State
from tests.emulators.service_bus.types import Int, Long, Timestamp, Value

__all__ = ["delivered", "peeked"]


def delivered(place: Place, held: Held) -> bytes:
    """The message as a receiver gets it; a locked one says until when."""
    annotations = _annotations(place, held)
    if held.state is State.LOCKED:
        annotations["x-opt-locked-until"] = _instant(held.locked_until)
    return held.message.delivered(held.count, annotations, _reasons(held))


def peeked(place: Place, held: Held) -> bytes:
    """The message as it is shown: with its state, in which a lock is not seen."""
    state = State.AVAILABLE if held.state is State.LOCKED else held.state
    annotations = _annotations(place, held) | {"x-opt-message-state": Int(state.value)}
    return held.message.delivered(held.count, annotations, _reasons(held))


def _annotations(place: Place, held: Held) -> dict[str, Value]:
    annotations: dict[str, Value] = {
        "x-opt-sequence-number": Long(held.sequence),
        "x-opt-enqueued-time": _instant(held.enqueued_at),
    }
    if place.sub is Sub.DEAD:
        annotations["x-opt-deadletter-source"] = place.queue.name
    return annotations


def _reasons(held: Held) -> dict[str, Value]:
    told = {
        "DeadLetterReason": held.reason,
        "DeadLetterErrorDescription": held.description,
    }
    return {name: text for name, text in told.items() if text is not None}


def _instant(seconds: float) -> Timestamp:
    return Timestamp(round(seconds * 1000))
