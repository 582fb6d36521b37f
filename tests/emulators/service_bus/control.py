"""Commands to a broker that runs as a process: one a line, each answered with a line of JSON.

set lost_acknowledgements 1     a field of `Faults`, its value as JSON
silence | speak                 read nothing and answer nothing; go on
refuse | accept                 close the listening port; open it again
cut                             drop every connection
create NAME {"lock_duration": 5}
census                          counts of every queue
"""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

from tests.emulators.service_bus.events import Sub
from tests.emulators.service_bus.faults import Faults
from tests.emulators.service_bus.queue import Queue
from tests.emulators.service_bus.rules import QueueRules
from tests.emulators.service_bus.server import ServiceBusEmulator
from tests.emulators.service_bus.shelf import State

__all__ = ["census", "obey"]

# Of these the socket must be told too, so they have commands of their own.
_SETTABLE = {field.name for field in fields(Faults)} - {"silent", "refusing"}


def census(queue: Queue) -> dict[str, int]:
    """How many messages are where; what is locked counts as active, as the service has it."""
    main, dead = queue.shelves[Sub.MAIN], queue.shelves[Sub.DEAD]
    return {
        "active": main.count(State.AVAILABLE, State.LOCKED, State.DEFERRED),
        "locked": main.count(State.LOCKED),
        "scheduled": main.count(State.SCHEDULED),
        "dead": len(dead),
        "bytes": sum(held.size for shelf in (main, dead) for held in shelf),
    }


async def obey(emulator: ServiceBusEmulator, line: str) -> dict[str, Any]:
    """Carry a command out; what it does not understand it answers with `error`."""
    try:
        return await _obey(emulator, *line.strip().split(" ", 2))
    except (TypeError, ValueError) as error:
        return {"error": str(error)}


async def _obey(
    emulator: ServiceBusEmulator, command: str, name: str = "", value: str = ""
) -> dict[str, Any]:
    if command == "set" and name in _SETTABLE:
        setattr(emulator.faults, name, json.loads(value))
    elif command == "create" and name:
        emulator.create_queue(name, QueueRules(**json.loads(value or "{}")))
    elif command == "advance":
        emulator.advance(float(name))
    elif command == "accept":
        await emulator.accept()
    elif command == "census":
        return {queue.name: census(queue) for queue in emulator.broker.queues.values()}
    elif command in _ACTS:
        _ACTS[command](emulator)
    else:
        raise ValueError(f"unknown command: {command} {name}")
    return {"done": command}


_ACTS = {
    "silence": ServiceBusEmulator.silence,
    "speak": ServiceBusEmulator.speak,
    "refuse": ServiceBusEmulator.refuse,
    "cut": ServiceBusEmulator.cut_all,
}
