"""The details of a job: they are as new as anything that is known of it, also while the line is away."""

from __future__ import annotations

import pytest
from playwright.async_api import Page, expect
from tests.browser.conftest import ALBUM, Open, Tab
from tests.support.moods import Mood, MoodyProxy
from tests.support.server import Tonearm

MADE = """async (language) => {
    const { JobDetails } = await import('./web/manager/job-details.js');
    const { Texts } = await import('./web/manager/texts.js');
    const { QueueError, ServerQueue } = await import('./web/server-queue.js');
    globalThis.record = (more) => ({
        id: 'one', status: 'processing', job: { type: 'track', trackId: 1, trackTitle: 'Red', quality: 'LOW' },
        jobType: 'track', priority: 'normal', progress: 0.42, createdAt: 1, startedAt: 1, lastUpdatedAt: 1,
        retryCount: 0, maxRetries: 3, bytesDownloaded: 1, files: [], client: 'me', ...more,
    });
    globalThis.queue = new ServerQueue();
    queue.asked = 0;
    queue.job = async () => {
        queue.asked += 1;
        if (whole) return whole;
        throw new QueueError('gone', { code: 'NOT_FOUND' });
    };
    queue.tracks = async () => {
        if (following) return following;
        throw new Error('refused');
    };
    globalThis.following = null;
    globalThis.whole = record();
    const nothing = () => {};
    const texts = new Texts(language);
    globalThis.details = new JobDetails({ queue, texts, now: Date.now, act: nothing, said: nothing, closed: nothing });
    document.body.append(details.element);
    details.open(record());
}"""
"""Details without a list: `record` makes a record of the job; `whole` and `following` are what the server answers."""


async def shown(tab: Tab, language: str = "en") -> Page:
    """The page with `MADE` in it; its clock stands."""
    await tab.page.clock.install()
    await tab.page.evaluate(MADE, language)
    return tab.page


async def test_a_job_that_the_list_forgot_is_shown_as_the_server_has_it(visit: Open, server: Tonearm) -> None:
    """Its end is seen in the head as well; and then the server is asked but seldom."""
    page = await shown(await visit(server.url))
    panel = page.locator("body > .details")
    await expect(panel).to_contain_text("Running")

    await page.evaluate("whole = record({ status: 'completed', outcome: 'ok', progress: 1, lastUpdatedAt: 2 })")
    for _ in range(3):
        await page.evaluate("details.update(null)")
        await page.clock.run_for(1_000)
    await expect(panel.locator(".words")).to_contain_text("Complete")
    await expect(panel.get_by_role("button", name="Pause")).to_have_count(0)
    asked = await page.evaluate("queue.asked")
    for _ in range(9):
        await page.evaluate("details.update(null)")
        await page.clock.run_for(1_000)
    assert await page.evaluate("queue.asked") <= asked + 1


async def test_an_older_word_of_the_list_changes_nothing(visit: Open, server: Tonearm) -> None:
    """The whole record may come before the event does."""
    page = await shown(await visit(server.url))
    await page.evaluate("whole = record({ status: 'paused', lastUpdatedAt: 2 })")
    await page.evaluate("details.update(record({ progress: 0.5 }))")
    await page.clock.run_for(1_000)
    await expect(page.locator("body > .details .words")).to_contain_text("Paused")
    await page.evaluate("details.update(record({ progress: 0.6 }))")
    await expect(page.locator("body > .details .words")).to_contain_text("Paused")


async def test_details_that_were_opened_without_a_line_get_their_lists(visit: Open, server: Tonearm) -> None:
    """When it is back, by themselves."""
    await server.wait_for(await server.submit("album", ALBUM))
    async with MoodyProxy(server.url) as proxy:
        tab: Tab = await visit(proxy.url)
        await expect(tab.row("Colours")).to_be_visible()
        proxy.mood = Mood.CUT
        details = await tab.open("Colours")
        await expect(tab.page.locator(".banner")).to_be_visible()
        await expect(details.locator(".track")).to_have_count(0)
        proxy.mood = Mood.PASS
        await expect(details.locator(".track")).to_have_count(5)
        await expect(details.locator(".entry").first).to_be_visible()


async def test_an_action_keeps_the_keyboard_when_the_actions_are_others(visit: Open, server: Tonearm) -> None:
    """What is still there has it again; else the first action; and the title when nothing can be done any more."""
    page = await shown(await visit(server.url))
    panel = page.locator("body > .details")
    done = "{ status: 'completed', outcome: 'ok', progress: 1, files: ['a.flac'], lastUpdatedAt: 2 }"
    for action in ("copy", "print", "prioritize"):
        await page.evaluate("details.update(record())")
        await panel.locator(f"[data-action={action}]").focus()
        await page.evaluate("details.update(record({ priority: 'high' }))")
        await expect(panel.locator(f"[data-action={action}]")).to_be_focused()

    await page.evaluate(f"details.update(record({done}))")
    await expect(panel.get_by_role("button", name="Remove")).to_be_focused()
    await panel.get_by_role("link", name="Save as ZIP").focus()
    await page.evaluate(f"details.update(record({{ ...{done}, outcome: 'partial' }}))")
    await expect(panel.get_by_role("link", name="Save as ZIP")).to_be_focused()

    await page.evaluate("whole = null")
    await page.evaluate("details.update(null)")
    await page.clock.run_for(2_000)
    await expect(panel.get_by_role("heading", name="Red")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(panel).to_be_hidden()


async def test_the_next_tracks_leave_the_keyboard_where_it_was(visit: Open, server: Tonearm) -> None:
    """At the button, as long as there are more, also after a refusal; then at the section of the tracks."""
    page = await shown(await visit(server.url))
    panel = page.locator("body > .details")
    await page.evaluate("""() => {
        const track = (trackId) => ({ trackId, trackTitle: `Song ${trackId}`, status: 'pending', progress: 0 });
        whole = record({ jobType: 'album', lastUpdatedAt: 2, trackCount: 3, trackProgress: [track(1)] });
        globalThis.track = track;
        details.update(record({ lastUpdatedAt: 2, jobType: 'album' }));
    }""")
    await page.clock.run_for(1_000)
    more = panel.get_by_role("button", name="Show more")
    await more.focus()
    await page.keyboard.press("Enter")
    for number, after in ((2, "'next'"), (3, "null")):
        await page.evaluate(f"following = {{ tracks: [track({number})], nextCursor: {after} }}")
        await expect(more).to_be_focused()
        await page.keyboard.press("Enter")
        await expect(panel.locator(".track")).to_have_count(number)
    await expect(panel.locator("summary").filter(has_text="Tracks")).to_be_focused()


@pytest.mark.parametrize(("language", "key"), [("en", "Ctrl+C"), ("de", "Strg+C"), ("fr", "Ctrl+C")])
async def test_where_there_is_no_clipboard_the_report_is_selected(
    visit: Open, server: Tonearm, language: str, key: str
) -> None:
    """Ready to be copied, with the word how; it stays when the lists are drawn anew."""
    page = await shown(await visit(server.url), language)
    await page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    await page.locator("body > .details [data-action=copy]").click()
    report = page.get_by_label(key)
    await expect(report).to_be_focused()
    text = await report.input_value()
    assert text.startswith("one: track 1 LOW")
    assert await page.evaluate("String(getSelection())") == text

    await page.evaluate("whole = record({ lastUpdatedAt: 2, warnings: ['new'] })")
    await page.evaluate("details.update(record({ lastUpdatedAt: 2 }))")
    await page.clock.run_for(1_000)
    await expect(page.locator("body > .details summary")).to_have_count(1)
    await expect(report).to_be_focused()
