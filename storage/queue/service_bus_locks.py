"""Until when a lock lasts, by our own clock.

The law: the broker says it by its clock, and we can only wait by ours. Where a lock that was just
given would be over by ours, or would last longer than `lease`, the two differ, and the lock is
taken to last `lease` seconds from now. Else a worker whose clock runs ahead would take each message
for lost, use up its attempts, and have the whole queue set aside; and one whose clock runs behind
would renew too late. To believe in a lock for too long costs work and nothing else: whether it
was lost the broker says when the message is settled or the lock renewed.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from azure.servicebus import ServiceBusReceivedMessage

__all__ = ["believe", "lock_end"]

# A lock lasts five seconds at least; with less than this left, nobody could renew it in time.
# https://learn.microsoft.com/azure/service-bus-messaging/message-transfers-locks-settlement
_LEAST = 0.25


def lock_end(said: float | None, now: float, lease: float) -> float:
    """When a lock that was given or renewed just now lapses: seconds since the epoch, by our clock.

    `said` is the broker's word, None where it gave none; `lease` the seconds of a lock by the
    settings.
    """
    if said is not None and _LEAST < said - now <= lease:
        return said
    return now + lease


def believe(message: ServiceBusReceivedMessage, seconds: float) -> None:
    """Have the SDK, too, believe that a message is locked for so long from now.

    It refuses to settle one whose lock is over by this machine's clock, without asking the broker
    (`_settle_message_with_retry` in `azure/servicebus/aio/_servicebus_receiver_async.py`, as of
    7.15).
    """
    message._expiry = datetime.now(UTC) + timedelta(seconds=seconds)  # noqa: SLF001 - see above
