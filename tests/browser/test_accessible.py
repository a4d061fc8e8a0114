"""For everybody: 320 px are enough, and the keyboard reaches it all."""

from __future__ import annotations

import zipfile

from playwright.async_api import Page, expect
from tests.browser.conftest import ALBUM, SLOW, TITLES, Open, Tab
from tests.support.catalog import ScriptedCatalog, slow, status
from tests.support.server import API, Tonearm


async def test_nothing_is_cut_off_on_a_small_screen(visit: Open, server: Tonearm, catalog: ScriptedCatalog) -> None:
    """At 320 px nothing reaches beyond the sides, in either direction of text."""
    catalog.reply("/media/3", status(404), forever=True)
    await server.wait_for(await server.submit("album", ALBUM))
    await server.wait_for(await server.submit("track", 99))
    catalog.reply("/media/2", slow(SLOW // 10), forever=True)
    await server.submit("track", 2)
    tab: Tab = await visit(server.url, width=320, height=640)
    await expect(tab.row("Colours")).to_contain_text("Incomplete 4/5")
    beyond = """(direction) => {
        document.documentElement.dir = direction;
        const root = document.querySelector('download-manager').shadowRoot;
        return [...root.querySelectorAll('.row *, .top *, .tools *, .details *, .facts *')]
            .filter((each) => each.checkVisibility() && each.closest('.unseen') === null)
            .map((each) => [each.className || each.tagName, each.getBoundingClientRect()])
            .filter(([, box]) => box.width > 1 && (box.left < -1 || box.right > 321))
            .map(([name, box]) => [String(name), box.left, box.right]);
    }"""

    for direction in ("ltr", "rtl"):
        assert await tab.page.evaluate(beyond, direction) == [], direction
    await tab.open("Colours")
    for direction in ("ltr", "rtl"):
        assert await tab.page.evaluate(beyond, direction) == [], direction


async def test_the_journey_by_keyboard_alone(visit: Open, server: Tonearm, catalog: ScriptedCatalog) -> None:
    """Add an album, pause and resume it, get what it misses, save it; cancel a track, fetch it after all; remove."""
    catalog.reply("/media/1", slow(SLOW))
    catalog.reply("/media/2", slow(SLOW // 10))
    catalog.reply("/media/3", status(404), forever=True)
    tab: Tab = await visit(server.url)
    page, press = tab.page, tab.page.keyboard.press
    album, track = tab.row("Colours"), tab.row("Green")

    await add(page, ALBUM)
    await reach(page, "row")
    await press("p")
    await expect(album.locator(".state")).to_have_text("Paused")
    await press("p")
    await expect(album.locator(".state")).not_to_have_text("Paused")
    catalog.heal("/media/2")
    await expect(album.locator(".state")).to_have_text("Incomplete 4/5", timeout=60_000)

    await press("Enter")
    await expect(page.get_by_role("heading", name="Colours")).to_be_focused()
    catalog.heal("/media/3")
    await reach(page, "Retry missing")
    await press("Enter")
    await expect(album.locator(".state")).to_have_text("Complete", timeout=60_000)
    await reach(page, "Save as ZIP")
    async with page.expect_download() as download:
        await press("Enter")
    with zipfile.ZipFile(await (await download.value).path()) as archive:
        assert len(archive.namelist()) == len(TITLES)
    await press("Escape")
    assert "Colours" in await focused(page)

    catalog.reply("/media/2", slow(SLOW // 10))
    await add(page, 2, kind="Track")
    await reach(page, "row")
    await press("ArrowUp")
    await press("c")
    await expect(track.locator(".state")).to_have_text("Cancelled")
    catalog.heal("/media/2")
    await press("r")
    await expect(track.locator(".state")).to_have_text("Complete")

    await reach(page, "Speed limit: No limit")
    await press("Enter")
    await page.keyboard.type("500")
    await press("Enter")
    await expect(page.get_by_role("button", name="Speed limit: 500 kB/s")).to_be_focused()
    await reach(page, "Find a title, artist or number")
    await page.keyboard.type("green")
    await expect(album).to_have_count(0)
    await reach(page, "row")
    await press("Space")
    await expect(page.get_by_text("1 selected")).to_be_visible()
    await press("Delete")
    await expect(page.get_by_role("dialog", name="Remove")).to_be_visible()
    await reach(page, "Remove", times=6)
    await press("Enter")
    await expect(track).to_have_count(0)
    assert tab.errors == []


async def add(page: Page, number: int, kind: str = "Album") -> None:
    """Queue something by the form, with the keyboard alone."""
    await reach(page, "Add music")
    await page.keyboard.press("Enter")
    await reach(page, "Album")
    if kind == "Track":
        await page.keyboard.press("ArrowDown")
    await reach(page, "Catalog number")
    await page.keyboard.type(str(number))
    await page.keyboard.press("Enter")
    await expect(page.get_by_text(f"{kind} {number} is queued")).to_be_visible()
    await page.keyboard.press("Escape")


async def reach(page: Page, name: str, *, times: int = 40) -> None:
    """Press Tab until the element of this name (or role) has the keyboard, which is shown by an outline."""
    focused = """() => {
        let at = document.activeElement;
        while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        const label = at?.labels?.[0]?.textContent ?? '';
        const shown = at?.closest('.row .title') ? at.closest('.row') : at;  // a row shows the keyboard at its title
        const names = [shown?.getAttribute('role'), at?.getAttribute('aria-label'), label, at?.textContent?.trim()];
        return [names, getComputedStyle(shown).outlineStyle !== 'none' || at.matches('select, dialog')];
    }"""
    for _ in range(times):
        await page.keyboard.press("Tab")
        names, outlined = await page.evaluate(focused)
        if name in names:
            assert outlined, name
            return
    raise AssertionError(f"{name} cannot be reached by Tab")


async def focused(page: Page) -> str:
    """Role and name of what has the keyboard."""
    return str(
        await page.evaluate(
            """() => {
                let at = document.activeElement;
                while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
                const role = at?.getAttribute('role') ?? at?.localName;
                return `${role} ${at?.getAttribute('aria-label') ?? at?.innerText}`;
            }"""
        )
    )


async def test_the_keyboard_stays_where_it_was(visit: Open, server: Tonearm) -> None:
    """After a dialog at what opened it; after an action in its row; after a removal in the row that took the place."""
    for number in (1, 2, 4):
        await server.submit("track", number, startPaused=True, titled=f"Song {number}")
    tab: Tab = await visit(server.url)
    page, press = tab.page, tab.page.keyboard.press
    await reach(page, "Add music")
    await press("Enter")
    await expect(page.get_by_role("dialog", name="Add music")).to_be_visible()
    await press("Escape")
    assert await focused(page) == "button Add music"

    await reach(page, "row")
    await press("ArrowDown")
    await reach(page, "Resume: Song 2")
    await page.route(f"**{API}/**", lambda route: route.abort())  # so that it stays as it is shown at once
    await press("Enter")
    await expect(tab.row("Song 2").locator(".state")).to_have_text("Paused")
    assert await focused(page) == "button Song 2"
    await page.unroute_all()

    await press("Delete")
    await expect(page.get_by_role("dialog", name="Remove")).to_be_visible()
    await press("Escape")
    assert "Song 2" in await focused(page)
    await press("Delete")
    await reach(page, "Remove", times=6)
    await press("Enter")
    await expect(tab.row("Song 2")).to_have_count(0)
    assert await focused(page) == "button Song 4"
