"""Hearing of changes: readers, and the loop that waits, over a main store that goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.contract.steps import (
    NO_LIMITS,
    listed,
    news,
    state_of,
    submit_track,
    track,
)
from tests.support.switched import Line
from tests.unit.store.spool.conftest import Stores

from tonearm.model import (
    State,
)
from tonearm.store.spool import Spool, open_spool
from tonearm.store.sqlite import open_sqlite


@asynccontextmanager
async def _another(stores: Stores) -> AsyncIterator[Spool]:
    """The spool of another process over the same main store."""
    spool = await open_spool(stores.switch.open, await open_sqlite(None, stores.clock))
    try:
        yield spool
    finally:
        await spool.close()


async def test_readers_hear_of_changes_in_both_stores(stores: Stores) -> None:
    """In one feed, with one id to go on from; a job that was handed over is not said to be gone."""
    end = (await stores.spool.events(None)).last
    first = await submit_track(stores.spool)
    await stores.go_away()
    second = await submit_track(stores.spool)
    stores.switch.set(Line.UP)
    await stores.spool._reach.probe()

    told = await news(stores.spool, end)
    assert [event.job_id for event in told] == [second, first]
    await stores.settle_down()
    after = await news(stores.spool, told[-1].id)
    assert {(event.job_id, event.kind.value) for event in after} == {(second, "job")}
    one_by_one = (await stores.spool.events(end, limit=1)).events
    assert len(one_by_one) == 1


async def test_a_reader_that_began_while_the_queue_was_away_begins_anew(stores: Stores) -> None:
    """What lies there was never shown to it."""
    await stores.go_away()
    end = (await stores.spool.events(None)).last
    await submit_track(stores.spool)
    assert len((await stores.spool.events(end)).events) == 1
    stores.switch.set(Line.UP)
    await stores.spool._reach.probe()

    feed = await stores.spool.events(end)
    assert feed.resync
    assert not (await stores.spool.events(feed.last)).resync
    assert (await stores.spool.events("nonsense")).resync


async def test_a_reader_keeps_its_place_while_the_queue_is_away(stores: Stores) -> None:
    """It hears of what changed there when it is back."""
    end = (await stores.spool.events(None)).last
    await stores.go_away()
    here = await submit_track(stores.spool)
    there = await submit_track(stores.main)
    feed = await stores.spool.events(end)
    assert [event.job_id for event in feed.events] == [here]
    stores.switch.set(Line.UP)
    await stores.spool._reach.probe()
    assert [event.job_id for event in (await stores.spool.events(feed.last)).events] == [there]


async def test_a_place_is_the_same_in_every_process_while_nothing_lies_here(stores: Stores) -> None:
    """A reader goes on at another one, as long as neither stands in; afterwards, too, when all has been handed over."""
    place = (await stores.spool.events(None)).last
    async with _another(stores) as other:
        assert (await other.events(None)).last == place
        first = await submit_track(stores.spool)
        heard = await other.events(place)
        assert [event.job_id for event in heard.events] == [first]

        await stores.go_away()
        second = await submit_track(stores.spool)
        told = await stores.spool.events(heard.last)
        assert [event.job_id for event in told.events] == [second]
        await stores.settle_down()
        assert (await other.events(told.last)).resync
        handed = await stores.spool.events(told.last)
        assert {event.job_id for event in handed.events} == {second}
        assert (await other.events(None)).last == handed.last == (await stores.spool.events(None)).last


async def test_a_process_that_begins_with_jobs_here_has_no_place_for_a_reader_from_elsewhere(stores: Stores) -> None:
    """It hears `resync`, since it was never shown those."""
    place = (await stores.spool.events(None)).last
    await stores.go_away()
    await submit_track(stores.spool)
    stores.switch.set(Line.DOWN)
    spool = await stores.restart()

    assert (await spool.events(place)).resync


async def test_whoever_waits_is_woken_by_either_store_and_by_a_turn(stores: Stores) -> None:
    """Giving back the last number misses nothing."""
    spool = stores.spool
    number = await spool.changed(0, 0)
    for store in (stores.main, stores.local):
        waiting = asyncio.create_task(spool.changed(number, 5_000))
        await submit_track(store)
        assert await waiting != number
        number = waiting.result()
        number = await spool.changed(number, 0)

    waiting = asyncio.create_task(spool.changed(number, 5_000))
    await asyncio.sleep(0)
    await stores.go_away()
    assert await waiting != number
    number = await spool.changed(waiting.result(), 0)
    assert await spool.changed(number, 1) == number
    waiting = asyncio.create_task(spool.changed(number, 5_000))
    await asyncio.sleep(0)
    stores.switch.set(Line.UP)
    await spool._reach.probe()
    assert await waiting != number


async def test_the_loop_wakes_up_when_the_queue_goes_away(stores: Stores) -> None:
    """And not before."""
    tending = asyncio.create_task(stores.spool.tend())
    done, _ = await asyncio.wait([tending], timeout=0.05)
    assert not done
    await stores.go_away()
    await asyncio.wait_for(tending, 5)


async def test_the_loop_wakes_up_for_a_job_that_comes_just_as_the_queue_turns_back(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was accepted here while the queue was away; by then the loop has found it back, and had nothing to do."""
    await stores.go_away()
    real, coming, go_on = stores.local.submit, asyncio.Event(), asyncio.Event()

    async def slow(*arguments: Any) -> Any:
        coming.set()
        await go_on.wait()
        return await real(*arguments)

    monkeypatch.setattr(stores.local, "submit", slow)
    submitting = asyncio.create_task(stores.spool.submit(track(), NO_LIMITS))
    await coming.wait()
    stores.switch.set(Line.UP)
    tending = asyncio.create_task(stores.spool.tend())
    done, _ = await asyncio.wait([tending], timeout=0.05)
    assert not done
    go_on.set()
    job_id = (await submitting).job_id

    await asyncio.wait_for(tending, 5)
    await stores.spool.look()
    assert await state_of(stores.main, job_id) is State.READY


async def test_the_loop_does_not_miss_a_job_that_comes_while_it_looks(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its look at what lies here and its wait."""
    job_ids: list[str] = []
    real = stores.spool.look

    async def look() -> float:
        wait_s = await real()
        stores.switch.set(Line.DEAF, "submit")
        job_ids.append(await submit_track(stores.spool))
        stores.switch.set(Line.UP)
        await stores.spool._reach.probe()
        return wait_s

    monkeypatch.setattr(stores.spool, "look", look)
    await asyncio.wait_for(stores.spool.tend(), 5)
    monkeypatch.setattr(stores.spool, "look", real)
    await stores.spool.look()
    assert await everything_is_there(stores) == job_ids


async def everything_is_there(stores: Stores) -> list[str]:
    """The jobs of the main store; the local one has none."""
    assert await listed(stores.local) == []
    return [job.id for job in await listed(stores.main)]
