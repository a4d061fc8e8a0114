"""Pictures of the page for the documentation: `./dev pictures` makes those in docs/pictures anew.

A real server downloads invented albums from a catalog that is slow, fails and misses a track, as it is told, so that
every state can be seen; a real Chromium looks at it on a desk, on a phone and on the smallest screen.
"""

from __future__ import annotations

import asyncio
import math
import re
import struct
import sys
import tempfile
import zlib
from colorsys import hls_to_rgb
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from playwright.async_api import Browser, Page, async_playwright, expect
from tests.browser.conftest import ARGUMENTS
from tests.support.catalog import ScriptedCatalog, body, slow, status
from tests.support.music import Music
from tests.support.pages import ROOT
from tests.support.programs import find
from tests.support.server import Tonearm, until

FOLDER = ROOT / "docs" / "pictures"
SIDE = 240
ALBUMS = [
    ("Long Way to the Lighthouse", "The Harbour Lanterns", ["Slack Water", "Salt", "Foghorn", "Lamp Room", "Ebb"]),
    ("Twelve Small Engines", "Marla Quist", ["Ignition", "Idle", "Belt and Gear", "Overdrive", "Coasting"]),
    ("Paper Weather", "Ostrava Quartet", ["Folded Rain", "Crease", "Origami Storm", "Blotting", "Clear"]),
    ("Night Bus Hymnal", "Juno Ferreira", ["Stop Request", "Back Row", "Rain on Glass", "Terminus", "Walk Home"]),
    ("Field Recordings of the Moon", "Observatory Four", ["Mare", "Apogee", "Dust", "Terminator", "Perigee"]),
]


@dataclass(frozen=True)
class Shot:
    """A picture: its name, how large the window is, and the job whose details are open."""

    name: str
    width: int
    height: int
    scheme: Literal["light", "dark"]
    opened: str | None = None


SHOTS = [
    Shot("desk-light", 1280, 800, "light", "Long Way to the Lighthouse"),
    Shot("desk-dark", 1280, 800, "dark"),
    Shot("phone", 390, 844, "light"),
    Shot("phone-details", 390, 844, "dark", "Paper Weather"),
    Shot("small", 320, 640, "light"),
]


def cover(number: int) -> bytes:
    """A PNG of rings in two colours."""
    rows = bytearray()
    for y in range(SIDE):
        rows.append(0)
        for x in range(SIDE):
            distance = math.hypot(x - SIDE * (0.2 + number * 0.15), y - SIDE * 0.62)
            wave = 0.5 + 0.5 * math.sin(distance / (7 + number * 2))
            colour = hls_to_rgb((number * 0.21 + 0.06 * wave) % 1, 0.30 + 0.35 * wave, 0.55)
            rows += bytes(round(255 * part) for part in colour)
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(name, content) for name, content in parts)


def chunk(name: bytes, content: bytes) -> bytes:
    """A part of a PNG with its length and checksum."""
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def fill(catalog: ScriptedCatalog, music: Music) -> None:
    """Five albums, one of which misses a track and one of which is slow."""
    for number, (title, artist, tracks) in enumerate(ALBUMS, 1):
        ids = [number * 10 + place for place in range(1, 6)]
        catalog.reply(f"/covers/{number}", body(cover(number), "image/png"), forever=True)
        about: dict[str, Any] = {"artist": artist, "coverUrl": f"covers/{number}"}
        for track, name in zip(ids, tracks, strict=True):
            catalog.add_track(track, body=music("flac", seconds=3.0, seed=track).read_bytes(), title=name, **about)
        catalog.add_album(number, ids, title=title, **about)
    catalog.reply("/media/33", status(404), forever=True)
    for track in (12, 13, 14, 15, 21):
        catalog.reply(f"/media/{track}", slow(6_000), forever=True)


async def play(server: Tonearm) -> None:
    """A job of every state."""
    await server.wait_for(await server.submit("album", 5))
    await server.wait_for(await server.submit("album", 3))
    await server.wait_for(await server.submit("track", 99, titled="A Song That Was Withdrawn"))
    await server.wait_for(await server.submit("track", 44))
    first = await server.submit("album", 1)
    await until("a track is there", lambda: any("Slack" in name for name in server.files()))
    await server.submit("track", 21)
    await server.submit("album", 4, startPaused=True)
    await server.submit("album", 2, priority="low", startPaused=True)
    await until("the first is half way", lambda: half_way(server, first), seconds=90)


async def half_way(server: Tonearm, job_id: str) -> bool:
    """Whether a third of a job is there."""
    return bool((await server.job(job_id))["progress"] > 0.33)


async def shoot(browser: Browser, server: Tonearm, shot: Shot) -> None:
    """Take one picture."""
    page = await browser.new_page(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme=shot.scheme,
        locale="en-GB",
        device_scale_factor=2 if shot.width < 500 else 1,
    )
    await page.goto(server.url)
    await page.locator(".row").first.wait_for()
    if shot.opened:
        await page.get_by_role("button", name=shot.opened, exact=True).click()
        await page.locator(".track").first.wait_for()
    await settled(page)
    await page.screenshot(path=FOLDER / f"{shot.name}.png")
    await page.close()


async def settled(page: Page) -> None:
    """Wait for pictures and for the graph to have a shape."""
    await expect(page.locator(".graph .line")).to_have_attribute("d", re.compile(r".{90}"))


async def errors(browser: Browser, server: Tonearm) -> None:
    """What is seen when a form is refused, and when the server is gone."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
    await page.goto(server.url)
    await page.get_by_role("button", name="Add music").first.click()
    await page.get_by_label("Catalog number").fill("five")
    await page.get_by_role("button", name="Add to the queue").click()
    await page.get_by_role("alert").filter(has_text="whole number").wait_for()
    await page.screenshot(path=FOLDER / "refused.png")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="A Song That Was Withdrawn", exact=True).click()
    await page.locator(".entry").first.wait_for()
    await server.kill()
    await page.get_by_text("No connection to the server since").wait_for()
    await page.screenshot(path=FOLDER / "away.png")


async def main() -> None:
    """Make all of them."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        async with ScriptedCatalog() as catalog:
            fill(catalog, Music(Path(folder)))
            async with Tonearm(Path(folder) / "tonearm", catalog.url) as server, async_playwright() as playwright:
                await play(server)
                browser = await playwright.chromium.launch(executable_path=find("chromium"), args=ARGUMENTS)
                for shot in SHOTS:
                    await shoot(browser, server, shot)
                await errors(browser, server)
                await browser.close()
    for path in sorted(FOLDER.iterdir()):
        print(path.relative_to(ROOT), file=sys.stderr)  # noqa: T201 - a command for people


if __name__ == "__main__":
    asyncio.run(main())
