"""The route of workers: who works on this queue, on which machine, and at what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from fastapi import FastAPI, Response

from tonearm.api.answers import success, with_warning
from tonearm.api.paths import WORKERS
from tonearm.api.records import WireStruct, share
from tonearm.clock import Clock
from tonearm.model import Phase, TaskKind, WorkerRecord, WorkerTask
from tonearm.store.base import Store


class Doing(StrEnum):
    """What a worker does for a task at the moment."""

    RESOLVING = "resolving"
    STARTING = "starting"
    TRANSFERRING = "transferring"
    VERIFYING = "verifying"
    PUBLISHING = "publishing"


_DOING = {
    Phase.CLAIMED: Doing.STARTING,
    Phase.TRANSFER: Doing.TRANSFERRING,
    Phase.VERIFY: Doing.VERIFYING,
    Phase.PUBLISH: Doing.PUBLISHING,
}


class WireWorkerTask(WireStruct, frozen=True, kw_only=True):
    """A task in a worker's hands since *since*: a track, or an album that is resolved."""

    job_id: str
    doing: Doing
    track_title: str | None = None
    album_title: str | None = None
    progress: float
    speed_bytes_per_second: int | None = None
    since: int


class WireRestingHost(WireStruct, frozen=True, kw_only=True):
    """A host that gets no request of this worker before *until*."""

    host: str
    until: int


class WireWorker(WireStruct, frozen=True, kw_only=True):
    """A worker; *slots* are the transfers that it runs at a time. What a dead one did is not told."""

    id: str
    host: str
    alive: bool
    started_at: int
    last_heartbeat: int
    slots: int
    active_downloads: int
    holding: str | None = None
    resting: tuple[WireRestingHost, ...] = ()
    tasks: tuple[WireWorkerTask, ...]


class WorkerRoutes:
    """`GET /api/download-queue/workers`."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    def add_to(self, app: FastAPI) -> None:
        """Add the route to *app*, before those where the id of a job stands in this place."""
        app.add_api_route(WORKERS, self.workers, methods=["GET", "HEAD"])

    async def workers(self) -> Response:
        """The workers of the last 24 hours, those that live first; while the queue is away, those of this server."""
        found = sorted(await self._store.workers(), key=lambda worker: (not worker.alive, worker.id))
        newest = newest_of(task for worker in found for task in worker.tasks)
        answer = {
            "workers": [_wire_worker(worker, newest) for worker in found],
            "queueSource": self._store.source,
            "timestamp": self._clock.wall_ms(),
        }
        return success(with_warning(answer, self._store.warning))


def newest_of(tasks: Iterable[WorkerTask]) -> Mapping[str, WorkerTask]:
    """Each task in its newest claim: who is frozen or cut off may still name what another one has now."""
    return {task.task_id: task for task in sorted(tasks, key=lambda task: task.since)}


def _wire_worker(worker: WorkerRecord, newest: Mapping[str, WorkerTask]) -> WireWorker:
    return WireWorker(
        id=worker.id,
        host=worker.host,
        alive=worker.alive,
        started_at=worker.started_at,
        last_heartbeat=worker.last_heartbeat,
        slots=worker.max_concurrent,
        active_downloads=worker.active_downloads,
        holding=worker.holding,
        resting=tuple(WireRestingHost(host=host.host, until=host.until_ms) for host in worker.resting),
        tasks=tuple(_wire_task(task) for task in worker.tasks if newest[task.task_id] is task),
    )


def _wire_task(task: WorkerTask) -> WireWorkerTask:
    doing = Doing.RESOLVING if task.kind is TaskKind.RESOLVE else _DOING[task.phase]
    return WireWorkerTask(
        job_id=task.job_id,
        doing=doing,
        track_title=task.title,
        album_title=task.album,
        progress=share(task.progress),
        speed_bytes_per_second=round(task.speed) if doing is Doing.TRANSFERRING else None,
        since=task.since,
    )
