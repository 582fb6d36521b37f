"""Cutting a connection from our side, whatever state it is in."""

from __future__ import annotations

import asyncio
from contextlib import suppress

__all__ = ["cut"]


def cut(transport: asyncio.WriteTransport | None) -> None:
    """Abort the connection; one that has ended already is left as it is."""
    if transport is None:
        return
    # asyncio's transport forgets its loop once it was closed and flushed, and trips over that.
    with suppress(AttributeError):
        transport.abort()
