"""Metrics: each series by itself, and none that the catalogue does not name."""

from __future__ import annotations

from pathlib import Path

import pytest

from audit.settings import Settings
from audit.telemetry import METRICS, QUEUE_METRICS, TAP_METRICS, WORKER_METRICS
from cli.metrics import Metrics
from cli.queue_metrics import look_into_queue
from storage.queue.sqlite import SqliteQueue
from tests.contract.samples import a_message


def test_every_label_has_a_count_of_its_own() -> None:
    """Counting one ending often leaves the others, and metrics without labels, as they were."""
    metrics = Metrics()
    for ending in ("complete", "filtered", "complete", "complete"):
        metrics.add("auditstream_exchanges_total", ending=ending)
    metrics.add("auditstream_shipped_total", 5)
    metrics.add("auditstream_shipped_total", 2)
    lines = metrics.text().decode().splitlines()
    assert 'auditstream_exchanges_total{ending="complete"} 3.0' in lines
    assert 'auditstream_exchanges_total{ending="filtered"} 1.0' in lines
    assert "auditstream_shipped_total 7.0" in lines


def test_what_is_not_in_the_catalogue_cannot_be_counted() -> None:
    """A misspelt metric is an error and no new series."""
    with pytest.raises(KeyError):
        Metrics().add("auditstream_shiped_total")


def names(metrics: Metrics) -> set[str]:
    """The names of all series that are shown."""
    lines = metrics.text().decode().splitlines()
    return {each.split()[0] for each in lines if not each.startswith("#")} & set(METRICS)


def test_a_part_shows_its_own_metrics_only() -> None:
    """A worker's count is unknown to the tap, whose port cannot say 0 of it."""
    tap = Metrics(TAP_METRICS)
    with pytest.raises(KeyError):
        tap.add("auditstream_expired_total")
    assert "auditstream_shipped_total" in names(tap)
    assert names(Metrics(WORKER_METRICS)).isdisjoint(TAP_METRICS)


def test_a_state_is_shown_while_it_is_known() -> None:
    """Neither before it was given nor after it was withdrawn; it can be given again."""
    metrics = Metrics()
    assert "auditstream_spool_bytes" not in names(metrics)
    for _ in range(2):
        metrics.state("auditstream_spool_bytes", 5)
        assert b"auditstream_spool_bytes 5.0" in metrics.text()
        for _ in range(2):
            metrics.withdraw("auditstream_spool_bytes")
        assert "auditstream_spool_bytes" not in names(metrics)


async def test_a_tap_says_how_full_a_queue_of_files_is(tmp_path: Path) -> None:
    """The true figures while its file can be read, none while it is away and none of a broker."""
    settings = Settings(data=tmp_path)
    metrics = Metrics(TAP_METRICS | QUEUE_METRICS)
    await look_into_queue(settings, metrics)
    assert names(metrics).isdisjoint(QUEUE_METRICS)
    file = tmp_path / "queue.sqlite"
    queue = await SqliteQueue.open(file)
    await queue.send([a_message(1), a_message(2)])
    await queue.receive(1, wait=0)
    await queue.close()
    await look_into_queue(settings, metrics)
    text = metrics.text()
    assert b"auditstream_queue_waiting 1.0" in text
    assert b"auditstream_queue_leased 1.0" in text
    file.unlink()
    await look_into_queue(settings, metrics)
    assert names(metrics).isdisjoint(QUEUE_METRICS)
    broker = settings.model_copy(
        update={"queue": settings.queue.model_copy(update={"engine": "servicebus"})}
    )
    await look_into_queue(broker, metrics)
    assert names(metrics).isdisjoint(QUEUE_METRICS)
