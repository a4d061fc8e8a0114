"""Whole transfers from a real nginx: what arrives, what is told, and what goes over the wire."""

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest
import uvloop
from tests.faults.fetch.conftest import LIMITS, LOOPBACK, Stage
from tests.support.nginx import nginx
from tests.support.tls import Certificate

from tonearm.errors import ConnectionFailed, Corrupt, HttpStatus, TooLarge
from tonearm.fetch import Fetcher, HostPort
from tonearm.model import Media

SONG = os.urandom(5_000_000)
SHA256 = hashlib.sha256(SONG).hexdigest()
MD5 = hashlib.md5(SONG).hexdigest()


@pytest.mark.parametrize("checksum", [None, f"sha256:{SHA256}", f"MD5:{MD5.upper()}"], ids=["none", "sha256", "md5"])
async def test_a_file_arrives_whole_and_is_told_to_its_end(stage: Stage, tmp_path: Path, checksum: str | None) -> None:
    """The bytes are those of the server, the last progress is the whole file, a checksum is compared."""
    with nginx(tmp_path / "web") as web:
        (web.root / "song.flac").write_bytes(SONG)
        received = await stage.download(Media(f"{web.url}/song.flac", size_bytes=len(SONG), checksum=checksum))

    assert received.path.read_bytes() == SONG
    assert (received.size, received.resumed_from) == (len(SONG), 0)
    assert received.checksum == (checksum.lower() if checksum else None)
    assert stage.told[0].bytes_done == 0
    assert (stage.told[-1].bytes_done, stage.told[-1].bytes_total) == (len(SONG), len(SONG))
    assert stage.told[-1].speed > 0


async def test_files_of_one_host_share_a_connection(stage: Stage, tmp_path: Path) -> None:
    """An album is fetched over kept connections, JSON and pictures too."""
    with nginx(tmp_path / "web") as web:
        (web.root / "song.flac").write_bytes(SONG)
        (web.root / "track.json").write_bytes(b'{"id": 1}')
        (web.root / "cover.jpg").write_bytes(b"picture")
        assert await stage.fetcher.json(f"{web.url}/track.json") == {"id": 1}
        await stage.download(f"{web.url}/song.flac")
        assert await stage.fetcher.picture(f"{web.url}/cover.jpg") == b"picture"
        await stage.download(f"{web.url}/song.flac?again")
        assert {seen.connection for seen in web.requests(4)} == {1}


async def test_a_file_arrives_over_tls(stage: Stage, tmp_path: Path, certificate: Certificate) -> None:
    """With a certificate that is trusted the bytes are the same; with one that is not, nothing is sent."""
    with nginx(tmp_path / "web", tls=certificate) as web:
        (web.root / "song.flac").write_bytes(SONG)
        with pytest.raises(ConnectionFailed, match=r"No secure connection to .* self-signed certificate") as refused:
            await stage.download(f"{web.url}/song.flac")
        assert refused.value.connecting
        async with Fetcher(LIMITS, allow=[LOOPBACK], ssl_context=certificate.trusting()) as fetcher:
            stage.fetcher = fetcher
            await stage.download(f"{web.url}/song.flac")
            with pytest.raises(HttpStatus):  # this connection is cut, not said farewell to
                await stage.download(f"{web.url}/none.flac")
        assert len(web.requests(2)) == 2
    assert stage.body() == SONG


def test_a_file_arrives_on_uvloop(tmp_path: Path) -> None:
    """The loop that the server runs on does it as well as the one of the tests."""

    async def fetch() -> bytes:
        async with Fetcher(LIMITS, allow=[LOOPBACK]) as fetcher:
            stage = Stage(tmp_path, fetcher)
            return (await stage.download(f"{web.url}/song.flac")).path.read_bytes()

    with nginx(tmp_path / "web") as web, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        (web.root / "song.flac").write_bytes(SONG)
        assert runner.run(fetch()) == SONG


