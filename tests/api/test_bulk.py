"""Many jobs at once over HTTP: one action on a list or on a status, and clearing the history."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from tests.api.serving import WORKER, Api
from tests.contract import steps

from tonearm.errors import StoreUnavailable
from tonearm.model import Priority, State
from tonearm.store.base import PAGE, Store

JSON = {"Content-Type": "application/json"}


async def queued(api: Api, count: int) -> list[str]:
    """Queue so many tracks in the store."""
    return await steps.submit(api.store, *[steps.track() for _ in range(count)])


async def cancelled(api: Api, count: int) -> list[str]:
    """So many cancelled tracks."""
    ids = await queued(api, count)
    for job_id in ids:
        await api.store.cancel(job_id)
    return ids


async def act(api: Api, **body: Any) -> dict[str, Any]:
    """Ask, be accepted, and return the answer."""
    answer = await api.call("POST", "/actions", json=body)
    assert (answer.status, answer.body["success"]) == (200, True), answer.body
    return answer.body


async def states(api: Api, ids: Iterable[str]) -> list[State]:
    """The states of jobs."""
    return [await steps.state_of(api.store, job_id) for job_id in ids]


async def test_every_job_has_a_result_in_order(api: Api) -> None:
    """Those that refuse say why, as PATCH would, and keep no other from its own."""
    one, two, three = await queued(api, 3)
    await api.store.cancel(two)
    body = await act(api, action="pause", jobIds=[three, "job-1-a", two, "nonsense", one, three])

    refused = "Could not pause job (not found or already completed)"
    assert body["results"] == [
        {"jobId": three, "success": True},
        {"jobId": "job-1-a", "success": False, "code": "NOT_FOUND", "error": refused},
        {"jobId": two, "success": False, "code": "WRONG_STATE", "error": refused},
        {"jobId": "nonsense", "success": False, "code": "NOT_FOUND", "error": refused},
        {"jobId": one, "success": True},
        {"jobId": three, "success": True},
    ]
    assert await states(api, [one, two, three]) == [State.PAUSED, State.CANCELLED, State.PAUSED]


async def test_a_job_that_is_named_twice_is_asked_once(api: Api) -> None:
    """A retry that is listed twice does not say that it failed."""
    (one,) = await cancelled(api, 1)
    body = await act(api, action="retry", jobIds=[one, one])

    assert body["results"] == [{"jobId": one, "success": True}] * 2


async def test_the_priority_counts_for_all(api: Api) -> None:
    """As with one job."""
    ids = await queued(api, 2)
    await act(api, action="prioritize", jobIds=ids, priority="low")

    assert [(await api.store.job(job_id)).priority for job_id in ids] == [Priority.LOW] * 2


async def test_all_jobs_of_a_status(api: Api) -> None:
    """Nobody has to list them first, and the others are left alone."""
    waiting = await queued(api, 1)
    again = await cancelled(api, PAGE + 1)
    body = await act(api, action="retry", status="cancelled")

    assert {result["jobId"] for result in body["results"] if result["success"]} == set(again)
    assert "more" not in body
    assert set(await states(api, waiting + again)) == {State.READY}


async def test_more_jobs_of_a_status_than_one_request_acts_on(api: Api) -> None:
    """The first 1,000, and the word that there are more."""
    await queued(api, 1_001)
    body = await act(api, action="pause", status="queued")

    assert (len(body["results"]), body["more"]) == (1_000, True)
    assert (await api.store.counts()).queued == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "jobIds"),
        ({"jobIds": ["job-1-a"], "status": "failed"}, "jobIds"),
        ({"jobIds": "job-1-a"}, "jobIds"),
        ({"jobIds": [1]}, "jobIds"),
        ({"jobIds": ["job-1-a"] * 1_001}, "jobIds"),
        ({"status": "done"}, "status"),
        ({"status": 1}, "status"),
        ({"jobIds": [], "priority": "top"}, "priority"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_a_list_that_is_none(api: Api, body: dict[str, Any], field: str) -> None:
    """400 INVALID_FIELD names what is wrong, and nothing is asked of any job."""
    answer = await api.call("POST", "/actions", json={"action": "cancel", **body})

    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "INVALID_FIELD", field)


@pytest.mark.parametrize("action", [None, "explode", "delete", "remove"])
async def test_an_action_that_there_is_not(api: Api, action: str | None) -> None:
    """400 INVALID_JOB; removing is DELETE's."""
    answer = await api.call("POST", "/actions", json={"action": action, "jobIds": []})

    assert (answer.status, answer.body["code"]) == (400, "INVALID_JOB")


