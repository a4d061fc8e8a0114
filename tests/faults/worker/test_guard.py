"""The guard, end to end: a catalog on one private host, media on another, and what goes from the one to the other.

Both are on the loopback network: the catalog at 127.0.0.1, the media at 127.0.0.2. Whatever is private is refused,
but for the catalog's own host and port and what `QUEUE_FETCH_ALLOW` names.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, redirect
from tests.support.origin import Origin, answer
from tests.support.origin import redirect as leading_to
from tests.support.server import Json, Tonearm, tonearm

MEDIA_HOST = "127.0.0.2"
TOKEN = "of-the-catalog"
OF_THE_MEDIUM = {"Authorization": "Bearer of-the-medium", "Cookie": "a=b", "X-Key": "k", "Referer": "http://r/"}
SECRET = ("authorization", "cookie", "x-key", "referer")


async def download(server: Tonearm, track: int = 1) -> Json:
    """One track, to its end."""
    return await server.wait_for(await server.submit("track", track))


@pytest.mark.parametrize(
    "allowed",
    [
        lambda _: "",
        lambda media: f"{MEDIA_HOST}:{media.port + 1}",
        lambda media: f"localhost:{media.port}",
        lambda media: f"127.0.0.1:{media.port}",
    ],
    ids=["nothing", "another port", "another name", "another address"],
)
async def test_a_private_media_host_that_nobody_named_is_never_connected_to(
    tmp_path: Path, noise: Noise, allowed: Callable[[Origin], str]
) -> None:
    """Neither when the catalog names it nor when it leads there; once each, for a retry would change nothing."""
    async with Origin(answer(200, noise(1).read_bytes()), host=MEDIA_HOST) as media, ScriptedCatalog() as catalog:
        catalog.add_track(1, media_url=f"{media.url}/song.flac")
        catalog.add_track(2, body=b"")
        catalog.reply("/media/2", redirect(f"{media.url}/song.flac"), forever=True)
        catalog.add_track(3, body=b"")
        catalog.reply("/tracks/3", redirect(f"{media.url}/tracks/3"), forever=True)
        async with tonearm(tmp_path, catalog.url, QUEUE_FETCH_ALLOW=allowed(media)) as server:
            for track in (1, 2, 3):
                record = await download(server, track)
                assert (record["status"], record["failureCode"]) == ("failed", "blocked_address")
                assert record["retryCount"] == 0
                assert f"{MEDIA_HOST}:{media.port}" in record["error"]
            assert server.files() == []
        assert media.connections == 0


async def test_a_private_media_host_that_is_named_is_served(tmp_path: Path, noise: Noise) -> None:
    """`QUEUE_FETCH_ALLOW` names it with its port, or for every port; the catalog's own host needs no naming."""
    song = noise(1).read_bytes()
    async with Origin(answer(200, song), host=MEDIA_HOST) as media, ScriptedCatalog() as catalog:
        catalog.add_track(1, media_url=f"{media.url}/song.flac")
        catalog.add_track(2, body=noise(2).read_bytes())
        for number, allowed in enumerate((f"{MEDIA_HOST}:{media.port}", MEDIA_HOST)):
            async with tonearm(tmp_path / str(number), catalog.url, QUEUE_FETCH_ALLOW=allowed) as server:
                assert (await download(server, 1))["status"] == "completed"
                assert (await download(server, 2))["status"] == "completed"


async def test_another_port_of_the_catalogs_host_is_not_the_catalogs_own(tmp_path: Path, noise: Noise) -> None:
    """What else listens on that machine is none of the catalog's business."""
    async with Origin(answer(200, noise(1).read_bytes())) as other, ScriptedCatalog() as catalog:
        catalog.add_track(1, media_url=f"{other.url}/song.flac")
        async with tonearm(tmp_path, catalog.url) as server:
            assert (await download(server))["failureCode"] == "blocked_address"
        assert other.connections == 0


async def test_a_cover_on_a_private_host_costs_the_cover_alone(tmp_path: Path, noise: Noise) -> None:
    """Pictures pass the same guard; the track arrives, with a word about it."""
    async with Origin(answer(200, b"picture"), host=MEDIA_HOST) as media, ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes(), coverUrl=f"{media.url}/cover.jpg")
        async with tonearm(tmp_path, catalog.url) as server:
            record = await download(server)
            assert record["status"] == "completed"
            (warning,) = record["warnings"]
            assert "not a public address" in warning
        assert media.connections == 0


async def test_no_secret_crosses_from_the_catalog_to_the_media_host(tmp_path: Path, noise: Noise) -> None:
    """The token is the catalog's; the headers of a medium are for the host that its URL names, and stay there."""
    song = noise(1).read_bytes()
    async with (
        Origin(answer(200, song), host=MEDIA_HOST) as media,
        Origin(leading_to(f"{media.url}/led"), host=MEDIA_HOST) as gate,
        ScriptedCatalog() as catalog,
    ):
        catalog.add_track(1, media_url=f"{media.url}/named", media={"headers": OF_THE_MEDIUM})
        catalog.add_track(2, media_url=f"{gate.url}/song", media={"headers": OF_THE_MEDIUM})
        catalog.add_track(3, body=b"", media={"headers": OF_THE_MEDIUM, "sizeBytes": len(song)})
        catalog.reply("/media/3", redirect(f"{media.url}/led-by-the-catalog"), forever=True)
        async with tonearm(tmp_path, catalog.url, QUEUE_FETCH_ALLOW=MEDIA_HOST, INTERNAL_API_TOKEN=TOKEN) as server:
            for track in (1, 2, 3):
                assert (await download(server, track))["status"] == "completed"
            log = server.log.read_text("utf-8")

        asked = {seen.target: [seen.headers.get(name) for name in SECRET] for seen in media.seen}
        assert asked["/named"] == list(OF_THE_MEDIUM.values())
        assert asked["/led"] == asked["/led-by-the-catalog"] == [None] * 4
        assert gate.seen[0].headers["authorization"] == "Bearer of-the-medium"
        answers = [seen for seen in catalog.requests if seen.path.startswith("/tracks/")]
        assert {seen.headers["Authorization"] for seen in answers} == {f"Bearer {TOKEN}"}
        assert TOKEN not in log
        assert "of-the-medium" not in log
