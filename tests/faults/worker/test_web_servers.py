"""The web servers that people have: a transfer that is cut again and again arrives whole, and little is sent twice."""

from __future__ import annotations

import os
import shutil
import time
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from tests.support.catalog import ScriptedCatalog
from tests.support.counts import count
from tests.support.cutting import CuttingProxy
from tests.support.music import Music, pcm
from tests.support.server import Json, tonearm
from tests.support.webservers import WITH_RANGES, WITHOUT_RANGES, Web, web_server

from tonearm.fetch.writer import GATHER

CUTS = count(5, 20)
SECONDS = 100.0
"""Of noise: about 8 MB."""


def serve(web: Web, song: Path) -> int:
    """Put *song* into the root of *web*, as old as files are; its size."""
    served = shutil.copyfile(song, web.root / "song.flac")
    yesterday = time.time() - 86_400
    os.utime(served, (yesterday, yesterday))
    return served.stat().st_size


async def arrive(folder: Path, song: Path, size: int, proxy: CuttingProxy) -> Json:
    """Download *song* through *proxy* with a real server; its record, once the library has it whole."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, media_url=f"{proxy.url}/song.flac", media={"sizeBytes": size})
        allowed = proxy.url.removeprefix("http://")
        async with tonearm(folder, catalog.url, QUEUE_FETCH_ALLOW=allowed) as server:
            record = await server.wait_for(await server.submit("track", 1, maxRetries=CUTS), seconds=100)
            assert record["status"] == "completed", record["error"]
            assert server.files() == record["files"]
            assert pcm(server.library / record["files"][0]) == pcm(song)
            assert server.staged() == []
    return record


@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", WITH_RANGES)
async def test_a_much_cut_transfer_goes_on_where_it_was(tmp_path: Path, music: Music, name: str) -> None:
    """Each attempt asks for the rest; what is sent twice is less than one write of the part for each cut."""
    song = music("flac", seconds=SECONDS)
    with web_server(name) as web:
        size = serve(web, song)
        async with CuttingProxy(web.url, Random(name), cuts=CUTS) as proxy:
            record = await arrive(tmp_path, song, size, proxy)

    answers = proxy.answers
    assert [passed.whole for passed in answers] == [False] * CUTS + [True]
    assert all(passed.start == passed.asked for passed in answers)
    again = [before.end - after.start for before, after in pairwise(answers)]
    print(f"{name}: cut at {[passed.end for passed in answers[:-1]]}, sent again {again}")  # noqa: T201 - shown by -s
    assert all(0 <= repeated < GATHER for repeated in again)
    assert sum(passed.sent for passed in answers) - size == sum(again)
    assert record["retryCount"] == CUTS


@pytest.mark.timeout(200)
@pytest.mark.parametrize("name", WITHOUT_RANGES)
async def test_a_server_without_ranges_is_asked_for_the_whole_again(tmp_path: Path, music: Music, name: str) -> None:
    """Nothing of the earlier bytes gets into the file."""
    song = music("flac", seconds=SECONDS)
    with web_server(name) as web:
        size = serve(web, song)
        async with CuttingProxy(web.url, Random(name), cuts=CUTS) as proxy:
            record = await arrive(tmp_path, song, size, proxy)

    assert [passed.whole for passed in proxy.answers] == [False] * CUTS + [True]
    assert {(passed.start, passed.length) for passed in proxy.answers} == {(0, size)}
    assert record["retryCount"] == CUTS
