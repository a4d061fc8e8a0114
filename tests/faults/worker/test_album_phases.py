"""Cancel, pause and delete of an album while each of its tracks stands in another phase."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.breakages import Hold
from tests.support.catalog import ScriptedCatalog, cut, silent, slow
from tests.support.counts import count
from tests.support.server import Tonearm, tonearm, until

TIMES = count(2, 20)
SOON = 3.0
"""Seconds in which a cancel, pause or delete has taken effect; the promise is 2."""

TITLES = ["Done", "Verify", "Tag", "Retry", "Slow", "Silent", "Asking", "Ready"]
DONE, VERIFY, TAG, RETRY, SLOW, SILENT, ASKING, READY = range(1, 9)


def offer(catalog: ScriptedCatalog, noise: Noise, album: int) -> None:
    """Album *album*, whose tracks will stand where their titles say; a round number of tracks each."""
    for number, title in enumerate(TITLES, album + 1):
        catalog.add_track(number, body=noise(number % 9).read_bytes(), title=f"{title} {album}")
    catalog.add_album(album, range(album + 1, album + 9), title=f"Album {album}")
    catalog.reply(f"/media/{album + RETRY}", cut(after=100_000, rate=400_000))
    catalog.reply(f"/media/{album + SLOW}", slow(60_000), forever=True)
    catalog.reply(f"/media/{album + SILENT}", silent(after=100_000), forever=True)
    catalog.reply(f"/tracks/{album + ASKING}", silent(), forever=True)


@asynccontextmanager
async def in_every_phase(server: Tonearm, catalog: ScriptedCatalog, hold: Hold, album: int) -> AsyncIterator[str]:
    """The album, queued, with each of its tracks where it is meant to stand; nothing is held any more at the end."""
    job = await server.submit("album", album)
    await until(
        "every track stands where it should",
        lambda: (
            hold.stands("verify", f"{job}.{VERIFY}")
            and hold.stands("tag", f"{job}.{TAG}")
            and catalog.count(f"/tracks/{album + ASKING}")
            and catalog.count(f"/media/{album + RETRY}")
            and len(list(server.stage.glob(f"*/{job}.*/part"))) == 5
            and any(f"Done {album}" in name for name in server.files())
        ),
    )
    yield job
    hold.let_go()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("action", ["cancel", "pause", "delete"])
async def test_an_album_stops_wherever_its_tracks_are(tmp_path: Path, noise: Noise, hold: Hold, action: str) -> None:
    """Every connection is closed; what was published stays, and of the rest nothing, or all of it after a pause."""
    breakage = f"{hold.at('verify', 'Verify')} {hold.at('tag', 'Tag')}"
    async with (
        ScriptedCatalog() as catalog,
        tonearm(
            tmp_path / "server",
            catalog.url,
            breakage=breakage,
            QUEUE_MAX_CONCURRENT=3,
            QUEUE_RETRY_BACKOFF_MS=600_000,
        ) as server,
    ):
        for album in range(10, 10 * TIMES + 10, 10):
            offer(catalog, noise, album)
            before = server.files()
            async with in_every_phase(server, catalog, hold, album) as job:
                done = [f"Scripted/Album {album}/01 Done {album}.flac"]
                if action == "delete":
                    assert (await server.call("DELETE", f"/{job}"))[0] == 200
                else:
                    await server.act(job, action)
                await until("every connection is closed", lambda: catalog.open == 0, seconds=SOON)
                if action == "pause":
                    assert (await server.job(job))["status"] == "paused"
                    await until("the tracks have stopped", lambda: _idle(server), seconds=SOON)
                    kept = _kept(server)
                    assert set(kept) == {f"{job}.{track}" for track in (VERIFY, TAG, RETRY, SLOW, SILENT)}
                else:
                    await until("every byte is gone", lambda: not server.staged(), seconds=SOON)
                assert server.files() == sorted(before + done)
            if action == "cancel":
                record = await server.job(job)
                assert (record["status"], record["completedTracks"]) == ("cancelled", 1)
            if action == "pause":
                await _goes_on(server, catalog, job, album, kept)
            hold.close()


async def _goes_on(server: Tonearm, catalog: ScriptedCatalog, job: str, album: int, kept: dict[str, int]) -> None:
    """Resumed, every track is fetched from where it was, and the one that is done is not fetched again."""
    asked = len(catalog.requests)
    for number in range(album + 1, album + 9):
        catalog.heal(f"/media/{number}")
        catalog.heal(f"/tracks/{number}")
    await server.act(job, "resume")
    names = [f"Scripted/Album {album}/{number:02} {title} {album}.flac" for number, title in enumerate(TITLES, 1)]
    missing = [names[RETRY - 1]]  # its wait goes on
    await until("all others are there", lambda: set(server.files()) >= set(names) - set(missing))
    starts = {seen.path: seen.headers.get("Range") for seen in catalog.requests[asked:] if "/media/" in seen.path}
    assert f"/media/{album + DONE}" not in starts
    for track in (SLOW, SILENT):
        assert starts[f"/media/{album + track}"] == f"bytes={kept[f'{job}.{track}']}-"
    assert starts[f"/media/{album + READY}"] is None
    await server.act(job, "cancel")
    await until("every byte is gone", lambda: not server.staged(), seconds=SOON)


def _kept(server: Tonearm) -> dict[str, int]:
    """The tasks that have bytes in the stage, and how many."""
    return {part.parent.name.rpartition(".")[0]: part.stat().st_size for part in server.stage.glob("*/*/part")}


async def _idle(server: Tonearm) -> bool:
    return not (await server.stats())["worker"]["activeDownloads"]
