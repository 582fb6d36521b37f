"""What the SDK leaves open: sockets, closed for good, and credit, taken back.

The law: whenever the SDK closes a connection, its socket is gone after. By itself it leaves the
socket open in two cases, as of azure-servicebus 7.15, and an outage makes each of them many times:
where closing fails, it calls the connection ended before it disconnects
(`_pyamqp/aio/_connection_async.py`, `close`); where no session had begun, it forgets the connection
(`_pyamqp/aio/_client_async.py`, `close_async`).

Closing waits for the SDK's keep-alive, which sleeps for a second at a time; here it is stopped.

And when a receive ends with fewer messages than it asked for, the broker may still send the
others: they would lie in the socket, locked, until the link is used again.

There is no public way to either, so this is the one place that goes the private one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

from azure.servicebus._pyamqp.aio import AMQPClientAsync, ReceiveClientAsync, SendClientAsync
from azure.servicebus._pyamqp.error import AMQPException
from azure.servicebus.aio import ServiceBusClient, ServiceBusReceiver, ServiceBusSender
from azure.servicebus.aio._transport._pyamqp_transport_async import PyamqpTransportAsync

__all__ = ["closing_sockets", "sever", "socket_of", "take_credit_back"]

C = TypeVar("C", bound=AMQPClientAsync)


def closing_sockets(client: ServiceBusClient) -> ServiceBusClient:
    """Have everything that this client opens close its sockets."""
    client._amqp_transport = _Transport  # noqa: SLF001 - see the module's law
    return client


async def take_credit_back(receiver: ServiceBusReceiver) -> None:
    """Tell the broker to send nothing more. What is on its way comes with the next receive.

    Raises nothing: a connection that broke has no credit left.
    """
    link = getattr(receiver._handler, "_link", None)  # noqa: SLF001 - see the module's law
    if link is not None:
        with suppress(AMQPException, OSError, ValueError):
            await link.flow(link_credit=0)


def socket_of(handle: ServiceBusSender | ServiceBusReceiver) -> object:
    """Whatever leads to the socket of a sender or receiver now, to be given to `sever`."""
    return getattr(getattr(handle, "_handler", None), "_connection", None)


def sever(connection: object) -> None:
    """Drop the socket without a word; nothing where there is none any more."""
    writer = getattr(getattr(connection, "_transport", None), "writer", None)
    if isinstance(writer, asyncio.StreamWriter):
        writer.close()
        writer.transport.abort()


class _Transport(PyamqpTransportAsync):
    """The SDK's own transport, whose clients close their sockets."""

    @staticmethod
    def create_send_client_async(config: Any, **kwargs: Any) -> SendClientAsync:
        return _severing(PyamqpTransportAsync.create_send_client_async(config, **kwargs))

    @staticmethod
    def create_receive_client_async(receiver: Any, **kwargs: Any) -> ReceiveClientAsync:
        return _severing(PyamqpTransportAsync.create_receive_client_async(receiver, **kwargs))


def _severing(client: C) -> C:
    orderly: Callable[[], Awaitable[None]] = client.close_async

    async def close_async() -> None:
        connection = client._connection  # noqa: SLF001 - see the module's law
        try:
            await _stop_keep_alive(client)
            await orderly()
        finally:
            sever(connection)

    client.close_async = close_async  # type: ignore[method-assign] # of this one object
    return client


async def _stop_keep_alive(client: AMQPClientAsync) -> None:
    task: asyncio.Task[None] | None = client._keep_alive_thread  # noqa: SLF001 - see the law
    client._keep_alive_thread = None  # noqa: SLF001 - see the module's law
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
