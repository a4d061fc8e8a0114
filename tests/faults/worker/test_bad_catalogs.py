"""Catalogs that are down, lie or answer nonsense: the job ends with a code and a word for people."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import Reply, ScriptedCatalog, answer, body, cut, status
from tests.support.counts import count
from tests.support.server import free_port, tonearm

TRACKS = count(1_000, 5_000)
GOOD = {"id": 1, "title": "One", "artist": "Ann", "album": "Blue", "media": {"url": "/media/1"}}


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (body(b"<!doctype html><h1>Sign in</h1>", "text/html"), "api_error"),
        (body(b'{"id": 1, "title": "One", "art'), "api_error"),
        (body(b" " * (10 * 1024 * 1024)), "api_error"),
        (body(b'{"id": 1, "pad": "' + b"x" * (10 * 1024 * 1024) + b'"}'), "api_error"),
        (answer({**GOOD, "title": 7}), "api_error"),
        (answer({**GOOD, "media": "here"}), "api_error"),
        (answer({**GOOD, "id": 2}), "api_error"),
        (answer({**GOOD, "media": {"url": "file:///etc/passwd"}}), "api_error"),
        (answer([]), "api_error"),
        (status(404), "not_found"),
        (status(401), "auth"),
        (status(409), "quality_unavailable"),
        (status(500), "server_error"),
        (status(429, retry_after=0), "rate_limit"),
        (cut(), "network"),
    ],
)
async def test_a_bad_answer_ends_the_job_with_its_code(tmp_path: Path, noise: Noise, trouble: Reply, code: str) -> None:
    """The next job completes, the library has no trace of the first, and the message says what came."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=b"")
        catalog.add_track(2, body=noise(2).read_bytes())
        catalog.reply("/tracks/1", trouble, forever=True)
        async with tonearm(tmp_path, catalog.url) as server:
            bad = await server.wait_for(await server.submit("track", 1, maxRetries=1))
            good = await server.wait_for(await server.submit("track", 2))

            assert (bad["status"], bad["failureCode"]) == ("failed", code)
            assert len(bad["error"]) > 10
            assert good["status"] == "completed"
            assert server.files() == good["files"]
            assert server.staged() == []


async def test_a_catalog_that_is_down_is_a_network_failure(tmp_path: Path) -> None:
    """Nobody listens: the job is retried and then fails; the server lives."""
    async with tonearm(tmp_path, f"http://127.0.0.1:{free_port()}") as server:
        record = await server.wait_for(await server.submit("album", 5, maxRetries=1))

        assert (record["status"], record["failureCode"], record["retryCount"]) == ("failed", "network", 1)
        assert (await server.stats())["worker"]["running"] is True


async def test_an_album_of_no_tracks_fails(tmp_path: Path) -> None:
    """It is not completed without a word."""
    async with ScriptedCatalog() as catalog:
        catalog.add_album(5, [])
        async with tonearm(tmp_path, catalog.url) as server:
            record = await server.wait_for(await server.submit("album", 5))

            assert (record["status"], record["failureCode"]) == ("failed", "not_found")
            assert record["error"] == "Album has no tracks"


@pytest.mark.timeout(400)
async def test_an_album_of_thousands_of_tracks_that_are_not_there_fails_whole(tmp_path: Path) -> None:
    """It enters in pages, every track is asked for, and the record stays small."""
    async with ScriptedCatalog() as catalog:
        catalog.add_album(5, [{"id": number, "title": f"Track {number}"} for number in range(1, TRACKS + 1)])
        async with tonearm(tmp_path, catalog.url) as server:
            job_id = await server.submit("album", 5, "LOW")
            record = await server.wait_for(job_id, seconds=300)

            assert (record["status"], record["failedCount"]) == ("failed", TRACKS)
            assert record["error"] == "All tracks failed"
            (listed,) = (await server.call("GET", "/"))[1]["jobs"]
            assert len(listed["failedTracks"]) == 20


async def test_one_missing_track_makes_a_partial_album_that_names_it(tmp_path: Path, noise: Noise) -> None:
    """And a retry fetches just that one, once it is there."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 6):
            catalog.add_track(number, body=noise(number).read_bytes(), title=f"Song {number}")
        catalog.add_album(5, list(range(1, 6)))
        catalog.reply("/tracks/3", status(404), forever=True)
        async with tonearm(tmp_path, catalog.url) as server:
            job_id = await server.submit("album", 5)
            record = await server.wait_for(job_id)
            assert (record["status"], record["outcome"]) == ("completed", "partial")
            assert record["error"] == "1 of 5 tracks failed: 03 Song 3"
            assert [track["trackId"] for track in record["failedTracks"]] == [3]

            catalog.heal("/tracks/3")
            await server.act(job_id, "retry")
            record = await server.wait_for(job_id)
            assert (record["status"], record["outcome"], len(record["files"])) == ("completed", "ok", 5)
            assert [catalog.count(f"/media/{number}") for number in range(1, 6)] == [1] * 5


def names_in(folder: Path) -> set[str]:
    """What lies in a folder."""
    return {path.name for path in folder.iterdir()}


ODD = [
    "../../etc/passwd",
    "a/b\\c",
    "nul\0inside",
    "CON",
    "x" * 300,
    "🎵" * 120,
    "مرحبا\u202eabc",
    "dot.",
    " . ",
    "Same",
    "Same",
    "same",
]


async def test_names_of_every_kind_stay_in_the_library(tmp_path: Path, noise: Noise) -> None:
    """Dots, slashes, three hundred letters, right-to-left text and twins: one file each, below the library."""
    async with ScriptedCatalog() as catalog:
        for number, title in enumerate(ODD, 1):
            catalog.add_track(
                number, body=noise(number).read_bytes(), title=title, album="../" + "y" * 300, trackNumber=1
            )
        lines = [{"id": number, "title": title, "trackNumber": 1} for number, title in enumerate(ODD, 1)]
        catalog.add_album(5, lines, title="../" + "y" * 300)
        async with tonearm(tmp_path / "here", catalog.url) as server:
            record = await server.wait_for(await server.submit("album", 5))

            assert (record["status"], record["outcome"]) == ("completed", "ok"), record["failedTracks"]
            files = server.files()
            assert len(files) == len(ODD) == len({name.casefold() for name in files})
            assert all(len(part.encode()) <= 255 for name in files for part in Path(name).parts)
            assert names_in(tmp_path) == {"here"}
            ours = {"music", "queue.db", "queue.db-wal", "queue.db-shm", "queue.db.lock", "queue.db.sock", "server.log"}
            assert names_in(tmp_path / "here") <= ours
