"""The broker as a process: what was acknowledged survives `kill -9`, and it obeys commands."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.servicebus import ServiceBusMessage
from azure.servicebus.exceptions import MessageLockLostError, ServiceBusError

from tests.emulators.service_bus import QueueRules
from tests.emulators.service_bus.running import BrokerProcess, service_bus_process
from tests.unit.emulators.service_bus_kit import bench, body

# The SDK leaves sockets of broken connections to the garbage collector, which then complains.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[BrokerProcess]:
    """A broker of its own process with a journal."""
    async with service_bus_process(tmp_path, {"auditstream": QueueRules()}) as process:
        yield process


async def _restart(broker: BrokerProcess) -> None:
    await broker.kill()
    await broker.start()


async def test_what_was_acknowledged_survives_a_kill(broker: BrokerProcess) -> None:
    """Waiting, completed, counted, dead-lettered and seen: all is as it was before the kill."""
    async with bench(broker.connection_string, retries=3) as desk:
        sender, receiver = await desk.pair()
        await sender.send_messages(
            [ServiceBusMessage(b"%d" % number, message_id=f"m{number}") for number in range(5)]
        )
        done, back, bad = await receiver.receive_messages(3, max_wait_time=5)
        await receiver.complete_message(done)
        await receiver.abandon_message(back)
        await receiver.dead_letter_message(bad, reason="why")
        await _restart(broker)
        await sender.send_messages(ServiceBusMessage(b"again", message_id="m0"))
        dead = await desk.receiver(dead=True)
        waiting = await receiver.receive_messages(5, max_wait_time=5)
        (set_aside,) = await dead.receive_messages(5, max_wait_time=5)

    assert [(body(message), message.delivery_count) for message in waiting] == [
        (b"1", 1), (b"3", 0), (b"4", 0),
    ]  # fmt: skip
    assert (body(set_aside), set_aside.dead_letter_reason) == (b"2", "why")


async def test_a_lock_does_not_survive_a_kill(broker: BrokerProcess) -> None:
    """After a start the message is another's to take, and the old token settles nothing."""
    async with bench(broker.connection_string, retries=3) as desk:
        sender, receiver = await desk.pair()
        await sender.send_messages(ServiceBusMessage(b"held"))
        (before,) = await receiver.receive_messages(1, max_wait_time=5)
        await _restart(broker)
        (after,) = await receiver.receive_messages(1, max_wait_time=5)
        with pytest.raises(MessageLockLostError):
            await receiver.complete_message(before)
        await receiver.complete_message(after)
        counts = await broker.command("census")

    assert body(after) == b"held"
    assert counts["auditstream"]["active"] == 0


async def test_a_kill_amid_sends_loses_nothing_that_was_acknowledged(
    broker: BrokerProcess,
) -> None:
    """Each send that returned before the kill is in the queue after it."""
    returned = []

    async def send_on() -> None:
        async with bench(broker.connection_string) as desk:
            sender = await desk.sender()
            for number in range(1_000_000):
                await sender.send_messages(ServiceBusMessage(b"%d" % number))
                returned.append(b"%d" % number)
                if number == 100:
                    enough.set()

    enough = asyncio.Event()
    sending = asyncio.ensure_future(send_on())
    await enough.wait()
    await broker.kill()
    with pytest.raises(ServiceBusError):
        await sending
    await broker.start()
    async with bench(broker.connection_string) as desk:
        receiver = await desk.receiver()
        found = set[bytes]()
        while page := await receiver.peek_messages(250):
            found |= {body(message) for message in page}

    assert set(returned) <= found
    assert len(found) <= len(returned) + 1


async def test_faults_are_set_by_commands(broker: BrokerProcess) -> None:
    """Fields of `Faults`, the clock and new queues can be had over standard input."""
    await broker.command("set busy 1")
    await broker.command('create other {"lock_duration": 5}')
    async with bench(broker.connection_string) as desk:
        sender = await desk.sender("other")
        with pytest.raises(ServiceBusError):
            await sender.send_messages(ServiceBusMessage(b"refused"))
        await sender.send_messages(ServiceBusMessage(b"taken", message_id="a"))
        receiver = await desk.receiver("other")
        await receiver.receive_messages(1, max_wait_time=5)
        locked = await broker.command("census")
        await broker.command("advance 6")
        free = await broker.command("census")

    assert (locked["other"]["active"], locked["other"]["locked"]) == (1, 1)
    assert free["other"]["locked"] == 0
    for nonsense in ("set nothing 1", "set busy", "dance", ""):
        with pytest.raises(RuntimeError):
            await broker.command(nonsense)
