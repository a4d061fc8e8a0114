"""Ten thousand jobs: few rows are drawn, the last one is found, and what changes costs no memory."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect
from tests.browser.conftest import TITLES, Open, Tab
from tests.support.catalog import ScriptedCatalog
from tests.support.counts import count
from tests.support.server import Tonearm, tonearm, until

MANY = 10_000
DRAWN = "document.querySelector('download-manager').shadowRoot.querySelectorAll('.row').length"
SCROLL = """(to) => {
    const box = document.querySelector('download-manager').shadowRoot.querySelector('.scroller');
    box.scrollTop = box.scrollHeight * to;
}"""
SECONDS = count(60, 600)
"""How long everything changes."""
PACE_S = 0.05
ENDING = count(200, 10_000)
"""How many jobs end one after the other: five with music, and the others because the catalog does not have them."""
SEEN = 10
RECORD, SLACK = 3_000, 4_000_000
"""Bytes that the page may hold more afterwards: for each job, and for what it had not used before."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def full(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tonearm]:
    """A paused server with ten thousand jobs; those who change them come last."""
    limits: dict[str, Any] = {"QUEUE_MAX_SIZE": 2 * MANY, "QUEUE_CRITICAL_SIZE": 2 * MANY, "QUEUE_WARN_SIZE": MANY}
    folder = tmp_path_factory.mktemp("full")
    async with ScriptedCatalog() as catalog, Tonearm(folder, catalog.url, **limits) as server:
        await fill(server, MANY)
        yield server


async def fill(server: Tonearm, many: int) -> None:
    """Pause the queue and put so many tracks into it."""
    await server.call("PATCH", "/control", json={"paused": True})
    for start in range(1, many + 1, 100):
        jobs = [
            {"job": {"type": "track", "trackId": number, "quality": "LOW", "trackTitle": f"Number {number:05}"}}
            for number in range(start, min(start + 100, many + 1))
        ]
        status, body = await server.call("POST", "/batch", json={"jobs": jobs})
        assert status == 200, body


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


@pytest.mark.timeout(ENDING // 10 + 120)
async def test_the_page_stays_right_while_all_of_the_queue_ends(
    visit: Open, tmp_path: Path, catalog: ScriptedCatalog
) -> None:
    """Thousands a minute: in the end its figures and its list are the server's, and at no time were many rows drawn."""
    limits: dict[str, Any] = {"QUEUE_MAX_SIZE": 2 * MANY, "QUEUE_CRITICAL_SIZE": 2 * MANY, "QUEUE_WARN_SIZE": MANY}
    async with tonearm(tmp_path, catalog.url, **limits) as server:
        await fill(server, ENDING)
        tab: Tab = await visit(server.url)
        grid, tiles = tab.page.get_by_role("grid"), tab.page.locator(".tile:not([hidden])")
        await expect(grid).to_have_attribute("aria-rowcount", str(ENDING))
        before = await heap(tab.page)
        await tab.page.get_by_role("button", name="Resume all").click()
        drawn = [await tab.page.evaluate(DRAWN)]
        while (counts := (await server.stats())["queue"])["queued"] + counts["processing"]:
            drawn.append(await tab.page.evaluate(DRAWN))
            await asyncio.sleep(PACE_S)

        assert (counts["completed"], counts["failed"]) == (len(TITLES), ENDING - len(TITLES))
        shown = [counts["total"], 0, 0, 0, counts["failed"], counts["completed"]]
        await expect(tiles.locator(".count")).to_have_text([f"{number:,}" for number in shown])
        _, body = await server.call("GET", f"/?limit={SEEN * 20}")
        ended = {job["job"]["trackTitle"]: job["completedAt"] for job in body["jobs"]}
        rows = [tab.page.locator(f".row[aria-rowindex='{place}'] .title") for place in range(1, SEEN + 1)]
        first = list(ended.values())[:SEEN]  # those of one millisecond stand in any order

        async def listed() -> bool:
            return [ended.get(await row.inner_text()) for row in rows] == first

        await until("the list is the server's", listed)
        await expect(grid).to_have_attribute("aria-rowcount", str(ENDING))
        assert max(drawn) < 60
        assert await heap(tab.page) < before + ENDING * RECORD + SLACK
        assert tab.errors == []
