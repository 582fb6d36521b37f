"""Giving a message back without it counting as an attempt.

The law: it goes back in any case; that it does not count is more than Service Bus offers by name.
Its `abandon` counts. AMQP has another word for it, `released`, "not acted upon": the delivery count
stays (AMQP 1.0 part 3 §3.4.4), and Service Bus keeps to that
(https://github.com/Azure/amqpnetlite/issues/342). The SDK says it of messages that nobody asked
for, and has no public way to it. It has to be said over the link that brought the message; where
that is gone, the message is abandoned, and counts.
"""

from __future__ import annotations

from azure.servicebus import ServiceBusReceivedMessage
from azure.servicebus._pyamqp.error import AMQPException
from azure.servicebus.aio import ServiceBusReceiver

__all__ = ["release"]

# What is raised over a link that is not this message's, has broken, or refuses the outcome.
_NOT_HERE = (AMQPException, AttributeError, ValueError, OSError)


async def release(
    receiver: ServiceBusReceiver, message: ServiceBusReceivedMessage, seconds: float
) -> None:
    """Release it, or else abandon it; raises what abandoning raises.

    `seconds` bound the wait for the broker's answer.
    """
    handler = receiver._handler  # noqa: SLF001 - see the module's law
    try:
        await handler.settle_messages_async(
            message._delivery_id,  # noqa: SLF001 - see the module's law
            message._delivery_tag,  # noqa: SLF001 - see the module's law
            "released",
            await_outcome=True,
            outcome_timeout=seconds,
        )
    except _NOT_HERE:
        await receiver.abandon_message(message)
    else:
        message._settled = True  # noqa: SLF001 - else it can be settled twice
