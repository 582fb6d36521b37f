"""Schedules: what goes wrong, where, when and for how long, as values that a seed draws.

The law of this module: a schedule is data. It says nothing of how a fault is brought about, it can
be written to a file and read again, and the same seed draws the same one for the same engines.
What goes wrong with queue and store differs by engine: in files it goes wrong inside a part, while
a service goes wrong for all parts at once.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

__all__ = [
    "AZURE",
    "EMBEDDED",
    "LOAD_SECONDS",
    "SERVICES",
    "Fault",
    "Kind",
    "Schedule",
    "draw",
    "exists",
    "kinds",
    "read",
    "sentence",
    "written",
]

# The engines under the running system, and the services that are parts of it on Azure's.
EMBEDDED, AZURE = "embedded", "azure"
SERVICES = ("broker", "store", "blobs")

# How long the callers talk under one schedule before everything is mended.
LOAD_SECONDS = 2.5


class Kind(StrEnum):
    """What can go wrong."""

    KILL = "kill"
    RESTART = "restart"
    STOP = "stop"
    CLOCK = "clock"
    DISK_FULL = "disk_full"
    DISK_ERROR = "disk_error"
    DISK_SLOW = "disk_slow"
    QUEUE_REFUSES = "queue_refuses"
    QUEUE_SLOW = "queue_slow"
    QUEUE_CUTS = "queue_cuts"
    QUEUE_TWICE = "queue_twice"
    QUEUE_KILLED = "queue_killed"
    QUEUE_SILENT = "queue_silent"
    QUEUE_FORGETS = "queue_forgets"
    QUEUE_BUSY = "queue_busy"
    STORE_REFUSES = "store_refuses"
    STORE_SLOW = "store_slow"
    STORE_CUTS = "store_cuts"
    STORE_BUSY = "store_busy"
    BLOBS_GONE = "blobs_gone"
    UPSTREAM_CUTS = "upstream_cuts"
    UPSTREAM_REJECTS = "upstream_rejects"
    UPSTREAM_SILENT = "upstream_silent"
    UPSTREAM_GONE = "upstream_gone"
    CLIENT_LEAVES = "client_leaves"
    CLIENT_SLOW = "client_slow"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong: `at` and `lasts` are seconds, `by` the seconds a clock is off.

    `part` is whom it meets: `tap`, `worker`, `second` (a worker beside the tree), `workers`,
    `console`, `parent`, `tree` (all processes at once), `machine`, `upstream`, `clients`, or one of
    `SERVICES`.
    """

    at: float
    kind: Kind
    part: str
    lasts: float = 0.0
    by: float = 0.0


@dataclass(frozen=True, slots=True)
class _Range:
    """How a kind is drawn: how often, whom it meets, how long it lasts."""

    weight: int
    parts: Sequence[str]
    shortest: float = 0.0
    longest: float = 0.0


