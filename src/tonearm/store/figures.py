"""Figures: counts, metrics and workers as readers see them, made of the counters and the signs of life that are kept.

A counter has a name: `status:<status>` and `failure:<code>` count jobs, `retries`, `download_ms`, `timed` and
`duration_ms` are sums over them (`weights` says what a job adds to which).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tonearm.errors import FailureCode
from tonearm.model import Counts, Metrics, Transfer, WorkerRecord, WorkerReport, WorkerTask
from tonearm.store.overlay import fraction

_STATUS = "status:"
_FAILURE = "failure:"


def counts(counters: Mapping[str, int]) -> Counts:
    """Return the jobs by status."""
    return Counts(**{name.removeprefix(_STATUS): value for name, value in counters.items() if name.startswith(_STATUS)})


def metrics(counters: Mapping[str, int]) -> Metrics:
    """Return sums and averages over the jobs that have a record.

    The success rate is that of the jobs that completed or failed; durations are theirs too, from start to end.
    """
    total = counts(counters).total
    completed = counters.get("status:completed", 0)
    decided = completed + counters.get("status:failed", 0)
    timed = counters.get("timed", 0)
    return Metrics(
        avg_success_rate=100 * completed / decided if decided else 0.0,
        avg_retry_count=counters.get("retries", 0) / total if total else 0.0,
        total_download_ms=counters.get("download_ms", 0),
        avg_job_duration_ms=counters.get("duration_ms", 0) / timed if timed else 0.0,
        failure_by_code={
            FailureCode(name.removeprefix(_FAILURE)): value
            for name, value in counters.items()
            if name.startswith(_FAILURE) and value
        },
    )


@dataclass(frozen=True, slots=True)
class Life:
    """The signs of life of one worker, as they are kept: times in store milliseconds."""

    worker: str
    host: str
    started_at: int
    last_heartbeat: int
    max_concurrent: int


def worker(life: Life, said: WorkerReport | None, *, now: int, shift: int, dead_ms: int) -> WorkerRecord:
    """Return a worker at the store time *now*, with what it *said* last if it lives.

    After a silence of *dead_ms* it is dead. *shift* is added to show a time as wall time. All in milliseconds.
    """
    alive = now - life.last_heartbeat < dead_ms
    record = WorkerRecord(
        id=life.worker,
        host=life.host,
        alive=alive,
        started_at=life.started_at + shift,
        last_heartbeat=life.last_heartbeat + shift,
        active_downloads=0,
        max_concurrent=life.max_concurrent,
    )
    if said is None or not alive:
        return record
    return replace(
        record,
        active_downloads=said.active_downloads,
        max_concurrent=said.max_concurrent,
        resting=tuple(replace(host, until_ms=host.until_ms + shift) for host in said.resting if host.until_ms > now),
        holding=said.holding,
        disk_free=said.disk_free,
        disk_min=said.disk_min,
        tasks=tuple(_task(transfer, shift) for transfer in said.transfers),
    )


def _task(transfer: Transfer, shift: int) -> WorkerTask:
    return WorkerTask(
        task_id=transfer.task_id,
        job_id=transfer.job_id,
        kind=transfer.kind,
        since=transfer.since_ms + shift,
        phase=transfer.mark.phase,
        progress=fraction(transfer.mark),
        speed=transfer.speed,
        title=transfer.title,
        album=transfer.album,
        catalog_id=transfer.catalog_id,
        bytes_done=transfer.mark.bytes_done,
    )
