"""Deleting: out of every read at once, whatever the job was doing, and in the end without a trace."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Reopened
from tests.contract.steps import (
    DONE,
    LEASE_MS,
    NO_LIMITS,
    PUBLICATION,
    claim,
    claim_all,
    claim_one,
    delay,
    feed_end,
    job_in,
    listed,
    new_id,
    news,
    open_album,
    submit,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import MINUTE, SECOND, FakeClock
from tonearm.errors import LeaseLost, NotFound, WrongState
from tonearm.model import ClaimRequest, Counts, EventKind, Metrics, Priority, Reserved, State, Status, Submitted
from tonearm.store.base import PAGE, Store

FINAL = (Status.COMPLETED, Status.FAILED, Status.CANCELLED)


@pytest.mark.parametrize("state", list(State), ids=str)
async def test_a_deleted_job_is_hidden_from_every_read(store: Store, state: State) -> None:
    """By id, in lists, tracks, counts, metrics and claims, from the moment of the answer."""
    case = await job_in(store, state)
    end = await feed_end(store)

    await store.delete(case.job_id)

    with pytest.raises(NotFound):
        await store.job(case.job_id)
    with pytest.raises(NotFound):
        await store.tracks(case.job_id, limit=10)
    assert await listed(store) == []
    assert await store.counts() == Counts()
    assert await store.metrics() == Metrics()
    assert await claim(store, tracks=9, albums=9) == ()
    assert [(event.kind, event.job_id) for event in await news(store, end)][-1] == (EventKind.REMOVED, case.job_id)


@pytest.mark.parametrize("state", list(State), ids=str)
async def test_deleting_again_is_not_found(store: Store, state: State) -> None:
    """Also when the sweep has not yet come, and when it has."""
    case = await job_in(store, state)
    await store.delete(case.job_id)
    for _ in range(2):
        with pytest.raises(NotFound):
            await store.delete(case.job_id)
        await sweep_all(store)


@pytest.mark.parametrize("state", list(State), ids=str)
async def test_a_deleted_job_may_read_as_cancelled_for_a_while(store: Store, clock: FakeClock, state: State) -> None:
    """Whatever it was, with its history and files, by its id alone; then it is not found, swept or not."""
    case = await job_in(store, state)
    before = await store.job(case.job_id)
    end = await feed_end(store)
    await store.delete(case.job_id, keep_ms=3 * SECOND)
    assert await listed(store) == []
    assert await store.counts() == Counts()
    assert await store.metrics() == Metrics()
    assert [event.kind for event in await news(store, end)][-1] is EventKind.REMOVED
    for step in (0, 3 * SECOND - 1):
        clock.advance(step)
        record = await store.job(case.job_id)
        assert record.state is State.CANCELLED
        assert (record.id, record.spec, record.client) == (before.id, before.spec, before.client)
        assert (record.created_at, record.files) == (before.created_at, before.files)
        assert (record.error, record.failure_code, record.outcome, record.next_retry_at) == (None,) * 4
        assert not record.cancel_requested
        assert not record.pause_requested
        told = [entry.event for entry in record.history[len(before.history) :]]
        assert told == (["deleted"] if state.final else ["cancelled", "deleted"])
        await sweep_all(store)
    clock.advance(1)

    with pytest.raises(NotFound):
        await store.job(case.job_id)


@pytest.mark.parametrize("state", list(State), ids=str)
async def test_a_delete_of_one_status_leaves_a_job_of_another(store: Store, state: State) -> None:
    """So that clearing the history never meets a job that was started again meanwhile."""
    case = await job_in(store, state)
    before = await store.job(case.job_id)
    for status in FINAL:
        if state is not State(status):
            with pytest.raises(WrongState):
                await store.delete(case.job_id, only=status)
    assert await store.job(case.job_id) == before

    if state.final:
        assert not await store.delete(case.job_id, only=Status(state))
        assert await store.counts() == Counts()


async def test_nothing_can_be_asked_of_what_only_reads_as_cancelled(store: Store) -> None:
    """It is not found for every action and for a second delete, and stands in nobody's way."""
    said = track(catalog_id=5)
    await submit(store, said)
    await store.delete(said.id, keep_ms=MINUTE)
    for ask in (store.cancel, store.pause, store.resume, store.retry, store.delete):
        with pytest.raises(NotFound):
            await ask(said.id)
    with pytest.raises(NotFound):
        await store.prioritize(said.id, Priority.HIGH)
    with pytest.raises(NotFound):
        await store.tracks(said.id, limit=10)

    again = track(catalog_id=5)
    assert await store.submit(again, NO_LIMITS) == Submitted(again.id)
    assert (await store.job(said.id)).state is State.CANCELLED
    assert [job.id for job in await listed(store)] == [again.id]


