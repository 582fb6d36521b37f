"""What the queue on Service Bus must be: made, brought to it, or held against it.

The law: `provision` makes a queue that is missing and changes what can be changed, only ever in the
direction that keeps more or longer; what is fixed at a queue's making it leaves and names. `check`
changes nothing. Both ask the namespace's management side, which takes the role Azure Service Bus
Data Owner or a policy with Manage; taps and workers do without.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeAlias

from azure.core.exceptions import ResourceNotFoundError
from azure.servicebus.aio.management import ServiceBusAdministrationClient
from azure.servicebus.management import EntityStatus, QueueProperties

from storage.queue.service_bus_access import ServiceBusAccess, administration_of, asked

__all__ = ["Flaw", "Needs", "check", "provision"]

Administer: TypeAlias = Callable[[ServiceBusAccess], ServiceBusAdministrationClient]

_PROVISION = "run auditstream provision"
_ANOTHER = "make a new queue: queue.name; this cannot be changed"

# The longest lock that Service Bus grants. A worker renews at half of what is left.
_LONGEST_LOCK = timedelta(minutes=5)

# A tap sends again what it had no answer for: within seconds, or after an outage. What comes later
# is a duplicate that the worker takes for one; a longer history costs the broker throughput.
_LEAST_WINDOW, _WINDOW = timedelta(minutes=10), timedelta(hours=1)

# Workers may stand still for so long before a message goes to the dead letters by its age.
_LEAST_LIFE = timedelta(days=14)

# The broker would set a message aside itself, without a word in the ledger. Locks that lapse count
# too, so that a few workers' deaths must have room beside the worker's own attempts.
_SPARE_DELIVERIES = 10

# The default. A full queue refuses, and taps keep what they have in their spools.
_LEAST_MEGABYTES, _MEGABYTES = 1024, 5120


@dataclass(frozen=True, slots=True)
class Needs:
    """What the settings ask of the queue: seconds of a lease, deliveries before setting aside."""

    lease: float
    max_attempts: int

    @property
    def lock(self) -> timedelta:
        """How long a lock must last at least."""
        return min(timedelta(seconds=self.lease), _LONGEST_LOCK)

    @property
    def deliveries(self) -> int:
        """How often the broker must deliver at least: the attempts, and one to set aside."""
        return self.max_attempts + 2


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as it should be: what was expected, what was found, what to do."""

    name: str
    expected: str
    found: str
    advice: str = _PROVISION


@dataclass(frozen=True, slots=True)
class _Rule:
    """One property: its name for people and in the SDK, whether it is in order, and the remedy.

    A rule without `change` holds a property that is fixed when the queue is made, or that another
    hand has set on purpose.
    """

    name: str
    property: str
    expected: str
    holds: Callable[[Any], bool]
    change: Any = None
    advice: str = _PROVISION


async def check(
    access: ServiceBusAccess, needs: Needs, administer: Administer = administration_of
) -> list[Flaw]:
    """Hold the queue against the rules; no flaw is an empty list.

    Raises `QueueUnavailable` where the management side cannot be asked, `SettingInvalid`.
    """
    async with _administration(access, administer) as client:
        queue = await _queue(access, client)
    if queue is None:
        return [Flaw(f"queue {access.queue}", "there", "missing")]
    return [_flaw(rule, queue) for rule in _broken(queue, needs)]


async def provision(
    access: ServiceBusAccess, needs: Needs, administer: Administer = administration_of
) -> list[str]:
    """Make the queue or change it, and say what was done; again it changes nothing.

    Raises `QueueUnavailable`, `SettingInvalid`.
    """
    async with _administration(access, administer) as client:
        queue = await _queue(access, client)
        if queue is None:
            return await _made(access, client, needs)
        changed = [rule for rule in _broken(queue, needs) if rule.change is not None]
        for rule in changed:
            setattr(queue, rule.property, rule.change)
        if changed:
            async with asked(access):
                await client.update_queue(queue)
    return [f"queue {access.queue}: {rule.name} changed" for rule in changed]