async def test_the_checksum_of_the_catalog_is_binding(stage: Stage, tmp_path: Path) -> None:
    """Other bytes of the right length are corrupt, and are not kept for the next attempt."""
    with nginx(tmp_path / "web") as web:
        (web.root / "song.flac").write_bytes(SONG[:-1] + bytes([SONG[-1] ^ 1]))
        with pytest.raises(Corrupt, match="checksum"):
            await stage.download(Media(f"{web.url}/song.flac", checksum=f"sha256:{SHA256}"))
    assert stage.names() == set()


async def test_a_file_of_another_length_is_not_even_begun(stage: Stage, tmp_path: Path) -> None:
    """Content-Length and the catalog's size are compared before the first byte is stored."""
    with nginx(tmp_path / "web") as web:
        (web.root / "song.flac").write_bytes(SONG)
        with pytest.raises(Corrupt, match=f"{len(SONG)} bytes long, not 17"):
            await stage.download(Media(f"{web.url}/song.flac", size_bytes=17))
    assert stage.told == []


async def test_a_file_beyond_the_limit_is_not_even_begun(stage: Stage, tmp_path: Path) -> None:
    """Neither when the server announces it nor when the catalog does."""
    with nginx(tmp_path / "web") as web:
        with (web.root / "huge.flac").open("wb") as huge:
            huge.truncate(LIMITS.file_bytes + 1)
        with pytest.raises(TooLarge) as refused:
            await stage.download(f"{web.url}/huge.flac")
        assert refused.value.limit_bytes == LIMITS.file_bytes
        with pytest.raises(TooLarge):
            await stage.download(Media(f"{web.url}/other.flac", size_bytes=LIMITS.file_bytes + 1))
        assert [seen.target for seen in web.requests(1)] == ["/huge.flac"]
    assert stage.told == []


async def test_an_empty_file_is_corrupt(stage: Stage, tmp_path: Path) -> None:
    """No music has zero bytes."""
    with nginx(tmp_path / "web") as web:
        (web.root / "song.flac").touch()
        with pytest.raises(Corrupt, match="empty"):
            await stage.download(f"{web.url}/song.flac")
        (web.root / "cover.jpg").touch()
        with pytest.raises(Corrupt, match="empty"):
            await stage.fetcher.picture(f"{web.url}/cover.jpg")


async def test_a_picture_beyond_the_limit_is_refused(stage: Stage, tmp_path: Path) -> None:
    """The limit on pictures is their own."""
    with nginx(tmp_path / "web") as web:
        (web.root / "cover.jpg").write_bytes(bytes(LIMITS.picture_bytes + 1))
        with pytest.raises(TooLarge, match="picture"):
            await stage.fetcher.picture(f"{web.url}/cover.jpg")


async def test_proxies_of_the_environment_are_not_used(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the shell says, requests go where the URL says."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with nginx(tmp_path / "web") as web:
        (web.root / "song.flac").write_bytes(SONG)
        assert (await stage.download(f"{web.url}/song.flac")).size == len(SONG)


async def test_four_transfers_at_full_speed_leave_the_loop_to_others(tmp_path: Path) -> None:
    """A task that wants to run every few milliseconds gets its turn all the while, also with hashing."""
    turns = 0
    transferring = True

    async def others() -> None:
        nonlocal turns
        while transferring:
            await asyncio.sleep(0)
            turns += 1

    with nginx(tmp_path / "web") as web:
        (web.root / "song.flac").write_bytes(SONG)
        async with Fetcher(LIMITS, allow=[HostPort("127.0.0.1", web.port)]) as fetcher:
            stages = [Stage(tmp_path / str(number), fetcher) for number in range(4)]
            for stage in stages:
                stage.folder.mkdir()
            other = asyncio.create_task(others())
            media = Media(f"{web.url}/song.flac", checksum=f"sha256:{SHA256}")
            await asyncio.gather(*(stage.download(media) for stage in stages))
            transferring = False
            await other
    # A transfer that kept the loop for itself would leave a turn for each write of 1 MiB at best.
    assert turns > 4 * len(SONG) / (1 << 20)
