"""A list that is longer than what the server tells by itself: asked for, kept over an outage, and walked through."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Route, expect
from tests.browser.conftest import Open, Tab
from tests.browser.test_connection import AWAY
from tests.browser.test_many_jobs import SCROLL, fill
from tests.support.catalog import ScriptedCatalog
from tests.support.moods import Mood, MoodyProxy
from tests.support.server import API, Tonearm, until

MANY = 700
"""More than a snapshot has (200) and more than a page (500)."""
PAGES, LINK = f"{API}/", f"{API}/events"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def long(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Tonearm]:
    """A paused server with so many jobs, which no test changes."""
    limits: dict[str, Any] = {"QUEUE_MAX_SIZE": 2 * MANY, "QUEUE_CRITICAL_SIZE": 2 * MANY, "QUEUE_WARN_SIZE": MANY}
    async with ScriptedCatalog() as catalog, Tonearm(tmp_path_factory.mktemp("long"), catalog.url, **limits) as server:
        await fill(server, MANY)
        yield server


async def unremembered(route: Route) -> None:
    """Who asks for the stream begins anew, as after hours of sleep: with a snapshot."""
    await route.continue_(headers={k: v for k, v in route.request.headers.items() if k.lower() != "last-event-id"})


async def outage(proxy: MoodyProxy, tab: Tab) -> None:
    """The line is cut and comes back."""
    proxy.mood = Mood.CUT
    await expect(tab.page.locator(".banner").get_by_text(AWAY)).to_be_visible()
    proxy.mood = Mood.PASS
    await expect(tab.page.locator(".banner").get_by_text(AWAY)).to_be_hidden(timeout=40_000)


async def test_a_list_that_was_there_to_its_end_is_there_again_after_an_outage(visit: Open, long: Tonearm) -> None:
    """A new connection tells 200 jobs: the others are asked for, and one far down is chosen as before."""
    async with MoodyProxy(long.url) as proxy:
        tab: Tab = await visit("about:blank")
        await tab.page.add_init_script("delete globalThis.SharedWorker;")  # whose requests cannot be changed
        await tab.page.route(f"**{LINK}", unremembered)
        await tab.page.goto(proxy.url)
        grid, last = tab.page.get_by_role("grid"), tab.row(f"Number {MANY:05}")
        await expect(grid).to_have_attribute("aria-rowcount", str(MANY))
        await tab.page.evaluate(SCROLL, 1)
        await expect(last).to_be_visible()
        await last.get_by_role("checkbox").check()
        await last.locator(".title").focus()
        await tab.page.evaluate(SCROLL, 0)
        asked = proxy.asked.count(PAGES)

        await outage(proxy, tab)
        await until("both pages were asked for again", lambda: proxy.asked.count(PAGES) >= asked + 2)
        await expect(tab.page.get_by_text("1 selected")).to_be_visible()
        await expect(grid).to_have_attribute("aria-rowcount", str(MANY))
        await tab.page.keyboard.press("ArrowUp")
        await expect(tab.row(f"Number {MANY - 1:05}").locator(".title")).to_be_focused()
        await expect(last).to_have_attribute("aria-selected", "true")
        await tab.page.keyboard.press("Home")
        await expect(tab.row("Number 00001").locator(".title")).to_be_focused()


async def test_nobody_is_asked_for_pages_while_the_server_is_away(visit: Open, long: Tonearm) -> None:
    """Rows that are not known wait in sight; the connection is what is tried again."""
    async with MoodyProxy(long.url) as proxy:
        tab: Tab = await visit(proxy.url)
        await expect(tab.row("Number 00001")).to_be_visible()
        proxy.mood = Mood.CUT
        await expect(tab.page.locator(".banner").get_by_text(AWAY)).to_be_visible()
        pages, tries = proxy.asked.count(PAGES), proxy.asked.count(LINK)
        await tab.page.evaluate(SCROLL, 1)
        await expect(tab.page.get_by_role("row").filter(has_text="Loading…").first).to_be_visible()
        for row in await tab.page.get_by_role("row").filter(has=tab.page.locator(".title")).all():
            await expect(row.locator(".title")).to_have_text("Loading…")
        await until("it tried to connect", lambda: proxy.asked.count(LINK) >= tries + 3)
        assert proxy.asked.count(PAGES) == pages

        proxy.mood = Mood.PASS
        await expect(tab.row(f"Number {MANY:05}")).to_be_visible(timeout=40_000)


async def test_a_page_that_does_not_come_is_asked_for_again_after_a_while(visit: Open, long: Tonearm) -> None:
    """Not at each change of the list, nor each second."""
    tab: Tab = await visit("about:blank")
    await tab.page.add_init_script("delete globalThis.SharedWorker;")
    await tab.page.goto(long.url)
    await expect(tab.row("Number 00001")).to_be_visible()
    refused: list[str] = []

    async def refuse(route: Route) -> None:
        refused.append(route.request.url)
        await route.fulfill(status=503, json={"success": False, "error": "x", "code": "STORE_UNAVAILABLE"})

    await tab.page.route(f"**{PAGES}?*", refuse)
    await tab.page.evaluate(SCROLL, 1)
    await until("a page was refused", lambda: bool(refused))
    for place in (0, 1, 0.9, 1):
        await tab.page.evaluate(SCROLL, place)
        await tab.page.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))")
    assert len(refused) == 1
    await tab.page.unroute_all()
    await expect(tab.row(f"Number {MANY:05}")).to_be_visible()


async def test_the_keyboard_goes_through_all_of_a_long_list(visit: Open, long: Tonearm) -> None:
    """Also to rows that are not known yet: they are asked for, and the keyboard is at them when they come."""
    tab: Tab = await visit(long.url)
    page, press = tab.page, tab.page.keyboard.press
    await tab.row("Number 00001").locator(".title").focus()
    await press("End")
    await expect(tab.row(f"Number {MANY:05}").locator(".title")).to_be_focused()
    at = page.locator(".row:has(.title:focus)")
    await press("PageUp")
    screen = MANY - int(await at.get_attribute("aria-rowindex") or 0)
    assert screen > 1
    await press("Home")
    await expect(tab.row("Number 00001").locator(".title")).to_be_focused()

    await page.reload()
    await tab.row("Number 00001").locator(".title").focus()
    steps = (MANY - 2) // screen
    for _ in range(steps):
        await press("PageDown")
    await expect(at).to_have_attribute("aria-rowindex", str(1 + steps * screen))
    await expect(at.locator(".title")).to_have_text(f"Number {1 + steps * screen:05}")
    await press("Shift+ArrowDown")
    await expect(page.get_by_text("selected")).to_be_visible()
    assert tab.errors == []


ORDER = """() => {
    const root = document.querySelector('download-manager').shadowRoot;
    return [...root.querySelectorAll('.row')].map((row) => Number(row.getAttribute('aria-rowindex')));
}"""


async def test_rows_stand_in_the_document_as_they_are_seen(visit: Open, long: Tonearm) -> None:
    """Whichever way the list was scrolled, and also with the keyboard at a row that is not in sight."""
    tab: Tab = await visit(long.url)
    await expect(tab.row("Number 00001")).to_be_visible()
    for keyboard in (False, True):
        if keyboard:
            await tab.row("Number 00001").locator(".title").focus()
        for place in (0, 0.02, 0.04, 0.03, 1, 0.98, 0.5, 0):
            await tab.page.evaluate(SCROLL, place)
            await tab.page.evaluate("new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)))")
            order = await tab.page.evaluate(ORDER)
            assert order == sorted(order), place
            assert len(order) > 10
        if keyboard:
            await expect(tab.row("Number 00001").locator(".title")).to_be_focused()
