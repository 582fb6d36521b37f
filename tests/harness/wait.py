"""Waiting for a condition: by looking again each turn of the event loop, never by the clock."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["until"]


async def until(condition: Callable[[], object], what: str) -> None:
    """Give the loop its turns until `condition` holds; a bound keeps a broken test finite."""
    try:
        async with asyncio.timeout(30):
            while not condition():  # noqa: ASYNC110 - any condition, not only our own events
                await asyncio.sleep(0)
    except TimeoutError:
        raise AssertionError(f"never happened: {what}") from None
