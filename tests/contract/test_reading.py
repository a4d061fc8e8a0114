"""Reading: lists in their orders, cursors that hold while the queue changes, counts and sums without scanning."""

from __future__ import annotations

import pytest

from tests.contract.steps import (
    DONE,
    PUBLICATION,
    TIMEOUT,
    claim,
    claim_all,
    claim_one,
    complete,
    delay,
    fail,
    job_in,
    listed,
    listed_tracks,
    new_id,
    open_album,
    submit,
    submit_album,
    submit_track,
    track,
)
from tests.support.clock import SECOND, FakeClock
from tonearm.errors import FailureCode, Invalid, NotFound, RefusalCode
from tonearm.model import (
    AlbumOutcome,
    Claim,
    Completed,
    Counts,
    Failure,
    JobOrder,
    JobQuery,
    JobSpec,
    JobType,
    Mark,
    Metrics,
    Phase,
    Priority,
    Publication,
    Quality,
    Retry,
    State,
    Status,
    Submission,
)
from tonearm.store.base import LONG_LIST, PAGE, SHORT_LIST, Store


async def ids_of(store: Store, query: JobQuery) -> list[str]:
    """The ids that a query lists, over all pages."""
    return [job.id for job in await listed(store, query)]


async def queue_of_all_kinds(store: Store, clock: FakeClock) -> list[str]:
    """One job of each kind, returned as the order `queue` lists them."""
    finished = []
    for state in (State.COMPLETED, State.FAILED, State.CANCELLED):
        finished.append((await job_in(store, state)).job_id)
        clock.advance(SECOND)
    running = []
    for state in (State.WAITING, State.ACTIVE):
        running.append((await job_in(store, state)).job_id)
        clock.advance(SECOND)
    paused = [await submit_track(store, "zoe") for _ in range(2)]
    for job_id in reversed(paused):
        await store.pause(job_id)
        clock.advance(SECOND)
    queued = []
    for priority in (Priority.HIGH, Priority.NORMAL, Priority.LOW):
        for _ in range(2):
            queued.append(await submit_track(store, "zoe", priority=priority))
            clock.advance(SECOND)
    return [*running, *queued, *paused, *reversed(finished)]


@pytest.mark.parametrize("limit", [1, 2, 5, 200])
async def test_the_queue_order_is_what_people_expect_to_see(store: Store, clock: FakeClock, limit: int) -> None:
    """Processing by start, queued by priority and age, paused by age, finished latest first; pages join seamlessly."""
    expected = await queue_of_all_kinds(store, clock)

    assert await ids_of(store, JobQuery(limit=limit)) == expected


@pytest.mark.parametrize("limit", [1, 3, 200])
async def test_the_orders_by_creation_are_each_others_reverse(store: Store, clock: FakeClock, limit: int) -> None:
    """Oldest first and latest first, whatever the state."""
    everything = await queue_of_all_kinds(store, clock)
    created = {job.id: job.created_at for job in await listed(store)}
    up = await ids_of(store, JobQuery(order=JobOrder.CREATED, limit=limit))
    down = await ids_of(store, JobQuery(order=JobOrder.CREATED_DESC, limit=limit))

    assert sorted(up) == sorted(everything)
    assert up == list(reversed(down))
    assert [created[job_id] for job_id in up] == sorted(created.values())


@pytest.mark.parametrize("limit", [1, 200])
async def test_the_orders_by_completion_list_the_finished_by_their_end(
    store: Store, clock: FakeClock, limit: int
) -> None:
    """Of the finished jobs, the earliest end first, or the latest."""
    everything = await queue_of_all_kinds(store, clock)
    latest_first = everything[-3:]

    down = await ids_of(store, JobQuery(order=JobOrder.COMPLETED_DESC, limit=limit))
    up = await ids_of(store, JobQuery(order=JobOrder.COMPLETED, limit=limit))
    assert [job_id for job_id in down if job_id in latest_first] == latest_first
    assert [job_id for job_id in up if job_id in latest_first] == list(reversed(latest_first))


@pytest.mark.parametrize("order", list(JobOrder), ids=str)
async def test_equal_times_are_no_reason_to_miss_or_repeat(store: Store, order: JobOrder) -> None:
    """Thirty jobs of one millisecond, seven a page: each appears once."""
    ids = await submit(store, *[track() for _ in range(30)])
    for one in await claim(store, tracks=12):
        await complete(store, one)
    query = JobQuery(order=order, limit=7, status=Status.COMPLETED if "completed" in order else None)

    got = await ids_of(store, query)
    assert sorted(got) == sorted(ids[:12] if query.status else ids)


