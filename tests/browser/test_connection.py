"""The line: it breaks, stalls, lies and comes back, and the page says so, loses nothing and recovers by itself."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.browser.auditing import audit
from tests.browser.conftest import ALBUM, SLOW, Open, Tab
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.moods import Mood, MoodyProxy
from tests.support.server import Tonearm, until

AWAY = "No connection to the server since"
WATCH = """async (times) => {
    const { Link, TIMES } = await import('./web/queue/link.js');
    const said = [];
    const base = new URL('api/download-queue/', location.href);
    return new Promise((resolve) => {
        const link = new Link(base, heard, { ...TIMES, ...times });
        function heard(message) {
            if (message.kind === 'link') said.push({ at: Date.now(), ...message.link });
            if (said.length < 9) return;
            link.stop();
            resolve(said);
        }
    });
}"""


async def test_a_server_that_is_killed_and_comes_back(visit: Open, server: Tonearm, catalog: ScriptedCatalog) -> None:
    """The page says so within two seconds, greys what it knows, and goes on by itself with nothing lost."""
    for number in range(1, 6):
        catalog.reply(f"/media/{number}", slow(SLOW))
    tab: Tab = await visit(server.url)
    await tab.add("album", ALBUM)
    await tab.close_dialog()
    row = tab.row("Colours")
    await expect(row).to_contain_text("Running")

    await server.kill()
    await expect(tab.page.locator(".banner").get_by_text(AWAY)).to_be_visible(timeout=2_000)
    await expect(tab.page.locator(".body[data-stale]")).to_be_attached()
    await expect(row).to_be_visible()
    await expect(tab.spoken).to_contain_text(AWAY)

    await server.start()
    await expect(tab.page.locator(".banner")).to_be_hidden(timeout=40_000)
    await expect(tab.page.locator(".body[data-stale]")).to_have_count(0)
    await expect(row.locator(".state")).to_have_text("Complete", timeout=60_000)
    assert len(server.files()) == 5


@pytest.mark.parametrize("mood", [Mood.CUT, Mood.ERROR, Mood.STALL], ids=lambda mood: mood.name.lower())
async def test_a_line_that_fails_heals_by_itself(visit: Open, server: Tonearm, mood: Mood) -> None:
    """Whatever it does meanwhile, what happened in between is there afterwards."""
    async with MoodyProxy(server.url) as proxy:
        tab: Tab = await visit(proxy.url)
        await expect(tab.page.get_by_text("Nothing here yet")).to_be_visible()
        proxy.mood = mood
        await expect(tab.page.locator(".banner").get_by_text(AWAY)).to_be_visible(timeout=40_000)
        await server.submit("track", 1)
        proxy.mood = Mood.PASS
        await expect(tab.row("Red").locator(".state")).to_have_text("Complete")
        await expect(tab.page.locator(".banner").get_by_text(AWAY)).to_be_hidden()


@pytest.mark.parametrize("away", [60, 3_600], ids=["a-minute-without-network", "an-hour-asleep"])
async def test_a_line_that_falls_silent(visit: Open, server: Tonearm, away: int) -> None:
    """Nothing ends and nothing comes: the clock alone tells. Afterwards what came is there, and what went is gone."""
    gone = await server.submit("track", 1, startPaused=True, titled="Gone")
    async with MoodyProxy(server.url) as proxy:
        tab: Tab = await visit("about:blank")
        await tab.page.add_init_script("delete globalThis.SharedWorker;")  # whose clock cannot be moved
        await tab.page.clock.install()
        await tab.page.goto(proxy.url)
        await expect(tab.row("Gone")).to_be_visible()
        assert proxy.streams == 1

        proxy.mood = Mood.SILENT
        await server.call("DELETE", f"/{gone}")
        await server.submit("track", 2)
        await tab.page.clock.fast_forward(away * 1_000)
        await expect(tab.page.locator(".banner").get_by_text(AWAY)).to_be_visible(timeout=40_000)
        await expect(tab.row("Gone")).to_be_visible()
        proxy.mood = Mood.PASS
        await tab.page.evaluate("dispatchEvent(new Event('online'))")
        await expect(tab.row("Green").locator(".state")).to_have_text("Complete")
        await expect(tab.row("Gone")).to_have_count(0)
        await expect(tab.page.locator(".banner").get_by_text(AWAY)).to_be_hidden()
        assert proxy.streams == 1


async def test_where_events_do_not_get_through_it_polls(visit: Open, server: Tonearm) -> None:
    """A proxy that gathers answers never hands on a stream; the page is as live as polling makes it."""
    async with MoodyProxy(server.url) as proxy:
        proxy.mood = Mood.GATHER
        tab: Tab = await visit(proxy.url)
        await expect(tab.page.get_by_text("Nothing here yet")).to_be_visible()
        await server.submit("track", 1)
        await expect(tab.row("Red").locator(".state")).to_have_text("Complete")
        polled = proxy.asked.count("/api/download-queue/dashboard")
        await until("it polls on", lambda: proxy.asked.count("/api/download-queue/dashboard") > polled + 2)
        assert tab.errors == []


LATE = 5
"""Milliseconds by which a subscriber may hear later of a failure than the wait began."""


@pytest.mark.parametrize("mood", [Mood.CUT, Mood.ERROR, Mood.STALL], ids=lambda mood: mood.name.lower())
async def test_waits_double_up_to_their_limit(visit: Open, server: Tonearm, mood: Mood) -> None:
    """With jitter of at most a half, and the time since when the data is stale stays that of the first failure."""
    async with MoodyProxy(server.url) as proxy:
        tab: Tab = await visit(proxy.url)
        proxy.mood = mood
        times = {"firstByte": 100, "patience": 100, "leastWait": 20, "mostWait": 320}
        said = await tab.page.evaluate(WATCH, times)
        waits = [one["retryAt"] - one["at"] for one in said]

        assert {one["mode"] for one in said} == {"away"}
        assert len({one["staleSince"] for one in said}) == 1
        for number, wait in enumerate(waits):
            most = min(320, 20 * 2**number)
            assert most / 2 - LATE <= wait <= most + 1, json.dumps(waits)


async def test_many_tabs_have_one_connection(visit: Open, server: Tonearm) -> None:
    """A second and a third tab hear what the first one's stream says, also after the first is gone."""
    async with MoodyProxy(server.url) as proxy:
        tab: Tab = await visit(proxy.url)
        await expect(tab.page.get_by_text("Nothing here yet")).to_be_visible()
        others = [await tab.page.context.new_page() for _ in range(2)]
        for page in others:
            await page.goto(proxy.url)
            await expect(page.get_by_text("Nothing here yet")).to_be_visible()
        assert proxy.streams == 1
        await tab.page.close()
        await server.submit("track", 1)
        for page in others:
            await expect(page.get_by_role("row").filter(has_text="Red").locator(".state")).to_have_text("Complete")
        assert proxy.streams == 1


