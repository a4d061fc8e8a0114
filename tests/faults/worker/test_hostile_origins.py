"""Hostile origins: whatever a server does, the job ends in its documented code and the library stays clean.

One server takes all rows of `tests.support.hostile`, one after the other, so that trouble which outlives its row (a
connection, a slot, a thread, a stage) spoils the next one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from random import Random

import pytest
import pytest_asyncio
from tests.support.catalog import ScriptedCatalog, redirect
from tests.support.hostile import HARMLESS, HOSTILITIES, LIMIT_BYTES, Scene
from tests.support.music import Music
from tests.support.origin import Origin, Visit, answer
from tests.support.server import Tonearm, tonearm
from tests.support.tls import make_certificate

MODULE = pytest.mark.asyncio(loop_scope="module")

SILENCE_MS = 800
"""Longest silence. Headers as a whole may take twice as long: there is the connection, too."""
PROCESSING_MS = 3_000
ODD = len(HOSTILITIES) + 1
"""The number of the first of those tracks that only look odd."""
GOOD = ODD + len(HARMLESS)
"""The number of a track that is as it should be."""
BEHAVIOURS = [*(row.behave for row in HOSTILITIES), *HARMLESS.values()]
SEED = 20_261_123


@dataclass(frozen=True)
class Stand:
    """The server under test between its hostile peers."""

    server: Tonearm
    elsewhere: Origin


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stand(tmp_path_factory: pytest.TempPathFactory, music: Music) -> AsyncIterator[Stand]:
    """One server, a catalog that has a track for each row, and the origin where their media are."""
    folder = tmp_path_factory.mktemp("hostile")
    certificate = make_certificate(folder)

    async def misbehave(visit: Visit) -> None:
        number = int(visit.request.target.split("/")[1])
        await BEHAVIOURS[number - 1](visit, scene)

    async with AsyncExitStack() as stack:
        catalog = await stack.enter_async_context(ScriptedCatalog())
        plain = await stack.enter_async_context(Origin(misbehave))
        secure = await stack.enter_async_context(Origin(misbehave, ssl_context=certificate.serving()))
        elsewhere = await stack.enter_async_context(Origin(answer(200, b"secret")))
        scene = Scene(
            song=music("flac", seconds=1.0).read_bytes(),
            preview=music("flac", seconds=30.0, noise=False).read_bytes(),
            moments=Random(SEED),
            plain=plain.url,
            elsewhere=elsewhere.url,
        )
        for number, row in enumerate(HOSTILITIES, 1):
            url = f"{secure.url if row.encrypted else plain.url}/{number}"
            catalog.add_track(number, media_url=url, media=row.promised(scene), **row.facts)
            if row.by_catalog:
                catalog.reply(f"/tracks/{number}", redirect(url), forever=True)
        for number in range(ODD, GOOD):
            catalog.add_track(number, media_url=f"{plain.url}/{number}")
        catalog.add_track(GOOD, body=scene.song, title="Good")
        settings = {
            "QUEUE_FETCH_ALLOW": ",".join(origin.url.split("//")[1] for origin in (plain, secure)),
            "QUEUE_JOB_TIMEOUT_MS": SILENCE_MS,
            "QUEUE_PROCESSING_TIMEOUT_MS": PROCESSING_MS,
            "QUEUE_RETRY_AFTER_MAX_MS": 100,
            "QUEUE_MAX_FILE_MB": LIMIT_BYTES / 1_000_000,
            "SSL_CERT_FILE": certificate.certificate,
        }
        server = await stack.enter_async_context(tonearm(folder, catalog.url, **settings))
        yield Stand(server, elsewhere)


@MODULE
@pytest.mark.parametrize("number", range(1, len(HOSTILITIES) + 1), ids=[row.name for row in HOSTILITIES])
async def test_each_hostile_origin_ends_in_its_code(stand: Stand, number: int) -> None:
    """Retried or not as documented, no file, no staged byte; and the worker completes a good job right after it."""
    row, server = HOSTILITIES[number - 1], stand.server
    record = await server.wait_for(await server.submit("track", number, maxRetries=1))

    assert (record["status"], record["failureCode"]) == ("failed", row.code), record["error"]
    assert record["retryCount"] == int(row.retried), record["history"]
    assert len(record["error"]) > 10
    assert "secret" not in record["error"]
    assert server.files() == []
    assert server.staged() == []

    await arrives(server, GOOD)


@MODULE
@pytest.mark.parametrize("number", range(ODD, GOOD), ids=HARMLESS)
async def test_what_only_looks_odd_arrives(stand: Stand, number: int) -> None:
    """A lying label, bytes beyond the end and odd framing cost nothing: the song is judged by what it is."""
    await arrives(stand.server, number)


async def arrives(server: Tonearm, number: int) -> None:
    """A track is completed at once; its file is taken away again."""
    record = await server.wait_for(await server.submit("track", number))
    assert (record["status"], record["retryCount"]) == ("completed", 0), record
    assert server.files() == record["files"]
    (server.library / record["files"][0]).unlink()


@MODULE
async def test_nothing_that_was_not_allowed_was_ever_connected_to(stand: Stand) -> None:
    """After all rows, the server next door has not seen a connection."""
    assert stand.elsewhere.connections == 0


def test_the_table_is_long_and_its_names_are_its_own() -> None:
    """A row that is lost in an edit does not go unnoticed."""
    names = [row.name for row in HOSTILITIES]
    assert len(names) == len(set(names)) > 100
