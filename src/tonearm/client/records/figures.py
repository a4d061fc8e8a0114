"""Figures: the queue as a whole, its workers, how it is steered, and how healthy it is."""

from __future__ import annotations

from typing import Any

import msgspec

from tonearm.client.records.jobs import Job
from tonearm.client.records.wire import Wire


class QueueCounts(Wire, frozen=True, kw_only=True):
    """Jobs by status."""

    queued: int
    processing: int
    paused: int
    completed: int
    failed: int
    cancelled: int
    total: int


class Control(Wire, frozen=True, kw_only=True):
    """How the queue is steered: what holds, for each of *workers* worker processes; *overrides* are not the settings'.

    *bandwidth_limit*: bytes per second, 0 for none.
    """

    paused: bool
    bandwidth_limit: int
    max_concurrent: int
    overrides: tuple[str, ...] = ()
    workers: int = 0
    warning: str | None = None


class RestingHost(Wire, frozen=True, kw_only=True):
    """A host that gets no request before *until*."""

    host: str
    until: int


class WorkerFigures(Wire, frozen=True, kw_only=True):
    """The workers together: whether one lives, slots in use, their limit, and what holds them up."""

    running: bool
    active_downloads: int
    max_concurrent: int
    last_heartbeat: int | None = None
    resting: tuple[RestingHost, ...] | None = None
    holding: str | None = None


class WorkerTask(Wire, frozen=True, kw_only=True):
    """What a worker does for a job: resolving, starting, transferring, verifying or publishing, claimed at *since*."""

    job_id: str
    doing: str
    progress: float
    since: int
    track_title: str | None = None
    album_title: str | None = None
    speed_bytes_per_second: int | float | None = None


class Worker(Wire, frozen=True, kw_only=True):
    """A worker of the queue; *slots* are the transfers that it runs at a time."""

    id: str
    host: str
    alive: bool
    started_at: int
    last_heartbeat: int
    slots: int
    active_downloads: int = 0
    holding: str | None = None
    resting: tuple[RestingHost, ...] | None = None
    tasks: tuple[WorkerTask, ...] = ()


class Workers(Wire, frozen=True, kw_only=True):
    """The workers of the last 24 hours, those that live first; *timestamp*: when that was so, by the server's clock.

    While the queue is away, those that the server knows by itself.
    """

    workers: tuple[Worker, ...]
    timestamp: int
    queue_source: str = ""
    warning: str | None = None

    @property
    def away(self) -> bool:
        """Whether the server stood in for its queue, and whoever works on that was not known."""
        return self.queue_source in {"local", "memory"} and self.warning is not None


class Stats(Wire, frozen=True, kw_only=True):
    """The figures of the queue. *success* is False, with an *error*, while no worker lives."""

    success: bool
    queue: QueueCounts
    worker: WorkerFigures
    queue_source: str
    timestamp: int
    metrics: dict[str, Any] = msgspec.field(default_factory=dict)
    warning: str | None = None
    error: str | None = None


class Dashboard(Stats, frozen=True, kw_only=True):
    """The figures of the queue and its first 200 jobs; *generated_at* is a moment in the form of ISO 8601."""

    jobs: tuple[Job, ...]
    generated_at: str


class Metrics(Wire, frozen=True, kw_only=True):
    """Jobs by status, and the *metrics* by their names on the wire."""

    queue: QueueCounts
    metrics: dict[str, Any]


class HealthWorker(Wire, frozen=True, kw_only=True):
    """The workers together; *error_rate*: failed jobs among the finished ones, 0 to 1."""

    running: bool
    last_heartbeat: int | None = None
    uptime_seconds: int | float = 0
    jobs_processed: int = 0
    error_rate: float = 0.0


class HealthQueue(Wire, frozen=True, kw_only=True):
    """How long the queue is: ok, warn or critical, *size* unfinished jobs."""

    level: str
    size: int
    oldest_age_seconds: int | float = 0


class HealthFailures(Wire, frozen=True, kw_only=True):
    """Jobs that failed, in all and by their failure code."""

    count: int
    by_code: dict[str, int] = msgspec.field(default_factory=dict)


class HealthStore(Wire, frozen=True, kw_only=True):
    """Where the queue lies, and how fast it answered."""

    kind: str
    reachable: bool
    latency_ms: float | None = None


class HealthDisk(Wire, frozen=True, kw_only=True):
    """Room for music, and how much has to stay free."""

    free_bytes: int | None = None
    min_bytes: int | None = None


class Health(Wire, frozen=True, kw_only=True):
    """How the queue is: ok, degraded or down. Of one whose store is away only *store* is known."""

    status: str
    store: HealthStore
    worker: HealthWorker | None = None
    queue: HealthQueue | None = None
    failures: HealthFailures | None = None
    disk: HealthDisk | None = None
    warning: str | None = None
    error: str | None = None
