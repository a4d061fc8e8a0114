"""Dialogs: a press beside one closes it, and nothing else does that was not meant to."""

from __future__ import annotations

from playwright.async_api import expect
from tests.browser.conftest import Open, Tab
from tests.support.server import Tonearm


async def test_only_a_press_beside_a_dialog_closes_it(visit: Open, server: Tonearm) -> None:
    """Not one on its padding, and not the end of a drag that began inside, nor one that began outside."""
    tab: Tab = await visit(server.url)
    mouse = tab.page.mouse
    await tab.page.get_by_role("button", name="Add music").first.click()
    dialog = tab.page.get_by_role("dialog", name="Add music")
    box = await dialog.bounding_box()
    assert box is not None
    padding = (box["x"] + 6, box["y"] + box["height"] / 2)
    beside = (box["x"] - 40, box["y"] + 40)

    for first, last in ((padding, padding), (padding, beside), (beside, padding)):
        await mouse.move(*first)
        await mouse.down()
        await mouse.move(*last)
        await mouse.up()
        await expect(dialog).to_be_visible()
    await mouse.click(*beside)
    await expect(dialog).to_be_hidden()
