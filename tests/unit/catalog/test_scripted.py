"""The scripted catalog, held to the contract by the real client: what stands in for a catalog must be one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from tests.support import catalog as scripts
from tests.support.catalog import ScriptedCatalog

from tonearm.catalog import HttpCatalog
from tonearm.errors import BadAnswer, ConnectionFailed, HttpStatus, Timeout
from tonearm.fetch import Fetcher, FetchLimits, HostPort
from tonearm.model import Quality


@asynccontextmanager
async def asking(catalog: ScriptedCatalog) -> AsyncIterator[HttpCatalog]:
    host, _, port = catalog.netloc.partition(":")
    async with Fetcher(FetchLimits(silence_ms=200), allow=[HostPort(host, int(port))]) as fetcher:
        yield HttpCatalog(fetcher, catalog.url)


@pytest.fixture
async def catalog() -> AsyncIterator[ScriptedCatalog]:
    async with ScriptedCatalog() as catalog:
        catalog.add_track(11, body=b"m" * 100_000, title="Blue")
        catalog.add_track(12, media_url="http://media.example/12.flac", qualities=[Quality.LOW])
        catalog.add_album(5, [11, 12, {"id": 13, "title": "Listed only"}], title="Album", page_size=2)
        yield catalog


async def test_its_tracks_and_albums_are_the_contracts(catalog: ScriptedCatalog) -> None:
    """The real client understands them, pages and all."""
    async with asking(catalog) as asked:
        track = await asked.track(11, Quality.LOSSLESS)
        pages = [page async for page in asked.album(5, Quality.LOSSLESS)]
    assert (track.title, track.album, track.album_id, track.track_number) == ("Blue", "Album", 5, 1)
    assert track.media.url == f"{catalog.url}/media/11"
    assert [[line.id for line in page.tracks] for page in pages] == [[11, 12], [13]]
    assert pages[0].album.track_count == 3


async def test_what_is_not_there_is_refused_like_the_contract_says(catalog: ScriptedCatalog) -> None:
    """404 for strangers, 409 for another quality."""
    async with asking(catalog) as asked:
        for track_id, quality, status in ((99, Quality.LOW, 404), (12, Quality.HIGH, 409)):
            with pytest.raises(HttpStatus) as caught:
                await asked.track(track_id, quality)
            assert caught.value.status == status


async def test_scripted_answers_come_in_order_and_then_end(catalog: ScriptedCatalog) -> None:
    """Each is given once; afterwards the catalog is itself again."""
    catalog.reply("/tracks/11", scripts.status(503), scripts.body(b"<html>"), scripts.status(429, retry_after=2))
    async with asking(catalog) as asked:
        with pytest.raises(HttpStatus, match="503"):
            await asked.track(11, Quality.LOW)
        with pytest.raises(BadAnswer):
            await asked.track(11, Quality.LOW)
        with pytest.raises(HttpStatus) as caught:
            await asked.track(11, Quality.LOW)
        assert caught.value.retry_after_ms == 2_000
    async with asking(catalog) as asked:  # who has not heard of the two seconds
        assert (await asked.track(11, Quality.LOW)).id == 11
    assert catalog.count("/tracks/11") == 4


async def test_silence_and_cuts_last_until_they_are_healed(catalog: ScriptedCatalog) -> None:
    """`forever` means until `heal`."""
    async with asking(catalog) as asked:
        for script, failure in ((scripts.cut(), ConnectionFailed), (scripts.silent(), Timeout)):
            catalog.reply("/tracks/11", script, forever=True)
            for _ in range(2):
                with pytest.raises(failure):
                    await asked.track(11, Quality.LOW)
        catalog.heal("/tracks/11")
        assert (await asked.track(11, Quality.LOW)).id == 11


async def test_a_held_answer_waits_for_its_event(catalog: ScriptedCatalog) -> None:
    """And the test can wait for the question."""
    go = asyncio.Event()
    catalog.reply("/tracks/11", scripts.held(go))
    async with asking(catalog) as asked:
        question = asyncio.create_task(asked.track(11, Quality.LOW))
        await catalog.asked("/tracks/11")
        assert not question.done()
        go.set()
        assert (await question).id == 11


async def test_media_is_whole_in_parts_or_crippled(catalog: ScriptedCatalog) -> None:
    """Ranges continue a body; a cut one announces its whole length and stops short."""
    async with aiohttp.ClientSession(catalog.url) as client:
        async with client.get("/media/11") as answer:
            etag = answer.headers["ETag"]
            assert len(await answer.read()) == 100_000
        for if_range, status, length in ((etag, 206, 99_990), ('"other"', 200, 100_000)):
            async with client.get("/media/11", headers={"Range": "bytes=10-", "If-Range": if_range}) as answer:
                assert (answer.status, len(await answer.read())) == (status, length)
        catalog.reply("/media/11", scripts.cut(after=50_000))
        async with client.get("/media/11") as answer:
            assert answer.headers["Content-Length"] == "100000"
            with pytest.raises(aiohttp.ClientError):
                await answer.read()


async def test_transfers_under_way_are_counted(catalog: ScriptedCatalog) -> None:
    """The most at a time is what a limit of slots is judged by."""
    catalog.reply("/media/11", scripts.silent(after=10), forever=True)
    async with aiohttp.ClientSession(catalog.url) as client:
        answers = [await client.get("/media/11") for _ in range(3)]
        await catalog.transferring(3)
        for answer in answers:
            answer.close()
        await catalog.transferring(0)
    assert catalog.most_transfers == 3
