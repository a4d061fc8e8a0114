"""What wants attention is told in words in the overview, and goes when it is over."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.browser.auditing import audit
from tests.browser.conftest import Open, Tab
from tests.support.catalog import ScriptedCatalog, status
from tests.support.redis_server import RedisServer
from tests.support.server import tonearm


async def test_a_queue_that_grows_long_and_full(visit: Open, tmp_path: Path, catalog: ScriptedCatalog) -> None:
    """At the sizes of the settings; the refusal that follows stands at the form."""
    sizes = {"QUEUE_WARN_SIZE": 1, "QUEUE_CRITICAL_SIZE": 2}
    async with tonearm(tmp_path, catalog.url, **sizes) as server:
        first = await server.submit("track", 1, startPaused=True)
        tab: Tab = await visit(server.url)
        matters = tab.page.locator(".matters li")
        await expect(matters).to_have_text(["The queue is long: 1 unfinished"])
        await expect(tab.page.locator(".facts")).to_contain_text("Something wants attention")
        assert await audit(tab.page, ".overview") == []
        await server.submit("track", 2, startPaused=True)
        await tab.page.reload()
        await expect(matters).to_have_text(["The queue is full: 2 unfinished. Nothing more is accepted."])
        await tab.add("track", 3)
        await expect(tab.page.get_by_role("alert").filter(has_text="queue")).to_be_visible()
        for job in (first, (await server.call("GET", "/"))[1]["jobs"][1]["id"]):
            await server.call("DELETE", f"/{job}")
        await tab.page.reload()
        await expect(tab.page.get_by_text("Nothing here yet")).to_be_visible()
        await expect(matters).to_have_count(0)
        await expect(tab.page.locator(".facts")).to_contain_text("All is well")


async def test_a_disk_without_room(visit: Open, tmp_path: Path, catalog: ScriptedCatalog) -> None:
    """The overview has the figures, and the job says what followed from it, with what to do."""
    async with tonearm(tmp_path, catalog.url, QUEUE_DISK_SPACE_MIN_MB=10**9) as server:
        await server.submit("track", 1)
        tab: Tab = await visit(server.url)
        await expect(tab.page.locator(".matters li")).to_contain_text("The disk is almost full", timeout=40_000)
        assert await audit(tab.page, ".overview") == []
        details = await tab.open("Track 1")
        await expect(details).to_contain_text("Free some space on the library's disk, then retry.")


async def test_a_host_that_rests_with_a_clock_that_is_a_day_off(
    visit: Open, tmp_path: Path, catalog: ScriptedCatalog
) -> None:
    """Times that run are those of the server: a wait of half a minute is one, whatever day the browser thinks it is."""
    catalog.reply("/media/1", status(503, retry_after=30), forever=True)
    async with tonearm(tmp_path, catalog.url) as server:
        tab: Tab = await visit("about:blank")
        await tab.page.add_init_script("const now = Date.now; Date.now = () => now.call(Date) + 86_400_000;")
        await tab.page.goto(server.url)
        await server.submit("track", 1, titled="Red")
        await expect(tab.page.locator(".matters li")).to_contain_text("gets no request until")
        await expect(tab.row("Red").locator(".state")).to_contain_text("sec")
        words = await tab.row("Red").locator(".state").inner_text()
        assert 1 <= int(words.split()[-2]) <= 30, words
        await expect(tab.page.locator(".banner")).to_contain_text(
            "Downloads wait for the catalog. The catalog 127.0.0.1"
        )
        assert tab.errors == []
        assert await audit(tab.page, ".banner", ".overview") == []


STORE = "import('./web/server-queue.js').then(({ serverQueue }) => void (window.queue = serverQueue))"


@pytest.mark.parametrize(
    ("fallback", "words"),
    [
        ("off", "The server is there, but its queue has not answered since "),
        ("spool", "The queue is away, and this server stands in for it."),
    ],
)
async def test_a_redis_that_is_away(
    visit: Open, tmp_path: Path, catalog: ScriptedCatalog, fallback: str, words: str
) -> None:
    """The banner says so, be there a stand-in or not, and goes when it is back; the list stays, grey meanwhile."""
    with RedisServer(aof="always") as redis:
        async with tonearm(tmp_path, catalog.url, REDIS_URL=redis.url, QUEUE_FALLBACK=fallback) as server:
            await server.submit("track", 1, titled="Red", startPaused=True)
            tab: Tab = await visit(server.url)
            banner = tab.page.locator(".banner")
            await expect(tab.row("Red")).to_be_visible()
            await tab.listen()
            redis.kill()
            if fallback == "spool":
                await tab.add("track", 2)
                await tab.close_dialog()
            await expect(banner).to_contain_text(words)
            await expect(tab.spoken).to_contain_text(words)
            await expect(tab.page.locator(".body[data-stale]")).to_be_attached()
            if fallback == "spool":
                await expect(tab.row("Green")).to_be_visible()
                await tab.page.evaluate(STORE)
                await tab.page.wait_for_function("queue.state.queue.total === 2")
            await expect(tab.row("Red")).to_be_visible()
            assert await audit(tab.page, ".banner", ".overview") == []
            redis.start()
            await expect(banner).to_be_hidden(timeout=40_000)
            over = ["The queue answers again", "All is well"]  # the second where jobs were still handed over
            await tab.page.wait_for_function("(over) => heard.some((words) => over.includes(words))", arg=over)
            await expect(tab.row("Red").locator(".state")).to_have_text("Paused")
            await expect(tab.page.locator(".body[data-stale]")).to_have_count(0)
