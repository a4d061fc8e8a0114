"""Telling: what happens becomes deliveries, once each, whichever process tells it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.contract import steps
from tests.support.clock import DAY, FakeClock

from tonearm.api.records import encode_short
from tonearm.errors import FailureCode
from tonearm.model import Failure, RestingHost, RestKind, WorkerReport
from tonearm.notices import addresses_of
from tonearm.notices.telling import LISTEN_MS, Teller
from tonearm.notices.troubles import LASTS_MS
from tonearm.store.base import PAGE, Store
from tonearm.store.sqlite import SqliteStore

ADDRESSES = addresses_of(["https://a.example/1", "https://b.example/2"])
CATALOG = "catalog.example:443"


def teller(store: Store, clock: FakeClock) -> Teller:
    """As each process makes one."""
    return Teller(store, ADDRESSES, clock, encode=encode_short, catalog=CATALOG, told=lambda: None)


async def told(store: Store, number: int = 0) -> list[dict[str, Any]]:
    """The bodies that are due for an address, which are taken by that."""
    taken = await store.take_deliveries([ADDRESSES[number].target], PAGE, DAY)
    return [json.loads(each.body) for each in taken.deliveries]


def types(bodies: list[dict[str, Any]]) -> list[str]:
    return [body["type"] for body in bodies]


async def test_an_end_is_told_to_each_address_with_the_job_as_lists_show_it(
    store: SqliteStore, clock: FakeClock
) -> None:
    """Each delivery has an id of its own; the time is that of the end."""
    ours = teller(store, clock)
    await ours.look()
    job_id = await steps.submit_track(store)
    await steps.complete(store, await steps.claim_one(store))
    await ours.look()

    mine, other = await told(store), await told(store, 1)
    assert types(mine) == types(other) == ["job.completed", "queue.drained"]
    assert mine[0]["data"]["job"] == json.loads(encode_short(await store.job(job_id, whole=False)))
    assert (mine[0]["id"] == other[0]["id"], mine[0]["data"] == other[0]["data"]) == (False, True)
    assert mine[0]["timestamp"] == "2025-11-23T12:13:20.000Z"
    assert mine[1]["data"] == {"queue": {"completed": 1, "failed": 0, "cancelled": 0}}


async def test_a_job_that_is_gone_or_began_anew_is_told_by_its_end(store: SqliteStore, clock: FakeClock) -> None:
    """Its id, how it ended and when; never as what it became since."""
    ours = teller(store, clock)
    await ours.look()
    gone, again = await steps.submit_track(store), await steps.submit_track(store)
    await steps.complete(store, await steps.claim_one(store))
    await steps.fail(store, await steps.claim_one(store))
    await store.delete(gone)
    await store.retry(again)
    await ours.look()

    at = clock.wall_ms()
    assert [(body["type"], body["data"]["job"]) for body in await told(store)] == [
        ("job.completed", {"id": gone, "status": "completed", "completedAt": at}),
        ("job.failed", {"id": again, "status": "failed", "completedAt": at}),
    ]


async def test_the_queue_is_told_as_drained_once_each_time(store: SqliteStore, clock: FakeClock) -> None:
    """When the last unfinished job is over, however it ended, and never of a queue that had none."""
    ours = teller(store, clock)
    await ours.look()
    assert await told(store) == []
    first, second = await steps.submit_track(store), await steps.submit_track(store)
    await steps.complete(store, await steps.claim_one(store))
    await ours.look()
    assert types(await told(store)) == ["job.completed"]
    await store.cancel(second)
    await ours.look()
    assert types(await told(store)) == ["queue.drained"]
    await store.delete(first)
    await ours.look()
    assert await told(store) == []


async def test_of_two_processes_one_tells_and_a_restart_repeats_nothing(store: SqliteStore, clock: FakeClock) -> None:
    """They see the same round; what has to be known of it is in the store."""
    one, other = teller(store, clock), teller(store, clock)
    await one.look()
    await steps.submit_track(store)
    await one.look()
    await steps.fail(store, await steps.claim_one(store))
    assert list(await asyncio.gather(one.look(), other.look())) == [1, 1]
    await teller(store, clock).look()

    assert types(await told(store)) == ["job.failed", "queue.drained"]


async def test_more_than_a_page_is_told_in_rounds(store: SqliteStore, clock: FakeClock) -> None:
    """And that the queue is drained comes last."""
    ours = teller(store, clock)
    await ours.look()
    await steps.submit(store, *[steps.track() for _ in range(PAGE + 1)])
    for held in await steps.claim_all(store):
        await steps.fail(store, held)

    assert [await ours.look(), await ours.look(), await ours.look()] == [PAGE, 1, 0]
    assert types(await told(store)) == ["job.failed"] * PAGE
    assert types(await told(store)) == ["job.failed", "queue.drained"]


async def test_a_trouble_is_told_when_it_lasts_and_by_one_process(store: SqliteStore, clock: FakeClock) -> None:
    """With a sentence about it; another process and a new one know that it was told."""
    one, other = teller(store, clock), teller(store, clock)
    await store.heartbeat("den-1", "den", 4)
    await store.report(WorkerReport("den-1", 0, 4, resting=(RestingHost(CATALOG, DAY, RestKind.UNREACHABLE),)))
    for process in (one, other):
        await process.look()
    clock.advance(LASTS_MS)
    for process in (one, other, teller(store, clock)):
        await process.look()

    (body,) = await told(store)
    assert (body["type"], body["data"]["trouble"]) == ("attention.needed", "catalog")
    assert CATALOG in body["data"]["message"]


async def test_a_catalog_that_refuses_us_wants_attention_at_once(store: SqliteStore, clock: FakeClock) -> None:
    """It shows in the first job that fails for it."""
    ours = teller(store, clock)
    await ours.look()
    await steps.submit_track(store)
    await steps.fail(store, await steps.claim_one(store), Failure(FailureCode.AUTH, "catalog.example answered 401"))
    await ours.look()

    bodies = await told(store)
    assert types(bodies) == ["job.failed", "queue.drained", "attention.needed"]
    assert bodies[2]["data"] == {"trouble": "catalog", "message": "catalog.example answered 401"}


async def test_a_full_page_of_ends_hides_no_trouble_and_no_empty_queue(store: SqliteStore, clock: FakeClock) -> None:
    """The refusal is on a page that is full, and nothing is on the next one."""
    ours = teller(store, clock)
    await ours.look()
    await steps.submit(store, *[steps.track() for _ in range(PAGE)])
    for held in await steps.claim_all(store):
        await steps.fail(store, held, Failure(FailureCode.AUTH, "catalog.example answered 401"))
    assert [await ours.look(), await ours.look()] == [PAGE, 0]

    bodies = await told(store) + await told(store)
    assert types(bodies) == ["job.failed"] * PAGE + ["attention.needed", "queue.drained"]


async def test_jobs_leave_notices_for_as_long_as_somebody_comes_back(store: SqliteStore, clock: FakeClock) -> None:
    """It is prolonged in time, and not at each look."""
    ours = teller(store, clock)
    await ours.look()
    assert (await store.pending()).listens_ms == LISTEN_MS
    clock.advance(LISTEN_MS // 2)
    await ours.look()
    assert (await store.pending()).listens_ms == LISTEN_MS // 2
    clock.advance(1)
    await ours.look()
    assert (await store.pending()).listens_ms == LISTEN_MS


async def test_a_memory_that_cannot_be_read_is_none(store: SqliteStore, clock: FakeClock) -> None:
    """Whatever a later version kept there."""
    await store.tell([], from_round="0", memory="{'not ours'")
    ours = teller(store, clock)
    await ours.look()
    await steps.submit_track(store)
    await ours.look()

    assert json.loads((await store.pending()).memory) == {"busy": True, "troubles": []}
