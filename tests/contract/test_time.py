"""Store time: durations keep their length whatever is done to the wall clock, and shown times are the wall's."""

from __future__ import annotations

import pytest

from tests.contract.conftest import Reopened
from tests.contract.steps import (
    KEEP_NOTHING,
    LEASE_MS,
    claim,
    claim_one,
    complete,
    delay,
    job_in,
    listed,
    news,
    state_of,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import DAY, HOUR, MINUTE, SECOND, START_WALL_MS, YEAR, FakeClock
from tonearm.errors import NotFound, RateLimited
from tonearm.model import Claim, JobOrder, JobQuery, Pruned, Retention, State, SubmitLimits
from tonearm.store.base import Store

STEPS = {
    "an hour back": (-HOUR,),
    "ten years on": (10 * YEAR,),
    "ten years on and back": (10 * YEAR, -10 * YEAR),
    "an hour back and on": (-HOUR, HOUR),
    "back to 1970": (-START_WALL_MS,),
}
stepped = pytest.mark.parametrize("steps", list(STEPS.values()), ids=list(STEPS))
ONE_DAY = Retention(DAY, DAY, DAY)


async def move(store: Store, clock: FakeClock, steps: tuple[int, ...]) -> None:
    """Set the wall clock, with the store at work between the steps."""
    for step in steps:
        clock.step_wall(step)
        await store.sweep()
        await store.counts()


@stepped
async def test_a_lease_keeps_its_length(store: Store, clock: FakeClock, steps: tuple[int, ...]) -> None:
    """Neither ended by a step forward nor stretched by a step back."""
    job_id = await submit_track(store)
    await claim_one(store)
    clock.advance(LEASE_MS // 2)
    await move(store, clock, steps)
    clock.advance(LEASE_MS - LEASE_MS // 2 - 1)
    assert await sweep_all(store) == 0
    clock.advance(1)
    assert await sweep_all(store) == 1
    assert await state_of(store, job_id) is State.READY


@stepped
async def test_a_back_off_keeps_its_length(store: Store, clock: FakeClock, steps: tuple[int, ...]) -> None:
    """Due after five seconds that passed, not five seconds that were set."""
    await submit_track(store)
    await delay(store, await claim_one(store), 5 * SECOND)
    await move(store, clock, steps)
    clock.advance(5 * SECOND - 1)
    assert await claim(store, tracks=1) == ()
    clock.advance(1)

    assert len(await claim(store, tracks=1)) == 1


@stepped
async def test_a_rate_window_keeps_its_length(store: Store, clock: FakeClock, steps: tuple[int, ...]) -> None:
    """Sixty seconds that passed."""
    once = SubmitLimits(rate_per_minute=1)
    await store.submit(track(), once)
    await move(store, clock, steps)
    clock.advance(20 * SECOND)
    with pytest.raises(RateLimited) as refused:
        await store.submit(track(), once)
    assert refused.value.retry_after_ms == 40 * SECOND
    clock.advance(40 * SECOND)

    await store.submit(track(), once)


@stepped
async def test_nothing_is_pruned_early_or_kept_for_ever(store: Store, clock: FakeClock, steps: tuple[int, ...]) -> None:
    """A day of retention is a day that passed."""
    await job_in(store, State.COMPLETED)
    await move(store, clock, steps)
    clock.advance(DAY - SECOND)
    assert await store.prune(ONE_DAY) == Pruned()
    clock.advance(2 * SECOND)

    assert (await store.prune(ONE_DAY)).completed == 1


@stepped
async def test_the_feed_keeps_its_hour(store: Store, clock: FakeClock, steps: tuple[int, ...]) -> None:
    """Events of a moment ago are still told after a step, in order."""
    start = (await store.events(None)).last
    first = await submit_track(store)
    await move(store, clock, steps)
    second = await submit_track(store)

    assert [event.job_id for event in await news(store, start)] == [first, second]


@stepped
async def test_workers_are_not_forgotten_early(store: Store, clock: FakeClock, steps: tuple[int, ...]) -> None:
    """A sign of life of a moment ago counts."""
    await store.heartbeat("w1", "host", 4)
    await move(store, clock, steps)

    assert [worker.id for worker in await store.workers()] == ["w1"]


@stepped
async def test_the_order_of_submission_outlives_a_step(store: Store, clock: FakeClock, steps: tuple[int, ...]) -> None:
    """Age is what passed: the older job stays the older one, in claims and in lists."""
    first = await submit_track(store)
    clock.advance(1)
    await move(store, clock, steps)
    second = await submit_track(store)

    assert [job.id for job in await listed(store)] == [first, second]
    assert [job.id for job in await listed(store, JobQuery(order=JobOrder.CREATED))] == [first, second]
    assert [one.job_id for one in await claim(store, tracks=2)] == [first, second]


async def test_shown_times_are_the_walls(store: Store, clock: FakeClock) -> None:
    """After a step, new times read as the clock on the wall does now."""
    await submit_track(store)
    for step in (-HOUR, 10 * YEAR, -10 * YEAR):
        clock.step_wall(step)
        clock.advance(SECOND)
        job_id = await submit_track(store)
        assert (await store.job(job_id)).created_at == clock.wall_ms()
        await delay(store, await claim_for(store, job_id), 7 * SECOND)
        assert (await store.job(job_id)).next_retry_at == clock.wall_ms() + 7 * SECOND
        await store.heartbeat("w1", "host", 4)
        assert [worker.last_heartbeat for worker in await store.workers()] == [clock.wall_ms()]


async def claim_for(store: Store, job_id: str) -> Claim:
    """Claim until *job_id* comes."""
    while True:
        one = await claim_one(store)
        if one.job_id == job_id:
            return one


async def test_a_finished_job_shows_the_time_of_its_end(store: Store, clock: FakeClock) -> None:
    """Started and completed by the wall of that moment."""
    job_id = await submit_track(store)
    clock.step_wall(-HOUR)
    held = await claim_one(store)
    clock.advance(5 * SECOND)
    ended = clock.wall_ms()
    await complete(store, held)

    assert (await store.job(job_id)).completed_at == ended
    clock.advance(MINUTE)
    assert (await store.job(job_id)).completed_at == ended


# Across a restart of the process, and of the machine.


@stepped
async def test_durations_go_on_across_a_restart_of_the_process(
    durable: Reopened, clock: FakeClock, steps: tuple[int, ...]
) -> None:
    """The same boot: elapsed time counts on while the store was closed, whatever was set meanwhile."""
    store = await durable.open()
    await submit_track(store)
    await delay(store, await claim_one(store), 60 * SECOND)
    leased = await submit_track(store)
    await claim_one(store)
    await store.close()

    clock.advance(20 * SECOND)
    for step in steps:
        clock.step_wall(step)
    store = await durable.open()
    clock.advance(40 * SECOND - 1)
    assert await claim(store, tracks=1) == ()
    assert await sweep_all(store) == 0
    assert await state_of(store, leased) is State.ACTIVE
    clock.advance(1)
    assert len(await claim(store, tracks=1)) == 1
    assert await sweep_all(store) == 1
    await store.close()


@pytest.mark.parametrize("away", [0, 20 * SECOND], ids=["no time", "twenty seconds"])
async def test_the_time_that_a_machine_was_away_counts(durable: Reopened, clock: FakeClock, away: int) -> None:
    """Another boot: the wall clock tells how long it was."""
    store = await durable.open()
    await submit_track(store)
    await delay(store, await claim_one(store), 60 * SECOND)
    await store.close()

    clock.reboot("boot-2", away_ms=away)
    store = await durable.open()
    clock.advance(60 * SECOND - away - 1)
    assert await claim(store, tracks=1) == ()
    clock.advance(1)
    assert len(await claim(store, tracks=1)) == 1
    await store.close()


@pytest.mark.parametrize("back", [HOUR, 10 * YEAR, START_WALL_MS], ids=["an hour", "ten years", "to 1970"])
async def test_a_machine_that_wakes_in_the_past_does_not_stop_time(
    durable: Reopened, clock: FakeClock, back: int
) -> None:
    """A clock without a battery: what was to take a minute takes a minute more at most."""
    store = await durable.open()
    await submit_track(store)
    await delay(store, await claim_one(store), 60 * SECOND)
    done = await job_in(store, State.COMPLETED)
    await store.close()

    clock.reboot("boot-2", away_ms=-back)
    store = await durable.open()
    assert await claim(store, tracks=1) == ()
    assert await store.prune(ONE_DAY) == Pruned()
    clock.advance(60 * SECOND)
    assert len(await claim(store, tracks=1)) == 1
    clock.advance(DAY)
    assert (await store.prune(ONE_DAY)).completed == 1
    with pytest.raises(NotFound):
        await store.job(done.job_id)
    await store.close()


async def test_a_wall_clock_set_right_after_a_boot_prunes_nothing(durable: Reopened, clock: FakeClock) -> None:
    """The machine wakes in 1970 and learns the time a little later: a step like any other."""
    store = await durable.open()
    await job_in(store, State.COMPLETED)
    await store.close()
    clock.reboot("boot-2", away_ms=-START_WALL_MS)
    store = await durable.open()
    await store.sweep()
    clock.step_wall(START_WALL_MS + MINUTE)

    assert await store.prune(ONE_DAY) == Pruned()
    clock.advance(1)
    assert (await store.prune(KEEP_NOTHING)).completed == 1
    await store.close()
