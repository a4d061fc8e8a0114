"""The journey of a new user: add an album, watch it, pause it, miss a track, get it, and save the whole."""

from __future__ import annotations

import asyncio
import json
import shutil
import zipfile
from pathlib import Path

from playwright.async_api import expect
from tests.api.cli.live import started
from tests.browser.conftest import ALBUM, SLOW, TITLES, Noise, Open, Tab
from tests.support.catalog import ScriptedCatalog, slow, status
from tests.support.server import Tonearm


async def test_a_new_user_gets_an_album_home(
    visit: Open, server: Tonearm, catalog: ScriptedCatalog, tmp_path: Path
) -> None:
    """Every step is taken at the page and looked at there."""
    for number in (1, 2, 4, 5):
        catalog.reply(f"/media/{number}", slow(SLOW))
    catalog.reply("/media/3", status(503), forever=True)
    tab = await visit(server.url)
    page = tab.page
    await expect(page.get_by_text("Nothing here yet")).to_be_visible()

    await tab.add("album", ALBUM)
    await expect(page.get_by_text("Album 5 is queued")).to_be_visible()
    await tab.close_dialog()
    row = tab.row("Colours")
    await expect(row).to_contain_text("Running")
    await expect(row.get_by_role("progressbar", name="Progress of Colours")).to_be_visible()

    await row.get_by_role("button", name="Pause: Colours").click()
    await expect(row.locator(".state")).to_have_text("Paused")
    await row.get_by_role("button", name="Resume: Colours").click()

    await expect(row).to_contain_text("Incomplete 4/5", timeout=60_000)
    await expect(row).to_contain_text("Missing: Blue")
    details = await tab.open("Colours")
    await expect(row).to_have_attribute("aria-current", "true")
    await expect(details).to_contain_text("The other tracks are in the library.")
    await expect(details.locator("dd").first).to_have_text(str(ALBUM))
    for title in TITLES:
        await expect(details.locator(".track").filter(has=page.get_by_text(title, exact=True))).to_contain_text(
            "503" if title == "Blue" else "complete"
        )

    catalog.heal("/media/3")
    await details.get_by_role("button", name="Retry missing").click()
    await expect(row.locator(".state")).to_have_text("Complete", timeout=60_000)
    async with page.expect_download() as download:
        await details.get_by_role("link", name="Save as ZIP").click()
    await (await download.value).save_as(tmp_path / "album.zip")
    with zipfile.ZipFile(tmp_path / "album.zip") as archive:
        assert sorted(archive.namelist()) == [
            f"Scripted/Colours/{n:02} {title}.flac" for n, title in enumerate(TITLES, 1)
        ]
        assert archive.testzip() is None
    assert tab.errors == []


async def test_a_job_is_cancelled_brought_back_and_removed(
    visit: Open, server: Tonearm, catalog: ScriptedCatalog
) -> None:
    """Cancelling can be undone; removing asks first, since it cannot."""
    catalog.reply("/media/1", slow(20_000), forever=True)
    tab = await visit(server.url)
    await tab.add("track", 1)
    await tab.close_dialog()
    row = tab.row("Red")
    await expect(row).to_contain_text("Running")

    await row.get_by_role("button", name="Cancel: Red").click()
    await expect(row.locator(".state")).to_have_text("Cancelled")
    catalog.heal("/media/1")
    await tab.page.get_by_role("button", name="Undo").click()
    await expect(row.locator(".state")).to_have_text("Complete")
    await retried(tab, catalog)

    await row.get_by_role("button", name="Remove: Red").click()
    question = tab.page.get_by_role("dialog", name="Remove")
    await question.get_by_role("button", name="Keep").last.click()
    await expect(row).to_be_visible()
    await row.get_by_role("button", name="Remove: Red").click()
    await question.get_by_role("button", name="Remove").click()
    await expect(row).to_have_count(0)
    assert (await server.stats())["queue"]["total"] == 1
    assert len(server.files()) == 2  # the music stays
    assert tab.errors == []


async def retried(tab: Tab, catalog: ScriptedCatalog) -> None:
    """A track that failed is fetched once the catalog has it."""
    catalog.reply("/tracks/2", status(404))
    await tab.add("track", 2)
    await tab.close_dialog()
    failed = tab.row("Track 2")
    await expect(failed).to_contain_text("It is not there")
    await failed.get_by_role("button", name="Retry: Track 2").click()
    await expect(tab.row("Green").locator(".state")).to_have_text("Complete")


async def test_the_page_of_the_demo(visit: Open, tmp_path: Path, noise: Noise) -> None:
    """`tonearm demo` says where its page is, and there the music arrives; once it has, more can be added."""
    for number, name in enumerate(("Ann/Blue/01 Red.flac", "Ann/Blue/02 Green.flac", "Ann/Pink/01 Black.flac"), 1):
        (path := tmp_path / "music" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(noise(number), path)
    with started("demo", "--json", "--folder", str(tmp_path)) as demo:
        assert demo.stdout is not None
        begin = json.loads(await asyncio.to_thread(demo.stdout.readline))
        tab: Tab = await visit(begin["server"])
        await expect(tab.row("Blue").locator(".state")).to_have_text("Complete")
        await tab.add("track", 3)
        await expect(tab.page.get_by_text("Track 3 is")).to_be_visible()
        demo.terminate()
        await asyncio.to_thread(demo.communicate)


async def test_a_refusal_is_said_at_its_field(visit: Open, server: Tonearm) -> None:
    """In the reader's words; nothing is queued, and what was typed stays."""
    tab = await visit(server.url)
    await tab.add("track", "five")
    number = tab.page.get_by_label("Catalog number")

    await expect(number).to_have_attribute("aria-invalid", "true")
    await expect(tab.page.get_by_role("alert").filter(has_text="1 to 2,147,483,647")).to_contain_text("whole number")
    await expect(number).to_have_value("five")
    await expect(number).to_be_focused()
    assert (await server.stats())["queue"]["total"] == 0


async def test_the_keyboard_goes_to_the_field_that_is_refused(visit: Open, server: Tonearm) -> None:
    """Be it the number or what is chosen beside it."""
    tab = await visit(server.url)
    page = tab.page
    quality = page.get_by_label("Quality")
    await page.get_by_role("button", name="Add music").first.click()
    await quality.evaluate("(select) => { select.options[2].value = 'BEST'; }")
    await quality.select_option("BEST")
    await page.get_by_label("Catalog number").fill("5")
    await page.get_by_label("Catalog number").press("Enter")
    await expect(quality).to_have_attribute("aria-invalid", "true")
    await expect(quality).to_be_focused()
    await page.get_by_label("Catalog number").fill("five")
    await quality.select_option("HIGH")
    await page.get_by_role("button", name="Add to the queue").click()
    await expect(page.get_by_label("Catalog number")).to_be_focused()
