"""What readers ask: one job, lists, tracks, counts, metrics, workers. Nothing here changes anything."""

from __future__ import annotations

from dataclasses import replace

from tonearm.errors import FailureCode, NotFound
from tonearm.model import (
    Counts,
    FilePage,
    JobPage,
    JobQuery,
    JobRecord,
    Metrics,
    TrackPage,
    WorkerRecord,
    WorkerReport,
)
from tonearm.store.base import LONG_LIST, PAGE, SHORT_LIST
from tonearm.store.overlay import Overlay
from tonearm.store.records import file_page, record, track_page
from tonearm.store.sqlite import listing, tombstones
from tonearm.store.sqlite.actions import find, known
from tonearm.store.sqlite.unit import Unit
from tonearm.store.sqlite.upkeep import WORKER_AGE_MS

_FAILURE = "failure:"


def job(unit: Unit, overlay: Overlay, job_id: str) -> JobRecord:
    """Return one job whole (`Store.job`)."""
    task = known(unit, job_id)
    if task is not None:
        return record(unit, overlay, task, LONG_LIST, whole=True)
    gone = tombstones.read(unit, job_id)
    if gone is None:
        raise NotFound(job_id)
    return gone


def jobs(unit: Unit, overlay: Overlay, query: JobQuery) -> JobPage:
    """Return one page of jobs (`Store.jobs`)."""
    tasks, following = listing.page(unit, query)
    return JobPage(tuple(record(unit, overlay, task, SHORT_LIST) for task in tasks), following)


def tracks(unit: Unit, overlay: Overlay, job_id: str, limit: int, cursor: str | None) -> TrackPage:
    """Return one page of an album's tracks (`Store.tracks`)."""
    return track_page(unit, overlay, find(unit, job_id), cursor, limit)


def files(unit: Unit, job_id: str, cursor: str | None) -> FilePage:
    """Return one page of what a job has published (`Store.files`)."""
    return file_page(unit, find(unit, job_id), cursor)


def _counters(unit: Unit) -> dict[str, int]:
    return dict(unit.all("SELECT name, value FROM counter"))


def counts(unit: Unit) -> Counts:
    """Return the jobs by status (`Store.counts`)."""
    prefix = "status:"
    known = _counters(unit)
    return Counts(**{name.removeprefix(prefix): value for name, value in known.items() if name.startswith(prefix)})


def oldest(unit: Unit) -> int | None:
    """Return when the oldest unfinished job was submitted (`Store.oldest`)."""
    row = unit.one("SELECT created_at FROM task WHERE parent IS NULL AND finished_at IS NULL ORDER BY seq LIMIT 1")
    return None if row is None else int(row[0]) + unit.shift


def metrics(unit: Unit) -> Metrics:
    """Return sums and averages over the jobs that have a record (`Store.metrics`).

    The success rate is that of the jobs that completed or failed; durations are theirs too, from start to end.
    """
    known = _counters(unit)
    total = counts(unit).total
    completed = known.get("status:completed", 0)
    decided = completed + known.get("status:failed", 0)
    timed = known.get("timed", 0)
    return Metrics(
        avg_success_rate=100 * completed / decided if decided else 0.0,
        avg_retry_count=known.get("retries", 0) / total if total else 0.0,
        total_download_ms=known.get("download_ms", 0),
        avg_job_duration_ms=known.get("duration_ms", 0) / timed if timed else 0.0,
        failure_by_code={
            FailureCode(name.removeprefix(_FAILURE)): value
            for name, value in known.items()
            if name.startswith(_FAILURE) and value
        },
    )


def workers(unit: Unit, overlay: Overlay, dead_ms: int) -> tuple[WorkerRecord, ...]:
    """Return the workers of the last 24 h (`Store.workers`); after a silence of *dead_ms* one is dead."""
    rows = unit.all(
        "SELECT id, host, started_at, last_heartbeat, max_concurrent FROM worker WHERE last_heartbeat > ? "
        "ORDER BY last_heartbeat DESC LIMIT ?",
        *(unit.now - WORKER_AGE_MS, PAGE),
    )
    found = []
    for name, host, started_at, last_heartbeat, max_concurrent in rows:
        alive = unit.now - last_heartbeat < dead_ms
        record = WorkerRecord(
            id=name,
            host=host,
            alive=alive,
            started_at=started_at + unit.shift,
            last_heartbeat=last_heartbeat + unit.shift,
            active_downloads=0,
            max_concurrent=max_concurrent,
        )
        said = overlay.worker(name) if alive else None
        found.append(record if said is None else _with_report(unit, record, said))
    return tuple(sorted(found, key=lambda worker: worker.id))


def _with_report(unit: Unit, worker: WorkerRecord, said: WorkerReport) -> WorkerRecord:
    return replace(
        worker,
        active_downloads=said.active_downloads,
        max_concurrent=said.max_concurrent,
        resting=tuple(
            replace(host, until_ms=host.until_ms + unit.shift) for host in said.resting if host.until_ms > unit.now
        ),
        holding=said.holding,
        disk_free=said.disk_free,
        disk_min=said.disk_min,
    )