_EVERYWHERE: dict[Kind, _Range] = {
    Kind.KILL: _Range(9, ("tap", "tap", "worker", "second", "console", "parent", "tree", "tree")),
    Kind.RESTART: _Range(4, ("tap", "worker", "second", "tree")),
    Kind.STOP: _Range(6, ("tap", "worker", "second"), 0.3, 3.5),
    Kind.CLOCK: _Range(6, ("tap", "worker", "machine", "machine"), 0.5, 2.0),
    Kind.DISK_FULL: _Range(5, ("tap",), 0.3, 1.5),
    Kind.DISK_ERROR: _Range(5, ("tap",), 0.2, 1.5),
    Kind.DISK_SLOW: _Range(3, ("tap",), 0.5, 2.0),
    Kind.UPSTREAM_CUTS: _Range(2, ("upstream",), 0.5, 2.0),
    Kind.UPSTREAM_REJECTS: _Range(2, ("upstream",), 0.5, 2.0),
    Kind.UPSTREAM_SILENT: _Range(2, ("upstream",), 0.3, 0.8),
    Kind.UPSTREAM_GONE: _Range(2, ("upstream",), 0.3, 1.0),
    Kind.CLIENT_LEAVES: _Range(3, ("clients",), 0.5, 2.0),
    Kind.CLIENT_SLOW: _Range(2, ("clients",), 0.5, 2.0),
}
_IN_FILES: dict[Kind, _Range] = {
    Kind.QUEUE_REFUSES: _Range(3, ("tap", "workers"), 0.3, 2.0),
    Kind.QUEUE_SLOW: _Range(2, ("tap", "workers"), 0.3, 2.0),
    Kind.QUEUE_CUTS: _Range(4, ("tap", "workers"), 0.3, 2.0),
    Kind.QUEUE_TWICE: _Range(4, ("tap", "workers"), 0.5, 2.0),
    Kind.STORE_REFUSES: _Range(3, ("workers",), 0.3, 2.0),
    Kind.STORE_SLOW: _Range(2, ("workers",), 0.3, 2.0),
    Kind.STORE_CUTS: _Range(4, ("workers",), 0.3, 2.0),
}
_IN_SERVICES: dict[Kind, _Range] = {
    Kind.QUEUE_KILLED: _Range(5, ("broker",), 0.2, 2.5),
    Kind.QUEUE_SILENT: _Range(4, ("broker",), 0.3, 4.0),
    Kind.QUEUE_REFUSES: _Range(3, ("broker",), 0.3, 2.5),
    Kind.QUEUE_CUTS: _Range(5, ("broker",), 0.2, 2.0),
    Kind.QUEUE_FORGETS: _Range(5, ("broker",), 0.5, 2.0),
    Kind.QUEUE_SLOW: _Range(3, ("broker",), 0.5, 2.0),
    Kind.QUEUE_BUSY: _Range(2, ("broker",), 0.3, 1.5),
    Kind.STORE_BUSY: _Range(4, ("store",), 0.3, 2.0),
    Kind.STORE_REFUSES: _Range(4, ("store",), 0.3, 2.0),
    Kind.STORE_CUTS: _Range(5, ("store",), 0.3, 2.0),
    Kind.STORE_SLOW: _Range(3, ("store",), 0.3, 2.0),
    Kind.BLOBS_GONE: _Range(4, ("blobs",), 0.3, 2.0),
}
_RANGES = {EMBEDDED: _EVERYWHERE | _IN_FILES, AZURE: _EVERYWHERE | _IN_SERVICES}
_JUMPS = (-86_400.0, -3_600.0, -90.0, -5.0, 5.0, 90.0, 3_600.0, 86_400.0)

Schedule = tuple[Fault, ...]


def kinds(engine: str) -> frozenset[Kind]:
    """What is drawn on these engines."""
    return frozenset(_RANGES[engine])


def exists(fault: Fault, engine: str) -> bool:
    """Whether these engines know of such a fault, and of its meeting such a part."""
    drawn = _RANGES[engine].get(fault.kind)
    return drawn is not None and (fault.part in SERVICES) == (drawn.parts[0] in SERVICES)


def draw(rng: random.Random, engine: str = EMBEDDED) -> Schedule:
    """Draw one to five faults, in the order of their beginnings."""
    ranges = _RANGES[engine]
    drawn = rng.choices(list(ranges), [each.weight for each in ranges.values()], k=_many(rng))
    faults = (_one(rng, kind, ranges[kind]) for kind in drawn)
    return tuple(sorted(faults, key=lambda fault: fault.at))


def _many(rng: random.Random) -> int:
    return rng.choice((1, 2, 2, 3, 3, 4, 5))


def _one(rng: random.Random, kind: Kind, drawn: _Range) -> Fault:
    return Fault(
        at=round(rng.uniform(0.1, LOAD_SECONDS - 0.3), 2),
        kind=kind,
        part=rng.choice(drawn.parts),
        lasts=round(rng.uniform(drawn.shortest, drawn.longest), 2),
        by=rng.choice(_JUMPS) if kind is Kind.CLOCK else 0.0,
    )


def written(schedule: Schedule) -> str:
    """A schedule as one line of JSON."""
    return json.dumps([asdict(fault) for fault in schedule])


def read(text: str) -> Schedule:
    """The schedule that `written` wrote."""
    return tuple(Fault(**{**each, "kind": Kind(each["kind"])}) for each in json.loads(text))


def sentence(schedule: Schedule) -> str:
    """A schedule in words, for a line of a report."""
    return ", ".join(_said(fault) for fault in schedule) or "nothing goes wrong"


def _said(fault: Fault) -> str:
    lasts = f" for {fault.lasts}s" if fault.lasts else ""
    by = f" by {fault.by:+.0f}s" if fault.by else ""
    return f"{fault.at}s {fault.kind} {fault.part}{by}{lasts}"
