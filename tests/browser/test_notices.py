"""Notices: who wants to press one has the time, and keeps a place for the keyboard when it goes."""

from __future__ import annotations

from playwright.async_api import Page, expect
from tests.browser.conftest import Open, Tab
from tests.support.server import Tonearm

MADE = """async () => {
    const { Notices } = await import('./web/manager/notices.js');
    const { Texts } = await import('./web/manager/texts.js');
    document.body.innerHTML = trustedTypes.emptyHTML;
    const [before, top] = ['before', 'top'].map((text) => {
        const button = document.createElement('button');
        button.textContent = text;
        document.body.append(button);
        return button;
    });
    globalThis.notices = new Notices(new Texts('en'), () => top.focus());
    document.body.append(notices.element);
    before.focus();
}"""
"""Notices behind two buttons; *top* is where the keyboard goes when there is no other place."""


async def shown(tab: Tab) -> Page:
    """The page with `MADE` in it; its clock stands."""
    await tab.page.clock.install()
    await tab.page.evaluate(MADE)
    return tab.page


async def test_a_notice_stays_while_somebody_is_at_it(visit: Open, server: Tonearm) -> None:
    """By keyboard or by mouse, or while the page is not looked at; then as long as any other."""
    page = await shown(await visit(server.url))
    await page.evaluate("notices.show('Red is cancelled', { undo() {} })")
    notice = page.locator(".notice")
    await page.get_by_role("button", name="Undo").focus()
    await page.clock.run_for(20_000)
    await expect(notice).to_be_visible()
    await page.get_by_role("button", name="before").focus()
    await notice.hover()
    await page.clock.run_for(20_000)
    await expect(notice).to_be_visible()
    await page.mouse.move(1, 1)
    await page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    await page.clock.run_for(20_000)
    await expect(notice).to_be_visible()
    await page.evaluate("delete document.hidden")
    await page.clock.run_for(7_000)
    await expect(notice).to_be_visible()
    await page.clock.run_for(2_000)
    await expect(notice).to_have_count(0)


async def test_the_keyboard_has_a_place_when_a_notice_goes(visit: Open, server: Tonearm) -> None:
    """In the next notice; after the last of them where it came from; and where that is gone, at the top."""
    page = await shown(await visit(server.url))
    await page.evaluate("for (const text of ['one', 'two']) notices.show(text, { undo() {} })")
    await page.get_by_role("button", name="Undo").first.focus()
    await page.keyboard.press("Enter")
    await expect(page.locator(".notice")).to_have_count(1)
    await expect(page.get_by_role("button", name="Close")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.locator(".notice")).to_have_count(0)
    await expect(page.get_by_role("button", name="before")).to_be_focused()

    await page.evaluate("notices.show('three')")
    await page.get_by_role("button", name="Close").focus()
    await page.evaluate("document.querySelector('button').remove()")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="top")).to_be_focused()


async def test_a_fourth_notice_takes_the_place_of_one_without_the_keyboard(visit: Open, server: Tonearm) -> None:
    """Not of that which somebody is about to press."""
    page = await shown(await visit(server.url))
    await page.evaluate("for (const text of ['one', 'two', 'three']) notices.show(text)")
    await page.get_by_role("button", name="Close").first.focus()
    await page.evaluate("notices.show('four')")
    await expect(page.locator(".notice span")).to_have_text(["one", "three", "four"])
    await expect(page.get_by_role("button", name="Close").first).to_be_focused()


async def test_the_same_word_is_told_again(visit: Open, server: Tonearm) -> None:
    """As a node of its own: a live region that stays as it is says nothing."""
    page = await shown(await visit(server.url))
    live = page.locator("[aria-live] span")
    await page.evaluate("notices.show('Red is paused')")
    first = await live.element_handle()
    await page.evaluate("notices.show('Red is paused')")
    await expect(live).to_have_text(["Red is paused"])
    assert not await live.evaluate("(now, before) => now === before", first)


async def test_what_the_banner_says_is_told_when_it_is_another(visit: Open, server: Tonearm) -> None:
    """Not again as its time moves, and not for a break that the banner is silent of; then, that it is over."""
    page = await shown(await visit(server.url))
    live = page.locator("[aria-live]")
    for matter, words, told in (
        ("banner.connecting", "Connecting", ""),
        ("", "", ""),
        ("banner.worker", "No worker", "No worker"),
        ("banner.worker", "Still no worker", "No worker"),
        ("banner.store", "No queue", "No queue"),
        ("", "", "The queue answers again"),
        ("banner.away", "No server", "No server"),
        ("", "", "The connection to the server is back"),
    ):
        await page.evaluate("(said) => notices.tell(said)", {"matter": matter, "words": words})
        await expect(live).to_have_text(told)
