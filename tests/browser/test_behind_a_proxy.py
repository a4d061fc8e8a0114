"""Behind the samples of deploy/, on a path of the real nginx and Caddy: nothing leaves it, and events flow through."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from playwright.async_api import expect
from tests.browser.conftest import Open, Tab
from tests.support.catalog import ScriptedCatalog
from tests.support.proxies import PATH, SAMPLES, sample_proxy
from tests.support.server import API, tonearm
from tests.support.tls import make_certificate

CLIENT = "127.0.0.9"
"""Another address than the proxy's, on the same machine."""

TOLD = {"QUEUE_TRUSTED_PROXIES": "127.0.0.1", "QUEUE_ALLOWED_HOSTS": "music.example"}
"""What the samples say that the server is told, beside the path."""


def taking_it_off(sample: str) -> str:
    """The sample of nginx, changed as the documents say that one may."""
    return sample.replace("proxy_pass http://tonearm;", "proxy_pass http://tonearm/;")


async def told(events: aiohttp.ClientResponse, event: str) -> str:
    """The next event of this name in a stream, as it was sent."""
    while f"event: {event}\n" not in (frame := (await events.content.readuntil(b"\n\n")).decode()):
        pass
    return frame


@pytest.mark.parametrize("base", ["", PATH], ids=["taken-off", "left-on"])
async def test_the_page_below_a_path(visit: Open, tmp_path: Path, catalog: ScriptedCatalog, base: str) -> None:
    """Whether the proxy takes the path off, or leaves it on and BASE_PATH says it."""
    edited = (lambda text: text) if base else taking_it_off
    async with tonearm(tmp_path / "tonearm", catalog.url, BASE_PATH=base, **TOLD) as server:
        with sample_proxy("nginx", tmp_path / "web", make_certificate(tmp_path), server.port, edited=edited) as url:
            tab: Tab = await visit(f"{url}/", ignore_https_errors=True)
            await expect(tab.page.get_by_text("Nothing here yet")).to_be_visible()
            await tab.add("album", 5)
            await tab.close_dialog()
            await expect(tab.row("Colours").locator(".state")).to_have_text("Complete")
            await expect(tab.row("Colours").locator(".cover")).to_be_visible()
            mode = "import('./web/server-queue.js').then(({ serverQueue }) => serverQueue.state.connection.mode)"
            assert await tab.page.evaluate(mode) == "live"

            assert [asked for asked in tab.asked if not asked.startswith(f"{url}/")] == []
            assert tab.errors == []


@pytest.mark.parametrize("name", SAMPLES)
async def test_the_server_knows_who_comes_and_events_are_not_held_back(
    tmp_path: Path, catalog: ScriptedCatalog, name: str
) -> None:
    """A job through the proxy is its client's, has its address below the path, and is told while the stream is open."""
    certificate = make_certificate(tmp_path)
    connector = aiohttp.TCPConnector(ssl=certificate.trusting(), local_addr=(CLIENT, 0))
    async with (
        tonearm(tmp_path / "tonearm", catalog.url, BASE_PATH=PATH, **TOLD) as server,
        aiohttp.ClientSession(connector=connector) as http,
    ):
        with sample_proxy(name, tmp_path / "web", certificate, server.port) as url:
            async with asyncio.timeout(60), http.get(f"{url}{API}/events") as events:
                await told(events, "snapshot")
                job = {"job": {"type": "track", "trackId": 1, "quality": "LOSSLESS"}}
                async with http.post(f"{url}{API}", json=job, headers={"Origin": url.removesuffix(PATH)}) as answer:
                    assert answer.status == 201
                    assert answer.headers["Location"].startswith(f"{PATH}{API}/job-")
                assert f'"client":"{CLIENT}"' in await told(events, "job")
            async with http.get(url, allow_redirects=False) as answer:
                assert answer.status in (301, 302)
                assert answer.headers["Location"].endswith(f"{PATH}/")
            async with http.post(f"{url}{API}", json=["much"] * 50_000) as answer:
                assert answer.status == 413