async def test_two_tabs_act_on_one_job(visit: Open, server: Tonearm, catalog: ScriptedCatalog) -> None:
    """What one removes goes from the other's list, and whoever looks at its details is told."""
    catalog.reply("/media/1", slow(SLOW // 10), forever=True)
    await server.submit("track", 1)
    first: Tab = await visit(server.url)
    second: Tab = await visit(server.url)
    await second.open("Red")

    await first.row("Red").get_by_role("button", name="Cancel: Red").click()
    await expect(second.row("Red").locator(".state")).to_have_text("Cancelled")
    await first.row("Red").get_by_role("button", name="Remove: Red").click()
    await first.page.get_by_role("dialog", name="Remove").get_by_role("button", name="Remove").click()
    await expect(second.row("Red")).to_have_count(0)
    await expect(second.page.get_by_text("This download is not in the queue any more.")).to_be_visible()
    await expect(second.page.get_by_role("heading", name="Red")).to_be_visible()


async def test_a_server_with_keys_asks_for_one(visit: Open, server: Tonearm) -> None:
    """Nothing is shown without; a wrong one is refused at its field, and a revoked one ends what was seen."""
    _, key = await server.call("POST", "/keys", json={"name": "root", "scope": "admin"})
    tab: Tab = await visit(server.url)
    form = tab.page.get_by_role("heading", name="Log in")
    await expect(form).to_be_visible()
    await tab.page.get_by_label("Key", exact=True).fill("tonearm_wrong")
    await tab.page.get_by_role("button", name="Log in").click()
    await expect(tab.page.get_by_role("alert").filter(has_text="key")).to_be_visible()
    await tab.page.get_by_label("Key", exact=True).fill(key["key"])
    await tab.page.get_by_role("button", name="Log in").click()
    await expect(tab.page.get_by_text("Nothing here yet")).to_be_visible()
    await expect(form).to_be_hidden()

    await server.call("DELETE", "/keys/root", headers={"X-Api-Key": key["key"]})
    await expect(form).to_be_visible(timeout=15_000)


async def test_a_worker_that_is_away_is_told(visit: Open, tmp_path: Path, catalog: ScriptedCatalog) -> None:
    """The figures stay, in grey, and the banner says that nothing is downloaded."""
    server = Tonearm(tmp_path, catalog.url)
    server.arguments = ["--no-worker"]
    async with server:
        await server.submit("track", 1, titled="Red")
        tab: Tab = await visit(server.url)
        await expect(tab.page.locator(".banner")).to_contain_text("No worker is alive")
        await expect(tab.spoken).to_contain_text("No worker is alive")
        await expect(tab.row("Red")).to_contain_text("Waiting")
        await expect(tab.page.locator(".body[data-stale]")).to_be_visible()
        assert await audit(tab.page, ".banner", ".body") == []
        await (await tab.open("Red")).locator(".entry").first.wait_for()
        assert await audit(tab.page, ".details") == []
