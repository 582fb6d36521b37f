"""Waiting until everything that a running tree has taken has come to rest in the store."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from aiohttp import ClientError

from cli.engines import queue_view_of
from tests.harness.engines import settings_here
from tests.harness.outputs import get
from tests.harness.tree import Tree

__all__ = ["queued", "settled", "tap_health"]

_SECONDS = 60.0
_LOOK = 0.05


async def settled(tree: Tree) -> None:
    """Wait until spool and queue are empty. Raises `TimeoutError`."""
    async with asyncio.timeout(_SECONDS):
        while await _busy(tree):  # noqa: ASYNC110 - other processes empty them
            # They need the cores for what is being waited for.
            await asyncio.sleep(_LOOK)


async def queued(tree: Tree) -> int:
    """How many messages wait or are held."""
    async with queue_view_of(settings_here(tree.data)) as queue:
        census = await queue.census()
    return census.waiting + census.leased


async def tap_health(tree: Tree) -> dict[str, Any]:
    """What the tap says of itself; empty where it does not answer."""
    try:
        _, said = await get((await tree.state())["control"], "/healthz")
    except (OSError, ClientError, TimeoutError):
        return {}
    health: dict[str, Any] = json.loads(said)
    return health


async def _busy(tree: Tree) -> bool:
    health = await tap_health(tree)
    if not health.get("healthy") or health["spool"] is None:
        return True
    spool = health["spool"]
    return bool(spool["open"] or spool["waiting"] or await queued(tree))
