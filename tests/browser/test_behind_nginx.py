"""Below a path of a real nginx: no request leaves the prefix, and events flow through it."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.async_api import expect
from tests.browser.conftest import Open, Tab
from tests.support.catalog import ScriptedCatalog
from tests.support.nginx import nginx
from tests.support.server import tonearm

PREFIX = "/x/y"


@pytest.mark.parametrize("base", ["", PREFIX], ids=["taken-off", "left-on"])
async def test_the_page_below_a_prefix(visit: Open, tmp_path: Path, catalog: ScriptedCatalog, base: str) -> None:
    """Whether the proxy takes the prefix off or BASE_PATH says it."""
    async with tonearm(tmp_path / "tonearm", catalog.url, BASE_PATH=base) as server:
        target = f"{server.url}{base}/"
        handed = f"proxy_pass {target}; proxy_http_version 1.1; proxy_set_header Host $http_host;"
        with nginx(tmp_path / "web", f"location {PREFIX}/ {{ {handed} }}") as web:
            tab: Tab = await visit(f"{web.url}{PREFIX}/")
            await expect(tab.page.get_by_text("Nothing here yet")).to_be_visible()
            await tab.add("album", 5)
            await tab.close_dialog()
            await expect(tab.row("Colours").locator(".state")).to_have_text("Complete")
            await expect(tab.row("Colours").locator(".cover")).to_be_visible()
            mode = "import('./web/server-queue.js').then(({ serverQueue }) => serverQueue.state.connection.mode)"
            assert await tab.page.evaluate(mode) == "live"

            assert [url for url in tab.asked if not url.startswith(f"{web.url}{PREFIX}/")] == []
            assert tab.errors == []
