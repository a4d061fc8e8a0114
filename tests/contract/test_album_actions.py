"""What people ask of an album, at each moment of its life: one move of one entry, whatever the number of its tracks."""

from __future__ import annotations

import pytest

from tests.contract.steps import (
    DONE,
    PUBLICATION,
    TIMEOUT,
    album_tracks,
    claim,
    claim_album,
    claim_all,
    claim_one,
    complete,
    delay,
    expand,
    fail,
    info_of,
    open_album,
    state_of,
    submit_album,
    sweep_all,
)
from tests.support.clock import SECOND, FakeClock
from tonearm.errors import WrongState
from tonearm.model import (
    AlbumOutcome,
    Cancelled,
    Outcome,
    Paused,
    Priority,
    Released,
    Retry,
    State,
)
from tonearm.store.base import PAGE, Store


async def test_a_retry_of_a_partial_album_brings_only_what_is_missing(store: Store) -> None:
    """Waiting again, the completed tracks stay so; then it is whole."""
    job_id = await open_album(store, 5)
    for one in await claim_all(store):
        await (fail(store, one) if one.position in {2, 4} else complete(store, one))
    await store.retry(job_id)

    record = await store.job(job_id)
    assert (record.state, record.outcome, record.error) == (State.WAITING, None, None)
    assert (record.completed_tracks, record.failed_count) == (3, 0)
    again = await claim_all(store)
    assert [one.position for one in again] == [2, 4]
    assert {one.retry_count for one in again} == {0}
    for one in again:
        await complete(store, one)
    record = await store.job(job_id)
    assert (record.state, record.outcome, record.completed_tracks) == (State.COMPLETED, AlbumOutcome.OK, 5)
    with pytest.raises(WrongState):
        await store.retry(job_id)


async def test_a_retried_partial_album_may_be_partial_again(store: Store) -> None:
    """And be retried again."""
    job_id = await open_album(store, 2)
    for one in await claim_all(store):
        await (fail(store, one) if one.position == 2 else complete(store, one))
    for _ in range(2):
        await store.retry(job_id)
        await fail(store, await claim_one(store))

        record = await store.job(job_id)
        assert (record.state, record.outcome) == (State.COMPLETED, AlbumOutcome.PARTIAL)
        assert (record.completed_tracks, record.failed_count) == (1, 1)


async def test_a_retry_of_a_failed_album_brings_all_its_tracks(store: Store) -> None:
    """Without resolving it again."""
    job_id = await open_album(store, 3)
    for one in await claim_all(store):
        await fail(store, one)
    await store.retry(job_id)

    assert await state_of(store, job_id) is State.WAITING
    assert await claim(store, albums=1) == ()
    assert [one.position for one in await claim_all(store)] == [1, 2, 3]


async def test_a_cancelled_album_can_be_retried(store: Store) -> None:
    """What was there stays, the rest is fetched."""
    job_id = await open_album(store, 3)
    await complete(store, await claim_one(store))
    await store.cancel(job_id)
    await sweep_all(store)
    await store.retry(job_id)

    assert await state_of(store, job_id) is State.WAITING
    assert [one.position for one in await claim_all(store)] == [2, 3]


async def test_a_cancelled_album_whose_tracks_all_came_is_not_left_waiting_by_a_retry(store: Store) -> None:
    """The cancel came when the last track was past its commit point: nothing is missing."""
    job_id = await open_album(store, 1)
    held = await claim_one(store)
    await store.commit(held, PUBLICATION)
    await store.cancel(job_id)
    await store.settle(held, DONE)
    await store.retry(job_id)
    await sweep_all(store)

    record = await store.job(job_id)
    assert (record.state, record.outcome) == (State.COMPLETED, AlbumOutcome.OK)


async def test_cancelling_while_resolving_is_honoured_with_the_last_page(store: Store) -> None:
    """Cancelled instead of waiting; no track is ever handed out."""
    job_id = await submit_album(store)
    held = await claim_album(store)
    await store.cancel(job_id)
    await expand(store, held, 3)

    assert await state_of(store, job_id) is State.CANCELLED
    assert await claim(store, tracks=5) == ()


async def test_pausing_while_resolving_is_honoured_with_the_last_page(store: Store) -> None:
    """Paused instead of waiting; a resume leads to waiting, and it is not resolved again."""
    job_id = await submit_album(store)
    held = await claim_album(store)
    await store.pause(job_id)
    await expand(store, held, 3)
    assert await state_of(store, job_id) is State.PAUSED
    assert await claim(store, tracks=5, albums=1) == ()
    await store.resume(job_id)

    assert await state_of(store, job_id) is State.WAITING
    assert await claim(store, albums=1) == ()
    assert len(await claim_all(store)) == 3


async def test_a_resolver_that_honours_a_pause_resolves_again_after_the_resume(store: Store) -> None:
    """The list was not whole."""
    job_id = await submit_album(store)
    held = await claim_album(store)
    await store.expand(held, info_of(held, 4), 1, album_tracks(2), last=False)
    await store.pause(job_id)
    await store.settle(held, Paused())
    assert await state_of(store, job_id) is State.PAUSED
    await store.resume(job_id)

    await expand(store, await claim_album(store), 1)
    assert [one.position for one in await claim_all(store)] == [1]


