"""What an attach leads to: a link to a queue, to `$cbs` or `$management`, or a refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from tests.emulators.service_bus.links import IncomingLink, OutgoingLink
from tests.emulators.service_bus.performatives import Attach, Detach
from tests.emulators.service_bus.requests import RequestLink, ResponseLink
from tests.emulators.service_bus.states import Condition, address, error
from tests.emulators.service_bus.types import Symbol, ULong
from tests.emulators.service_bus.wire import Channel

__all__ = ["Link", "attach"]

Link: TypeAlias = IncomingLink | OutgoingLink | RequestLink | ResponseLink


def attach(
    channel: Channel, body: Attach, respond: Callable[[str, bytes], None]
) -> tuple[list[Attach | Detach], Link | None]:
    """What to answer, and the link; none when it is refused."""
    named = address(body.source if body.role else body.target) or ""
    made = _link(channel, named, body, partial(respond, named))
    if isinstance(made, str):
        return _refusal(body, made, named), None
    return [_accepted(body, made)], made


def _link(
    channel: Channel, named: str, body: Attach, respond: Callable[[bytes], None]
) -> Link | str:
    """The link that is asked for, or the condition with which it is refused."""
    place = None
    if not named.lower().endswith("$cbs"):
        faults, role = channel.broker.faults, "receive" if body.role else "send"
        if faults.refused_attach is not None and role in faults.refused_roles:
            return faults.refused_attach
        place = channel.broker.find(named)
        if place is None:
            return Condition.NOT_FOUND
    if place is None or place.management:
        if body.role:
            return ResponseLink(channel, named, body)
        return RequestLink(channel, place, body, respond)
    return (OutgoingLink if body.role else IncomingLink)(channel, place, body)


def _accepted(body: Attach, link: Link) -> Attach:
    answer = replace(
        body, role=not body.role, unsettled=None, desired_capabilities=None, properties=None
    )
    answer.initial_delivery_count = 0 if body.role else None
    if isinstance(link, IncomingLink):
        rules = link.place.queue.rules
        answer.max_message_size = rules.max_message_size
        name = Symbol("com.microsoft:max-message-batch-size")
        answer.properties = {name: ULong(rules.batch_limit)}
    return answer


def _refusal(body: Attach, condition: str, named: str) -> list[Attach | Detach]:
    """As the protocol has it: an attach without source and target, then a detach (§2.6.3)."""
    answer = Attach(body.name, body.handle, not body.role)
    answer.initial_delivery_count = 0 if body.role else None
    told = f"The attach to '{named}' was refused."
    return [answer, Detach(body.handle, closed=True, error=error(condition, told))]
