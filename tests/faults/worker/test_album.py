"""The main job: a real album goes from a catalog through the queue into the library."""

from __future__ import annotations

from pathlib import Path

import mutagen
import pytest
from tests.faults.worker.conftest import Offer
from tests.support.filed_catalog import FiledCatalog
from tests.support.music import pcm
from tests.support.real_album import SECONDS, RealTrack
from tests.support.server import tonearm

ALBUM = "Singularity"
ARTIST = "Various Æthers"


def offered(catalog: FiledCatalog, album: list[RealTrack]) -> None:
    """Put the real album into the catalog as album 5, tracks 101 and up."""
    lines = [
        catalog.track(
            100 + track.number,
            track.title,
            track.files,
            artist="Aleksandr",
            album=ALBUM,
            albumArtist=ARTIST,
            trackNumber=track.number,
            trackCount=len(album),
            year=2011,
            isrc=f"QZ000000000{track.number:02}"[:12],
            durationSeconds=SECONDS,
        )
        for track in album
    ]
    catalog.album(5, ALBUM, ARTIST, lines, albumArtist=ARTIST, year=2011)


@pytest.mark.parametrize("quality", ["LOSSLESS", "HIGH", "LOW"])
async def test_a_real_album_arrives_whole(
    tmp_path: Path, offer: Offer, real_album: list[RealTrack], quality: str
) -> None:
    """Twelve files with the right names and tags, and the sound of each is that of its source."""
    catalog = offer()
    offered(catalog, real_album)
    async with tonearm(tmp_path, catalog.url) as server:
        record = await server.wait_for(await server.submit("album", 5, quality))

        assert (record["status"], record["outcome"], record["completedTracks"]) == ("completed", "ok", 12)
        extension = "flac" if quality == "LOSSLESS" else "mp3"
        expected = [f"{ARTIST}/{ALBUM}/{track.number:02} {track.title}.{extension}" for track in real_album]
        assert server.files() == sorted(expected) == sorted(record["files"])
        assert server.staged() == []
        for track, name in zip(real_album, expected, strict=True):
            arrived = server.library / name
            assert pcm(arrived) == pcm(track.files[quality])
            tags = mutagen.File(arrived, easy=True)
            assert tags is not None
            assert tags["title"] == [track.title]
            assert tags["artist"] == ["Aleksandr"]
            assert tags["album"] == [ALBUM]
            assert tags["albumartist"] == [ARTIST]
            assert tags["tracknumber"][0].split("/")[0] == str(track.number)
            assert tags["date"][0].startswith("2011")


async def test_a_single_track_says_what_it_is_and_where_it_went(
    tmp_path: Path, offer: Offer, real_album: list[RealTrack]
) -> None:
    """Titles that the submission left out come from the catalog; files are named relative to the library."""
    catalog = offer()
    offered(catalog, real_album)
    async with tonearm(tmp_path, catalog.url) as server:
        record = await server.wait_for(await server.submit("track", 103))

        track = real_album[2]
        assert record["job"]["trackTitle"] == track.title
        assert record["job"]["artistName"] == "Aleksandr"
        assert record["files"] == [f"{ARTIST}/{ALBUM}/03 {track.title}.flac"] == server.files()
        assert record["progress"] == 1
        assert record["bytesDownloaded"] == track.files["LOSSLESS"].stat().st_size
