"""Claims: what a worker is handed with a task."""

from __future__ import annotations

from tonearm.model import AlbumInfo, Claim, Publication, StageRef, TaskKind
from tonearm.store.task import Task, decode, spec_of


def claim_of(
    task: Task,
    *,
    token: str,
    epoch: int,
    worker: str,
    previous: StageRef | None,
    album: AlbumInfo | None,
    reserved: str | None,
) -> Claim:
    """Return the claim of a task: of the claim itself what is named here, and all else as the task has it.

    *previous*: the stage of the claim before, *album*: that of a track, *reserved*: the library name it has already.

    Raises:
        Unreadable: what an earlier claim committed cannot be decoded.
    """
    return Claim(
        task_id=task.id,
        job_id=task.job_id,
        kind=TaskKind.RESOLVE if task.is_album else TaskKind.TRACK,
        token=token,
        epoch=epoch,
        worker=worker,
        client=task.client,
        spec=spec_of(task),
        retry_count=task.attempt - 1,
        max_retries=task.max_retries,
        corrupt_count=task.corrupt_count,
        suspect=task.suspect,
        album=album,
        position=task.position,
        previous=previous,
        reserved=reserved,
        publication=None if task.publication is None else decode(task, task.publication, Publication),
    )
