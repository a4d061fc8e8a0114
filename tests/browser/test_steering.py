"""Steering: what the page shows of the whole queue is what was asked for last."""

from __future__ import annotations

from playwright.async_api import expect
from tests.browser.conftest import Open, Tab
from tests.support.server import Tonearm

MADE = """async () => {
    const { makeSteering } = await import('./web/manager/steering.js');
    const { Texts } = await import('./web/manager/texts.js');
    globalThis.answers = [];
    const asked = () => new Promise((done) => answers.push((paused) => done({ paused, bandwidthLimit: 0 })));
    const queue = { control: asked, setControl: asked };
    const nothing = () => {};
    globalThis.steering = makeSteering({ queue, texts: new Texts('en'), changed: nothing, said: nothing });
    document.body.append(steering.buttons[0]);
    steering.start();
}"""
"""The buttons alone; every question waits in `answers` until the test answers it."""
ANSWERED = """async ([place, paused]) => {
    answers[place](paused);
    for (let turn = 0; turn < 9; turn += 1) await null;
}"""


async def test_an_older_answer_does_not_undo_a_pause(visit: Open, server: Tonearm) -> None:
    """What was asked before the press and comes during or after it is dropped; what is asked later counts."""
    tab: Tab = await visit(server.url)
    page = tab.page
    await page.clock.install()
    await page.evaluate(MADE)
    button = page.locator("body > .button")
    await button.click()
    await page.evaluate(ANSWERED, [0, False])
    assert await button.inner_text() == "Resume all"
    await page.evaluate(ANSWERED, [1, True])
    assert await button.inner_text() == "Resume all"
    await page.clock.run_for(5_000)
    await page.evaluate(ANSWERED, [2, False])
    await expect(button).to_have_text("Pause all")


async def test_of_two_presses_the_last_is_shown(visit: Open, server: Tonearm) -> None:
    """The answer to the first is older than the second press, and changes nothing."""
    tab: Tab = await visit(server.url)
    page = tab.page
    await page.evaluate(MADE)
    button = page.locator("body > .button")
    await page.evaluate(ANSWERED, [0, False])
    await button.click()
    await button.click()
    await page.evaluate(ANSWERED, [1, True])
    assert await button.inner_text() == "Pause all"
    await page.evaluate(ANSWERED, [2, False])
    assert await button.inner_text() == "Pause all"