@pytest.mark.parametrize("status", list(Status), ids=str)
async def test_a_list_can_be_of_one_status(store: Store, clock: FakeClock, status: Status) -> None:
    """And then holds exactly the jobs that the counts count."""
    await queue_of_all_kinds(store, clock)
    jobs = await listed(store, JobQuery(status=status, limit=1))

    assert {job.state.status for job in jobs} == {status}
    assert len(jobs) == getattr(await store.counts(), status)


@pytest.mark.parametrize("order", list(JobOrder), ids=str)
async def test_a_list_can_be_of_what_is_whole_or_of_what_misses_tracks(store: Store, order: JobOrder) -> None:
    """Both are completed, and a track is whole; what is anything else has no outcome."""
    partial = await open_album(store, 2)
    brought, missing = await claim_all(store)
    await complete(store, brought)
    await fail(store, missing)
    whole = (await job_in(store, State.COMPLETED)).job_id
    await job_in(store, State.FAILED)

    assert await ids_of(store, JobQuery(outcome=AlbumOutcome.PARTIAL, order=order, limit=1)) == [partial]
    assert await ids_of(store, JobQuery(outcome=AlbumOutcome.OK, order=order, limit=1)) == [whole]
    assert await ids_of(store, JobQuery(outcome=AlbumOutcome.OK, status=Status.COMPLETED, order=order)) == [whole]
    assert await ids_of(store, JobQuery(outcome=AlbumOutcome.OK, status=Status.FAILED, order=order)) == []


async def test_a_list_can_be_of_one_client_or_type(store: Store) -> None:
    """Filters narrow, together too."""
    anns, bobs = await submit_track(store, "ann"), await submit_track(store, "bob")
    album_id = await submit_album(store, "bob")

    assert await ids_of(store, JobQuery(client="ann")) == [anns]
    assert await ids_of(store, JobQuery(type=JobType.ALBUM)) == [album_id]
    assert await ids_of(store, JobQuery(client="bob", type=JobType.TRACK)) == [bobs]
    assert await ids_of(store, JobQuery(client="nobody")) == []


async def test_a_list_can_be_searched_without_regard_to_case(store: Store) -> None:
    """In titles, artist and id; signs that mean something to a database are only signs."""
    names: dict[str, str] = {}
    for number, title in enumerate(("Blue Ärger", "100% Pure", "under_score")):
        spec = JobSpec(JobType.TRACK, 50 + number, Quality.LOW, title, "Some Album", "Björk")
        names[title] = (await submit(store, Submission(new_id(), "ann", spec)))[0]

    assert await ids_of(store, JobQuery(text="blue")) == [names["Blue Ärger"]]
    assert await ids_of(store, JobQuery(text="ärger")) == [names["Blue Ärger"]]
    assert await ids_of(store, JobQuery(text="0% p")) == [names["100% Pure"]]
    assert await ids_of(store, JobQuery(text="r_s")) == [names["under_score"]]
    assert await ids_of(store, JobQuery(text="%")) == [names["100% Pure"]]
    assert len(await ids_of(store, JobQuery(text="some ALBUM", limit=1))) == 3
    assert len(await ids_of(store, JobQuery(text="björk"))) == 3
    wanted = names["under_score"]
    assert await ids_of(store, JobQuery(text=wanted.upper())) == [wanted]
    assert await ids_of(store, JobQuery(text="'; --")) == []


@pytest.mark.parametrize("order", list(JobOrder), ids=str)
@pytest.mark.parametrize("cursor", ["", "x", "0", "AAAA", "e30", "[1,2]", "null", "\udcff", "é" * 40, "9" * 400])
async def test_a_cursor_that_was_not_given_is_refused(store: Store, order: JobOrder, cursor: str) -> None:
    """INVALID_CURSOR, never a wrong page."""
    await submit(store, track(), track())

    with pytest.raises(Invalid) as refused:
        await store.jobs(JobQuery(order=order, cursor=cursor))
    assert refused.value.code is RefusalCode.INVALID_CURSOR


