"""The broker, and the queue's ports on it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from storage.queue.service_bus import ServiceBus, open_service_bus
from tests.contract.service_bus.kit import LOCK, access_to
from tests.emulators.service_bus import QueueRules, ServiceBusEmulator, service_bus


@pytest.fixture
def rules() -> QueueRules:
    """How the queue is set up; a test may have it otherwise."""
    return QueueRules(lock_duration=LOCK)


@pytest.fixture
async def emulator(rules: QueueRules) -> AsyncIterator[ServiceBusEmulator]:
    """The broker."""
    async with service_bus({"auditstream": rules}) as running:
        yield running


@pytest.fixture
async def bus(emulator: ServiceBusEmulator) -> AsyncIterator[ServiceBus]:
    """The queue's ports on the broker."""
    opened = await open_service_bus(access_to(emulator))
    yield opened
    emulator.speak()
    await opened.close()
