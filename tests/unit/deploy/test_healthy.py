"""The containers' health check against the port that it asks."""

from __future__ import annotations

import asyncio
import socket

import pytest
from aiohttp import ClientSession

from audit.value import Json
from cli.control import ControlPort
from cli.healthy import healthy, main
from cli.metrics import Metrics


async def listening(well: bool) -> tuple[ControlPort, int]:
    """A control port that says of itself whether it is well."""

    async def health() -> tuple[bool, dict[str, Json]]:
        return well, {}

    sock = socket.create_server(("127.0.0.1", 0))
    port: int = sock.getsockname()[1]
    control = ControlPort(health, Metrics())
    await control.start(sock)
    return control, port


@pytest.mark.parametrize("well", [True, False])
async def test_a_part_is_as_well_as_it_says(well: bool) -> None:
    """The check passes exactly while the control port says that the part is healthy."""
    control, port = await listening(well)
    try:
        assert await asyncio.to_thread(healthy, port) is well
    finally:
        await control.stop()


async def test_a_probe_waits_for_no_figures() -> None:
    """What is looked at for the numbers alone may be slow: only who asks for them waits for it."""
    looked = 0

    async def look() -> None:
        nonlocal looked
        looked += 1

    async def health() -> tuple[bool, dict[str, Json]]:
        return True, {}

    with socket.create_server(("127.0.0.1", 0)) as sock:
        control = ControlPort(health, Metrics(), look)
        await control.start(sock)
        port = sock.getsockname()[1]
        assert await asyncio.to_thread(healthy, port)
        assert looked == 0
        async with ClientSession() as client, client.get(f"http://127.0.0.1:{port}/metrics") as got:
            assert got.status == 200
        assert looked == 1
        await control.stop()


def test_where_nobody_listens_nobody_is_well() -> None:
    """A port without a listener, one that talks no HTTP and one that is none all fail the check."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    assert main([str(port)]) == 1
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert not healthy(silent.getsockname()[1], seconds=0.1)
    assert main(["control"]) == 2