def _rules(needs: Needs) -> tuple[_Rule, ...]:
    """What must hold of the queue."""
    lock, deliveries = needs.lock, needs.deliveries
    return (
        _Rule(
            "lock duration",
            "lock_duration",
            f"at least worker.lease, {_told(lock)}",
            lambda found: found >= lock,
            lock,
        ),
        _Rule(
            "max delivery count",
            "max_delivery_count",
            f"at least {deliveries}, two more than worker.max_attempts",
            lambda found: found >= deliveries,
            needs.max_attempts + _SPARE_DELIVERIES,
        ),
        _Rule(
            "duplicate detection",
            "requires_duplicate_detection",
            "on",
            bool,
            advice=_ANOTHER,
        ),
        _Rule(
            "duplicate detection window",
            "duplicate_detection_history_time_window",
            f"at least {_told(_LEAST_WINDOW)}",
            lambda found: found >= _LEAST_WINDOW,
            _WINDOW,
        ),
        _Rule(
            "dead-lettering on expiration",
            "dead_lettering_on_message_expiration",
            "on",
            bool,
            change=True,
        ),
        _Rule(
            "time to live",
            "default_message_time_to_live",
            f"at least {_told(_LEAST_LIFE)}",
            lambda found: found >= _LEAST_LIFE,
            _LEAST_LIFE,
        ),
        _Rule(
            "max size",
            "max_size_in_megabytes",
            f"at least {_LEAST_MEGABYTES} MB",
            lambda found: found >= _LEAST_MEGABYTES,
            _MEGABYTES,
        ),
        _Rule("sessions", "requires_session", "off", lambda found: not found, advice=_ANOTHER),
        _Rule(
            "partitioning", "enable_partitioning", "off", lambda found: not found, advice=_ANOTHER
        ),
        _Rule(
            "forwarding",
            "forward_to",
            "none",
            lambda found: not found,
            advice="take the forwarding away, or name the queue that is forwarded to: queue.name",
        ),
        _Rule(
            "forwarding of dead letters",
            "forward_dead_lettered_messages_to",
            "none",
            lambda found: not found,
            advice="take it away: dead letters are listed and replayed where they are",
        ),
        _Rule(
            "status",
            "status",
            EntityStatus.ACTIVE.value,
            lambda found: found in (EntityStatus.ACTIVE, None),
            advice="enable the queue in the portal",
        ),
    )


async def _made(
    access: ServiceBusAccess, client: ServiceBusAdministrationClient, needs: Needs
) -> list[str]:
    changeable = {rule.property: rule.change for rule in _rules(needs) if rule.change is not None}
    del changeable["default_message_time_to_live"]  # the service's own default is for ever
    async with asked(access):
        await client.create_queue(access.queue, requires_duplicate_detection=True, **changeable)
    return [f"queue {access.queue} made"]


@asynccontextmanager
async def _administration(
    access: ServiceBusAccess, administer: Administer
) -> AsyncIterator[ServiceBusAdministrationClient]:
    client = administer(access)
    try:
        yield client
    finally:
        await client.__aexit__()


async def _queue(
    access: ServiceBusAccess, client: ServiceBusAdministrationClient
) -> QueueProperties | None:
    try:
        async with asked(access, passing=(ResourceNotFoundError,)):
            return await client.get_queue(access.queue)
    except ResourceNotFoundError:
        return None


def _broken(queue: QueueProperties, needs: Needs) -> list[_Rule]:
    """The rules that do not hold. What the service does not tell is not held against it."""
    broken = []
    for rule in _rules(needs):
        found = getattr(queue, rule.property)
        if found is not None and not rule.holds(found):
            broken.append(rule)
    window = "duplicate_detection_history_time_window"
    if not queue.requires_duplicate_detection:
        return [rule for rule in broken if rule.property != window]
    return broken


def _flaw(rule: _Rule, queue: QueueProperties) -> Flaw:
    found = getattr(queue, rule.property)
    return Flaw(f"{queue.name}: {rule.name}", rule.expected, _told(found), rule.advice)


def _told(value: object) -> str:
    match value:
        case timedelta():
            return f"{value.total_seconds():.10g} s"
        case bool():
            return "on" if value else "off"
        case EntityStatus():
            return str(value.value)
    return str(value)
