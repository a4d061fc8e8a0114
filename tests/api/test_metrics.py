"""Metrics over HTTP: JSON, and the text forms that Prometheus reads."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from tests.api.conftest import Serve
from tests.api.serving import WORKER, Api
from tests.contract import steps
from tests.support.clock import FakeClock
from tests.support.exposition import Rise, samples
from tests.support.switched import Line, Switch

from tonearm.api import Exposition
from tonearm.clock import SystemClock
from tonearm.errors import FailureCode, RefusalCode, StoreUnavailable
from tonearm.model import Failure, WorkerReport
from tonearm.settings import Settings
from tonearm.store.spool import open_spool
from tonearm.store.sqlite import open_sqlite


async def scrape(api: Api, path: str = "/metrics", accept: str = "text/plain") -> tuple[str, str]:
    """The content type and the text of an answer."""
    async with api.http.get(api.url + path, headers={"Accept": accept}) as answer:
        assert answer.status == 200
        return answer.headers["Content-Type"], await answer.text()


async def test_the_json_has_the_figures(serve: Serve) -> None:
    """Queue and metrics as in `/stats`, where jobs lie, and when."""
    clock = FakeClock()
    api = await serve(clock)
    await api.submit()
    body = (await api.call("GET", "/metrics")).body
    stats = (await api.call("GET", "/stats")).body

    assert datetime.fromisoformat(body.pop("generatedAt")).timestamp() * 1_000 == clock.wall_ms()
    assert body == {"success": True, "queue": stats["queue"], "metrics": stats["metrics"], "source": "memory"}


async def test_prometheus_hears_of_jobs_and_workers(api: Api) -> None:
    """Jobs by status, failures by code, sums over the workers that live, where jobs go."""
    for number in range(1, 4):
        await api.submit(number=number)
    claims = await steps.claim_all(api.store, WORKER)
    await steps.complete(api.store, claims[0])
    await steps.fail(api.store, claims[1], Failure(FailureCode.INTEGRITY, "cut"))
    await api.store.report(WorkerReport(WORKER, 1, 4))
    kind, text = await scrape(api)
    found = samples(text)

    assert kind.startswith("text/plain; version=0.0.4")
    assert {status: found["tonearm_jobs", status] for status in ("processing", "completed", "failed", "queued")} == {
        "processing": 1,
        "completed": 1,
        "failed": 1,
        "queued": 0,
    }
    assert (found["tonearm_failed_jobs", "integrity"], found["tonearm_failed_jobs", "timeout"]) == (1, 0)
    names = ("store_reachable", "workers_alive", "workers_active_downloads", "workers_max_concurrent", "spool_active")
    assert [found[f"tonearm_{name}",] for name in names] == [1, 1, 1, 4, 0]
    assert (found["tonearm_queue_source", "memory"], found["tonearm_queue_source", "redis"]) == (1, 0)


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("text/plain", "text/plain; version=0.0.4"),
        ("application/openmetrics-text; version=1.0.0, text/plain;q=0.5", "application/openmetrics-text"),
        ("*/*", "application/json"),
        ("application/json, text/plain", "application/json"),
    ],
)
async def test_the_reader_chooses_the_form(api: Api, accept: str, kind: str) -> None:
    """JSON unless only a text is accepted; the text is what its type says."""
    given, text = await scrape(api, "/api/download-queue/metrics", accept)

    assert given.startswith(kind)
    if "openmetrics" in kind:
        families = parse_openmetrics(text)  # type: ignore[no-untyped-call]  # it has no types
        assert "tonearm_jobs" in {family.name for family in families}


async def test_no_metric_names_a_job_or_a_client(api: Api) -> None:
    """The text does not grow with the queue."""
    before = samples((await scrape(api))[1]).keys()
    job_id = await api.submit()
    _, text = await scrape(api)

    assert samples(text).keys() == before
    assert job_id not in text
    assert "127.0.0.1" not in text


async def test_what_is_accepted_and_what_is_refused_is_counted(api: Api) -> None:
    """A job of a batch like one by itself, in either; what repeats another job is neither."""
    track = {"type": "track", "trackId": 7, "quality": "LOW"}
    accepted, refused = Rise("tonearm_jobs_submitted"), Rise("tonearm_requests_refused")
    for job in (track, track, {**track, "trackId": 0}):
        await api.call("POST", json={"job": job})
    album = {"type": "album", "albumId": 7, "quality": "LOW"}
    await api.call(
        "POST", "/batch", json={"jobs": [{"job": job} for job in (album, track, {**album, "quality": "BEST"})]}
    )
    await api.call("GET", "/job-1-a")

    assert accepted.so_far() == {
        ("tonearm_jobs_submitted_total", "track"): 1,
        ("tonearm_jobs_submitted_total", "album"): 1,
    }
    codes = (RefusalCode.INVALID_ID, RefusalCode.INVALID_QUALITY, RefusalCode.NOT_FOUND)
    assert refused.so_far() == {("tonearm_requests_refused_total", code): 1 for code in codes}


async def test_how_long_the_queue_is_and_how_old(serve: Serve) -> None:
    """The level by the sizes of the settings; without an unfinished job the age is nothing."""
    clock = FakeClock()
    api = await serve(clock, QUEUE_WARN_SIZE="1", QUEUE_CRITICAL_SIZE="2")
    told = []
    for number in (1, 2, None):
        found = samples((await scrape(api))[1])
        told.append((found["tonearm_queue_level",], found["tonearm_oldest_job_age_seconds",]))
        if number is not None:
            await api.submit(number=number)
            clock.advance(60_000)

    assert told == [(0, 0), (1, 60), (2, 120)]


async def test_a_store_that_is_away_is_a_figure(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The text says so with 200, the JSON with 503."""

    async def away() -> None:
        raise StoreUnavailable("gone")

    monkeypatch.setattr(api.store, "counts", away)
    found = samples((await scrape(api))[1])

    assert found["tonearm_store_reachable",] == 0
    assert not any(name == "tonearm_jobs" for name, *_ in found)
    assert (await api.call("GET", "/metrics")).status == 503


async def test_prometheus_hears_that_a_server_stands_in(tmp_path: Path) -> None:
    """While the queue is away, with how many jobs; and of none when it is back."""
    main = await open_sqlite(None, SystemClock())
    switch = Switch(main)
    switch.set(Line.DOWN)
    spool = await open_spool(switch.open, await open_sqlite(tmp_path / "spool.db", SystemClock()))
    try:
        await steps.submit_track(spool)
        exposition = Exposition(Settings(), SystemClock())
        exposition.store = spool
        found = samples((await exposition.text()).decode())
        assert (found["tonearm_spool_active",], found["tonearm_spool_jobs",]) == (1, 1)
        assert found["tonearm_queue_source", "local"] == 1
        switch.set(Line.UP)
        while spool.left or spool.stands_in:
            await spool.look()
        found = samples((await exposition.text()).decode())
        assert (found["tonearm_spool_active",], found["tonearm_spool_jobs",]) == (0, 0)
    finally:
        await spool.close()
        await main.close()
