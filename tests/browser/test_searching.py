"""The search of the add form: what the catalog has is found and added; where it has no search, that is said."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, expect
from tests.api.catalog.collection import Collection, FolderServer
from tests.browser.conftest import Open, Tab
from tests.support.catalog import ScriptedCatalog, answer, status
from tests.support.music import Music
from tests.support.server import Tonearm, tonearm

ELSEWHERE = "http://pictures.example/1.jpg"
MARKUP = "<img src=x onerror=alert(1)>"
TITLE = f"B{MARKUP}"
HIT = {"type": "album", "id": 5, "title": TITLE, "artist": "Ann", "year": 1971, "coverUrl": ELSEWHERE}


@pytest.fixture
def folder(tmp_path: Path, music: Music) -> Iterator[FolderServer]:
    """A catalog that is a folder with the album Blue of two songs."""
    collection = Collection(tmp_path / "collection", music)
    collection.album("flac", tracks=2)
    with FolderServer(collection.folder, tmp_path / "ids.sqlite3") as served:
        yield served


async def form(tab: Tab) -> Locator:
    """The add form, opened."""
    await tab.page.get_by_role("button", name="Add music").first.click()
    return tab.page.get_by_role("dialog", name="Add music")


async def test_an_album_is_found_in_a_folder_and_added(visit: Open, tmp_path: Path, folder: FolderServer) -> None:
    """By words, with artist and number of tracks; what is added says so, and comes home."""
    async with tonearm(tmp_path / "server", folder.url) as server:
        tab: Tab = await visit(server.url)
        dialog = await form(tab)
        await expect(dialog.get_by_role("searchbox", name="Search the catalog")).to_be_focused()
        await tab.page.keyboard.type("blue")
        results = dialog.locator(".results li")
        await expect(results).to_have_count(3)
        await expect(results.first).to_contain_text("A · Album · 2 tracks")

        await dialog.get_by_role("button", name="Add music: Blue").click()
        await expect(dialog.get_by_text("Blue is queued")).to_be_visible()
        await dialog.get_by_role("searchbox").fill("nothing of the kind")
        await expect(dialog.get_by_text("The catalog has nothing for “nothing of the kind”")).to_be_visible()
        await dialog.get_by_role("button", name="Close").click()
        await expect(tab.row("Blue").locator(".state")).to_have_text("Complete")
        assert len(server.files()) == 2
        assert tab.errors == []


async def test_a_catalog_without_a_search(visit: Open, server: Tonearm, catalog: ScriptedCatalog) -> None:
    """Nobody asks it before somebody types; then the form says so once, and is for numbers alone."""
    tab: Tab = await visit(server.url)
    dialog = await form(tab)
    await expect(dialog.get_by_role("searchbox")).to_be_focused()
    assert catalog.count("/search") == 0

    await tab.page.keyboard.type("blue")
    await expect(dialog.get_by_text("This catalog has no search")).to_be_visible()
    await expect(dialog.get_by_role("searchbox")).to_be_hidden()
    await expect(dialog.get_by_label("Catalog number")).to_be_focused()
    await dialog.get_by_role("button", name="Close").click()
    await form(tab)
    await expect(dialog.get_by_label("Catalog number")).to_be_focused()


async def test_a_catalog_that_cannot_search_now(visit: Open, server: Tonearm, catalog: ScriptedCatalog) -> None:
    """The page says why and asks again when it may; a picture of another origin is not fetched, and markup is text."""
    catalog.reply("/search", status(503, retry_after=1), answer({"results": [HIT]}))
    tab: Tab = await visit(server.url)
    dialog = await form(tab)
    await tab.page.keyboard.type("blue")

    await expect(dialog.get_by_text("The catalog could not be searched")).to_be_visible()
    await expect(dialog.locator(".results .title")).to_have_text(TITLE)
    await expect(dialog.locator(".results .subtitle")).to_have_text("Ann · Album · 1971")
    assert catalog.count("/search") == 2
    assert [url for url in tab.asked if not url.startswith(server.url)] == []
    assert tab.errors == []
