"""Agreement: the engine is read whole and compared with the oracle. A queue left to itself comes to its end, and so
does one whose jobs were taken into another store.
"""

from __future__ import annotations

from collections.abc import Sequence

from tests.contract.steps import KEEP_NOTHING, claim, complete, expand, listed, listed_tracks, sweep_all
from tests.model.oracle import Oracle
from tests.model.tasks import Job, Task
from tests.support.clock import DAY, HOUR, FakeClock
from tonearm.errors import NotFound
from tonearm.model import (
    Claim,
    ControlChange,
    Counts,
    JobOrder,
    JobQuery,
    JobRecord,
    JobType,
    Metrics,
    State,
    Status,
    TakenIn,
)
from tonearm.store import dumps
from tonearm.store.base import Store
from tonearm.store.sqlite import open_sqlite

SHOWN = {
    State.READY: "pending",
    State.DELAYED: "pending",
    State.ACTIVE: "downloading",
    State.COMPLETED: "completed",
    State.FAILED: "failed",
}
"""What the list of tracks says of a state; of a cancelled one it may say what it likes."""


async def compare(store: Store, oracle: Oracle, claims: Sequence[Claim], workers: Sequence[str]) -> None:
    """Every record, count, flag and discard is as the oracle says, and the engine's own audit finds nothing."""
    found = await store.audit()
    assert found == (), found
    records = await listed(store, JobQuery(limit=1_000))
    assert {record.id for record in records} == set(oracle.jobs)
    assert len(records) == len(oracle.jobs)
    for record in records:
        job = oracle.jobs[record.id]
        _compare_job(record, job, oracle.now)
        if job.resolved and not job.untidy and job.state is not State.CANCELLED:
            shown = [track.status for track in await listed_tracks(store, job.id)]
            assert shown == [SHOWN[track.state] for track in job.tracks[: job.count]]
    counts = await store.counts()
    assert {status: getattr(counts, status) for status in Status} == oracle.counts()
    await _compare_tombstones(store, oracle)
    await _compare_flags(store, oracle, claims, workers)
    await _compare_living(store, oracle)


def _compare_job(record: JobRecord, job: Job, now: int) -> None:
    same = record.state is job.state
    promoted = record.state is State.READY and job.state is State.DELAYED and (job.due or 0) <= now
    assert same or promoted, f"{job.id} is {record.state}, and should be {job.state}"
    assert (record.client, record.priority, record.spec.catalog_id) == (job.client, job.priority, job.catalog_id)
    assert (record.cancel_requested, record.pause_requested) == (job.cancel, job.pause)
    assert record.outcome is job.outcome
    assert (record.completed_at is not None) == job.state.final
    if not job.resolved:
        assert record.retry_count == job.retry_count
        return
    arrived = [track for track in job.tracks if track.state is State.COMPLETED]
    assert (record.track_count, record.completed_tracks) == (job.count, len(arrived))
    assert record.file_count == len(arrived)
    if not job.untidy:
        assert record.failed_count == sum(track.state is State.FAILED for track in job.tracks)
        assert record.retry_count == job.retry_count + sum(track.retry_count for track in job.tracks)


async def _compare_tombstones(store: Store, oracle: Oracle) -> None:
    """What was deleted reads as cancelled for as long as was said, and then no more."""
    for job_id in oracle.gone[-5:]:
        try:
            found = (await store.job(job_id)).state is State.CANCELLED
        except NotFound:
            found = False
        assert found == (oracle.now < oracle.tombstones[job_id])


async def _compare_flags(store: Store, oracle: Oracle, claims: Sequence[Claim], workers: Sequence[str]) -> None:
    holders = {task.claim.token: task for task in oracle.tasks() if task.claim is not None}
    deleted = {token: ending.claim.task_id for token, ending in oracle.endings.items() if not ending.over}
    for worker in workers:
        tokens = [each.token for each in claims if each.worker == worker and each.token in holders.keys() | deleted]
        cancel = {deleted[token] for token in tokens if token in deleted}
        pause: set[str] = set()
        for token in tokens:
            if token in deleted:
                continue
            task = holders[token]
            wants_cancel, wants_pause = oracle.wanted(task)
            if task.publication is None and (wants_cancel or wants_pause):
                (cancel if wants_cancel else pause).add(task.id)
        flags = await store.poll(worker, tokens)
        assert flags.cancel == cancel
        assert flags.pause == pause
        assert not flags.lost
        assert flags.control == oracle.control
        _compare_discards(set(flags.discard), worker, oracle)


