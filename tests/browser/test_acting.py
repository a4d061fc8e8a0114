"""Acting: what goes is what is shown, and what is undone is as it was."""

from __future__ import annotations

from playwright.async_api import expect
from tests.browser.conftest import ALBUM, Open, Tab
from tests.support.catalog import ScriptedCatalog, status
from tests.support.server import Tonearm


async def test_clearing_what_is_done_leaves_what_is_incomplete(
    visit: Open, server: Tonearm, catalog: ScriptedCatalog
) -> None:
    """An album that misses a track stays and can still get it; a search does not offer what would take more than it."""
    catalog.reply("/media/3", status(404), forever=True)
    await server.wait_for(await server.submit("album", ALBUM))
    await server.wait_for(await server.submit("track", 1))
    await server.wait_for(await server.submit("track", 2))
    tab: Tab = await visit(server.url)
    await tab.page.locator("[data-view=done]").click()
    await expect(tab.row("Red")).to_be_visible()
    await expect(tab.row("Colours")).to_have_count(0)
    clear = tab.page.get_by_role("button", name="Clear history")
    await tab.page.get_by_role("searchbox").fill("red")
    await expect(tab.row("Green")).to_have_count(0)
    await expect(tab.row("Red")).to_be_visible()
    await expect(clear).to_be_hidden()

    await tab.page.get_by_role("searchbox").fill("")
    await clear.click()
    await tab.page.get_by_role("dialog").get_by_role("button", name="Clear history").click()
    await expect(tab.row("Red")).to_have_count(0)
    await expect(tab.row("Green")).to_have_count(0)
    await tab.page.locator("[data-view=incomplete]").click()
    await expect(tab.row("Colours").get_by_role("button", name="Retry missing")).to_be_visible()
    counts = (await server.stats())["queue"]
    assert (counts["total"], counts["completed"]) == (1, 1)
    assert tab.errors == []
