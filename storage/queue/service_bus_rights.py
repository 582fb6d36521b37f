"""Whether this process may send to the queue, and receive from it: links are opened and closed.

The law: no message is sent and none is lent, for a link that asks for nothing is given nothing.
"""

from __future__ import annotations

import ssl

from storage.queue.service_bus_access import ServiceBusAccess, asked, client_of

__all__ = ["may_receive", "may_send"]


async def may_send(access: ServiceBusAccess) -> int:
    """Open a sending link; gives how many bytes a batch may have. Raises `QueueUnavailable`."""
    async with (
        asked(access),
        client_of(access, ssl.create_default_context()) as client,
        client.get_queue_sender(access.queue) as sender,
    ):
        batch = await sender.create_message_batch()
        return int(batch.max_size_in_bytes)


async def may_receive(access: ServiceBusAccess) -> None:
    """Open a receiving link, and look at the first message. Raises `QueueUnavailable`."""
    async with (
        asked(access),
        client_of(access, ssl.create_default_context()) as client,
        client.get_queue_receiver(access.queue) as receiver,
    ):
        await receiver.peek_messages(max_message_count=1)
