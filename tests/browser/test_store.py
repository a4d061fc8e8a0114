"""The client store alone: the documentation's example, the contract of Svelte, and what is shown before it is sure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, Route, expect
from tests.browser.conftest import ALBUM, SLOW, Open, Tab
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.moods import Mood, MoodyProxy
from tests.support.server import API, Tonearm, tonearm, until

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "page.md"

SUBSCRIBER = """async () => {
    const { serverQueue, totalDownloads, hasFailed } = await import('./web/server-queue.js');
    const heard = [];
    const stop = totalDownloads.subscribe((total) => heard.push(total));
    const first = heard.length;
    const stopOther = hasFailed.subscribe(() => {});
    window.heard = heard;
    window.stop = () => { stop(); stopOther(); };
    return [typeof stop, first, heard[0]];
}"""

MOVED = """async (tracks) => {
    const { serverQueue } = await import('./web/server-queue.js');
    const seen = [];
    return new Promise((resolve) => serverQueue.subscribe(({ changes }) => {
        for (const { job } of changes) {
            if (job?.completedTracks === tracks && job.moving) seen.push([job.progress, job.moving[1].progress]);
        }
        if (seen.length >= 4) resolve(seen);
    }));
}"""

CHANGES = """async () => {
    const { Roll } = await import('./web/queue/roll.js');
    const { byTurn } = await import('./web/queue/order.js');
    const states = ['queued', 'processing', 'paused', 'completed', 'failed'];
    const jobs = new Map();
    const same = new Roll();
    const three = ['c', 'a', 'b'].map((id) => ({ id, status: 'queued', priority: 'normal', createdAt: 1 }));
    for (const { id } of three) same.touch(id);
    same.renew((id) => three.find((job) => job.id === id));
    if (same.jobs.some((job, place) => job !== three[place])) return 'order of arrival';
    const roll = new Roll();
    let number = 0;
    const random = (most) => (number = (number * 1103515245 + 12345) % 2147483648) % most;
    for (let round = 0; round < 300; round += 1) {
        const before = roll.jobs;
        for (let turn = random(9); turn > 0; turn -= 1) {
            const id = `job-${random(60)}`;
            if (random(4)) jobs.set(id, { id, status: states[random(5)], priority: 'normal', createdAt: random(1e9) });
            else jobs.delete(id);
            roll.touch(id);
        }
        const changes = roll.renew((id) => jobs.get(id) ?? null);
        const known = new Map(before.map((job) => [job.id, job]));
        for (const { id, before, job } of changes) {
            if ((known.get(id) ?? null) !== before) return `before of ${id} in round ${round}`;
            known.delete(id);
            if (job) known.set(id, job);
        }
        const wanted = [...jobs.values()].sort(byTurn);
        if ([...known.values()].sort(byTurn).some((job, place) => job !== wanted[place])) return `changes of ${round}`;
        if (wanted.length !== roll.jobs.length) return `length of ${round}`;
        if (wanted.some((job, place) => job !== roll.jobs[place])) return `order of ${round}`;
    }
    return '';
}"""

REFUSED = """async () => {
    const { serverQueue } = await import('./web/server-queue.js');
    window.seen = [];
    serverQueue.subscribe(({ jobs }) => seen.push(jobs[0]?.status));
    await new Promise((resolve) => serverQueue.subscribe(({ jobs }) => jobs.length && resolve()));
    const error = await serverQueue.act(serverQueue.state.jobs[0].id, 'cancel').catch((refused) => refused);
    return [error.name, error.code, error.status];
}"""


async def bare(tab: Tab, url: str, page: str) -> None:
    """Open a page of somebody else's that is served beside the API."""

    async def fulfil(route: Route) -> None:
        await route.fulfill(content_type="text/html", body=page)

    await tab.page.route(f"{url}/bare.html", fulfil)
    await tab.page.goto(f"{url}/bare.html")


