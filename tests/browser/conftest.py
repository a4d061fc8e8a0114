"""What the tests of the page share: a real Chromium, a real server, and a catalog that does as it is told.

One Chromium serves all tests of a process, each in a context of its own with its own storage, so they run on one loop.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, Request, async_playwright, expect
from tests.support.catalog import ScriptedCatalog
from tests.support.music import Music, music
from tests.support.programs import find
from tests.support.server import Tonearm, tonearm

__all__ = ["music"]  # a fixture

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
SAID = ("error", "warning", "verbose")
"""What the console is to be empty of: hints of the browser come as the last."""
TITLES = ["Red", "Green", "Blue", "White", "Black"]
ALBUM = 5
HEARD = """(live) => {
    globalThis.heard = [];
    new MutationObserver(() => heard.push(live.textContent)).observe(live, { childList: true, subtree: true });
}"""
SLOW = 60_000
"""Bytes a second of media that is to be seen on its way."""

expect.set_options(timeout=20_000)

Noise = Callable[[int], Path]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of this folder on the loop of the browser."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture
def noise(music: Music) -> Noise:
    """FLAC files of white noise, about 500 kB each, every number another one."""
    return lambda number: music("flac", seconds=3.0, seed=number)


@pytest_asyncio.fixture(loop_scope="session")
async def catalog(noise: Noise) -> AsyncIterator[ScriptedCatalog]:
    """A catalog with album 5 of five tracks, 1 to 5."""
    async with ScriptedCatalog() as scripted:
        for number, title in enumerate(TITLES, 1):
            scripted.add_track(number, body=noise(number).read_bytes(), title=title)
        scripted.add_album(ALBUM, range(1, 6), title="Colours")
        yield scripted


@pytest_asyncio.fixture(loop_scope="session")
async def server(tmp_path: Path, catalog: ScriptedCatalog) -> AsyncIterator[Tonearm]:
    """A server that downloads from it."""
    async with tonearm(tmp_path, catalog.url) as started:
        yield started


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """A Chromium."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=find("chromium"), args=ARGUMENTS)
        yield started
        await started.close()


@dataclass
class Tab:
    """A tab with the page in it, what it said that it should not have said, and what it asked for."""

    page: Page
    errors: list[str]
    asked: list[str]

    def row(self, title: str) -> Locator:
        """The row of the list that has this title."""
        return self.page.get_by_role("row").filter(has=self.page.locator(".title", has_text=title))

    async def open(self, title: str) -> Locator:
        """Open the details of a job; the panel."""
        await self.row(title).locator("button.title").click()
        return self.page.get_by_role("complementary", name="Details")

    @property
    def spoken(self) -> Locator:
        """What is told to those who do not see the page: the one live region of it that is not in a form."""
        return self.page.locator(".unseen[aria-live=polite]")

    async def listen(self) -> None:
        """Gather from now on what is spoken, in `heard` of the page."""
        await self.spoken.evaluate(HEARD)

    async def add(self, kind: str, number: int | str, **choices: str) -> None:
        """Queue something by the form, which stays open if it is refused."""
        await self.page.get_by_role("button", name="Add music").first.click()
        dialog = self.page.get_by_role("dialog", name="Add music")
        await dialog.get_by_role("radio", name=kind.title()).check()
        for label, choice in choices.items():
            await dialog.get_by_label(label.title()).select_option(label=choice)
        await dialog.get_by_label("Catalog number").fill(str(number))
        await dialog.get_by_role("button", name="Add to the queue").click()

    async def close_dialog(self) -> None:
        """Close what is open."""
        await self.page.keyboard.press("Escape")


Open = Callable[..., Any]


@pytest_asyncio.fixture(loop_scope="session")
async def visit(browser: Browser) -> AsyncIterator[Open]:
    """Opens an address in a tab of its own: `tab = await visit(server.url, width=320)`."""
    async with AsyncExitStack() as stack:

        async def opened(
            url: str, *, width: int = 1280, height: int = 800, language: str = "en-GB", **options: Any
        ) -> Tab:
            viewport = {"width": width, "height": height}
            context = await browser.new_context(viewport=viewport, locale=language, **options)  # type: ignore[arg-type]  # a TypedDict
            stack.push_async_callback(context.close)
            page = await context.new_page()
            tab = Tab(page, [], [])

            def said(message: ConsoleMessage) -> None:
                if message.type in SAID and "the server responded with a status of" not in message.text:
                    tab.errors.append(message.text)

            def asked(request: Request) -> None:
                tab.asked.append(request.url)

            page.on("console", said)
            page.on("pageerror", lambda error: tab.errors.append(str(error)))
            page.on("request", asked)
            await page.goto(url)
            return tab

        yield opened
