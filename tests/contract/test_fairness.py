"""Fair share: start-time fair queuing between clients, one unit a task."""

from __future__ import annotations

from collections import Counter

from tests.contract.steps import (
    LEASE_MS,
    claim,
    claim_one,
    complete,
    open_album,
    submit,
    submit_album,
    submit_track,
    track,
)
from tonearm.model import ClaimRequest, Priority, Released
from tonearm.store.base import Store


async def picks(store: Store, count: int) -> list[str]:
    """The clients of the next *count* picks, one by one."""
    return [(await claim_one(store)).client for _ in range(count)]


async def test_a_large_album_does_not_hold_up_another_client(store: Store) -> None:
    """Five hundred tracks wait, four run; the next slot that comes free is the newcomer's."""
    await open_album(store, 500, "ann")
    first, *_rest = await claim(store, tracks=4)
    bobs = await submit_track(store, "bob")

    await complete(store, first)

    assert (await claim_one(store)).job_id == bobs


async def test_a_newcomer_waits_for_at_most_one_task_of_each_of_the_others(store: Store) -> None:
    """With three busy clients the fourth is among the next four picks."""
    for client in ("ann", "bob", "cem"):
        await submit(store, *[track(client) for _ in range(20)])
    await picks(store, 15)
    await submit(store, *[track("dan") for _ in range(5)])

    assert "dan" in await picks(store, 4)


async def test_clients_with_work_get_equal_shares(store: Store) -> None:
    """At every moment no client is more than one task ahead of another."""
    for client, jobs in (("ann", 30), ("bob", 12), ("cem", 12)):
        await submit(store, *[track(client) for _ in range(jobs)])

    order = await picks(store, 36)

    for end in range(1, 37):
        shares = Counter(order[:end])
        assert max(shares.values()) - min(shares[client] for client in ("ann", "bob", "cem")) <= 1


async def test_picks_in_one_call_are_as_fair_as_one_by_one(store: Store) -> None:
    """A worker that asks for six gets two of each of three clients."""
    for client in ("ann", "bob", "cem"):
        await submit(store, *[track(client) for _ in range(6)])

    assert Counter(one.client for one in await claim(store, tracks=6)) == {"ann": 2, "bob": 2, "cem": 2}


async def claim_capped(store: Store, most: int, tracks: int, worker: str = "w1") -> list[str]:
    """The clients of what a worker gets where a client may hold *most*."""
    return [one.client for one in (await store.claim(ClaimRequest(worker, tracks, 0, LEASE_MS, most))).claims]


async def test_a_client_has_no_more_tasks_than_it_may(store: Store) -> None:
    """By all workers together; the others get what it may not have, and it the next one when one of its ends."""
    await open_album(store, 20, "ann")
    await submit(store, *[track("bob") for _ in range(2)])

    assert Counter(await claim_capped(store, 3, 4)) == {"ann": 2, "bob": 2}
    assert await claim_capped(store, 3, 4, "w2") == ["ann"]
    assert await claim_capped(store, 3, 4) == []

    (held,) = [one for one in await claim(store, "w3", tracks=1) if one.client == "ann"]  # one that asks for no limit
    await complete(store, held)
    assert await claim_capped(store, 3, 4) == []
    assert await claim_capped(store, 4, 4) == ["ann"]


async def test_a_client_that_was_passed_over_gets_no_burst(store: Store) -> None:
    """When it may have more again it takes turns with the others."""
    await submit(store, *[track("ann") for _ in range(20)], *[track("bob") for _ in range(20)])
    assert Counter(await claim_capped(store, 2, 10)) == {"ann": 2, "bob": 2}
    await submit(store, *[track("cem") for _ in range(20)])
    for _ in range(6):
        claims = (await store.claim(ClaimRequest("w2", 10, 0, LEASE_MS, 2))).claims
        assert [one.client for one in claims] == ["cem", "cem"]
        for one in claims:
            await complete(store, one)

    shares = Counter(await claim_capped(store, 12, 9))
    assert min(shares[client] for client in ("ann", "bob", "cem")) >= 2


async def test_a_client_that_was_away_has_saved_nothing_up(store: Store) -> None:
    """Fairness looks forward: no burst for one who was idle, no debt for one who worked alone."""
    await submit(store, *[track("ann") for _ in range(40)])
    await picks(store, 20)
    await submit(store, *[track("bob") for _ in range(20)])

    shares = Counter(await picks(store, 10))
    assert abs(shares["ann"] - shares["bob"]) <= 1


async def test_a_client_that_comes_again_and_again_gains_nothing(store: Store) -> None:
    """Submitting one at a time, always just served, is no way to the front of the line for ever."""
    await submit(store, *[track("ann") for _ in range(20)])
    served: Counter[str] = Counter()
    for _ in range(10):
        await submit_track(store, "bob")
        served.update(await picks(store, 2))

    assert served == {"ann": 10, "bob": 10}


async def test_priority_means_nothing_between_clients(store: Store) -> None:
    """High priority of one client takes nothing from another."""
    await submit(store, *[track("ann", priority=Priority.HIGH) for _ in range(10)])
    await submit(store, *[track("bob", priority=Priority.LOW) for _ in range(10)])

    shares = Counter(await picks(store, 10))
    assert shares == {"ann": 5, "bob": 5}


async def test_albums_and_singles_weigh_the_same_between_clients(store: Store) -> None:
    """A client with an album and a client with singles share evenly."""
    await open_album(store, 20, "ann")
    await submit(store, *[track("bob") for _ in range(20)])

    shares = Counter(await picks(store, 12))
    assert abs(shares["ann"] - shares["bob"]) <= 2


async def test_albums_to_resolve_are_shared_between_clients(store: Store) -> None:
    """One client's many albums do not keep another's from being resolved."""
    for _ in range(3):
        await submit_album(store, "ann")
    await submit_album(store, "bob")

    assert {one.client for one in await claim(store, albums=2)} == {"ann", "bob"}


async def test_a_client_whose_tasks_are_all_held_back_holds_up_nobody(store: Store) -> None:
    """Paused and delayed tasks are passed over without cost to anybody."""
    held = await submit(store, *[track("ann") for _ in range(3)])
    for job_id in held[:2]:
        await store.pause(job_id)
    await store.settle(await claim_one(store), Released("rests", delay_ms=60_000))
    await submit(store, *[track("bob") for _ in range(3)])

    assert await picks(store, 3) == ["bob"] * 3
    for job_id in held[:2]:
        await store.resume(job_id)
    assert await picks(store, 2) == ["ann"] * 2
