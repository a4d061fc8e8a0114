"""The revision over HTTP: weak tags, 304, and never an old answer for a new one."""

from __future__ import annotations

import asyncio

import pytest
from tests.api.conftest import Serve
from tests.api.serving import WORKER, Api
from tests.contract import steps
from tests.support.clock import FakeClock

from tonearm.model import Mark, Phase, Transfer, WorkerReport

PATHS = ("", "?status=queued", "/stats", "/dashboard")


async def tag(api: Api, path: str) -> str:
    """The tag of an answer, which is weak."""
    answer = await api.call("GET", path)
    assert answer.status == 200, answer.body
    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["ETag"].startswith('W/"')
    return answer.headers["ETag"]


async def status(api: Api, path: str, known: str) -> int:
    """The status of the answer to who has what *known* stands for; 304 has no body."""
    async with api.http.get(f"{api.url}/api/download-queue{path}", headers={"If-None-Match": known}) as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
        assert bool(await answer.read()) is (answer.status != 304)
        return answer.status


@pytest.mark.parametrize("path", PATHS)
async def test_nothing_new_is_304(api: Api, path: str) -> None:
    """Also among other tags, as a strong one, and for a star; not for another tag."""
    await api.submit()
    known = await tag(api, path)
    for given in (known, f'"x", {known}', known.removeprefix("W/"), "*"):
        assert await status(api, path, given) == 304
    assert await status(api, path, 'W/"x"') == 200
    assert await tag(api, path) == known


@pytest.mark.parametrize("path", PATHS)
async def test_every_change_moves_the_tag_at_once(api: Api, path: str) -> None:
    """Who has changed something and asks sees it: submit, act, work, delete."""
    job_id = await api.submit()
    known = await tag(api, path)
    for change in ("pause", "resume", "prioritize", "cancel", "retry"):
        assert (await api.call("PATCH", f"/{job_id}", json={"action": change})).status == 200
        assert await status(api, path, known) == 200, change
        known = await tag(api, path)
    (claim,) = await steps.claim_all(api.store, WORKER)
    assert await status(api, path, known) == 200
    known = await tag(api, path)
    await steps.complete(api.store, claim)
    assert await status(api, path, known) == 200
    known = await tag(api, path)
    await api.call("DELETE", f"/{job_id}")
    assert await status(api, path, known) == 200


async def test_one_list_is_not_another(api: Api) -> None:
    """The tag of a query does not stand for the answer to another one."""
    await api.submit()

    assert await status(api, "?status=failed", await tag(api, "?status=queued")) == 200


async def test_progress_moves_the_tag_four_times_a_second(serve: Serve) -> None:
    """Within 250 ms it stays, whatever transfers say; afterwards it moves."""
    clock = FakeClock()
    api = await serve(clock)
    job_id = await api.submit()
    (claim,) = await steps.claim_all(api.store, WORKER)

    async def report(done: int) -> None:
        mark = Mark(Phase.TRANSFER, done, 1_000)
        transfer = Transfer(claim.task_id, claim.token, mark, 10.0, job_id)
        await api.store.report(WorkerReport(WORKER, 1, 4, (transfer,)))

    await report(100)
    clock.advance(250)
    known = await tag(api, "")
    clock.advance(249)
    await report(200)
    assert await status(api, "", known) == 304
    clock.advance(1)
    assert await status(api, "", known) == 200


async def test_a_worker_that_dies_moves_the_tag(serve: Serve) -> None:
    """No change is told then, and yet the figures are others: they come with 503, and with no 304."""
    clock = FakeClock()
    api = await serve(clock, QUEUE_WORKER_DEAD_MS="60000")
    known, listed = await tag(api, "/stats"), await tag(api, "")
    clock.advance(60_000)

    assert await status(api, "/stats", known) == 503
    assert await status(api, "", listed) == 200


async def test_a_wrong_query_is_refused_whatever_is_known(api: Api) -> None:
    """The query is read before the tag."""
    assert await status(api, "?status=eaten", "*") == 400


async def test_the_same_bytes_go_to_everybody(api: Api) -> None:
    """Forty who ask at the same time, while nothing changes, get one answer, made once."""
    await api.submit()
    made = 0
    counts = api.store.counts

    async def counted() -> object:
        nonlocal made
        made += 1
        return await counts()

    async def body() -> bytes:
        async with api.http.get(f"{api.url}/api/download-queue/dashboard") as answer:
            return await answer.read()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api.store, "counts", counted)
        bodies = await asyncio.gather(*(body() for _ in range(40)))

    assert len(set(bodies)) == made == 1


@pytest.mark.parametrize("path", PATHS)
async def test_a_304_reads_neither_list_nor_figures(
    pair: tuple[Api, Api], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where another server made the answer that the tag stands for."""
    one, other = pair
    await one.submit()
    known = await tag(one, path)
    for name in ("jobs", "counts", "metrics"):
        monkeypatch.delattr(type(other.store), name)

    assert await status(other, path, known) == 304
