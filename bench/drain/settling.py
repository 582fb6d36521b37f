"""The worker's settle path beside a bare loop that receives and completes, over the same queue.

Both receive as many at once and complete each; the worker does it with its leases, its gate and its
counting, and with a carrier that finds everything stored already. What is compared is messages a
second, in turns over one queue, so that what else the machine does meets both alike.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from azure.servicebus.aio import ServiceBusClient

from audit.engine_settings import QueueSettings
from audit.ids import ExchangeNumber
from audit.settings import Settings
from audit.telemetry import NoCount
from bench.drain.sites import broker
from cli.engines import outbox_of, receiving_of
from storage.queue.port import Inbox, Message, MessageKind, Outbox
from storage.queue.sqlite import SqliteQueue
from workers.carrier import Carried
from workers.worker import DELIVERIES, Worker, WorkerLimits

__all__ = ["over_broker", "over_file"]

_MESSAGES = 1000
_TURNS = 4
_BODY = bytes(1500)


async def over_file(hands: int) -> float:
    """The ratio over the embedded queue; the bare loop receives as many, and completes them."""
    with tempfile.TemporaryDirectory(prefix="bench-drain-", dir=".") as scratch:
        queue = await SqliteQueue.open(Path(scratch) / "queue.sqlite")
        try:
            return await _compare(queue, queue, _bare(queue, hands), hands)
        finally:
            await queue.close()


async def over_broker(hands: int) -> float:
    """The ratio over the Service Bus broker of the tests; the bare loop is the SDK's own."""
    with tempfile.TemporaryDirectory(prefix="bench-drain-", dir=".") as scratch:
        async with broker(Path(scratch)) as queue:
            settings = Settings(queue=queue, data=Path(scratch) / "data")
            async with outbox_of(settings) as outbox, receiving_of(settings) as receiving:
                return await _compare(outbox, receiving.inbox, _sdk(queue), hands)


def _sdk(queue: QueueSettings) -> Callable[[int], Awaitable[float]]:
    """What the SDK's documentation shows: iterate over a receiver, complete in the loop."""
    assert queue.connection_string is not None  # noqa: S101 - the broker has one
    given = queue.connection_string.get_secret_value()

    async def loop(wanted: int) -> float:
        async with (
            ServiceBusClient.from_connection_string(given) as client,
            client.get_queue_receiver(queue.name) as receiver,
        ):
            begun = time.perf_counter()
            async for message in receiver:
                await receiver.complete_message(message)
                wanted -= 1
                if not wanted:
                    break
            return time.perf_counter() - begun

    return loop


async def _compare(
    outbox: Outbox, inbox: Inbox, bare: Callable[[int], Awaitable[float]], hands: int
) -> float:
    """How many times as fast as `bare`, which receives and completes so many, the worker is."""
    ratios = []
    for turn in range(_TURNS):
        rates = {}
        # Whoever comes first takes turns too.
        for who in ("bare", "worker") if turn % 2 else ("worker", "bare"):
            await _send(outbox, f"{turn}-{who}")
            seconds = await (bare(_MESSAGES) if who == "bare" else _worker(inbox, hands))
            rates[who] = _MESSAGES / seconds
        ratios.append(rates["worker"] / rates["bare"])
    return statistics.median(ratios)


def _bare(inbox: Inbox, hands: int) -> Callable[[int], Awaitable[float]]:
    """A loop without anything of ours but the port."""

    async def loop(wanted: int) -> float:
        begun = time.perf_counter()
        while wanted > 0:
            deliveries = await inbox.receive(hands, 0.5)
            await asyncio.gather(*(inbox.complete(each) for each in deliveries))
            wanted -= len(deliveries)
        return time.perf_counter() - begun

    return loop


class _Stored:
    """A carrier with nothing to do."""

    async def carry(self, message: Message) -> Carried:
        """Say that it is stored already."""
        del message
        return Carried.STORED_BEFORE


class _Count(NoCount):
    def __init__(self, stop: asyncio.Event) -> None:
        self._left = _MESSAGES
        self._stop = stop

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Count down."""
        del amount, labels
        self._left -= metric == DELIVERIES
        if not self._left:
            self._stop.set()


async def _worker(inbox: Inbox, hands: int) -> float:
    """Have a worker settle everything; gives the seconds until it had, its last look left out."""
    stop, begun = asyncio.Event(), time.perf_counter()
    worker = Worker(inbox, _Stored(), WorkerLimits(concurrency=hands), count=_Count(stop))  # type: ignore[arg-type]  # a carrier that carries nothing
    running = asyncio.ensure_future(worker.run(stop))
    await stop.wait()
    seconds = time.perf_counter() - begun
    await running
    return seconds


async def _send(outbox: Outbox, name: str) -> None:
    messages = [
        Message(
            id=f"{name}-{seq}",
            kind=MessageKind.RECORD,
            number=ExchangeNumber(tap="bench", boot=name, seq=seq + 1),
            body=_BODY,
        )
        for seq in range(_MESSAGES)
    ]
    for first in range(0, len(messages), 100):
        await outbox.send(messages[first : first + 100])
