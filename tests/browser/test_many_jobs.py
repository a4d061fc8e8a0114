"""Ten thousand jobs: few rows are drawn, the last one is found, and what changes costs no memory."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from tests.browser.conftest import Open, Tab
from tests.support.catalog import ScriptedCatalog
from tests.support.counts import count
from tests.support.server import Tonearm

MANY = 10_000
DRAWN = "document.querySelector('download-manager').shadowRoot.querySelectorAll('.row').length"
SCROLL = """(to) => {
    const box = document.querySelector('download-manager').shadowRoot.querySelector('.scroller');
    box.scrollTop = box.scrollHeight * to;
}"""
SECONDS = count(60, 600)
"""How long everything changes."""
PACE_S = 0.05


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def full(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tonearm]:
    """A paused server with ten thousand jobs; those who change them come last."""
    limits: dict[str, Any] = {"QUEUE_MAX_SIZE": 2 * MANY, "QUEUE_CRITICAL_SIZE": 2 * MANY, "QUEUE_WARN_SIZE": MANY}
    folder = tmp_path_factory.mktemp("full")
    async with ScriptedCatalog() as catalog, Tonearm(folder, catalog.url, **limits) as server:
        await server.call("PATCH", "/control", json={"paused": True})
        for start in range(1, MANY + 1, 100):
            jobs = [
                {"job": {"type": "track", "trackId": number, "quality": "LOW", "trackTitle": f"Number {number:05}"}}
                for number in range(start, start + 100)
            ]
            status, body = await server.call("POST", "/batch", json={"jobs": jobs})
            assert status == 200, body
        yield server


async def test_ten_thousand_jobs_are_scrolled_and_searched(visit: Open, full: Tonearm) -> None:
    """The list is as long as the queue; only what is seen is drawn, and what comes into sight is asked for."""
    tab: Tab = await visit(full.url)
    await expect(tab.row("Number 00001")).to_be_visible()
    await expect(tab.page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(MANY))
    assert await tab.page.evaluate(DRAWN) < 60

    await tab.page.evaluate(SCROLL, 1)
    await expect(tab.row(f"Number {MANY:05}")).to_be_visible(timeout=60_000)
    assert await tab.page.evaluate(DRAWN) < 60
    await tab.page.evaluate(SCROLL, 0.5)
    await expect(tab.page.get_by_role("row").filter(has_text="Loading…")).to_have_count(0)

    await tab.page.evaluate(SCROLL, 0)
    await tab.page.get_by_role("searchbox").fill("number 07777")
    await expect(tab.row("Number 07777")).to_be_visible()
    await expect(tab.row("Number 00001")).to_have_count(0)
    assert tab.errors == []


async def heap(page: Page) -> float:
    """Bytes that the page's own objects take, after what nobody holds any more has gone."""
    session = await page.context.new_cdp_session(page)
    for _ in range(3):
        await session.send("HeapProfiler.collectGarbage")
    used = await session.send("Runtime.getHeapUsage")
    await session.detach()
    return float(used["usedSize"])


async def change(server: Tonearm, jobs: list[str], seconds: float) -> None:
    """At an even pace jobs are paused and resumed, and one goes and another comes."""
    end = time.monotonic() + seconds
    for number in itertools.count():
        if time.monotonic() > end:
            return
        place = number % len(jobs)
        await server.act(jobs[place], "pause")
        await server.act(jobs[place], "resume")
        if number % 5 == 0:
            await server.call("DELETE", f"/{jobs[place]}")
            jobs[place] = await server.submit("track", MANY + 1 + number)
        await asyncio.sleep(PACE_S)


@pytest.mark.timeout(SECONDS + 180)
async def test_memory_does_not_grow_with_changes(visit: Open, full: Tonearm) -> None:
    """Jobs come, change and go for a while; the page holds no more afterwards than before."""
    tab: Tab = await visit(full.url)
    await expect(tab.row("Number 00001")).to_be_visible()
    jobs = [job["id"] for job in (await full.call("GET", "/?limit=200"))[1]["jobs"]]
    await change(full, jobs, SECONDS / 6)
    before = await heap(tab.page)
    await change(full, jobs, SECONDS * 5 / 6)
    await expect(tab.page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(MANY))
    after = await heap(tab.page)

    assert after < before * 1.25, (before, after)
