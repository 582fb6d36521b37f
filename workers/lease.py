"""Work under a lease: it is renewed while the work lasts, and the work ends when it is lost."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress

from audit.errors import TransientError
from storage.queue.port import Delivery, Inbox

__all__ = ["first_of", "under_lease"]

Sleep = Callable[[float], Awaitable[None]]

# A renewal that failed is tried again this soon: half of what is left would come too late.
_RETRY = 0.5


async def under_lease(
    work: Coroutine[object, object, None],
    delivery: Delivery,
    inbox: Inbox,
    *,
    clock: Callable[[], float],
    sleep: Sleep = asyncio.sleep,
) -> bool:
    """Do the work; false when the lease lapsed first and the work was given up.

    Given up means cancelled: another receiver has the message, and what both do twice is
    idempotent. Raises what the work raises.
    """
    task = asyncio.ensure_future(work)
    keeper = asyncio.ensure_future(_keep(delivery, inbox, clock, sleep))
    try:
        await asyncio.wait({task, keeper}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            return False
        task.result()
        return True
    finally:
        task.cancel()
        keeper.cancel()
        await asyncio.gather(task, keeper, return_exceptions=True)


async def first_of(*waits: Coroutine[object, object, object]) -> None:
    """Return when the first of them does; the others are cancelled."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _keep(delivery: Delivery, inbox: Inbox, clock: Callable[[], float], sleep: Sleep) -> None:
    """Renew at half of what is left; return when the lease has lapsed."""
    until: float | None = delivery.locked_until
    pause = (delivery.locked_until - clock()) / 2
    while until is not None and clock() < until:
        await sleep(max(pause, 0.0))
        pause = min(_RETRY, max(until - clock(), 0.0))
        with suppress(TransientError):
            until = await inbox.renew(delivery)
            pause = (until - clock()) / 2 if until is not None else 0.0
