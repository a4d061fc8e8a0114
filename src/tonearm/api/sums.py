"""Sums: the counts of the queue and the state of its workers as members of an answer.

Which workers live is the store's word (QUEUE_WORKER_DEAD_MS).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from tonearm.api.bodies import Object
from tonearm.clock import Clock
from tonearm.model import Counts, Metrics, WorkerRecord
from tonearm.store.base import Store


async def read_figures(store: Store, clock: Clock, workers: Sequence[WorkerRecord]) -> Object:
    """The members of `/stats` with these *workers*, whether one of them lives or not.

    Raises:
        StoreUnavailable: the store does not answer.
    """
    counts, metrics = await asyncio.gather(store.counts(), store.metrics())
    alive = [worker for worker in workers if worker.alive]
    figures: Object = {
        "queue": wire_counts(counts),
        "worker": {
            "running": bool(alive),
            "activeDownloads": sum(worker.active_downloads for worker in alive),
            "maxConcurrent": sum(worker.max_concurrent for worker in alive),
            "lastHeartbeat": max((worker.last_heartbeat for worker in workers), default=None),
            **waits(alive),
        },
        "metrics": wire_metrics(counts, metrics),
        "queueSource": store.source,
        "timestamp": clock.wall_ms(),
    }
    if store.warning is not None:
        figures["warning"] = store.warning
    return figures


def wire_counts(counts: Counts) -> Object:
    """The `queue` object: jobs by status, and all of them."""
    return {**asdict(counts), "total": counts.total}


def waits(alive: Iterable[WorkerRecord]) -> Object:
    """What holds the living workers up: hosts that rest, each until its latest end, and why nothing is claimed."""
    until: dict[str, int] = {}
    reasons: dict[str, None] = {}
    for worker in alive:
        for host in worker.resting:
            until[host.host] = max(until.get(host.host, 0), host.until_ms)
        if worker.holding is not None:
            reasons[worker.holding] = None
    found: Object = {}
    if until:
        found["resting"] = [{"host": host, "until": end} for host, end in sorted(until.items())]
    if reasons:
        found["holding"] = "; ".join(reasons)
    return found


def wire_metrics(counts: Counts, metrics: Metrics) -> Object:
    """The `metrics` object; times in milliseconds, rates 0-100."""
    return {
        "total_jobs": counts.total,
        **asdict(counts),
        "avg_success_rate": metrics.avg_success_rate,
        "avg_retry_count": metrics.avg_retry_count,
        "total_download_time_ms": metrics.total_download_ms,
        "avg_job_duration_ms": metrics.avg_job_duration_ms,
        "failure_by_code": metrics.failure_by_code,
    }
