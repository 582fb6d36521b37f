"""Metrics in Prometheus' text format, from the names of `audit.telemetry.METRICS`.

The law: a metric that the catalogue does not name cannot be counted, and no label holds content.
"""

from __future__ import annotations

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
    """Counts and states of one process."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        # Finding a counter by its labels takes longer than counting.
        self._series: dict[tuple[str, ...], Counter] = {}
        for name, sentence in METRICS.items():
            if name.endswith("_total"):
                labels = _LABELS.get(name, ())
                self._counters[name] = Counter(name, sentence, labels, registry=self._registry)
            else:
                self._gauges[name] = Gauge(name, sentence, registry=self._registry)

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
        self._gauges[metric].set(value)

    def text(self) -> bytes:
        """Everything, as a scrape reads it."""
        return generate_latest(self._registry)
