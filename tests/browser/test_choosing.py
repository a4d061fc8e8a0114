"""Choosing: ranges, and what can be done with all that is chosen."""

from __future__ import annotations

from playwright.async_api import expect
from tests.browser.conftest import Open, Tab
from tests.support.server import Tonearm

RANGES = """async () => {
    const { Selection } = await import('./web/manager/selection.js');
    const listed = (ids) => [...ids].map((id) => ({ id }));
    const selection = new Selection();
    const chosen = [];
    const note = (ids) => chosen.push(selection.of(listed(ids)).map(({ id }) => id).join(''));
    selection.toggle('d');
    selection.extend('b', listed('abcdef'));
    note('abcdef');
    selection.extend('e', listed('abcdef'));
    note('abcdef');
    selection.extend('c', listed('abcef'));  // d is gone
    note('abcef');
    selection.extend('f', listed('abcef'));
    note('abcef');
    selection.keep((id) => id !== 'c');
    selection.extend('b', listed('abef'));
    note('abef');
    return chosen;
}"""


async def test_a_range_whose_beginning_is_gone_begins_anew(visit: Open, server: Tonearm) -> None:
    """It does not reach up to the first row."""
    tab: Tab = await visit(server.url)
    assert await tab.page.evaluate(RANGES) == ["bcd", "de", "c", "cef", "b"]


async def test_any_priority_can_be_chosen_and_the_same_again_for_others(visit: Open, server: Tonearm) -> None:
    """None is chosen before: the bar shows what it is for."""
    jobs = [await server.submit("track", n, startPaused=True, titled=f"Song {n}", priority="high") for n in (1, 2)]
    tab: Tab = await visit(server.url)
    priority = tab.page.get_by_role("combobox", name="Priority")

    for number, job in enumerate(jobs, 1):
        await tab.row(f"Song {number}").get_by_role("checkbox").check()
        await expect(priority).to_have_value("")
        await priority.focus()
        await priority.select_option("Normal")
        await expect(tab.page.locator(".notice", has_text=f"Song {number} has another priority")).to_be_visible()
        assert (await server.job(job))["priority"] == "normal"
        await tab.row(f"Song {number}").get_by_role("checkbox").uncheck()
    assert tab.errors == []
