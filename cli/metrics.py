"""Metrics in Prometheus' text format, from the names of `audit.telemetry.METRICS`.

The law: a metric that the catalogue does not name cannot be counted, and no label holds content. A
part shows its own metrics and no other's, and a state from when it is first given until it is
withdrawn: a 0 that nobody has stated would read as "all is well".
"""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from audit.telemetry import METRICS

__all__ = ["Metrics"]

_LABELS: dict[str, tuple[str, ...]] = {
    "auditstream_exchanges_total": ("ending",),
    "auditstream_unrecorded_total": ("policy",),
    "auditstream_deliveries_total": ("outcome",),
    "auditstream_canaries_total": ("result",),
    "auditstream_language_requests_total": ("outcome",),
    "auditstream_store_request_units_total": ("operation",),
}


class Metrics:
    """Counts and states of one process: those of the catalogue, or the part of it that is given."""

    def __init__(self, catalogue: Mapping[str, str] = METRICS) -> None:
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._stated: set[str] = set()
        # Finding a counter by its labels takes longer than counting.
        self._series: dict[tuple[str, ...], Counter] = {}
        for name, sentence in catalogue.items():
            if name.endswith("_total"):
                labels = _LABELS.get(name, ())
                self._counters[name] = Counter(name, sentence, labels, registry=self._registry)
            else:
                self._gauges[name] = Gauge(name, sentence, registry=None)

    def add(self, metric: str, amount: float = 1, **labels: str) -> None:
        """Count up."""
        series = (metric, *labels.values())
        counter = self._series.get(series)
        if counter is None:
            family = self._counters[metric]
            counter = self._series[series] = family.labels(**labels) if labels else family
        counter.inc(amount)

    def state(self, metric: str, value: float) -> None:
        """Give the present value."""
        gauge = self._gauges[metric]
        gauge.set(value)
        if metric not in self._stated:
            self._stated.add(metric)
            self._registry.register(gauge)

    def withdraw(self, metric: str) -> None:
        """Show no value any more: the last one is not known to be true."""
        if metric in self._stated:
            self._stated.remove(metric)
            self._registry.unregister(self._gauges[metric])

    def text(self) -> bytes:
        """Everything, as a scrape reads it."""
        return generate_latest(self._registry)
