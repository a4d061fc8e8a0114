"""Covers: one that did not come is asked for again when the server is back."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Route, expect
from tests.browser.conftest import Open, Tab
from tests.browser.test_listing import LINK, outage, unremembered
from tests.support.moods import MoodyProxy
from tests.support.server import Tonearm, until

PICTURE = Path(__file__).parents[2] / "src" / "tonearm" / "web" / "icon-192.png"


async def test_a_cover_that_an_outage_held_back_is_shown_afterwards(visit: Open, server: Tonearm) -> None:
    """Until then there is the field with the colour of its title."""
    await server.wait_for(await server.submit("track", 1))
    asked: list[str] = []
    there = False

    async def cover(route: Route) -> None:
        asked.append(route.request.url)
        await (route.fulfill(path=PICTURE) if there else route.abort())

    async with MoodyProxy(server.url) as proxy:
        tab: Tab = await visit("about:blank")
        await tab.page.add_init_script("delete globalThis.SharedWorker;")
        await tab.page.route(f"**{LINK}", unremembered)
        await tab.page.route("**/cover", cover)
        await tab.page.goto(proxy.url)
        await until("the cover is asked for", lambda: bool(asked))
        there = True
        await outage(proxy, tab)
        await expect(tab.row("Red").locator("img[data-ready]")).to_have_count(1)
    assert len(asked) == 2
