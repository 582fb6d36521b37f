"""Emulators that many contract tests share: one process for the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.emulators.cosmos import CosmosEmulator, running_cosmos


@pytest.fixture(scope="session")
def cosmos() -> Iterator[CosmosEmulator]:
    """Cosmos DB, in which each test makes a database of its own."""
    with running_cosmos() as emulator:
        yield emulator
