"""What it says when it cannot: the setting or the role to look at, and no secret."""

from __future__ import annotations

import pytest
from azure.core.exceptions import ClientAuthenticationError
from azure.servicebus import exceptions as sdk

from audit.errors import QueueUnavailable, SettingInvalid
from storage.queue.service_bus import ServiceBus, ServiceBusAccess, open_service_bus
from storage.queue.service_bus_access import asked, unavailable
from tests.contract.samples import a_message
from tests.contract.service_bus.kit import access_to, one
from tests.emulators.service_bus import ServiceBusEmulator


@pytest.mark.parametrize(
    "access",
    [
        ServiceBusAccess("auditstream", "no connection string"),
        ServiceBusAccess("auditstream"),
        ServiceBusAccess("auditstream", namespace="my-bus.servicebus.windows.net"),
    ],
    ids=["malformed", "nothing", "nobody"],
)
async def test_an_access_that_names_nothing_is_a_wrong_setting(access: ServiceBusAccess) -> None:
    """It is refused at the start, by the setting's name and without the secret."""
    with pytest.raises(SettingInvalid, match="queue") as caught:
        await open_service_bus(access)
    assert "no connection string" not in repr(access)
    assert caught.value.__cause__ is None


async def failing(bus: ServiceBus) -> str:
    """What a send says that cannot succeed."""
    with pytest.raises(QueueUnavailable) as caught:
        await bus.outbox.send([a_message(99)])
    return str(caught.value)


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("amqp:unauthorized-access", "Azure Service Bus Data Sender"),
        ("amqp:not-found", "queue.name"),
    ],
)
async def test_a_refusal_says_what_to_do(
    emulator: ServiceBusEmulator, bus: ServiceBus, condition: str, told: str
) -> None:
    """A missing right and a missing queue are told by the setting or the role to look at."""
    emulator.faults.refused_attach = condition
    assert told in await failing(bus)
    with pytest.raises(QueueUnavailable, match=told):
        await bus.inbox.receive(1, 0)
    emulator.faults.refused_attach = None
    await bus.outbox.send([a_message(1)])
    assert (await one(bus)).attempt == 1


async def test_a_queue_that_is_not_there_is_named(emulator: ServiceBusEmulator) -> None:
    """The error names the queue, and the command that makes it."""
    bus = await open_service_bus(access_to(emulator, "elsewhere"))
    said = await failing(bus)
    assert "elsewhere" in said
    assert "provision" in said
    await bus.close()


async def test_a_busy_broker_says_when_to_come_again(
    emulator: ServiceBusEmulator, bus: ServiceBus
) -> None:
    """Its refusals are unavailability with the pause that the service asks for."""
    emulator.faults.busy = 100
    with pytest.raises(QueueUnavailable, match="busy") as caught:
        await bus.outbox.send([a_message(1)])
    assert caught.value.retry_after == 10.0
    emulator.faults.busy = 0
    await bus.outbox.send([a_message(1)])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (sdk.ServiceBusError("x", error=ClientAuthenticationError("planted")), "cannot sign in"),
        (sdk.ServiceBusError("x", error=ConnectionResetError("planted")), "cannot be reached"),
        (sdk.ServiceBusError("'NoneType' object has no attribute 'planted'"), "failed to do this"),
        (sdk.ServiceBusError("x", error=LookupError("planted")), "failed to do this"),
        (sdk.ServiceBusQuotaExceededError(message="planted"), "is full"),
        (sdk.MessagingEntityDisabledError(message="planted"), "is disabled"),
        (AttributeError("'NoneType' object has no attribute 'planted'"), "broke off"),
    ],
    ids=["no identity", "reset", "none", "other", "full", "disabled", "handler gone"],
)
async def test_every_failure_of_the_sdk_is_unavailability(error: Exception, told: str) -> None:
    """It is told in our words, and nothing of the SDK's is repeated."""
    access = ServiceBusAccess("auditstream", namespace="my-bus.servicebus.windows.net")
    translated = unavailable(error, access)
    assert translated is not None
    assert told in str(translated)
    assert "my-bus.servicebus.windows.net" in str(translated)
    assert "planted" not in str(translated)


async def test_a_defect_of_ours_passes_as_it_is() -> None:
    """What is in no table is no unavailability, for waiting would not mend it."""
    assert unavailable(LookupError("x"), ServiceBusAccess("auditstream")) is None
    with pytest.raises(LookupError):
        async with asked(ServiceBusAccess("auditstream")):
            raise LookupError("x")
