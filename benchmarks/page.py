"""The page with a long queue, in a real Chromium: its first list, how it scrolls, and a minute of nothing but changes.

    ./dev bench page [--jobs 10000] [--rounds 3] [--minute 60]

Frames and times are those of the browser's own trace: marks that the page's probe sets, and the frames that were drawn
between them. The first list counts from the answer's arrival to the first frame with rows. Scrolling goes through the
list by about nine rows at every frame, while its pages are asked for. In the minute the page knows all jobs, and they
are cancelled at an even pace through the API while the list is scrolled. The heap is what is held after a collection.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.report import Figure, Report, at_least, at_most
from benchmarks.served import Served, served
from playwright.async_api import Browser, Page, async_playwright
from tests.browser.conftest import ARGUMENTS
from tests.support.programs import find

NOBODY = "http://127.0.0.1:9/catalog"
"""A catalog that is never asked: the queue is paused."""
BATCH = 100
CATEGORIES = ["blink.user_timing", "disabled-by-default-devtools.timeline.frame", "devtools.timeline.frame"]
CATEGORIES += ["devtools.timeline"]

PROBE = """
delete globalThis.SharedWorker;  // whose answers could not be seen from here
const ask = globalThis.fetch;
globalThis.fetch = async (...request) => {
    const answer = await ask(...request);
    if (String(request[0]).endsWith('/events')) performance.mark('bench.answer');
    return answer;
};
(function look() {
    const root = document.querySelector('download-manager')?.shadowRoot;
    if (root?.querySelector('.row')) performance.mark('bench.rows');
    else requestAnimationFrame(look);
})();
globalThis.list = () => document.querySelector('download-manager').shadowRoot.querySelector('.list');
globalThis.known = () => import('./web/server-queue.js').then(({ serverQueue }) => serverQueue.state.jobs.length);
globalThis.scrolled = (seconds, step) => new Promise((resolve) => {
    const box = document.querySelector('download-manager').shadowRoot.querySelector('.scroller');
    const end = performance.now() + seconds * 1000;
    let way = step;
    performance.mark('bench.begin');
    requestAnimationFrame(function move(now) {
        const before = box.scrollTop;
        box.scrollTop += way;
        if (box.scrollTop === before) way = -way;
        if (now < end) return requestAnimationFrame(move);
        performance.mark('bench.end');
        resolve();
    });
});
"""
STEP_PX = 640
"""How far the list goes at a frame: about nine rows, so that every frame is of other jobs."""
SCROLL_S = 5.0


class Trace:
    """What the browser recorded of itself."""

    def __init__(self, text: bytes) -> None:
        self._events: list[dict[str, Any]] = json.loads(text)["traceEvents"]

    def mark(self, name: str) -> float:
        """When the page set this mark, microseconds."""
        return float(min(event["ts"] for event in self._events if event["name"] == name))

    def frames(self, begin: float, end: float) -> list[float]:
        """When frames were drawn between two times, microseconds."""
        drawn = {event["ts"] for event in self._events if event["name"] == "DrawFrame"}
        return sorted(float(at) for at in drawn if begin <= at <= end)


async def opened(browser: Browser, url: str) -> Page:
    """The page with the probe in it."""
    page = await browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-GB")
    await page.add_init_script(PROBE)
    await browser.start_tracing(page=page, categories=CATEGORIES)
    await page.goto(url)
    await page.locator(".row").first.wait_for()
    return page


async def first_list(browser: Browser, url: str) -> tuple[Page, float]:
    """The page, and milliseconds from the answer to the first frame with rows."""
    page = await opened(browser, url)
    await asyncio.sleep(1)
    trace = Trace(await browser.stop_tracing())
    rows = trace.mark("bench.rows")
    return page, (trace.frames(rows, rows + 10**7)[0] - trace.mark("bench.answer")) / 1_000


async def scrolled(browser: Browser, page: Page, seconds: float) -> tuple[float, float]:
    """Frames a second while the list is scrolled, and the longest time without one, milliseconds."""
    await browser.start_tracing(page=page, categories=CATEGORIES)
    await page.evaluate("([seconds, step]) => scrolled(seconds, step)", [seconds, STEP_PX])
    trace = Trace(await browser.stop_tracing())
    begin, end = trace.mark("bench.begin"), trace.mark("bench.end")
    frames = trace.frames(begin, end)
    gaps = [after - before for before, after in pairwise(frames)]
    return len(frames) / (end - begin) * 1e6, max(gaps) / 1_000


async def whole(page: Page) -> None:
    """Have the page ask for all jobs: look at the last."""
    await page.evaluate("list().parentElement.scrollTop = list().parentElement.scrollHeight")
    await page.wait_for_function("known().then((known) => known === Number(list().ariaRowCount))", timeout=120_000)


async def heap(page: Page) -> float:
    """Megabytes that the page holds after a collection."""
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    used = await session.send("Runtime.getHeapUsage")
    await session.detach()
    return float(used["usedSize"]) / 1e6


def fill(server: Served, jobs: int) -> list[str]:
    """A paused queue of so many tracks; their ids."""
    server.call("PATCH", "/control", {"paused": True})
    ids: list[str] = []
    for start in range(1, jobs + 1, BATCH):
        wanted = [
            {"job": {"type": "track", "trackId": number, "quality": "LOW"}} for number in range(start, start + BATCH)
        ]
        ids += [result["jobId"] for result in server.call("POST", "/batch", {"jobs": wanted})["results"]]
    return ids


def cancel_all(server: Served, ids: Sequence[str], seconds: float) -> None:
    """Cancel them at an even pace."""
    begun = time.perf_counter()
    turns = max(1, int(seconds * 10))
    size = -(-len(ids) // turns)
    for turn in range(turns):
        some = list(ids[turn * size : (turn + 1) * size])
        if some:
            server.call("POST", "/actions", {"action": "cancel", "jobIds": some})
        time.sleep(max(0.0, begun + (turn + 1) * seconds / turns - time.perf_counter()))


async def measure(server: Served, ids: Sequence[str], rounds: int, minute_s: float) -> Report:
    """All of it in one browser."""
    firsts: list[float] = []
    speeds: list[tuple[float, float]] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=find("chromium"), args=ARGUMENTS)
        for _ in range(rounds):
            page, first = await first_list(browser, server.url)
            firsts.append(first)
            speeds.append(await scrolled(browser, page, SCROLL_S))
            await page.close()
        page, _ = await first_list(browser, server.url)
        await whole(page)
        before = await heap(page)
        changing = asyncio.to_thread(cancel_all, server, ids, minute_s)
        busy, _ = await asyncio.gather(scrolled(browser, page, minute_s), changing)
        after = await heap(page)
        await browser.close()
    figures = [
        Figure("from the answer to the first list", firsts, "{:.0f} ms", at_most(1_000)),
        Figure("frames a second of scrolling", [speed for speed, _ in speeds], "{:.1f}", at_least(50)),
        Figure("longest time without a frame", [gap for _, gap in speeds], "{:.0f} ms"),
        Figure(f"frames a second while {len(ids):,} jobs end in {minute_s:g} s", [busy[0]], "{:.1f}", at_least(50)),
        Figure("longest time without a frame meanwhile", [busy[1]], "{:.0f} ms"),
        Figure("heap after that, of what it was before", [after / before], "{:.2f}x"),
        Figure("heap after that", [after], "{:.1f} MB"),
    ]
    return Report(figures, [], {"first_ms": firsts, "scroll": speeds, "changing": busy, "heap_mb": [before, after]})


def run(jobs: int = 10_000, rounds: int = 3, minute_s: float = 60.0) -> Report:
    """Measure and report."""
    sizes: dict[str, Any] = {"QUEUE_MAX_SIZE": 2 * jobs, "QUEUE_CRITICAL_SIZE": 2 * jobs, "QUEUE_WARN_SIZE": jobs}
    with (
        tempfile.TemporaryDirectory(prefix="tonearm-bench-") as folder,
        served(Path(folder), NOBODY, **sizes) as server,
    ):
        ids = fill(server, jobs)
        return asyncio.run(measure(server, ids, rounds, minute_s))


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minute", type=float, default=60.0, help="seconds in which all jobs are cancelled")
    options = parser.parse_args()
    print(run(options.jobs, options.rounds, options.minute).text())


if __name__ == "__main__":
    main()
