"""What a worker says of itself to whoever may restart it."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from audit.errors import QueueUnavailable
from cli.metrics import Metrics
from cli.run_worker import _health
from storage.queue.memory import MemoryQueue
from storage.queue.port import QueueCensus


@dataclass
class Pool:
    """So many processes that redact."""

    running: int


class Away(MemoryQueue):
    """A queue that does not answer."""

    async def census(self) -> QueueCensus:
        """Fail."""
        raise QueueUnavailable


@pytest.mark.parametrize(
    ("away", "running", "healthy", "code"),
    [
        (False, 2, True, None),
        (True, 2, True, "queue.unavailable"),
        (False, 0, False, "redaction.unavailable"),
        (True, 0, False, "redaction.unavailable"),
    ],
)
async def test_a_queue_that_is_away_is_said_and_ends_no_worker(
    away: bool, running: int, healthy: bool, code: str | None
) -> None:
    """The reason stands in the answer; only where nothing redacts would another worker help."""
    queue = (Away if away else MemoryQueue)(lease=60.0, clock=lambda: 0.0)
    metrics = Metrics()
    metrics.state("auditstream_queue_dead", 9)
    said = await _health(queue, Pool(running), metrics)()
    assert said[0] is healthy
    assert said[1].get("code") == code
    if running:
        # What is not known any more is not shown: an alarm must not rest on it.
        assert (b"auditstream_queue_dead 0.0" in metrics.text()) is not away
        assert (b"auditstream_queue_dead" in metrics.text()) is not away
