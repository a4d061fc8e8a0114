"""For everybody: axe finds nothing in any view and theme, 320 px are enough, and the keyboard reaches it all."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe  # type: ignore[import-untyped]  # it has no types
from playwright.async_api import Page, expect
from tests.browser.conftest import ALBUM, SLOW, Open, Tab
from tests.support.catalog import ScriptedCatalog, slow, status
from tests.support.server import API, Tonearm


async def some_of_each(server: Tonearm, catalog: ScriptedCatalog) -> None:
    """One job that runs, one that waits paused, one failed, one incomplete and one done."""
    catalog.reply("/media/3", status(404), forever=True)
    partial = await server.submit("album", ALBUM)
    await server.wait_for(partial)
    await server.wait_for(await server.submit("track", 1))
    await server.wait_for(await server.submit("track", 99))
    catalog.reply("/media/2", slow(SLOW // 10), forever=True)
    await server.submit("track", 2)
    await server.submit("track", 4, startPaused=True)


async def sound(page: Page, where: str) -> None:
    """All rules of axe hold for what is shown now."""
    results = await Axe().run(page, options={"resultTypes": ["violations"]})
    found = [
        f"{violation['id']}: {node['target']} {node['failureSummary']}"
        for violation in results.response["violations"]
        for node in violation["nodes"]
    ]
    assert found == [], where


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
async def test_axe_finds_nothing(
    visit: Open, server: Tonearm, catalog: ScriptedCatalog, scheme: str, width: int
) -> None:
    """The list with jobs of every state, details, the forms, a question, and what is chosen."""
    await some_of_each(server, catalog)
    tab: Tab = await visit(server.url, width=width, color_scheme=scheme, reduced_motion="reduce")
    page = tab.page
    await expect(tab.row("Colours")).to_contain_text("Incomplete 4/5")
    await sound(page, "list")
    for title in ("Colours", "Track 99"):
        await tab.open(title)
        await sound(page, f"details of {title}")
        await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Add music").first.click()
    await sound(page, "add")
    await tab.close_dialog()
    await page.get_by_role("button", name="Speed limit").click()
    await sound(page, "limit")
    await tab.close_dialog()
    await tab.row("Red").get_by_role("checkbox").check()
    await sound(page, "chosen")
    await page.get_by_role("toolbar").get_by_role("button", name="Remove").click()
    await sound(page, "question")


@pytest.mark.parametrize("direction", ["ltr", "rtl"])
async def test_nothing_is_cut_off_on_a_small_screen(
    visit: Open, server: Tonearm, catalog: ScriptedCatalog, direction: str
) -> None:
    """At 320 px nothing reaches beyond the sides, in either direction of text."""
    await some_of_each(server, catalog)
    tab: Tab = await visit(server.url, width=320, height=640)
    await tab.page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
    await expect(tab.row("Colours")).to_contain_text("Incomplete 4/5")
    beyond = """() => {
        const root = document.querySelector('download-manager').shadowRoot;
        return [...root.querySelectorAll('.row *, .top *, .tools *, .details *, .facts *')]
            .filter((each) => each.checkVisibility() && each.closest('.unseen') === null)
            .map((each) => [each.className || each.tagName, each.getBoundingClientRect()])
            .filter(([, box]) => box.width > 1 && (box.left < -1 || box.right > 321))
            .map(([name, box]) => [String(name), box.left, box.right]);
    }"""

    assert await tab.page.evaluate(beyond) == []
    await tab.open("Colours")
    assert await tab.page.evaluate(beyond) == []


async def test_the_journey_by_keyboard_alone(visit: Open, server: Tonearm, catalog: ScriptedCatalog) -> None:
    """Add an album, pause and resume it, open it, retry what is missing, choose and remove."""
    catalog.reply("/media/3", slow(SLOW), *[status(404)] * 2)
    tab: Tab = await visit(server.url)
    page, press = tab.page, tab.page.keyboard.press
    await reach(page, "Add music")
    await press("Enter")
    await reach(page, "Catalog number")
    await page.keyboard.type(str(ALBUM))
    await press("Enter")
    await expect(page.get_by_text("Album 5 is queued")).to_be_visible()
    await press("Escape")
    row = tab.row("Colours")
    await expect(row).to_be_visible()

    await reach(page, "row")
    await press("p")
    await expect(row.locator(".state")).to_have_text("Paused")
    await press("p")
    await expect(row.locator(".state")).not_to_have_text("Paused")
    await expect(row.locator(".state")).to_contain_text("Complete", timeout=60_000)
    await press("Enter")
    await expect(page.get_by_role("heading", name="Colours")).to_be_focused()
    await press("Escape")
    await press("Space")
    await expect(page.get_by_text("1 selected")).to_be_visible()
    await press("Delete")
    await expect(page.get_by_role("dialog", name="Remove")).to_be_visible()
    await reach(page, "Remove", times=6)
    await press("Enter")
    await expect(row).to_have_count(0)
    assert tab.errors == []


async def reach(page: Page, name: str, *, times: int = 40) -> None:
    """Press Tab until the element of this name (or role) has the keyboard, which is shown by an outline."""
    focused = """() => {
        let at = document.activeElement;
        while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
        const label = at?.labels?.[0]?.textContent ?? '';
        const names = [at?.getAttribute('role'), at?.getAttribute('aria-label'), label, at?.textContent?.trim()];
        return [names, getComputedStyle(at).outlineStyle !== 'none' || at.matches('select, dialog')];
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
    assert (await focused(page)).startswith("row ")
    await page.unroute_all()

    await press("Delete")
    await expect(page.get_by_role("dialog", name="Remove")).to_be_visible()
    await press("Escape")
    assert "Song 2" in await focused(page)
    await press("Delete")
    await reach(page, "Remove", times=6)
    await press("Enter")
    await expect(tab.row("Song 2")).to_have_count(0)
    assert (await focused(page)).startswith("row ")
    assert "Song 4" in await focused(page)
