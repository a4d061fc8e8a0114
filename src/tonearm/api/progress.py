"""Progress: how far running jobs are, and the tracks of albums among them, as a stream tells it.

An album is told after its tracks and without `trackId`, so that who takes no notice of that field ends with the album's
own figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from tonearm.api import records
from tonearm.api.bodies import Object
from tonearm.api.workers import newest_of
from tonearm.model import JobQuery, JobRecord, JobType, Status, TaskKind, WorkerRecord, WorkerTask
from tonearm.store.base import PAGE, Store


async def read_progress(store: Store) -> dict[str, Object]:
    """What a stream tells of the first `PAGE` running jobs, and of at most as many tracks of albums, by task id."""
    page = await store.jobs(JobQuery(status=Status.PROCESSING, limit=PAGE))
    albums = {job.id for job in page.jobs if job.spec.type is JobType.ALBUM}
    tracks = _tracks(await store.workers(), albums) if albums else ()
    told = {task.task_id: _of_track(task) for task in islice(tracks, PAGE)}
    return told | {job.id: _of_job(job) for job in page.jobs}


def _tracks(workers: Iterable[WorkerRecord], albums: set[str]) -> Iterator[WorkerTask]:
    newest = newest_of(task for worker in workers for task in worker.tasks)
    for task in newest.values():
        if task.kind is TaskKind.TRACK and task.job_id in albums and task.catalog_id is not None:
            yield task


def _of_track(task: WorkerTask) -> Object:
    return {**_figures(task.job_id, task.progress, task.bytes_done, task.speed), "trackId": task.catalog_id}


def _of_job(job: JobRecord) -> Object:
    figures = _figures(job.id, job.progress, job.bytes_downloaded, job.speed)
    return figures | ({"trackId": job.spec.catalog_id} if job.spec.type is JobType.TRACK else {})


def _figures(job_id: str, progress: float, bytes_done: int, speed: float | None) -> Object:
    return {
        "id": job_id,
        "progress": records.share(progress),
        "bytesDownloaded": bytes_done,
        "speedBytesPerSecond": round(speed or 0),
    }
