"""Moving: a job leaves one store as a dump and enters another, with all that it has, however often that is said."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.contract.carrying import carry, carry_all, half_an_album, pages, without_story
from tests.contract.engines import Engine
from tests.contract.steps import (
    KEEP_NOTHING,
    LEASE_MS,
    NO_LIMITS,
    PUBLICATION,
    Case,
    at,
    claim,
    claim_all,
    claim_one,
    complete,
    delay,
    feed_end,
    job_in,
    listed,
    listed_tracks,
    look,
    news,
    submit,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import DAY, HOUR, MINUTE, SECOND, FakeClock
from tonearm.errors import Invalid, NotFound, WrongState
from tonearm.model import (
    AlbumDump,
    Counts,
    EventKind,
    JobDump,
    JobOrder,
    JobQuery,
    JobRecord,
    JobSpec,
    JobType,
    Phase,
    Priority,
    Publication,
    Quality,
    Reserved,
    StageRef,
    State,
    TakenIn,
    TaskDump,
)
from tonearm.store.base import Store

CLAIMED_FIRST = sorted(State, key=lambda state: state in (State.READY, State.WAITING))
"""The states in an order in which a job can be brought to each beside the others."""


@pytest.mark.parametrize("state", [state for state in State if state is not State.ACTIVE], ids=str)
async def test_a_job_reads_the_same_in_the_other_store(
    store: Store, other: Store, clock: FakeClock, state: State
) -> None:
    """In every state without a claim: record, tracks and history, and the counts and sums that follow."""
    case = await job_in(store, state)
    clock.advance(3 * SECOND)

    assert await carry(store, other, case.job_id) is TakenIn.TAKEN

    assert without_story(await other.job(case.job_id)) == without_story(await store.job(case.job_id))
    assert await listed_tracks(other, case.job_id) == await listed_tracks(store, case.job_id)
    assert await other.counts() == await store.counts()
    assert await other.metrics() == await store.metrics()


async def test_an_active_task_enters_as_ready_with_what_it_had_reached(store: Store, other: Store) -> None:
    """Its claim does not move; the next one knows the stage, the reserved name and the retries."""
    await submit_track(store)
    await delay(store, await claim_one(store), 0)
    held = await claim_one(store)
    await store.reserve(held, "Name", "name")
    await store.renew("w1", {held.token: at(Phase.TRANSFER, 4_000)}, LEASE_MS)

    await carry(store, other, held.job_id)

    moved = await other.job(held.job_id)
    assert (moved.state, moved.bytes_downloaded, moved.retry_count) == (State.READY, 4_000, 1)
    assert await other.renew("w1", {held.token: at(Phase.TRANSFER, 5_000)}, LEASE_MS) == {held.token}
    again = await claim_one(other, "w2")
    assert (again.previous, again.reserved) == (StageRef("w1", held.epoch), "Name")
    assert (again.epoch, again.retry_count) == (held.epoch + 1, 1)
    assert await store.renew("w1", {held.token: at(Phase.TRANSFER, 5_000)}, LEASE_MS) == frozenset()


@pytest.mark.parametrize(("asked", "becomes"), [("cancel", State.CANCELLED), ("pause", State.PAUSED)])
async def test_what_was_asked_of_an_active_task_happens_where_it_enters(
    store: Store, other: Store, asked: str, becomes: State
) -> None:
    """A cancel is no less said because the worker had not yet heard of it."""
    case = await job_in(store, State.ACTIVE)
    await getattr(store, asked)(case.job_id)

    await carry(store, other, case.job_id)

    assert (await other.job(case.job_id)).state is becomes


async def test_a_committed_file_is_known_to_the_next_holder(store: Store, other: Store) -> None:
    """What may have been published is not published again under another name."""
    await submit_track(store)
    held = await claim_one(store)
    await store.reserve(held, "Name", "name")
    await store.commit(held, PUBLICATION)

    await carry(store, other, held.job_id)

    again = await claim_one(other)
    assert (again.publication, again.reserved) == (PUBLICATION, "Name")
    with pytest.raises(WrongState):
        await other.cancel(held.job_id)


async def test_a_delayed_job_keeps_the_time_that_it_has_to_wait(store: Store, other: Store, clock: FakeClock) -> None:
    """Also through a pause, and also when the dump lay in a file for a while."""
    first, second = await submit(store, track(), track())
    for one in await claim(store, tracks=2):
        await delay(store, one, 10 * SECOND)
    await store.pause(second)
    clock.advance(4 * SECOND)

    await carry(store, other, first)
    for page in await pages(store, second):
        await other.take_in(page.aged(3 * SECOND))

    await other.resume(second)
    assert await claim(other, tracks=2) == ()
    clock.advance(3 * SECOND)
    assert [one.job_id for one in await claim(other, tracks=2)] == [second]
    clock.advance(3 * SECOND)
    assert [one.job_id for one in await claim(other, tracks=2)] == [first]


async def test_what_is_finished_is_as_old_as_it_was(store: Store, other: Store, clock: FakeClock) -> None:
    """Retention goes on counting where it was."""
    case = await job_in(store, State.COMPLETED)
    clock.advance(2 * HOUR)
    await carry(store, other, case.job_id)

    assert (await other.prune(replace(KEEP_NOTHING, completed_ms=2 * HOUR))).completed == 0
    clock.advance(1)
    assert (await other.prune(replace(KEEP_NOTHING, completed_ms=2 * HOUR))).completed == 1


async def test_the_clocks_of_two_stores_need_not_agree(engine: Engine, store: Store, quick_place: Path) -> None:
    """A machine whose clock is an hour behind takes nothing for an hour old."""
    behind = FakeClock(FakeClock().wall_ms() - HOUR)
    (quick_place / "behind").mkdir()
    late = await engine.open(quick_place / "behind", behind)
    case = await job_in(store, State.COMPLETED)

    await carry(store, late, case.job_id)

    behind.advance(MINUTE)
    assert (await late.prune(replace(KEEP_NOTHING, completed_ms=HOUR))).completed == 0
    assert (await late.job(case.job_id)).completed_at == behind.wall_ms() - MINUTE
    await late.close()


async def test_taking_in_again_changes_nothing(store: Store, other: Store) -> None:
    """The reply may be lost, and the job may have gone on meanwhile."""
    job_id = await submit_track(store)
    page = await store.dump(job_id)
    assert await other.take_in(page) is TakenIn.TAKEN
    held = await claim_one(other)
    before = await look(other)

    assert await other.take_in(page) is TakenIn.KNOWN

    assert await look(other) == before
    await complete(other, held)


@pytest.mark.parametrize("way", ["delete", "prune"])
async def test_a_job_that_was_deleted_there_does_not_come_back(
    store: Store, other: Store, clock: FakeClock, way: str
) -> None:
    """For a day; that is longer than anybody takes to hand over."""
    job_id = await submit_track(store)
    page = await store.dump(job_id)
    await other.take_in(page)
    if way == "delete":
        await other.delete(job_id)
    else:
        await complete(other, await claim_one(other))
        clock.advance(1)
        await other.prune(KEEP_NOTHING)
    clock.advance(DAY - 1)
    await sweep_all(other)

    assert await other.take_in(page) is TakenIn.DELETED
    assert (await other.counts(), await listed(other)) == (Counts(), [])
    clock.advance(2)
    await sweep_all(other)
    assert await other.take_in(page) is TakenIn.TAKEN


async def test_taking_in_is_told(store: Store, other: Store) -> None:
    """Readers hear of the job as of a new one, and its history says where it came from."""
    job_id = await submit_track(store)
    end = await feed_end(other)

    await carry(store, other, job_id)

    assert [(event.kind, event.job_id) for event in await news(other, end)] == [(EventKind.JOB, job_id)]
    assert [line.event for line in (await other.job(job_id)).history] == ["submitted", "moved"]


async def test_limits_and_twins_keep_nothing_out(store: Store, other: Store) -> None:
    """It was accepted once."""
    job_id, twin = await submit(store, track(catalog_id=7), track("bob", catalog_id=7))
    await submit(other, track(catalog_id=7))
    await carry_all(store, other)
    assert {job_id, twin} <= {job.id for job in await listed(other)}


async def test_a_name_that_somebody_else_holds_is_not_taken_away(store: Store, other: Store) -> None:
    """The job that moved looks for another one."""
    await submit_track(store)
    held = await claim_one(store)
    await store.reserve(held, "Name", "name")
    await submit_track(other)
    owner = await claim_one(other)
    await other.reserve(owner, "NAME", "name")

    await carry(store, other, held.job_id)

    again = await claim_one(other)
    assert again.reserved is None
    assert await other.reserve(again, "Name", "name") is Reserved.TAKEN
    assert await other.reserve(again, "Name (2)", "name (2)") is Reserved.OWN


async def test_priority_and_turn_hold_in_the_other_store(store: Store, other: Store) -> None:
    """What moves keeps its order, behind what was there already."""
    low = await submit_track(store, priority=Priority.LOW)
    first, second = await submit(store, track(), track())
    there = await submit_track(other)

    await carry_all(store, other)

    assert [one.job_id for one in await claim_all(other)] == [there, first, second, low]


async def test_everything_goes_to_another_store_and_back(
    engine: Engine, store: Store, other: Store, quick_place: Path, clock: FakeClock
) -> None:
    """Nothing is lost on the way: the third store reads like the second, and both like the first without its claims."""
    for state in CLAIMED_FIRST:
        await job_in(store, state)
    await half_an_album(store)
    await carry_all(store, other)
    (quick_place / "third").mkdir()
    third = await engine.open(quick_place / "third", clock)
    await carry_all(other, third)

    def told(jobs: list[JobRecord]) -> list[JobRecord]:
        return [without_story(job) for job in jobs]

    order = JobQuery(order=JobOrder.CREATED)
    assert told(await listed(third, order)) == told(await listed(other, order))
    assert await third.counts() == await other.counts()
    assert await third.metrics() == await other.metrics()
    assert (await other.counts()).total == (await store.counts()).total
    assert await third.audit() == ()
    await third.close()


# What cannot be


def edits() -> dict[str, JobDump]:
    """Dumps that no store writes, by what is wrong with them."""
    ready = TaskDump(State.READY, created=1, updated=1)
    spec = JobSpec(JobType.TRACK, 1, Quality.LOSSLESS)
    good = JobDump(1, "job-1-a", "ann", spec, Priority.NORMAL, 3, ready)
    album = replace(good, spec=replace(spec, type=JobType.ALBUM), album=AlbumDump())
    return {
        "no id": replace(good, id="../x"),
        "no client": replace(good, client=""),
        "a list without an album": replace(good, album=AlbumDump()),
        "an album without a list": replace(album, album=None),
        "catalog id": replace(good, spec=replace(spec, catalog_id=0)),
        "negative count": replace(good, task=replace(ready, retry_count=-1)),
        "endless age": replace(good, task=replace(ready, created=2**60)),
        "paused from nowhere": replace(good, task=replace(ready, state=State.PAUSED)),
        "came from without a pause": replace(good, task=replace(ready, came_from=State.READY)),
        "delayed without a time": replace(good, task=replace(ready, state=State.DELAYED)),
        "finished without an end": replace(good, task=replace(ready, state=State.CANCELLED)),
        "an end without finishing": replace(good, task=replace(ready, finished=1)),
        "failed without a reason": replace(good, task=replace(ready, state=State.FAILED, finished=1)),
        "completed without a file": replace(good, task=replace(ready, state=State.COMPLETED, finished=1)),
        "a file outside": replace(good, task=replace(ready, publication=Publication("../../etc/passwd", 1, 1))),
        "waiting for no tracks": replace(album, task=replace(ready, state=State.WAITING)),
        "completed without an outcome": replace(album, task=replace(ready, state=State.COMPLETED, finished=1)),
        "tracks missing": replace(album, album=AlbumDump(track_count=3)),
    }


@pytest.mark.parametrize("wrong", edits())
async def test_a_dump_that_cannot_be_a_job_is_refused(store: Store, wrong: str) -> None:
    """With its id and what is wrong; nothing of it is kept."""
    with pytest.raises(Invalid):
        await store.take_in(edits()[wrong])
    assert await listed(store) == []


async def test_a_job_that_is_not_there_is_not_dumped(store: Store) -> None:
    """The same words as for every other call."""
    said = track()
    with pytest.raises(NotFound):
        await store.dump(said.id)
    await store.submit(said, NO_LIMITS)
    await store.delete(said.id, keep_ms=DAY)
    with pytest.raises(NotFound):
        await store.dump(said.id)


async def test_a_case_of_every_state_can_be_taken_in_twice(store: Store, other: Store) -> None:
    """Known is known, whatever became of it."""
    cases: list[Case] = [await job_in(store, state) for state in CLAIMED_FIRST]
    for case in cases:
        assert await carry(store, other, case.job_id) is TakenIn.TAKEN
        assert await carry(store, other, case.job_id) is TakenIn.KNOWN
