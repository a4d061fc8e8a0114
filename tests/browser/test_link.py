"""The link alone: how long it waits, what it does meanwhile, and since when it says that nothing was heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest_asyncio
from playwright.async_api import Page
from tests.browser.conftest import Open, Tab
from tests.support.catalog import ScriptedCatalog
from tests.support.moods import Mood, MoodyProxy
from tests.support.redis_server import RedisServer
from tests.support.server import API, Tonearm, tonearm, until

OPEN = """async (times) => {
    const { Link, TIMES } = await import('./web/queue/link.js');
    window.told = [];
    const base = new URL('api/download-queue/', location.href);
    window.link = new Link(base, (message) => told.push({ at: Date.now(), ...message }), { ...TIMES, ...times });
}"""
SNAPSHOT = "told.findLast(({ kind }) => kind === 'snapshot')"
TOLD = "told.filter(({ kind }) => kind === 'link').map(({ at, link }) => ({ at, ...link }))"


@pytest_asyncio.fixture(loop_scope="session")
async def page(visit: Open) -> Page:
    """A page that is not there yet, whose link the test opens."""
    tab: Tab = await visit("about:blank")
    return tab.page


async def opened(page: Page, url: str, **times: int) -> None:
    """Open a link of these times on a page that shows nothing."""
    await page.route(f"{url}/bare", lambda route: route.fulfill(content_type="text/html", body="<!doctype html>"))
    await page.goto(f"{url}/bare")
    await page.evaluate(OPEN, times)


async def reaches(page: Page, mode: str) -> None:
    """Wait until the link says so."""
    await page.wait_for_function(f"link.state.mode === '{mode}'")


async def said(page: Page) -> list[dict[str, Any]]:
    """What it told of itself so far, and when."""
    return list(await page.evaluate(TOLD))


async def test_breaks_that_lie_apart_are_no_row_of_failures(page: Page, server: Tonearm) -> None:
    """Where only polling works, each break is the first: what was heard in between ends the row."""
    async with MoodyProxy(server.url) as proxy:
        proxy.mood = Mood.GATHER
        await opened(page, proxy.url, firstByte=50, poll=20, leastWait=200, mostWait=10_000)
        for _ in range(4):
            await reaches(page, "polling")
            proxy.mood = Mood.ERROR
            await reaches(page, "away")
            proxy.mood = Mood.GATHER
        told = await said(page)

    modes = ["", *(one["mode"] for one in told)]
    firsts = [one["retryAt"] - one["at"] for before, one in zip(modes, told, strict=False) if before == "polling"]
    assert len(firsts) == 4
    assert max(firsts) <= 201, firsts


async def test_it_polls_on_while_it_tries_the_stream(page: Page, server: Tonearm) -> None:
    """However long the first byte takes; and once it is there, what was asked before tells nothing any more."""
    async with MoodyProxy(server.url) as proxy:
        proxy.mood = Mood.GATHER
        await opened(page, proxy.url, firstByte=2_000, poll=20, tryEvents=50)
        await reaches(page, "polling")
        await page.evaluate("told.length = 0")
        tried = proxy.asked.count(f"{API}/events")
        await until("it has tried again twice", lambda: proxy.asked.count(f"{API}/events") >= tried + 2)
        gaps = await page.evaluate("told.map(({ at }, place) => at - (told[place - 1]?.at ?? at))")
        assert max(gaps) < 1_500, gaps
        assert {one["mode"] for one in await said(page)} <= {"polling"}

        proxy.mood = Mood.PASS
        await reaches(page, "live")
        await page.wait_for_function(f"{SNAPSHOT}.polled === false")
        polls = proxy.asked.count(f"{API}/dashboard")
        await server.submit("track", 1)
        await page.wait_for_function("told.some(({ kind, body }) => kind === 'job' && body.status === 'completed')")
        assert proxy.asked.count(f"{API}/dashboard") == polls
        assert await page.evaluate(f"{SNAPSHOT}.polled") is False


async def test_what_was_heard_before_a_sleep_is_as_old_as_the_sleep(page: Page, server: Tonearm) -> None:
    """Not as old as the moment at which somebody noticed; a line that breaks while it speaks is stale from then on."""
    async with MoodyProxy(server.url) as proxy:
        await page.clock.install()
        await opened(page, proxy.url, patience=100)
        await reaches(page, "live")
        began = await page.evaluate("Date.now()")
        proxy.mood = Mood.SILENT
        await page.clock.fast_forward(3_600_000)
        await reaches(page, "away")
        (asleep,) = {one["staleSince"] for one in await said(page) if one["mode"] == "away"}
        assert asleep <= began

        proxy.mood = Mood.PASS
        await page.evaluate("link.wake()")
        await reaches(page, "live")
        began = await page.evaluate("Date.now()")
        proxy.mood = Mood.CUT
        await reaches(page, "away")
        assert (await said(page))[-1]["staleSince"] >= began


async def test_a_queue_that_is_away_behind_a_stream_that_lives(
    page: Page, tmp_path: Path, catalog: ScriptedCatalog
) -> None:
    """The server is asked where its stream is quiet: it is away with its code, and live when the queue is back."""
    with RedisServer(aof="always") as redis:
        options = {"REDIS_URL": redis.url, "QUEUE_FALLBACK": "off"}
        async with tonearm(tmp_path, catalog.url, **options) as server, MoodyProxy(server.url) as proxy:
            await opened(page, proxy.url, quiet=100)
            await reaches(page, "live")
            redis.kill()
            await reaches(page, "away")
            assert await page.evaluate("link.state.code") == "STORE_UNAVAILABLE"
            redis.start()
            await reaches(page, "live")
            assert proxy.asked.count(f"{API}/events") == 1
            assert [one["mode"] for one in await said(page)] == ["live", "away", "live"]
