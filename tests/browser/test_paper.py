"""On paper: an open job alone, or the rows that are seen, dark on white, without what is to be pressed."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import expect
from tests.browser.conftest import ALBUM, Open, Tab
from tests.support.catalog import ScriptedCatalog
from tests.support.server import Tonearm, tonearm

LIGHTNESS = "getComputedStyle(document.querySelector('download-manager')).color.match(/\\d+/g).map(Number)"


async def test_a_job_and_a_list_are_printed(visit: Open, server: Tonearm) -> None:
    """The list has its rows one below the other; with open details it is not there."""
    await server.wait_for(await server.submit("album", ALBUM))
    await server.wait_for(await server.submit("track", 1))
    tab: Tab = await visit(server.url)
    page = tab.page
    for _ in range(2):
        await page.get_by_role("button", name="Theme").click()
    assert min(await page.evaluate(LIGHTNESS)) > 128
    await page.emulate_media(media="print")
    assert max(await page.evaluate(LIGHTNESS)) < 128
    await expect(page.get_by_role("button", name="Add music")).to_be_hidden()
    upper, lower = [await tab.row(title).bounding_box() for title in ("Red", "Colours")]
    assert upper is not None
    assert lower is not None
    assert upper["y"] + upper["height"] <= lower["y"]

    await page.emulate_media(media="screen")
    await tab.open("Colours")
    await page.emulate_media(media="print")
    await expect(tab.row("Red")).to_be_hidden()
    await expect(page.locator(".track")).to_have_count(5)
    await expect(page.get_by_role("button", name="Print")).to_be_hidden()
    assert await page.pdf()


async def test_a_very_long_title_is_printed_whole(visit: Open, tmp_path: Path, catalog: ScriptedCatalog) -> None:
    """On the screen it is scrolled, which nobody can on paper."""
    async with tonearm(tmp_path, catalog.url, QUEUE_MAX_BODY_BYTES=8_192) as server:
        await server.submit("track", 1, titled="Long" * 500, startPaused=True)
        tab: Tab = await visit(server.url)
        title = (await tab.open("Long")).get_by_role("heading")
        cut = "(title) => title.scrollHeight - title.clientHeight"
        assert await title.evaluate(cut) > 0
        await tab.page.emulate_media(media="print")
        assert await title.evaluate(cut) == 0