async def test_a_cursor_of_another_order_is_refused(store: Store) -> None:
    """A place in one order is no place in another."""
    await submit(store, *[track() for _ in range(4)])
    cursor = (await store.jobs(JobQuery(limit=1))).next
    assert cursor is not None

    with pytest.raises(Invalid) as refused:
        await store.jobs(JobQuery(order=JobOrder.CREATED_DESC, limit=1, cursor=cursor))
    assert refused.value.code is RefusalCode.INVALID_CURSOR


@pytest.mark.parametrize("order", list(JobOrder), ids=str)
async def test_jobs_that_do_not_change_are_listed_once_while_others_do(
    store: Store, clock: FakeClock, order: JobOrder
) -> None:
    """Between two pages others arrive, start, finish and go."""
    paused = await submit(store, *[track("zoe") for _ in range(3)])
    for job_id in paused:
        await store.pause(job_id)
    done = await submit(store, *[track("ann") for _ in range(4)])
    for one in await claim(store, tracks=4):
        await complete(store, one)
        clock.advance(1)
    moving = await submit(store, *[track("mov") for _ in range(12)])

    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = await store.jobs(JobQuery(order=order, limit=2, cursor=cursor))
        seen.extend(job.id for job in page.jobs)
        cursor = page.next
        if cursor is None:
            break
        clock.advance(SECOND)
        await submit_track(store, "new")
        if moving:
            await store.delete(moving.pop())
        for one in await claim(store, tracks=1):
            await complete(store, one)

    still = done if "completed" in order else [*paused, *done]
    assert sorted(job_id for job_id in seen if job_id in still) == sorted(still)


async def test_lists_are_short_and_the_answer_to_one_id_is_long(store: Store) -> None:
    """Twenty files and failed tracks in lists, a thousand by id; counts are always whole."""
    job_id = await open_album(store, 60)
    while held := await claim(store, tracks=30):
        for one in held:
            if one.position is not None and one.position % 2:
                await fail(store, one)
            else:
                await complete(store, one, Completed((f"{one.position:02}.flac",), 10))

    (short,) = (await store.jobs(JobQuery())).jobs
    assert await store.job(job_id, whole=False) == short
    whole = await store.job(job_id)
    assert (len(short.files), len(short.failed_tracks)) == (SHORT_LIST, SHORT_LIST)
    assert (short.history, short.track_progress) == ((), ())
    assert (len(whole.files), len(whole.failed_tracks), len(whole.track_progress)) == (30, 30, 60)
    for record in (short, whole):
        assert (record.file_count, record.failed_count, record.track_count) == (30, 30, 60)
    assert LONG_LIST == 1_000


@pytest.mark.parametrize("limit", [1, 3, 10])
async def test_the_tracks_of_an_album_are_listed_in_its_order(store: Store, limit: int) -> None:
    """Page by page, in whatever order they were worked on."""
    job_id = await open_album(store, 10)
    held = await claim(store, tracks=6)
    await complete(store, held[5])
    await delay(store, held[2])

    assert [one.track_id for one in await listed_tracks(store, job_id, limit)] == list(range(10_001, 10_011))


async def test_what_has_no_tracks_lists_none(store: Store) -> None:
    """A track job and an album not yet resolved: an empty page; an unknown job: not found."""
    for job_id in (await submit_track(store), await submit_album(store)):
        page = await store.tracks(job_id, limit=10)
        assert (page.tracks, page.next) == ((), None)
    with pytest.raises(NotFound):
        await store.tracks(new_id(), limit=10)
    with pytest.raises(NotFound):
        await store.job(new_id())


async def test_a_bad_track_cursor_is_refused(store: Store) -> None:
    """INVALID_CURSOR here too."""
    job_id = await open_album(store, 3)

    for cursor in ("", "x", "-1;", "é"):
        with pytest.raises(Invalid) as refused:
            await store.tracks(job_id, limit=1, cursor=cursor)
        assert refused.value.code is RefusalCode.INVALID_CURSOR


async def listed_files(store: Store, job_id: str) -> list[Publication]:
    """All that a job has published, page by page."""
    found: list[Publication] = []
    cursor: str | None = None
    while True:
        page = await store.files(job_id, cursor=cursor)
        assert len(page.files) <= PAGE
        found.extend(page.files)
        cursor = page.next
        if cursor is None:
            return found


async def publish_as(store: Store, held: Claim, path: str) -> Publication:
    """Complete a claim with a publication of its own."""
    publication = Publication(path, 10, held.position or 0)
    await store.commit(held, publication)
    await store.settle(held, Completed((path,), 10))
    return publication


