"""The house in which workers and operators meet, once for each kind of queue and store."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.workers.house import House, in_memory, on_disk


@pytest.fixture(params=["sqlite", "memory"])
async def house(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[House]:
    """Each kind in turn."""
    if request.param == "memory":
        yield in_memory()
        return
    house = await on_disk(tmp_path)
    yield house
    await house.close()
