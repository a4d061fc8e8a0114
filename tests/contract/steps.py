"""The verbs of the contract: short ways to bring a store to where a promise can be seen.

Every step goes through the protocol alone. A step that cannot do what its name says fails the test.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

from tonearm.errors import FailureCode
from tonearm.model import (
    AlbumInfo,
    AlbumTrack,
    Cancelled,
    Claim,
    ClaimRequest,
    Completed,
    Counts,
    Event,
    Failed,
    Failure,
    JobQuery,
    JobRecord,
    JobSpec,
    JobType,
    Mark,
    Metrics,
    Phase,
    Priority,
    Publication,
    Quality,
    Retention,
    Retry,
    State,
    Submission,
    SubmitLimits,
    TaskKind,
    TrackProgress,
)
from tonearm.store.base import PAGE, Store

LEASE_MS = 60_000
NO_LIMITS = SubmitLimits()
PUBLICATION = Publication(path="Artist/Album/01 Title.flac", size=8_000_000, inode=4711)
DONE = Completed(files=("Artist/Album/01 Title.flac",), size=8_000_000, download_ms=900)
NOT_FOUND = Failed(Failure(FailureCode.NOT_FOUND, "Track not found"))
TIMEOUT = Failure(FailureCode.TIMEOUT, "Download timeout (30s)")
KEEP_NOTHING = Retention(completed_ms=0, failed_ms=0, cancelled_ms=0)

_numbers = itertools.count(1)


def new_id() -> str:
    """A job id that no other test uses."""
    return f"job-1763900000000-t{next(_numbers)}"


def track(
    client: str = "ann",
    *,
    catalog_id: int | None = None,
    quality: Quality = Quality.LOSSLESS,
    priority: Priority = Priority.NORMAL,
    start_paused: bool = False,
    check_duplicate: bool = True,
    max_retries: int = 3,
) -> Submission:
    """A track on its way in; without *catalog_id* one that no other submission asks for."""
    job_id = new_id()
    spec = JobSpec(JobType.TRACK, next(_numbers) if catalog_id is None else catalog_id, quality)
    return Submission(
        job_id,
        client,
        spec,
        priority,
        max_retries=max_retries,
        check_duplicate=check_duplicate,
        start_paused=start_paused,
    )


def album(
    client: str = "ann", *, catalog_id: int | None = None, priority: Priority = Priority.NORMAL, max_retries: int = 3
) -> Submission:
    """An album on its way in."""
    spec = JobSpec(JobType.ALBUM, next(_numbers) if catalog_id is None else catalog_id, Quality.LOSSLESS)
    return Submission(new_id(), client, spec, priority, max_retries=max_retries)


async def submit(store: Store, *submissions: Submission) -> list[str]:
    """Submit without limits; the job ids in order."""
    return [(await store.submit(each, NO_LIMITS)).job_id for each in submissions]


async def submit_track(store: Store, client: str = "ann", *, priority: Priority = Priority.NORMAL) -> str:
    """Submit one new track."""
    (job_id,) = await submit(store, track(client, priority=priority))
    return job_id


async def submit_album(store: Store, client: str = "ann", *, priority: Priority = Priority.NORMAL) -> str:
    """Submit one new album."""
    (job_id,) = await submit(store, album(client, priority=priority))
    return job_id


async def claim(store: Store, worker: str = "w1", *, tracks: int = 0, albums: int = 0) -> tuple[Claim, ...]:
    """Claim up to so many tasks."""
    return (await store.claim(ClaimRequest(worker, tracks, albums, LEASE_MS))).claims


async def claim_one(store: Store, worker: str = "w1") -> Claim:
    """Claim the next transfer, which must be there."""
    (one,) = await claim(store, worker, tracks=1)
    assert one.kind is TaskKind.TRACK
    return one


async def claim_album(store: Store, worker: str = "w1") -> Claim:
    """Claim the next album to resolve, which must be there."""
    (one,) = await claim(store, worker, albums=1)
    assert one.kind is TaskKind.RESOLVE
    return one


async def claim_all(store: Store, worker: str = "w1") -> list[Claim]:
    """Claim every transfer that is ready, in the order handed out."""
    claims: list[Claim] = []
    while got := await claim(store, worker, tracks=50):
        claims.extend(got)
    return claims


def info_of(claim: Claim, tracks: int) -> AlbumInfo:
    """What the catalog says of the album of *claim*."""
    return AlbumInfo(claim.spec.catalog_id, "The Album", "The Artist", year=1971, track_count=tracks)


def album_tracks(count: int, first: int = 1) -> list[AlbumTrack]:
    """*count* lines of a track list from position *first*."""
    return [AlbumTrack(10_000 + n, f"Title {n}", track_number=n) for n in range(first, first + count)]


async def expand(store: Store, claim: Claim, count: int) -> None:
    """Enter *count* tracks in pages, the last one as `last`."""
    info = info_of(claim, count)
    for start in range(1, max(count, 1) + 1, PAGE):
        page = album_tracks(min(PAGE, count - start + 1), start)
        await store.expand(claim, info, start, page, last=start + PAGE > count)


async def open_album(
    store: Store, count: int, client: str = "ann", *, worker: str = "w1", priority: Priority = Priority.NORMAL
) -> str:
    """Submit an album and resolve it to *count* tracks; it waits for them."""
    job_id = await submit_album(store, client, priority=priority)
    resolving = await claim_album(store, worker)
    assert resolving.job_id == job_id
    await expand(store, resolving, count)
    return job_id


async def complete(store: Store, claim: Claim, done: Completed = DONE) -> None:
    """Commit and settle as completed, as a worker does around publishing."""
    await store.commit(claim, PUBLICATION)
    await store.settle(claim, done)


async def fail(store: Store, claim: Claim, failure: Failure = NOT_FOUND.failure) -> None:
    """Settle as failed."""
    await store.settle(claim, Failed(failure))


async def delay(store: Store, claim: Claim, delay_ms: int = 5_000) -> None:
    """Settle as to be tried again."""
    await store.settle(claim, Retry(TIMEOUT, delay_ms))


async def state_of(store: Store, job_id: str) -> State:
    """The state of a job."""
    return (await store.job(job_id)).state


async def sweep_all(store: Store) -> int:
    """Sweep until nothing more is to be done; how many leases were freed or crashed."""
    freed = 0
    for _ in range(1_000):
        swept = await store.sweep()
        freed += swept.recovered + swept.crashed
        if not swept.more:
            return freed
    raise AssertionError("the sweep never comes to an end")


async def stall(store: Store, worker: str, marks: dict[str, Mark] | None = None, *, charge: bool = True) -> None:
    """Let *worker* die and come back: everything it held is freed."""
    while await store.recover(worker, marks or {}, charge=charge):
        pass


async def feed_end(store: Store) -> str:
    """Where the feed ends now."""
    return (await store.events(None)).last


async def news(store: Store, after: str) -> list[Event]:
    """The events after *after*, all of them."""
    found: list[Event] = []
    while (feed := await store.events(after)).events:
        assert not feed.resync
        found.extend(feed.events)
        after = feed.last
    return found


async def listed(store: Store, query: JobQuery | None = None) -> list[JobRecord]:
    """All jobs of a query, page by page."""
    query = query or JobQuery()
    found: list[JobRecord] = []
    cursor = query.cursor
    while True:
        page = await store.jobs(replace(query, cursor=cursor))
        found.extend(page.jobs)
        cursor = page.next
        if cursor is None:
            return found


async def listed_tracks(store: Store, job_id: str, limit: int = 100) -> list[TrackProgress]:
    """All tracks of an album, page by page."""
    found: list[TrackProgress] = []
    cursor: str | None = None
    while True:
        page = await store.tracks(job_id, limit=limit, cursor=cursor)
        found.extend(page.tracks)
        cursor = page.next
        if cursor is None:
            return found


@dataclass(frozen=True)
class Seen:
    """Everything that readers can see of a store at one moment."""

    jobs: tuple[JobRecord, ...]
    tracks: tuple[tuple[TrackProgress, ...], ...]
    counts: Counts
    metrics: Metrics
    feed: str


async def look(store: Store) -> Seen:
    """See everything, to compare before and after a call that must change nothing."""
    ids = [job.id for job in await listed(store)]
    jobs = tuple([await store.job(job_id) for job_id in ids])
    tracks = tuple([tuple(await listed_tracks(store, job_id)) for job_id in ids])
    return Seen(jobs, tracks, await store.counts(), await store.metrics(), await feed_end(store))


@dataclass(frozen=True)
class Case:
    """A job in some state, with its claim where it has one."""

    job_id: str
    claim: Claim | None = None

    @property
    def held(self) -> Claim:
        """The claim of an active job."""
        assert self.claim is not None
        return self.claim


async def job_in(store: Store, state: State) -> Case:
    """Submit a job and bring it to *state*: an album of two tracks for waiting, else a track."""
    if state is State.WAITING:
        return Case(await open_album(store, 2))
    job_id = await submit_track(store)
    if state is State.READY:
        return Case(job_id)
    if state is State.PAUSED:
        await store.pause(job_id)
        return Case(job_id)
    held = await claim_one(store)
    assert held.job_id == job_id
    if state is State.DELAYED:
        await delay(store, held)
    elif state is State.COMPLETED:
        await complete(store, held)
    elif state is State.FAILED:
        await fail(store, held)
    elif state is State.CANCELLED:
        await store.cancel(job_id)
        await store.settle(held, Cancelled())
    assert await state_of(store, job_id) is state
    return Case(job_id, held)


def at(phase: Phase, bytes_done: int = 0) -> Mark:
    """A mark."""
    return Mark(phase, bytes_done, 8_000_000)