@pytest.mark.parametrize("count", [3, PAGE, PAGE + 1, 2 * PAGE])
async def test_what_an_album_published_is_listed_in_its_order(store: Store, count: int) -> None:
    """Every file exactly once, in pages, whatever the order of arrival; what failed or only committed is none."""
    job_id = await open_album(store, count + 2)
    held = [one for _ in range(-(-(count + 2) // 50)) for one in await claim(store, tracks=50)]
    failing, committing, *others = held
    await fail(store, failing)
    await store.commit(committing, PUBLICATION)
    published = [await publish_as(store, one, f"{one.position}.flac") for one in reversed(others)]

    assert await listed_files(store, job_id) == list(reversed(published))


async def test_what_a_track_published_is_one_file(store: Store) -> None:
    """Once it is completed, and not before; an album that is not resolved has none; an unknown job is not found."""
    job_id = await submit_track(store)
    held = await claim_one(store)
    assert await listed_files(store, job_id) == []
    published = await publish_as(store, held, "A/B/1.flac")
    assert await listed_files(store, job_id) == [published]
    assert await listed_files(store, await submit_album(store)) == []
    with pytest.raises(NotFound):
        await store.files(new_id())
    with pytest.raises(Invalid):
        await store.files(job_id, cursor="x")


async def test_counts_are_of_jobs_by_status(store: Store, clock: FakeClock) -> None:
    """Ready and delayed are queued, active and waiting are processing."""
    await queue_of_all_kinds(store, clock)
    for one in await claim(store, tracks=4):
        await delay(store, one, 60 * SECOND)

    counts = await store.counts()
    assert counts == Counts(queued=6, processing=2, paused=2, completed=1, failed=1, cancelled=1)
    assert (counts.total, counts.unfinished) == (13, 10)


async def test_metrics_are_sums_over_the_records(store: Store, clock: FakeClock) -> None:
    """Success rate, retries, times and failures by code; deleted jobs leave them."""
    ids = await submit(store, *[track() for _ in range(4)])
    one, two, three, four = await claim(store, tracks=4)
    await store.settle(one, Retry(TIMEOUT, 0))
    one = await claim_one(store)
    clock.advance(4 * SECOND)
    for held in (one, two, three):
        await complete(store, held, Completed(DONE.files, 10, 1_000))
    await fail(store, four, Failure(FailureCode.AUTH, "Key refused"))

    metrics = await store.metrics()
    assert metrics.avg_success_rate == pytest.approx(75.0)
    assert metrics.avg_retry_count == pytest.approx(0.25)
    assert metrics.total_download_ms == 3_000
    assert metrics.avg_job_duration_ms == pytest.approx(4_000.0)
    assert metrics.failure_by_code == {FailureCode.AUTH: 1}
    for job_id in ids:
        await store.delete(job_id)
    assert await store.metrics() == Metrics()


async def test_a_retried_failure_leaves_the_metrics(store: Store) -> None:
    """The job is unfinished again."""
    case = await job_in(store, State.FAILED)
    await store.retry(case.job_id)

    assert (await store.metrics()).failure_by_code == {}


async def test_progress_of_a_running_job_is_read_from_its_marks(store: Store) -> None:
    """Between 0 and 1, and never beyond, whatever the server announced."""
    job_id = await submit_track(store)
    held = await claim_one(store)
    for done, total in ((0, None), (5, None), (5, 10), (20, 10), (0, 0)):
        await store.renew("w1", {held.token: Mark(Phase.TRANSFER, done, total)}, 60_000)
        assert 0.0 <= (await store.job(job_id)).progress <= 1.0


async def test_the_oldest_is_the_job_that_has_been_unfinished_for_longest(store: Store, clock: FakeClock) -> None:
    """Whatever it waits for, and whatever its priority; what is final or deleted does not count, nor does a track."""
    assert await store.oldest() is None
    await open_album(store, 2)
    began = (await listed(store))[0].created_at
    clock.advance(SECOND)
    job_id = await submit_track(store, priority=Priority.HIGH)
    await store.pause(job_id)
    assert await store.oldest() == began
    for one in await claim(store, tracks=2):
        await complete(store, one)
    assert await store.oldest() == began + SECOND
    await store.delete(job_id)

    assert await store.oldest() is None