def _compare_discards(told: set[tuple[str, int]], worker: str, oracle: Oracle) -> None:
    """Stages of jobs that are gone, or whose albums are being tidied, may come a little later."""
    known = {task.id: task for task in oracle.tasks()}
    mine = {(task_id, epoch) for whose, task_id, epoch in oracle.discards if whose == worker or not oracle.alive(whose)}
    for task_id, epoch in mine:
        task = known.get(task_id)
        if task is not None and not _uncertain(task):
            assert (task_id, epoch) in told, f"the stage {task_id}.{epoch} of {worker} is not discarded"
    for task_id, epoch in told:
        task = known.get(task_id)
        if task is not None and not _uncertain(task):
            assert (task_id, epoch) in mine, f"the stage {task_id}.{epoch} is still wanted"


def _uncertain(task: Task) -> bool:
    job = task.album or task
    return isinstance(job, Job) and (job.untidy or job.murky)


async def _compare_living(store: Store, oracle: Oracle) -> None:
    known = {task.id: task for task in oracle.tasks() if not task.id.startswith("?")}
    living = {
        task.id: task.epoch
        for task in known.values()
        if not task.state.final and (task.album is None or task.album.state is not State.CANCELLED)
    }
    found = await store.living([*known, "unknown"])
    uncertain = {task.id for task in known.values() if task.album is not None and task.album.state.final}
    assert {k: v for k, v in found.items() if k not in uncertain} == {
        k: v for k, v in living.items() if k not in uncertain
    }


async def moves(store: Store, clock: FakeClock) -> None:
    """Take every job into an empty store of the other kind: it is there as it was, and comes to its end there too."""
    other = await open_sqlite(None, clock)
    for job in await listed(store, JobQuery(order=JobOrder.CREATED)):
        start: int | None = 1
        while start is not None:
            page = dumps.decode(dumps.encode(await store.dump(job.id, start=start)))
            assert await other.take_in(page) is (TakenIn.TAKEN if page.following is None else TakenIn.MORE)
            start = page.following
        await sweep_all(other)
        moved = await other.job(job.id)
        assert moved.state in _entered(job), f"{job.id} was {job.state} and is {moved.state} now"
        assert (moved.completed_tracks, moved.file_count) == (job.completed_tracks, job.file_count)
        assert (moved.client, moved.priority, moved.outcome) == (job.client, job.priority, job.outcome)
        assert (moved.error, moved.failure_code, moved.files) == (job.error, job.failure_code, job.files)
    assert (await other.counts()).total == (await store.counts()).total
    assert await other.audit() == ()
    await drain(other, clock)
    await other.close()


def _entered(job: JobRecord) -> set[State]:
    """What may become of a job that is moved: its claim does not move."""
    if job.state is not State.ACTIVE:
        return {job.state}
    if job.cancel_requested:
        return {State.CANCELLED}
    return {State.PAUSED if job.pause_requested else State.READY}


async def drain(store: Store, clock: FakeClock) -> None:
    """Resume what is paused and do what comes: every job ends, and once all is deleted nothing is left.

    This is the promise that an unfinished job has a deadline or waits on something that the sweep checks.
    """
    await store.steer(ControlChange(paused=False))
    for _ in range(60):
        clock.advance(HOUR)
        await sweep_all(store)
        unfinished = [job for job in await listed(store) if not job.state.final]
        if not unfinished:
            break
        for job in unfinished:
            if job.state is State.PAUSED:
                await store.resume(job.id)
        for one in await claim(store, "drain", tracks=50, albums=50):
            if one.kind.value == JobType.TRACK:
                await complete(store, one)
            else:
                await expand(store, one, 1)
    left = [job for job in await listed(store) if not job.state.final]
    assert not left, f"{[(job.id, job.state.value) for job in left]} never come to an end"
    await _empty(store, clock)


async def _empty(store: Store, clock: FakeClock) -> None:
    clock.advance(1)
    while (await store.prune(KEEP_NOTHING)).more:
        pass
    clock.advance(3 * DAY)
    await sweep_all(store)
    assert await store.counts() == Counts()
    assert await store.metrics() == Metrics()
    assert await listed(store) == []
    found = await store.audit()
    assert found == (), found
