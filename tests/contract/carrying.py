"""Carrying: how tests take whole jobs from one store into another, and what they compare afterwards."""

from __future__ import annotations

from dataclasses import replace

from tests.contract.steps import claim, complete, delay, fail, listed, open_album, sweep_all
from tests.support.clock import MINUTE
from tonearm.model import JobDump, JobOrder, JobQuery, JobRecord, TakenIn
from tonearm.store import dumps
from tonearm.store.base import Store


async def pages(store: Store, job_id: str) -> list[JobDump]:
    """A job's dump, all its pages, each as it is read back from its bytes."""
    found: list[JobDump] = []
    start: int | None = 1
    while start is not None:
        found.append(dumps.decode(dumps.encode(await store.dump(job_id, start=start))))
        start = found[-1].following
    return found


async def carry(store: Store, other: Store, job_id: str) -> TakenIn:
    """Take a job in elsewhere, page by page; the answer to the last page."""
    answers = [await other.take_in(page) for page in await pages(store, job_id)]
    assert set(answers[:-1]) <= {TakenIn.MORE}
    await sweep_all(other)
    return answers[-1]


async def carry_all(store: Store, other: Store) -> None:
    """Take all jobs in elsewhere, in the order of their submission."""
    for job in await listed(store, JobQuery(order=JobOrder.CREATED)):
        assert await carry(store, other, job.id) is TakenIn.TAKEN


def without_story(job: JobRecord) -> JobRecord:
    """A record without what is told of the move itself."""
    return replace(job, updated_at=0, history=tuple(line for line in job.history if line.event != "moved"))


async def half_an_album(store: Store, count: int = 4) -> str:
    """An album with a track in every state that one has."""
    job_id = await open_album(store, count)
    done, failed, delayed = await claim(store, tracks=3)
    await store.reserve(done, "One", "one")
    await complete(store, done)
    await fail(store, failed)
    await delay(store, delayed, MINUTE)
    return job_id
