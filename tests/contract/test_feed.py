"""The feed: every change is told once, in order, and a reader that fell behind is told so."""

from __future__ import annotations

import asyncio

import pytest

from tests.contract.steps import (
    DONE,
    LEASE_MS,
    NO_LIMITS,
    PUBLICATION,
    TIMEOUT,
    at,
    claim_album,
    claim_one,
    complete,
    expand,
    feed_end,
    job_in,
    new_id,
    news,
    open_album,
    submit_album,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import HOUR, FakeClock
from tonearm.errors import NotFound, RateLimited
from tonearm.model import Event, EventKind, Phase, Priority, Retry, State, SubmitLimits
from tonearm.store.base import FEED_AGE_MS, FEED_LIMIT, Store

ONE_A_MINUTE = SubmitLimits(rate_per_minute=1)

SOON = 10
"""Seconds after which a test that waits for news has failed."""


async def test_a_new_reader_learns_where_the_feed_ends(store: Store) -> None:
    """After None: no events, no resync, only the end."""
    await submit_track(store)
    feed = await store.events(None)

    assert (feed.events, feed.resync) == ((), False)
    again = await store.events(feed.last)
    assert (again.events, again.last, again.resync) == ((), feed.last, False)


async def test_the_end_of_an_empty_feed_is_a_place_to_go_on_from(store: Store) -> None:
    """Even before anything has happened."""
    end = await feed_end(store)
    job_id = await submit_track(store)

    assert [event.job_id for event in await news(store, end)] == [job_id]


async def test_every_move_of_a_job_is_told_and_its_removal_last(store: Store) -> None:
    """At least one event for each change of state, `job` each time, `removed` at the end."""
    told: list[EventKind] = []
    end = await feed_end(store)

    async def step() -> None:
        nonlocal end
        fresh = await news(store, end)
        assert fresh
        assert {event.job_id for event in fresh} == {job_id}
        told.extend(event.kind for event in fresh)
        end = await feed_end(store)

    job_id = await submit_track(store)
    await step()
    held = await claim_one(store)
    await step()
    await store.settle(held, Retry(TIMEOUT, 0))
    await step()
    await store.pause(job_id)
    await step()
    await store.resume(job_id)
    await step()
    await store.prioritize(job_id, Priority.HIGH)
    await step()
    held = await claim_one(store)
    await step()
    await complete(store, held)
    await step()
    await store.delete(job_id)
    await step()

    assert told.count(EventKind.REMOVED) == 1
    assert told[-1] is EventKind.REMOVED


async def test_what_happens_to_an_albums_tracks_is_told_of_the_album(store: Store) -> None:
    """Tracks have no events of their own."""
    end = await feed_end(store)
    job_id = await submit_album(store)
    await expand(store, await claim_album(store), 2)
    middle = await feed_end(store)
    await complete(store, await claim_one(store))
    assert await news(store, middle)
    await complete(store, await claim_one(store))

    assert {event.job_id for event in await news(store, end)} == {job_id}


async def test_events_are_told_in_pages_without_gap_or_repeat(store: Store) -> None:
    """Three at a time or all at once is the same story."""
    end = await feed_end(store)
    for _ in range(10):
        await submit_track(store)
    whole = await news(store, end)

    paged: list[Event] = []
    while (feed := await store.events(end, limit=3)).events:
        assert len(feed.events) <= 3
        assert feed.last == feed.events[-1].id
        paged.extend(feed.events)
        end = feed.last
    assert paged == whole
    assert len({event.id for event in whole}) == len(whole)


async def test_a_reader_can_go_on_after_any_event(store: Store) -> None:
    """Ids are places."""
    end = await feed_end(store)
    for _ in range(5):
        await submit_track(store)
    whole = await news(store, end)

    for number, event in enumerate(whole):
        assert await news(store, event.id) == whole[number + 1 :]


@pytest.mark.parametrize("after", ["", "x", "-1", "99999999999999999999", "0:0", "\udcff"])
async def test_an_unknown_place_asks_for_a_resync(store: Store, after: str) -> None:
    """Never an error, never a guess."""
    await submit_track(store)
    feed = await store.events(after)

    assert (feed.resync, feed.events) == (True, ())
    assert feed.last == await feed_end(store)


async def test_events_leave_the_feed_by_age(store: Store, clock: FakeClock) -> None:
    """A reader that is more than an hour behind is told to begin anew; a later one is not."""
    end = await feed_end(store)
    await submit_track(store)
    await submit_track(store)
    late = (await store.events(end, limit=1)).last
    clock.advance(FEED_AGE_MS + 1)
    fresh = await submit_track(store)
    await sweep_all(store)

    assert (await store.events(late)).resync
    assert (await store.events(end)).resync
    assert not (await store.events(await feed_end(store))).resync
    now = await feed_end(store)
    clock.advance(HOUR // 2)
    other = await submit_track(store)
    await sweep_all(store)
    assert fresh != other
    assert [event.job_id for event in await news(store, now)] == [other]


async def test_a_reader_at_the_end_of_a_feed_that_was_emptied_missed_nothing(store: Store, clock: FakeClock) -> None:
    """All events have left; who had read them all goes on without a resync."""
    await submit_track(store)
    end = await feed_end(store)
    clock.advance(2 * HOUR)
    await sweep_all(store)
    job_id = await submit_track(store)

    assert [event.job_id for event in await news(store, end)] == [job_id]


async def test_the_feed_is_bounded(store: Store) -> None:
    """Beyond its limit the oldest events go, and their readers are told."""
    job_id = await submit_track(store)
    end = await feed_end(store)
    both = [Priority.HIGH, Priority.LOW]
    for start in range(0, FEED_LIMIT + 200, 400):
        await asyncio.gather(*[store.prioritize(job_id, both[(start + n) % 2]) for n in range(400)])
    await sweep_all(store)

    assert (await store.events(end)).resync


async def test_what_changes_nothing_is_not_told(store: Store) -> None:
    """Refusals, repeats, reads, polls and signs of life leave the feed alone."""
    said = track()
    await store.submit(said, ONE_A_MINUTE)
    held = await claim_one(store)
    await store.commit(held, PUBLICATION)
    end = await feed_end(store)

    await store.submit(said, NO_LIMITS)
    with pytest.raises(RateLimited):
        await store.submit(track(), ONE_A_MINUTE)
    with pytest.raises(NotFound):
        await store.cancel(new_id())
    await store.poll("w1", [held.token])
    await store.renew("w1", {held.token: at(Phase.CLAIMED)}, LEASE_MS)
    await store.heartbeat("w1", "host", 4)
    await store.prioritize(said.id, Priority.NORMAL)
    await store.resume(said.id)
    await store.sweep()

    assert await news(store, end) == []


async def test_a_job_reads_at_least_as_new_as_its_event(store: Store) -> None:
    """The event is written in the same unit: who hears of an end reads the end."""
    case = await job_in(store, State.ACTIVE)
    await store.commit(case.held, PUBLICATION)
    end = await feed_end(store)

    async def listen() -> State:
        seen = 0
        while not (await store.events(end)).events:
            seen = await store.changed(seen, 60_000)
        return (await store.job(case.job_id)).state

    listening = asyncio.create_task(listen())
    await store.settle(case.held, DONE)

    assert await asyncio.wait_for(listening, SOON) is State.COMPLETED


async def test_changed_misses_nothing_between_two_calls(store: Store) -> None:
    """Something happened since the number was given: it answers at once, with another number."""
    seen = await store.changed(0, 1)
    await submit_track(store)

    assert await asyncio.wait_for(store.changed(seen, 600_000), SOON) != seen


async def test_changed_wakes_everybody_who_waits(store: Store) -> None:
    """A submission ends the wait of every reader."""
    seen = await store.changed(0, 1)
    waiting = [asyncio.create_task(store.changed(seen, 600_000)) for _ in range(3)]
    await asyncio.sleep(0)
    await submit_track(store)

    assert seen not in await asyncio.wait_for(asyncio.gather(*waiting), SOON)


async def test_changed_wakes_up_for_what_became_claimable(store: Store) -> None:
    """A resume puts a task back: claim loops hear of it."""
    case = await job_in(store, State.PAUSED)
    seen = await store.changed(0, 1)
    waiting = asyncio.create_task(store.changed(seen, 600_000))
    await asyncio.sleep(0)
    await store.resume(case.job_id)

    assert await asyncio.wait_for(waiting, SOON) != seen


async def test_changed_answers_the_same_number_when_its_time_is_over(store: Store) -> None:
    """Without any change; two readers that give back the same number hear the same."""
    seen = await store.changed(0, 1)

    assert await asyncio.wait_for(store.changed(seen, 20), SOON) == seen
    await submit_track(store)
    later = [await asyncio.wait_for(store.changed(seen, 600_000), SOON) for _ in range(2)]
    assert len(set(later)) == 1


async def test_the_story_of_an_album_ends_with_its_end(store: Store) -> None:
    """The last event of an album that completed is at hand when it reads completed."""
    job_id = await open_album(store, 2)
    for _ in range(2):
        end = await feed_end(store)
        await complete(store, await claim_one(store))
        assert [event.job_id for event in await news(store, end)][-1] == job_id
