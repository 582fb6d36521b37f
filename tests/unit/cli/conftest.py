"""A demo upstream that does not keep anyone waiting."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from cli.demo.pacing import UNPACED
from cli.demo.upstream import DemoUpstream, start_demo_upstream


@pytest.fixture
async def upstream() -> AsyncIterator[DemoUpstream]:
    """Listen on a free port for the length of one test."""
    async with await start_demo_upstream(pace=UNPACED) as running:
        yield running