async def test_many_records_of_deleted_jobs_go_in_pages(store: Store, clock: FakeClock) -> None:
    """A sweep is bounded, and nothing is left after the last."""
    for job_id in await submit(store, *[track() for _ in range(PAGE + 10)]):
        await store.delete(job_id, keep_ms=SECOND)
    clock.advance(SECOND)

    assert (await store.sweep()).more
    await sweep_all(store)


async def test_what_a_deleted_job_was_doing_outlives_the_process(durable: Reopened, clock: FakeClock) -> None:
    """The record that still reads, the claim that still ends, and the name that is still leaving."""
    store = await durable.open()
    job_id = await submit_track(store)
    held = await claim_one(store)
    await store.reserve(held, "Name", "name")
    await store.commit(held, PUBLICATION)
    await store.delete(job_id, keep_ms=3 * SECOND)
    await store.close()

    store = await durable.open()
    assert (await store.job(job_id)).state is State.CANCELLED
    assert (await store.poll("w1", [held.token])).cancel == {job_id}
    await submit_track(store)
    other = await claim_one(store, "w2")
    assert await store.reserve(other, "Name", "name") is Reserved.LEAVING
    await store.settle(held, DONE)
    assert await store.reserve(other, "Name", "name") is Reserved.OWN
    clock.advance(3 * SECOND)
    with pytest.raises(NotFound):
        await store.job(job_id)
    await store.close()


async def test_the_tracks_of_a_deleted_album_emit_nothing_more(store: Store) -> None:
    """After `removed` the feed never names the job again."""
    job_id = await open_album(store, 3)
    held = await claim(store, tracks=2)
    await store.delete(job_id)
    end = await feed_end(store)
    await sweep_all(store)
    for one in held:
        with pytest.raises(LeaseLost):
            await store.commit(one, PUBLICATION)

    assert await news(store, end) == []


async def test_deleting_frees_a_delayed_task_for_good(store: Store) -> None:
    """Nothing becomes due later."""
    await submit_track(store)
    held = await claim_one(store)
    await delay(store, held)
    await store.delete(held.job_id)

    assert (await store.claim(ClaimRequest("w1", 1, 0, LEASE_MS))).next_due_ms is None


async def test_delete_and_submit_in_a_tight_loop_leaves_one(store: Store) -> None:
    """Each round the old job goes and the new one is no duplicate."""
    for _ in range(20):
        said = track(catalog_id=5)
        assert await store.submit(said, NO_LIMITS) == Submitted(said.id)
        await claim_one(store)
        await store.delete(said.id)
        await sweep_all(store)
    last = track(catalog_id=5)
    await submit(store, last)

    assert [job.id for job in await listed(store)] == [last.id]
    assert [one.job_id for one in await claim_all(store)] == [last.id]


async def test_a_deleted_large_album_does_not_disturb_the_others(store: Store) -> None:
    """While its tracks go in pages the queue works on."""
    job_id = await open_album(store, 600)
    other = await submit_track(store)
    await store.delete(job_id)
    await store.sweep()

    assert [one.job_id for one in await claim_all(store)] == [other]
    assert (await store.counts()).total == 1
    await sweep_all(store)
    assert (await store.counts()).total == 1


async def test_a_job_may_be_deleted_whose_id_never_was(store: Store) -> None:
    """It is not found, and nothing happens."""
    end = await feed_end(store)
    with pytest.raises(NotFound):
        await store.delete(new_id())
    assert await feed_end(store) == end
