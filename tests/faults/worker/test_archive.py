"""The archive of a large album, from a real server: as long as announced, readable by others, in flat memory."""

from __future__ import annotations

import asyncio
import os
import zipfile
from pathlib import Path

import aiohttp
from tests.contract import steps
from tests.support.counts import count
from tests.support.server import API, Tonearm

from tonearm.clock import SystemClock
from tonearm.model import Claim, Completed, Publication
from tonearm.store.base import Store
from tonearm.store.sqlite import open_sqlite

MB = 1_000_000
TRACKS = count(1_000, 10_000)
TRACK_BYTES = 200_000
GROWTH = 20 * MB
"""What the largest album may cost in memory."""


async def finished_album(store: Store, library: Path, tracks: int) -> str:
    """An album job whose tracks have all arrived, and their files."""
    job_id = await steps.open_album(store, tracks)
    while claims := await steps.claim(store, tracks=50):
        await asyncio.gather(*(_arrive(store, library, one) for one in claims))
    return job_id


async def _arrive(store: Store, library: Path, claim: Claim) -> None:
    name = f"Ann/{claim.job_id}/{claim.position:05}.flac"
    path = library / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.truncate(path, TRACK_BYTES)
    await store.commit(claim, Publication(name, TRACK_BYTES, path.stat().st_ino))
    await store.settle(claim, Completed((name,), TRACK_BYTES))


def memory(pid: int) -> int:
    """What the process has in memory, bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGESIZE")


async def fetch(server: Tonearm, job_id: str, target: Path) -> int:
    """Fetch an archive of the announced length; the most memory that the server had meanwhile."""
    most = got = 0
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=100)) as http,
        http.get(f"{server.url}{API}/{job_id}/archive") as answer,
    ):
        assert answer.status == 200
        with target.open("wb") as file:
            async for piece in answer.content.iter_chunked(256 * 1024):
                got += file.write(piece)
                most = max(most, memory(server.pid))
    assert got == int(answer.headers["Content-Length"])
    return most


async def test_a_large_album_is_sent_in_flat_memory(tmp_path: Path) -> None:
    """Beside what a small one costs, a thousand tracks and hundreds of megabytes take a few megabytes."""
    server = Tonearm(tmp_path, "http://127.0.0.1:9")
    store = await open_sqlite(tmp_path / "queue.db", SystemClock())
    small = await finished_album(store, server.library, 2)
    large = await finished_album(store, server.library, TRACKS)
    await store.close()

    async with server:
        await fetch(server, small, tmp_path / "small.zip")
        before = memory(server.pid)
        most = await fetch(server, large, tmp_path / "large.zip")

    assert most - before < GROWTH
    with zipfile.ZipFile(tmp_path / "large.zip") as opened:
        names = opened.namelist()
    assert names == [f"Ann/{large}/{number:05}.flac" for number in range(1, TRACKS + 1)]
    print(f"{TRACKS} tracks, {TRACKS * TRACK_BYTES // MB} MB: {(most - before) / MB:.1f} MB of memory")  # noqa: T201 - a figure