async def test_the_ten_lines_of_the_documentation(visit: Open, server: Tonearm) -> None:
    """Copied into an empty page they show the queue, live."""
    (example,) = re.findall(r"```html\n(.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    tab: Tab = await visit(server.url)
    await bare(tab, server.url, example)
    await expect(tab.page.locator("#figures")).to_have_text("0 running, 0 done (live)")
    await server.submit("track", 1)
    await expect(tab.page.locator("#figures")).to_have_text("0 running, 1 done (live)")


async def test_the_contract_of_a_svelte_store(visit: Open, server: Tonearm) -> None:
    """It calls at once, at changes of what it is a store of, and not again after its end."""
    tab: Tab = await visit(server.url)
    await bare(tab, server.url, "<!doctype html>")
    kind, calls, first = await tab.page.evaluate(SUBSCRIBER)
    assert (kind, calls, first) == ("function", 1, 0)

    await server.submit("track", 4, startPaused=True)
    await tab.page.wait_for_function("heard.at(-1) === 1")
    assert await tab.page.evaluate("heard") == [0, 1]
    await tab.page.evaluate("stop()")
    await server.submit("track", 3, startPaused=True)
    second: Tab = await visit(server.url)
    await expect(second.row("Track 3")).to_be_visible()
    assert await tab.page.evaluate("heard") == [0, 1]


async def test_an_action_is_shown_at_once_and_taken_back_when_refused(visit: Open, server: Tonearm) -> None:
    """Its promise is refused with the server's code."""
    job = await server.submit("track", 4, startPaused=True)
    tab: Tab = await visit(server.url)
    await bare(tab, server.url, "<!doctype html>")

    async def refuse(route: Route) -> None:
        await tab.page.wait_for_function("seen.at(-1) === 'cancelled'")
        await route.fulfill(status=400, json={"success": False, "error": "Not now", "code": "WRONG_STATE"})

    await tab.page.route(f"**{API}/{job}", refuse)
    assert await tab.page.evaluate(REFUSED) == ["QueueError", "WRONG_STATE", 400]
    await tab.page.wait_for_function("seen.at(-1) === 'paused'")


async def test_a_restart_of_the_server_between_two_looks(
    visit: Open, server: Tonearm, catalog: ScriptedCatalog
) -> None:
    """What was removed while nobody could be told is gone from every list afterwards."""
    catalog.reply("/media/1", slow(SLOW // 10), forever=True)
    gone = await server.submit("track", 1, startPaused=True)
    await server.submit("track", 2, startPaused=True)
    tab: Tab = await visit(server.url)
    await expect(tab.row("Track 1")).to_be_visible()
    await tab.page.route(f"**{API}/**", lambda route: route.abort())
    await server.call("DELETE", f"/{gone}")
    await server.kill()
    await tab.page.unroute_all()
    await server.start()
    await expect(tab.row("Track 1")).to_have_count(0)
    await expect(tab.row("Track 2")).to_be_visible()


async def test_the_progress_of_a_track_is_not_that_of_its_album(
    visit: Open, server: Tonearm, catalog: ScriptedCatalog
) -> None:
    """With four of five tracks there, the album is far and its last track is not; the details show both."""
    catalog.reply("/media/1", slow(SLOW // 4), forever=True)
    await server.submit("album", ALBUM)
    tab: Tab = await visit(server.url)
    details = await tab.open("Colours")
    moved = await tab.page.evaluate(MOVED, 4)

    assert min(album for album, _ in moved) >= 0.8, moved
    assert max(track for _, track in moved) < 0.8, moved
    await expect(details.locator(".track").filter(has_text="Red")).to_contain_text("kB/s")


async def test_the_list_follows_from_its_changes_alone(visit: Open, server: Tonearm) -> None:
    """Whatever comes, moves and goes, it is in order afterwards, and each change says what was told before."""
    tab: Tab = await visit(server.url)
    assert await tab.page.evaluate(CHANGES) == ""


RESUMED = """async () => {
    const { Records } = await import('./web/queue/records.js');
    const records = new Records(() => {});
    records.take({ id: 'a', status: 'processing', pauseRequested: true, lastUpdatedAt: 1 });
    records.take({ id: 'b', status: 'paused', lastUpdatedAt: 1 });
    for (const id of ['a', 'b']) records.expecting(id, 'resume', {}, () => new Promise(() => {}));
    return records.renew().jobs.map(({ status, pauseRequested }) => [status, pauseRequested ?? false]);
}"""


async def test_a_pause_that_is_taken_back_before_it_came(visit: Open, server: Tonearm) -> None:
    """The job runs on; one that was paused waits for its turn."""
    tab: Tab = await visit(server.url)
    assert await tab.page.evaluate(RESUMED) == [["processing", False], ["queued", False]]


FOLLOW = """async () => {
    const { serverQueue } = await import('./web/server-queue.js');
    window.queue = serverQueue;
    window.stop = serverQueue.subscribe((state) => (window.state = state));
}"""
LINGERING = 11
"""More polls than come while an expectation lingers."""
KNOWN = "(title) => state.jobs.some(({ job }) => job.trackTitle === title)"


async def knows(page: Page, title: str) -> None:
    """Wait until the store has a track of this title."""
    await page.wait_for_function(f"({KNOWN})('{title}')")


async def forgets(page: Page, title: str) -> None:
    """Wait until the store has no track of this title."""
    await page.wait_for_function(f"!({KNOWN})('{title}')")


@pytest.mark.parametrize("keep_ms", [0, 60_000], ids=["gone", "kept-for-a-while"])
async def test_where_polls_do_not_bring_all_what_was_removed_is_gone(
    visit: Open, tmp_path: Path, catalog: ScriptedCatalog, keep_ms: int
) -> None:
    """By this browser, by a clearance or by another: a job that no answer names any more does not come back."""
    async with tonearm(tmp_path, catalog.url, QUEUE_DELETE_RETENTION_MS=keep_ms) as server:
        jobs = [await server.submit("track", number, startPaused=True, titled=f"T{number}") for number in range(6, 216)]
        for number in (212, 213):
            await server.act(jobs[number - 6], "cancel")
        tab: Tab = await visit("about:blank")
        await tab.page.add_init_script("delete globalThis.SharedWorker;")
        await tab.page.route(f"**{API}/events", lambda route: route.abort())
        await bare(tab, server.url, "<!doctype html>")
        await tab.page.evaluate(FOLLOW)
        await tab.page.wait_for_function("state.connection.mode === 'polling'")
        await tab.page.evaluate("queue.page({ limit: 500 })")
        await knows(tab.page, "T213")

        await tab.page.evaluate("(id) => queue.remove(id)", jobs[0])
        await forgets(tab.page, "T6")
        await server.call("DELETE", f"/{jobs[1]}")
        await forgets(tab.page, "T7")
        await server.call("DELETE", f"/{jobs[206]}")
        await forgets(tab.page, "T212")
        await tab.page.evaluate("queue.clear('cancelled')")
        await forgets(tab.page, "T213")
        polls = len(tab.asked)
        await until("it polls on", lambda: tab.asked[polls:].count(f"{server.url}{API}/dashboard") > LINGERING)
        assert await tab.page.evaluate("state.jobs.length") == 206


async def test_what_nobody_listened_to_is_stale_until_it_is_told_anew(visit: Open, server: Tonearm) -> None:
    """After the last subscriber has gone nothing is live, and the next one is told since when."""
    tab: Tab = await visit(server.url)
    await bare(tab, server.url, "<!doctype html>")
    await tab.page.evaluate(FOLLOW)
    await tab.page.wait_for_function("state.queue && state.connection.mode === 'live' && state.staleSince === null")
    await tab.page.evaluate("stop()")
    ended = await tab.page.evaluate("Date.now()")
    await server.submit("track", 1, startPaused=True, titled="Red")
    first = await tab.page.evaluate("(stop = queue.subscribe((now) => (state = now)), state)")
    assert first["connection"]["mode"] == "connecting"
    assert first["staleSince"] == first["connection"]["staleSince"] <= ended
    await tab.page.wait_for_function("state.connection.mode === 'live' && state.staleSince === null")
    assert await tab.page.evaluate(f"({KNOWN})('Red')")


async def test_a_tab_that_comes_while_the_server_is_away(visit: Open, server: Tonearm) -> None:
    """It learns what the others know when the server is back, also where their stream goes on without a snapshot."""
    await server.submit("track", 1, startPaused=True, titled="Red")
    async with MoodyProxy(server.url) as proxy:
        tab: Tab = await visit(server.url)
        await bare(tab, proxy.url, "<!doctype html>")
        late = await tab.page.context.new_page()
        await bare(Tab(late, [], []), proxy.url, "<!doctype html>")
        await late.evaluate("import('./web/server-queue.js')")
        await tab.page.evaluate(FOLLOW)
        await knows(tab.page, "Red")

        proxy.mood = Mood.CUT
        await tab.page.wait_for_function("state.connection.mode === 'away'")
        asked = proxy.asked.count(f"{API}/dashboard")
        await late.evaluate(FOLLOW)
        await late.wait_for_function("state.connection.mode === 'away'")
        await until("it has asked in vain", lambda: proxy.asked.count(f"{API}/dashboard") > asked)
        proxy.mood = Mood.PASS
        await late.wait_for_function("state.connection.mode === 'live'")
        await knows(late, "Red")
        assert await late.evaluate("[state.queue.paused, state.staleSince]") == [1, None]


async def test_a_stand_in_knows_nothing_of_what_it_stands_in_for(visit: Open, server: Tonearm) -> None:
    """Polls that pass over a job while its queue is away do not make it go, and what is shown is stale meanwhile."""
    job = await server.submit("track", 1, startPaused=True, titled="Red")
    tab: Tab = await visit("about:blank")
    await tab.page.add_init_script("delete globalThis.SharedWorker;")
    await tab.page.route(f"**{API}/events", lambda route: route.abort())
    await bare(tab, server.url, "<!doctype html>")
    await tab.page.evaluate(FOLLOW)
    await knows(tab.page, "Red")

    async def stand_in(route: Route) -> None:
        body = await (await route.fetch()).json()
        nothing = dict.fromkeys(body["queue"], 0)
        away = {"jobs": [], "queue": nothing, "queueSource": "local", "warning": "The queue is away"}
        await route.fulfill(json={**body, **away})

    await tab.page.route(f"**{API}/dashboard", stand_in)
    await tab.page.wait_for_function("state.staleSince !== null")
    assert await tab.page.evaluate("[state.connection.mode, state.queue.total, state.jobs.length]") == ["polling", 1, 1]
    await server.call("DELETE", f"/{job}")
    await tab.page.unroute(f"**{API}/dashboard")
    await tab.page.wait_for_function("state.staleSince === null && state.jobs.length === 0")


async def test_the_last_who_listens_ends_the_connection(visit: Open, server: Tonearm) -> None:
    """Though its page stays; whoever listens next has one again."""
    async with MoodyProxy(server.url) as proxy:
        tab: Tab = await visit(server.url)
        await bare(tab, proxy.url, "<!doctype html>")
        await tab.page.evaluate(FOLLOW)
        await tab.page.wait_for_function("state.connection.mode === 'live'")
        await until("there is one stream", lambda: proxy.streams == 1)
        await tab.page.evaluate("stop()")
        await until("there is none", lambda: proxy.streams == 0)
        await tab.page.evaluate(FOLLOW)
        await tab.page.wait_for_function("state.connection.mode === 'live'")
        assert proxy.streams == 1


async def test_a_worker_that_dies_is_missed(visit: Open, server: Tonearm) -> None:
    """The tab goes on with a connection of its own."""
    tab: Tab = await visit("about:blank")
    await tab.page.clock.install()
    await bare(tab, server.url, "<!doctype html>")
    await tab.page.evaluate(FOLLOW)
    await tab.page.wait_for_function("state.connection.mode === 'live'")
    browser = tab.page.context.browser
    assert browser is not None
    session = await browser.new_browser_cdp_session()
    targets = (await session.send("Target.getTargets"))["targetInfos"]
    (worker,) = (one for one in targets if one["type"] == "shared_worker" and one["url"].startswith(server.url))
    await session.send("Target.closeTarget", {"targetId": worker["targetId"]})
    for _ in range(5):
        await tab.page.clock.run_for(5_000)
    await server.submit("track", 1, startPaused=True, titled="Red")
    await knows(tab.page, "Red")
