"""For everybody: axe finds nothing by any rule, in every view, both themes, all languages and both directions.

What the banner and the overview say when something is away or runs out is looked at where it is brought about
(`test_health.py`, `test_connection.py`).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from tests.browser.auditing import audit
from tests.browser.conftest import ALBUM, SLOW, Open, Tab
from tests.support.catalog import ScriptedCatalog, answer, slow, status
from tests.support.server import Tonearm, tonearm

STATES = ["processing", "queued", "paused", "partial", "failed", "completed", "cancelled"]
FOUND = {"results": [{"type": "album", "id": 5, "title": "Colours", "artist": "Ann", "year": 1971}]}


class Auditor:
    """Looks at a page with axe, and keeps what it found."""

    def __init__(self, page: Page, *themes: str) -> None:
        self._page = page
        self._themes = themes
        self.found: list[str] = []

    async def look(self, where: str) -> None:
        """Look at what is shown now."""
        self.found += [f"{where}, {each}" for each in await audit(self._page, themes=self._themes)]


@pytest.mark.parametrize(
    "reader",
    [
        ("en-GB", "ltr", 1280, ("light", "dark")),
        ("de-DE", "ltr", 390, ("dark",)),
        ("fr-FR", "rtl", 390, ("light",)),
    ],
    ids=lambda reader: reader[0],
)
async def test_axe_finds_nothing(
    visit: Open, tmp_path: Path, catalog: ScriptedCatalog, reader: tuple[str, str, int, tuple[str, ...]]
) -> None:
    """From the empty list to the server's end, by way of every state, form, question, refusal and note."""
    language, direction, width, themes = reader
    async with tonearm(tmp_path / "server", catalog.url, QUEUE_WARN_SIZE=1, QUEUE_RETRY_BACKOFF_MS=600_000) as server:
        tab: Tab = await visit(server.url, width=width, language=language)
        await tab.page.evaluate("(direction) => { document.documentElement.dir = direction; }", direction)
        auditor = Auditor(tab.page, *themes)
        await auditor.look("empty")
        await some_of_each(server, catalog)
        await lists(tab, auditor)
        await forms(tab, auditor, catalog)
        await acts(tab, auditor)
        await doors(tab, auditor, server)

    assert "\n".join(auditor.found) == ""


async def some_of_each(server: Tonearm, catalog: ScriptedCatalog) -> None:
    """A job in each state that there is."""
    catalog.reply("/media/3", status(404), forever=True)
    await server.wait_for(await server.submit("album", ALBUM))
    await server.wait_for(await server.submit("track", 1))
    await server.wait_for(await server.submit("track", 99))
    await server.act(await server.submit("track", 5, startPaused=True), "cancel")
    catalog.reply("/media/2", slow(SLOW // 100), forever=True)
    await server.submit("track", 2)
    await catalog.asked("/media/2", times=2)  # once for the album
    catalog.reply("/tracks/4", status(503), forever=True)
    await server.wait_for(await server.submit("track", 4, titled="Later"), "queued")
    await server.submit("track", 6, startPaused=True)


async def lists(tab: Tab, auditor: Auditor) -> None:
    """The list, the details of a job of each kind, a view that can be cleared, and a search that finds nothing."""
    page = tab.page
    for look in STATES:
        await expect(page.locator(f".row[data-look={look}]")).to_have_count(1)
    await auditor.look("list")
    for look in STATES:
        await page.locator(f".row[data-look={look}] button.title").click()
        await page.locator(".entry").first.wait_for()
        await auditor.look(f"details: {look}")
        await page.keyboard.press("Escape")
    await page.locator("[data-view=failed]").click()
    await page.locator(".tools .button").click()
    await auditor.look("question: clear the history")
    await page.keyboard.press("Escape")
    await page.get_by_role("searchbox").fill("nothing of the kind")
    await expect(page.locator(".empty")).to_be_visible()
    await auditor.look("nothing matches")
    await page.get_by_role("searchbox").fill("")
    await page.locator("[data-view=all]").click()


async def forms(tab: Tab, auditor: Auditor, catalog: ScriptedCatalog) -> None:
    """What is added by number and by a search, and the limit, each also when it is refused."""
    catalog.reply("/search", answer(FOUND))
    page = tab.page
    await page.locator(".steering .primary").click()
    dialog = page.locator("dialog[open]")
    await dialog.locator("[type=search]").fill("blue")
    await expect(dialog.locator(".results li")).to_have_count(1)
    await auditor.look("add: what was found")
    await dialog.locator("[name=id]").fill("five")
    await dialog.locator("[name=id]").press("Enter")
    await expect(dialog.locator("[name=id]")).to_have_attribute("aria-invalid", "true")
    await auditor.look("add: refused")
    await dialog.locator("[type=search]").fill("green")
    await expect(dialog.locator("[type=search]")).to_be_hidden()
    await auditor.look("add: no search")
    await page.keyboard.press("Escape")
    await page.locator(".steering .button").nth(1).click()
    await dialog.locator("[name=limit]").fill("-1")
    await dialog.locator("[name=limit]").press("Enter")
    await expect(dialog.locator("[name=limit]")).to_have_attribute("aria-invalid", "true")
    await auditor.look("limit: refused")
    await page.keyboard.press("Escape")


async def acts(tab: Tab, auditor: Auditor) -> None:
    """What is chosen, the question before a removal, a notice with its way back, and the paused queue."""
    page = tab.page
    await page.locator(".row[data-look=completed] .box input").check()
    await auditor.look("chosen")
    await page.locator(".row[data-look=completed]").press("Delete")
    await expect(page.locator("dialog[open] [name=also]")).to_be_visible()
    await auditor.look("question: remove")
    await page.keyboard.press("Escape")
    await page.locator(".row[data-look=completed] .box input").uncheck()
    await page.locator(".steering .button").first.click()
    await expect(page.locator(".banner")).to_be_visible()
    await page.locator(".row[data-look=processing] .actions .button").first.click()
    await expect(page.locator(".notice")).to_be_visible()
    await auditor.look("a paused queue and a notice")


async def doors(tab: Tab, auditor: Auditor, server: Tonearm) -> None:
    """The login, also when it is refused, and the server that is away."""
    page = tab.page
    _, made = await server.call("POST", "/keys", json={"name": "root", "scope": "admin"})
    key = page.locator(".login [name=key]")
    await page.reload()
    await expect(key).to_be_visible()
    await auditor.look("login")
    await key.fill("tonearm_wrong")
    await key.press("Enter")
    await expect(key).to_have_attribute("aria-invalid", "true")
    await auditor.look("login: refused")
    await key.fill(made["key"])
    await key.press("Enter")
    await expect(page.locator(".row[data-look=completed]")).to_be_visible()
    await server.kill()
    await expect(page.locator(".body[data-stale]")).to_be_visible()
    await auditor.look("away")
