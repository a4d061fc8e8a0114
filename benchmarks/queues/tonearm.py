"""tonearm, through the store's protocol alone: what a worker says of a task that takes no time.

A loop claims a batch, commits and settles all of it, and claims again; two loops take turns, so that one waits for
Redis while the other one computes. Records are kept, with their history and events: nothing can be switched off.
"""

from __future__ import annotations

import asyncio
import itertools
import uuid

import uvloop
from benchmarks.queues.child import CHUNK, note_start

from tonearm.clock import SystemClock
from tonearm.model import (
    Claim,
    ClaimRequest,
    Completed,
    JobSpec,
    JobType,
    Publication,
    Quality,
    Submission,
    SubmitLimits,
)
from tonearm.store.base import Store
from tonearm.store.redis import open_redis

LOOPS = 2
AT_ONCE = 50
CLIENTS = 5
LEASE_MS = 60_000
WAIT_MS = 1_000
NOTED = "noted"
NO_LIMITS = SubmitLimits()
PUBLICATION = Publication("Artist/Album/01 Title.flac", 8_000_000, 4711)
DONE = Completed((PUBLICATION.path,), PUBLICATION.size, 900)

_run = asyncio.Runner(loop_factory=uvloop.new_event_loop).run
_numbers = itertools.count(1)


def submission(title: str | None = None) -> Submission:
    """A track that nobody submitted before."""
    number = next(_numbers)
    spec = JobSpec(JobType.TRACK, number, Quality.LOSSLESS, title)
    return Submission(str(uuid.uuid4()), f"client {number % CLIENTS}", spec)


async def submit(store: Store, count: int) -> None:
    """Submit so many tracks of a few clients, as fast as one process can."""
    for begin in range(0, count, CHUNK):
        size = min(CHUNK, count - begin)
        await asyncio.gather(*(store.submit(submission(), NO_LIMITS) for _ in range(size)))


async def left(store: Store) -> int:
    """Jobs that are not final."""
    return (await store.counts()).unfinished


async def work(store: Store) -> None:
    """Claim, commit and settle until cancelled."""
    async with asyncio.TaskGroup() as group:
        for number in range(LOOPS):
            group.create_task(_loop(store, f"worker {number}"))


async def _loop(store: Store, worker: str) -> None:
    seen = 0
    while True:
        await _drain(store, worker)
        seen = await store.changed(seen, WAIT_MS)


async def drain(store: Store) -> None:
    """Bring everything that can be claimed to its end."""
    await asyncio.gather(*(_drain(store, f"worker {number}") for number in range(LOOPS)))


async def _drain(store: Store, worker: str) -> None:
    while claims := (await store.claim(ClaimRequest(worker, AT_ONCE, 0, LEASE_MS))).claims:
        await asyncio.gather(*(_finish(store, claim) for claim in claims))


async def _finish(store: Store, claim: Claim) -> None:
    if claim.spec.track_title == NOTED:
        note_start()
    await store.commit(claim, PUBLICATION)
    await store.settle(claim, DONE)


class Queue:
    """See `benchmarks.queues.child.Queue`."""

    def __init__(self, url: str, *, keep: bool) -> None:  # noqa: ARG002 - it keeps everything
        self._store: Store = _run(open_redis(url, SystemClock()))

    def submit(self, count: int) -> None:
        _run(submit(self._store, count))

    def start(self) -> None:
        _run(self._store.submit(submission(NOTED), NO_LIMITS))

    def left(self) -> int:
        return _run(left(self._store))

    def work(self) -> None:
        _run(work(self._store))
