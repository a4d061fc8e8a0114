"""Exposition: the figures of a worker process in the text form that Prometheus reads.

The names are stable; docs/reference/http.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from tonearm.worker import Ending, Pulse

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Figures(Collector):
    """The figures of one moment. Without a pulse the worker has not come to life, for want of its store."""

    def __init__(self, pulse: Pulse | None) -> None:
        self._pulse = pulse

    def collect(self) -> Iterator[Metric]:
        pulse = self._pulse
        reachable = pulse is not None and pulse.store_reachable
        yield GaugeMetricFamily("tonearm_store_reachable", "Whether the queue answers (1) or not (0).", int(reachable))
        if pulse is None:
            return
        ready = int(pulse.trouble is None)
        yield GaugeMetricFamily("tonearm_worker_ready", "Whether the worker takes on tasks (1) or not (0).", ready)
        yield GaugeMetricFamily("tonearm_active_downloads", "Transfers that run.", pulse.active_downloads)
        yield GaugeMetricFamily("tonearm_max_concurrent", "Transfers that may run at a time.", pulse.max_concurrent)
        tasks = CounterMetricFamily("tonearm_tasks", "Claims that ended, by how.", labels=["outcome"])
        for ending in Ending:
            tasks.add_metric([ending], pulse.ended.get(ending, 0))
        yield tasks
        yield CounterMetricFamily("tonearm_loop_restarts", "How often a loop fell over and began anew.", pulse.restarts)
        if pulse.claimed is not None:
            at, took = "tonearm_last_claim_timestamp_seconds", "tonearm_last_claim_duration_seconds"
            when_s = pulse.claimed.wall_ms / 1_000
            yield GaugeMetricFamily(at, "When the queue last answered a claim, also with nothing.", when_s)
            yield GaugeMetricFamily(took, "How long that claim took.", pulse.claimed.took_s)


def exposition(pulse: Pulse | None) -> bytes:
    """The metrics of this moment, to be sent as `CONTENT_TYPE`."""
    registry = CollectorRegistry()
    registry.register(_Figures(pulse))
    return generate_latest(registry)