async def test_a_paused_album_hands_out_no_track_and_a_resumed_one_goes_on(store: Store, clock: FakeClock) -> None:
    """Ready and delayed ones are held by the one entry."""
    job_id = await open_album(store, 4)
    await delay(store, await claim_one(store), 5 * SECOND)
    await store.pause(job_id)
    clock.advance(5 * SECOND)
    assert await claim(store, tracks=9) == ()
    await store.resume(job_id)

    assert await state_of(store, job_id) is State.WAITING
    assert [one.position for one in await claim_all(store)] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "outcome", [Paused(), Released("stop"), Retry(TIMEOUT, 0)], ids=["paused", "released", "retry"]
)
async def test_a_running_track_of_a_paused_album_comes_back_with_the_album(
    store: Store, outcome: Paused | Released | Retry
) -> None:
    """It is held while the pause lasts and claimable afterwards."""
    job_id = await open_album(store, 2)
    held = await claim_one(store)
    await store.pause(job_id)
    await store.settle(held, outcome)
    assert await claim(store, tracks=9) == ()
    assert await state_of(store, job_id) is State.PAUSED
    await store.resume(job_id)

    assert [one.position for one in await claim_all(store)] == [1, 2]


async def test_a_paused_albums_last_track_may_fail(store: Store) -> None:
    """Nothing is left to pause: however the album reads then, a resume ends in a final state."""
    job_id = await open_album(store, 1)
    held = await claim_one(store)
    await store.pause(job_id)
    await fail(store, held)
    if not (await store.job(job_id)).state.final:
        await store.resume(job_id)

    assert await state_of(store, job_id) is State.FAILED


async def test_a_running_track_of_a_cancelled_album_ends_cancelled(store: Store) -> None:
    """However it ends; the album stays cancelled, and nothing is claimed."""
    job_id = await open_album(store, 5)
    held = await claim(store, tracks=4)
    await store.cancel(job_id)
    assert await state_of(store, job_id) is State.CANCELLED
    outcomes: list[Outcome] = [Cancelled(), Released("stop"), Retry(TIMEOUT, 0), Paused()]
    for one, outcome in zip(held, outcomes, strict=True):
        await store.settle(one, outcome)
    await sweep_all(store)

    assert await claim(store, tracks=9) == ()
    record = await store.job(job_id)
    assert (record.state, record.completed_tracks, record.failed_count) == (State.CANCELLED, 0, 0)


async def test_what_a_cancelled_album_had_published_stays(store: Store) -> None:
    """Its files are still named."""
    job_id = await open_album(store, 3)
    await complete(store, await claim_one(store))
    await store.cancel(job_id)
    await sweep_all(store)

    record = await store.job(job_id)
    assert (record.state, record.completed_tracks, record.files) == (State.CANCELLED, 1, DONE.files)


@pytest.mark.parametrize("action", ["cancel", "delete"])
async def test_a_large_album_stops_at_once_and_is_tidied_in_pages(store: Store, action: str) -> None:
    """Six hundred tracks: nothing is claimed from the moment of the call; each sweep does a bounded part."""
    job_id = await open_album(store, 600)
    await (store.cancel(job_id) if action == "cancel" else store.delete(job_id))
    assert await claim(store, tracks=9) == ()

    steps = [await store.sweep()]
    while steps[-1].more:
        steps.append(await store.sweep())

    assert len(steps) >= 2
    assert max(step.children for step in steps) <= PAGE
    assert 600 - PAGE <= sum(step.children for step in steps) <= 600
    assert await claim(store, tracks=9) == ()


async def test_a_large_album_retried_before_it_was_tidied_is_whole_again(store: Store) -> None:
    """The pages of the cancel and those of the retry do not cross."""
    job_id = await open_album(store, 450)
    await store.cancel(job_id)
    await store.sweep()
    await store.retry(job_id)
    await sweep_all(store)

    assert await state_of(store, job_id) is State.WAITING
    assert [one.position for one in await claim_all(store)] == list(range(1, 451))


async def test_cancel_retry_cancel_retry_ends_well(store: Store) -> None:
    """However often minds are changed, with tracks running all the while."""
    job_id = await open_album(store, 3)
    held = await claim_one(store)
    for _ in range(3):
        await store.cancel(job_id)
        await store.retry(job_id)
    await sweep_all(store)
    await store.settle(held, Cancelled())
    for one in await claim_all(store):
        await complete(store, one)

    record = await store.job(job_id)
    assert (record.state, record.completed_tracks) == (State.COMPLETED, 3)


async def test_pausing_and_prioritizing_a_large_album_is_one_move(store: Store) -> None:
    """The entry moves; there is nothing for the sweep to carry on."""
    job_id = await open_album(store, 600)
    await store.pause(job_id)
    assert not (await store.sweep()).more
    await store.prioritize(job_id, Priority.HIGH)
    await store.resume(job_id)

    assert not (await store.sweep()).more
    assert [one.position for one in await claim(store, tracks=3)] == [1, 2, 3]
