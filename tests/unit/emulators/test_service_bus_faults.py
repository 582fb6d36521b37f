"""The broker's faults through the real SDK: what goes wrong, what is kept, and that it ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import (
    MessagingEntityNotFoundError,
    OperationTimeoutError,
    ServiceBusAuthenticationError,
    ServiceBusAuthorizationError,
    ServiceBusConnectionError,
    ServiceBusError,
    ServiceBusServerBusyError,
)

from tests.emulators.service_bus import QueueRules, ServiceBusEmulator, service_bus
from tests.emulators.service_bus.control import census
from tests.unit.emulators.service_bus_kit import Bench, bench, body

# The SDK leaves sockets of broken connections to the garbage collector, which then complains.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
async def bus() -> AsyncIterator[ServiceBusEmulator]:
    """A broker that is well."""
    async with service_bus({"auditstream": QueueRules(duplicate_window=0)}) as emulator:
        yield emulator


@pytest.fixture
async def desk(bus: ServiceBusEmulator) -> AsyncIterator[Bench]:
    """A client that tries once."""
    async with bench(bus.connection_string) as made:
        yield made


@pytest.fixture
async def patient(bus: ServiceBusEmulator) -> AsyncIterator[Bench]:
    """A client that tries again, as the SDK does by itself."""
    async with bench(bus.connection_string, retries=3) as made:
        yield made


def _active(bus: ServiceBusEmulator) -> int:
    return census(bus.broker.queues["auditstream"])["active"]


def _message(text: bytes = b"text") -> ServiceBusMessage:
    return ServiceBusMessage(text)


async def test_silence_stores_nothing_until_it_ends(bus: ServiceBusEmulator, desk: Bench) -> None:
    """A silent broker answers no send; what came meanwhile is dealt with afterwards."""
    sender = await desk.sender()
    bus.silence()
    with pytest.raises(OperationTimeoutError):
        await sender.send_messages(_message(), timeout=0.3)
    during = _active(bus)
    bus.speak()
    await sender.send_messages(_message())

    assert (during, _active(bus)) == (0, 2)


async def test_what_a_client_gave_up_on_is_stored_when_the_silence_ends(
    bus: ServiceBusEmulator, desk: Bench
) -> None:
    """The broker reads what had arrived, even of a client that has hung up meanwhile."""
    sender = await desk.sender()
    bus.silence()
    with pytest.raises(OperationTimeoutError):
        await sender.send_messages(_message(), timeout=0.3)
    await sender.close()
    bus.speak()

    assert _active(bus) == 1


async def test_silence_answers_no_attach(bus: ServiceBusEmulator, desk: Bench) -> None:
    """A connection to a silent broker is accepted, and nothing follows."""
    bus.silence()
    opening = asyncio.ensure_future(desk.sender())
    _, pending = await asyncio.wait([opening], timeout=0.5)
    bus.speak()
    sender = await opening
    await sender.send_messages(_message())

    assert pending == {opening}
    assert _active(bus) == 1


async def test_refused_connections_are_let_in_again(bus: ServiceBusEmulator, desk: Bench) -> None:
    """While it refuses, opening fails; open connections stay, and the port is the same later."""
    before = await desk.sender()
    bus.refuse()
    with pytest.raises(ServiceBusConnectionError):
        await desk.sender()
    await before.send_messages(_message())
    await bus.accept()
    after = await desk.sender()
    await after.send_messages(_message())

    assert _active(bus) == 2


async def test_a_cut_is_ridden_out_by_a_client_that_tries_again(
    bus: ServiceBusEmulator, patient: Bench
) -> None:
    """All connections can be cut at any time; the same sender and receiver go on."""
    sender, receiver = await patient.pair()
    await sender.send_messages(_message(b"one"))
    bus.cut_all()
    await sender.send_messages(_message(b"two"))
    bus.cut_all()
    got = await receiver.receive_messages(2, max_wait_time=10)

    assert [body(message) for message in got] == [b"one", b"two"]


async def test_a_cut_after_some_transfers_loses_the_last_one(
    bus: ServiceBusEmulator, desk: Bench
) -> None:
    """The transfer at which the connection is cut is neither stored nor acknowledged."""
    bus.faults.cut_after = 3
    sender = await desk.sender()
    await sender.send_messages(_message())
    await sender.send_messages(_message())
    with pytest.raises(ServiceBusError):
        await sender.send_messages(_message())

    assert _active(bus) == 2


async def test_a_lost_acknowledgement_makes_a_duplicate(
    bus: ServiceBusEmulator, patient: Bench
) -> None:
    """The message is stored before the cut; without duplicate detection the retry is a second."""
    bus.faults.lost_acknowledgements = 1
    sender = await patient.sender()
    await sender.send_messages(_message())

    assert (bus.faults.lost_acknowledgements, _active(bus)) == (0, 2)


async def test_a_lost_settlement_has_happened(bus: ServiceBusEmulator, desk: Bench) -> None:
    """The message is gone although its receiver was never told."""
    sender, receiver = await desk.pair()
    await sender.send_messages(_message())
    (message,) = await receiver.receive_messages(1, max_wait_time=5)
    bus.faults.lost_settlements = 1
    with pytest.raises(ServiceBusError):
        await receiver.complete_message(message)

    assert _active(bus) == 0


async def test_a_slow_settlement_takes_effect_late(bus: ServiceBusEmulator, desk: Bench) -> None:
    """Until its time a slow settlement has changed nothing, and it is acknowledged after that."""
    sender, receiver = await desk.pair()
    await sender.send_messages(_message())
    (message,) = await receiver.receive_messages(1, max_wait_time=5)
    bus.faults.slow_settlement = 0.4
    completing = asyncio.ensure_future(receiver.complete_message(message))
    await asyncio.wait([completing], timeout=0.1)
    during = (completing.done(), _active(bus))
    await completing

    assert (during, _active(bus)) == ((False, 1), 0)


async def test_a_slow_acceptance_takes_effect_late(bus: ServiceBusEmulator, desk: Bench) -> None:
    """Until its time a slow transfer is not stored, and it is acknowledged after that."""
    sender = await desk.sender()
    bus.faults.slow_acceptance = 0.4
    sending = asyncio.ensure_future(sender.send_messages(_message()))
    await asyncio.wait([sending], timeout=0.1)
    during = (sending.done(), _active(bus))
    await sending

    assert (during, _active(bus)) == ((False, 0), 1)


@pytest.mark.parametrize(
    ("condition", "raised"),
    [
        ("amqp:unauthorized-access", ServiceBusAuthorizationError),
        ("amqp:not-found", MessagingEntityNotFoundError),
    ],
)
async def test_an_attach_is_refused_with_a_condition(
    bus: ServiceBusEmulator, desk: Bench, condition: str, raised: type[ServiceBusError]
) -> None:
    """Senders and receivers are refused with the error that was chosen, until it is taken back."""
    bus.faults.refused_attach = condition
    with pytest.raises(raised):
        await desk.sender()
    with pytest.raises(raised):
        await desk.receiver()
    bus.faults.refused_attach = None
    sender = await desk.sender()
    await sender.send_messages(_message())

    assert _active(bus) == 1


async def test_a_right_to_send_is_none_to_receive(bus: ServiceBusEmulator, desk: Bench) -> None:
    """Receivers alone can be refused, as of an identity that may only send."""
    bus.faults.refused_attach = "amqp:unauthorized-access"
    bus.faults.refused_roles = ("receive",)
    sender = await desk.sender()
    await sender.send_messages(_message())
    with pytest.raises(ServiceBusAuthorizationError):
        await desk.receiver()

    assert _active(bus) == 1


async def test_a_refused_token_opens_nothing(bus: ServiceBusEmulator, desk: Bench) -> None:
    """A token that `$cbs` does not take raises the SDK's authentication error."""
    bus.faults.refused_tokens = True
    with pytest.raises(ServiceBusAuthenticationError):
        await desk.sender()


async def test_a_busy_server_takes_nothing(bus: ServiceBusEmulator, desk: Bench) -> None:
    """As many transfers as were said are sent away with `server-busy`, and not stored."""
    sender = await desk.sender()
    bus.faults.busy = 2
    for _ in range(2):
        with pytest.raises(ServiceBusServerBusyError):
            await sender.send_messages(_message())
    await sender.send_messages(_message())

    assert _active(bus) == 1


async def test_a_throttle_sends_away_what_is_above_its_rate(
    bus: ServiceBusEmulator, desk: Bench
) -> None:
    """What is not stored was answered `server-busy`, and a rate of none takes nothing."""
    taken = 0
    sender = await desk.sender()
    bus.faults.rate = 0
    with pytest.raises(ServiceBusServerBusyError):
        await sender.send_messages(_message())
    bus.faults.rate = 2
    for _ in range(8):
        try:
            await sender.send_messages(_message())
            taken += 1
        except ServiceBusServerBusyError:
            continue

    assert 0 < taken == _active(bus)
