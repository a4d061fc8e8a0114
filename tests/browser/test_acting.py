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


async def test_the_keyboard_goes_to_the_row_whose_button_was_clicked(visit: Open, server: Tonearm) -> None:
    """So that a key that is pressed next acts on what was clicked, not on the first row."""
    for number in (1, 2, 4):
        await server.submit("track", number, startPaused=True, titled=f"Song {number}")
    tab: Tab = await visit(server.url)
    await expect(tab.row("Song 1").locator(".title")).to_have_attribute("tabindex", "0")
    await tab.row("Song 4").get_by_role("button", name="Cancel: Song 4").click()
    await expect(tab.row("Song 4").locator(".state")).to_have_text("Cancelled")
    await expect(tab.row("Song 4").locator(".title")).to_be_focused()
    await tab.page.keyboard.press("r")
    await expect(tab.row("Song 4").locator(".state")).not_to_have_text("Cancelled")
    await tab.row("Song 2").get_by_role("button", name="Cancel: Song 2").focus()
    await expect(tab.row("Song 2").locator(".title")).to_have_attribute("tabindex", "0")
    await expect(tab.row("Song 1").locator(".state")).to_have_text("Paused")


async def test_what_was_paused_before_it_was_cancelled_is_paused_when_that_is_undone(
    visit: Open, server: Tonearm
) -> None:
    """It does not begin to download."""
    job = await server.submit("track", 1, startPaused=True, titled="Red")
    tab: Tab = await visit(server.url)
    await tab.row("Red").get_by_role("button", name="Cancel: Red").click()
    await expect(tab.row("Red").locator(".state")).to_have_text("Cancelled")
    await tab.page.get_by_role("button", name="Undo").click()
    await expect(tab.row("Red").locator(".state")).to_have_text("Paused")
    await server.wait_for(job, "paused")


async def test_a_retry_offers_no_way_back(visit: Open, server: Tonearm, catalog: ScriptedCatalog) -> None:
    """Cancelling it would make a cancelled job of an album that is incomplete."""
    catalog.reply("/media/3", status(404), forever=True)
    await server.wait_for(await server.submit("album", ALBUM))
    tab: Tab = await visit(server.url)
    await tab.row("Colours").get_by_role("button", name="Retry missing").click()
    notice = tab.page.locator(".notice").filter(has_text="Colours is tried again")
    await expect(notice).to_be_visible()
    await expect(notice.get_by_role("button", name="Undo")).to_have_count(0)
