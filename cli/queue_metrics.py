"""How full the queue is, as metrics of a part that can see it.

The law: a figure is true or is not shown. A queue that does not answer has no figures, and neither
has one that a part may not look into: on Service Bus a tap can only send.
"""

from __future__ import annotations

from audit.errors import TransientError
from audit.settings import Settings
from audit.telemetry import QUEUE_METRICS
from cli.engines import queue_view_of
from cli.metrics import Metrics
from storage.queue.port import QueueCensus

__all__ = ["look_into_queue", "state_census", "withdraw_census"]


def state_census(metrics: Metrics, census: QueueCensus) -> None:
    """Give the present figures."""
    metrics.state("auditstream_queue_waiting", census.waiting)
    metrics.state("auditstream_queue_leased", census.leased)
    metrics.state("auditstream_queue_dead", census.dead)
    metrics.state("auditstream_queue_oldest_seconds", census.oldest_age or 0.0)


def withdraw_census(metrics: Metrics) -> None:
    """Show no figures until there are new ones."""
    for metric in QUEUE_METRICS:
        metrics.withdraw(metric)


async def look_into_queue(settings: Settings, metrics: Metrics) -> None:
    """Bring the figures up to date where the queue is a file of the data folder.

    The file is opened for each look, as it may be one that its parts have to repair. It is the only
    place where a default installation is asked: there no worker has a control port.
    """
    if settings.queue.engine != "sqlite":
        return
    try:
        async with queue_view_of(settings) as queue:
            state_census(metrics, await queue.census())
    except TransientError:
        withdraw_census(metrics)
