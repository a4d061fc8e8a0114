"""Steering: what people set for the whole queue is kept field by field, and a pause of it holds for every claim."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.conftest import Reopened
from tests.contract.steps import (
    LEASE_MS,
    claim,
    claim_one,
    complete,
    delay,
    look,
    open_album,
    state_of,
    submit_album,
    submit_track,
    sweep_all,
)
from tests.support.clock import SECOND, FakeClock
from tonearm.model import Claimed, ClaimRequest, Control, ControlChange, State
from tonearm.store.base import Store

PAUSE, RESUME = ControlChange(paused=True), ControlChange(paused=False)


async def test_a_new_queue_runs_as_the_settings_say(store: Store) -> None:
    """Nobody has set anything."""
    assert await store.control() == Control()
    assert (await store.poll("w1", [])).control == Control()


async def test_a_change_of_one_field_leaves_the_others(store: Store) -> None:
    """Each answer is what holds then, and a poll says the same; None goes back to the settings, 0 is a value."""
    steps = (
        (ControlChange(bandwidth_limit=500_000), Control(bandwidth_limit=500_000)),
        (ControlChange(max_concurrent=2), Control(bandwidth_limit=500_000, max_concurrent=2)),
        (PAUSE, Control(paused=True, bandwidth_limit=500_000, max_concurrent=2)),
        (ControlChange(bandwidth_limit=0), Control(paused=True, bandwidth_limit=0, max_concurrent=2)),
        (ControlChange(), Control(paused=True, bandwidth_limit=0, max_concurrent=2)),
        (ControlChange(False, None, None), Control()),
    )
    for change, expected in steps:
        for _ in range(2):
            assert await store.steer(change) == expected
        assert await store.control() == expected
        assert (await store.poll("w1", [])).control == expected


async def test_two_changes_at_once_both_count(store: Store) -> None:
    """A change of one field never takes back a change of another."""
    for number in range(1, 20):
        await asyncio.gather(
            store.steer(ControlChange(bandwidth_limit=number)), store.steer(ControlChange(max_concurrent=number))
        )
        assert await store.control() == Control(bandwidth_limit=number, max_concurrent=number)


async def test_a_paused_queue_hands_out_nothing(store: Store, clock: FakeClock) -> None:
    """Neither tracks nor albums, nor what becomes due meanwhile; resuming gives all of it."""
    late = await submit_track(store)
    await delay(store, await claim_one(store), 5 * SECOND)
    waiting = await open_album(store, 2)
    track, album = await submit_track(store), await submit_album(store)
    await store.steer(PAUSE)
    clock.advance(5 * SECOND)
    for _ in range(2):
        assert await store.claim(ClaimRequest("w1", 9, 9, LEASE_MS)) == Claimed()
        await sweep_all(store)

    await store.steer(RESUME)
    got = await claim(store, tracks=9, albums=9)
    assert {one.job_id for one in got} == {late, waiting, track, album}
    assert len(got) == 5


async def test_what_runs_in_a_paused_queue_comes_to_its_end(store: Store) -> None:
    """Renewed, committed and settled as ever; new jobs are accepted, and wait."""
    job_id = await submit_track(store)
    held = await claim_one(store)
    await store.steer(PAUSE)
    flags = await store.poll("w1", [held.token])
    assert (flags.pause, flags.cancel, flags.lost) == (frozenset(), frozenset(), frozenset())
    assert await store.renew("w1", {}, LEASE_MS) == frozenset()
    await complete(store, held)

    assert await state_of(store, job_id) is State.COMPLETED
    assert await state_of(store, await submit_track(store)) is State.READY


@pytest.mark.parametrize("change", [RESUME, ControlChange(max_concurrent=1)])
async def test_a_change_wakes_who_waits(store: Store, change: ControlChange) -> None:
    """A claim loop that waits for work hears of it at once; a change that changes nothing wakes nobody."""
    await store.steer(PAUSE)
    seen = await store.changed(0, 0)
    await store.steer(PAUSE)
    assert await store.changed(seen, 0) == seen
    waiting = asyncio.ensure_future(store.changed(seen, 60_000))
    await store.steer(change)

    async with asyncio.timeout(10):
        assert await waiting != seen


async def test_steering_changes_no_job_and_tells_no_event(store: Store) -> None:
    """The queue is steered, not its jobs."""
    await submit_track(store)
    await open_album(store, 2)
    before = await look(store)
    await store.steer(ControlChange(True, 1_000, 3))

    assert await look(store) == before


async def test_the_control_outlives_the_process(durable: Reopened) -> None:
    """A queue that was paused for the night is paused after a restart; back at the settings nothing of it is left."""
    store = await durable.open()
    await store.close()
    empty = await durable.contents()
    store = await durable.open()
    await store.steer(ControlChange(True, 0, 3))
    await store.close()

    store = await durable.open()
    assert await store.control() == Control(paused=True, bandwidth_limit=0, max_concurrent=3)
    await store.steer(ControlChange(False, None, None))
    await store.close()
    assert await durable.contents() == empty
