"""Metrics: each series by itself, and none that the catalogue does not name."""

from __future__ import annotations

import pytest

from cli.metrics import Metrics


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