@pytest.mark.parametrize(("size", "status"), [(65_024, 200), (65_025, 413)])
async def test_a_body_has_room_for_1000_ids_and_no_more(api: Api, size: int, status: int) -> None:
    """64 bytes for each beside what one job may have."""
    ids = ", ".join(f'"job-1763900000000-{number:010}"' for number in range(1_000))
    body = f'{{"action": "cancel", "jobIds": [{ids}]}}'
    answer = await api.call("POST", "/actions", data=body.ljust(size), headers=JSON)

    assert answer.status == status


async def test_unknown_fields_are_named(api: Api) -> None:
    """As with one job."""
    assert (await act(api, action="cancel", jobIds=[], why=1))["warning"] == "Fields that are not used: why"


async def test_a_store_that_goes_away_in_the_middle(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was done is said, and the rest has the code that asks for a repetition."""
    ids = await queued(api, 20)
    cancel, calls = api.store.cancel, iter(range(20))

    async def failing(job_id: str) -> None:
        if next(calls) >= 10:
            raise StoreUnavailable("away")
        await cancel(job_id)

    monkeypatch.setattr(api.store, "cancel", failing)
    results = (await act(api, action="cancel", jobIds=ids))["results"]

    assert [result["jobId"] for result in results] == ids
    assert sum(result["success"] for result in results) == 10
    assert {result.get("code") for result in results} == {None, "STORE_UNAVAILABLE"}


async def test_a_store_that_is_away(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """503 with Retry-After, as for one job."""

    async def failing(_: str) -> None:
        raise StoreUnavailable("away")

    monkeypatch.setattr(api.store, "cancel", failing)
    answer = await api.call("POST", "/actions", json={"action": "cancel", "jobIds": await queued(api, 3)})

    assert (answer.status, answer.body["code"], answer.headers["Retry-After"]) == (503, "STORE_UNAVAILABLE", "5")


async def test_clearing_removes_what_has_the_status_and_nothing_else(api: Api) -> None:
    """More than a page of it, and how many is said."""
    waiting = await queued(api, 1)
    await steps.complete(api.store, await steps.claim_one(api.store, WORKER))
    gone = await cancelled(api, PAGE + 3)
    more = await queued(api, 2)
    answer = await api.call("DELETE", "/?status=cancelled")

    assert (answer.status, answer.body["removed"], "more" in answer.body) == (200, len(gone), False)
    assert await states(api, waiting + more) == [State.COMPLETED, State.READY, State.READY]
    assert (await api.store.counts()).total == 3


async def both_outcomes(store: Store) -> tuple[str, str]:
    """A track that is whole, and an album that misses one of its two tracks."""
    (whole,) = await steps.submit(store, steps.track())
    await steps.complete(store, await steps.claim_one(store, WORKER))
    partial = await steps.open_album(store, 2)
    brought, missing = await steps.claim_all(store)
    await steps.complete(store, brought)
    await steps.fail(store, missing)
    return whole, partial


async def cleared_by_outcome(api: Api) -> tuple[list[int], list[int]]:
    """Clear failed and completed ones that are whole, then those that miss tracks: how many went, and between that how
    one of each kind answers.
    """
    jobs = await both_outcomes(api.store)
    removed = [
        (await api.call("DELETE", f"?status={status}&outcome=ok")).body["removed"] for status in ("failed", "completed")
    ]
    answers = [(await api.call("GET", f"/{job}")).status for job in jobs]
    removed.append((await api.call("DELETE", "?status=completed&outcome=partial")).body["removed"])
    return removed, answers


async def test_clearing_what_is_whole_leaves_what_misses_tracks(api: Api) -> None:
    """An album that misses tracks can still get them."""
    assert await cleared_by_outcome(api) == ([0, 1, 1], [404, 200])
    assert (await api.store.counts()).total == 0


async def test_clearing_by_outcome_where_the_queue_is_in_redis(pair: tuple[Api, Api]) -> None:
    """The same rule."""
    assert await cleared_by_outcome(pair[0]) == ([0, 1, 1], [404, 200])


async def test_a_job_that_is_started_again_meanwhile_stays(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clearing has listed it already, and does not remove it."""
    one, two = await cancelled(api, 2)
    list_jobs = api.store.jobs

    async def then_retried(query: Any) -> Any:
        page = await list_jobs(query)
        await api.store.retry(one)
        return page

    monkeypatch.setattr(api.store, "jobs", then_retried)
    answer = await api.call("DELETE", "?status=cancelled")

    assert answer.body["removed"] == 1
    assert await steps.state_of(api.store, one) is State.READY
    assert (await api.call("GET", f"/{two}")).status == 404


@pytest.mark.parametrize("query", ["", "?status=", "?status=queued", "?status=processing", "?status=all"])
async def test_clearing_without_a_finished_status(api: Api, query: str) -> None:
    """400 INVALID_FIELD, and nothing is removed."""
    await cancelled(api, 1)
    answer = await api.call("DELETE", query)

    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "INVALID_FIELD", "status")
    assert (await api.store.counts()).total == 1
