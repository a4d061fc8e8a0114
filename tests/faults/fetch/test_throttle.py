"""The throttle in real transfers: slowed, never cut; fair, and changed while they run."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.faults.fetch.conftest import LOOPBACK, Stage
from tests.support.origin import Origin, Visit, answer, head

from tonearm.errors import Timeout
from tonearm.fetch import Fetcher, FetchLimits, Throttle
from tonearm.fetch.throttle import BITE_S, BURST_S
from tonearm.model import Media

SILENCE_MS = 300
SONG = os.urandom(3_000_000)
SMALL = os.urandom(30_000)


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    """One that gives up after 0.3 s of silence."""
    async with Fetcher(FetchLimits(silence_ms=SILENCE_MS), allow=[LOOPBACK], throttle=Throttle(0)) as opened:
        yield opened


def at_least_s(size: int, limit: int) -> float:
    """The shortest time that the limit allows for these bytes, after a rest."""
    return size / limit - BURST_S - BITE_S


async def songs(visit: Visit) -> None:
    """Answer a small or a large song, as it is asked for."""
    await answer(200, SMALL if "small" in visit.request.target else SONG)(visit)


def begun(fetcher: Fetcher, tmp_path: Path, url: str, *names: str) -> list[tuple[Stage, asyncio.Task[object]]]:
    """Downloads that run beside each other, each into a folder of its own."""
    running: list[tuple[Stage, asyncio.Task[object]]] = []
    for name in names:
        (tmp_path / name).mkdir()
        stage = Stage(tmp_path / name, fetcher)
        running.append((stage, asyncio.create_task(stage.download(f"{url}/{name}"))))
    return running


async def test_all_transfers_together_keep_the_limit(fetcher: Fetcher, tmp_path: Path) -> None:
    """Four files take as long as the limit needs for the sum of them; all arrive whole."""
    fetcher.throttle.change(8_000_000)
    async with Origin(songs) as origin:
        began = time.monotonic()
        running = begun(fetcher, tmp_path, origin.url, "a", "b", "c", "d")
        for stage, task in running:
            await task
            assert stage.body() == SONG
        assert time.monotonic() - began >= at_least_s(4 * len(SONG), 8_000_000)


async def test_a_low_limit_is_no_silence_and_lifting_it_is_felt_at_once(stage: Stage) -> None:
    """At 20 kB/s the rest would take two minutes, and reading stands for longer than any silence that is allowed."""
    stage.fetcher.throttle.change(20_000)
    async with Origin(answer(200, SONG)) as origin:
        task = asyncio.create_task(stage.download(f"{origin.url}/song.flac"))
        await stage.has(20_000)
        assert stage.told[-1].bytes_done < 200_000
        stage.fetcher.throttle.change(0)
        assert (await task).size == len(SONG)
    assert stage.body() == SONG


@pytest.mark.parametrize("size", [100_000, 200_000, 300_000])
async def test_bytes_that_have_come_and_wait_here_are_no_silence(stage: Stage, size: int) -> None:
    """The server has sent the whole file long before the throttle lets its end pass."""
    stage.fetcher.throttle.change(100_000)
    async with Origin(answer(200, SONG[:size])) as origin:
        assert (await stage.download(f"{origin.url}/song.flac")).size == size


async def test_a_limit_that_is_set_meanwhile_holds_what_runs(stage: Stage) -> None:
    """What comes after it needs the time that it says."""

    async def waits(visit: Visit) -> None:
        await visit.send(head(200, {"Content-Length": str(len(SONG))}) + SONG[:1_000_000])
        await limited.wait()
        await visit.send(SONG[1_000_000:])

    limited = asyncio.Event()
    async with Origin(waits) as origin, Fetcher(FetchLimits(), allow=[LOOPBACK]) as stage.fetcher:
        stage.fetcher.throttle.change(1_000_000_000)
        task = asyncio.create_task(stage.download(f"{origin.url}/song.flac"))
        await stage.has(1_000_000)
        stage.fetcher.throttle.change(2_000_000)
        began = time.monotonic()
        limited.set()
        await task
        assert time.monotonic() - began >= at_least_s(2_000_000, 2_000_000)


async def test_a_silent_server_is_silent_under_a_limit_too(stage: Stage) -> None:
    """Only what we hold ourselves is excused."""

    async def stops(visit: Visit) -> None:
        await visit.send(head(200, {"Content-Length": "3000000"}) + SONG[:50_000])
        await visit.gone()

    stage.fetcher.throttle.change(100_000)
    async with Origin(stops) as origin:
        with pytest.raises(Timeout, match=r"Download timeout \(0\.3s\)"):
            await stage.download(f"{origin.url}/song.flac")


async def test_a_small_track_arrives_beside_large_ones(fetcher: Fetcher, tmp_path: Path) -> None:
    """Long before any of them has a half."""
    fetcher.throttle.change(200_000)
    async with Origin(songs) as origin:
        large = begun(fetcher, tmp_path, origin.url, "a", "b", "c")
        for stage, _ in large:
            await stage.has(10_000)
        ((small, arrives),) = begun(fetcher, tmp_path, origin.url, "small")
        await arrives
        assert small.body() == SMALL
        for stage, task in large:
            assert not task.done()
            assert stage.told[-1].bytes_done < len(SONG) / 2
            task.cancel()
            await asyncio.wait([task])


async def test_a_cancel_is_heard_while_the_throttle_holds(stage: Stage) -> None:
    """The connection is closed at once, and the bytes that had passed are on disk."""
    stage.fetcher.throttle.change(1_000)
    async with Origin(answer(200, SONG)) as origin:
        await stage.interrupt(f"{origin.url}/song.flac")
        await origin.until(lambda: origin.open == 0)
    assert SONG.startswith(stage.body())


async def test_what_the_throttle_holds_is_told_to_the_clocks(stage: Stage) -> None:
    """They stand for most of a transfer that is far faster than the limit."""
    stood = 0.0

    @contextmanager
    def standing() -> Iterator[None]:
        nonlocal stood
        began = time.monotonic()
        try:
            yield
        finally:
            stood += time.monotonic() - began

    stage.fetcher.throttle.change(3_000_000)
    async with Origin(answer(200, SONG)) as origin:
        await stage.fetcher.download(
            Media(f"{origin.url}/song.flac"), stage.folder, progress=stage.note, standing=standing
        )
    assert stood >= at_least_s(len(SONG), 3_000_000) / 2
