"""What people ask at one machine reaches the worker on another: cancel, pause and delete of a running download."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.redis_server import RedisServer
from tests.support.server import until
from tests.support.sharing import Site

SOON = 3.0
"""Two seconds are promised; the rest is for a busy machine."""


@pytest.mark.parametrize("action", ["cancel", "pause", "delete"])
async def test_a_download_stops_at_once_though_its_worker_is_another_process(
    tmp_path: Path, noise: Noise, redis: RedisServer, action: str
) -> None:
    """The connection is closed and not a byte is left, but for a pause, which keeps them."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/media/1", slow(20_000))
        site = Site(tmp_path, catalog.url, redis.url)
        async with site.server("server", arguments=("--no-worker",)) as server, site.worker("worker"):
            job = await server.submit("track", 1)
            await until("it is being downloaded", lambda: catalog.transfers == 1)
            await until("bytes are on the disk", site.staged)

            if action == "delete":
                assert (await server.call("DELETE", f"/{job}"))[0] == 200
                assert (await server.call("GET", f"/{job}"))[0] == 404
            else:
                assert (await server.call("PATCH", f"/{job}", json={"action": action}))[0] == 200
                stopped = {"cancel": "cancelled", "pause": "paused"}[action]
                assert (await server.wait_for(job, stopped, seconds=SOON))["status"] == stopped

            await until("the connection is closed", lambda: catalog.transfers == 0, seconds=SOON)
            if action == "pause":
                assert site.staged()
            else:
                await until("every byte is gone", lambda: not site.staged(), seconds=SOON)
            assert site.files() == []


async def test_files_go_where_the_library_is_and_nowhere_else(tmp_path: Path, noise: Noise, redis: RedisServer) -> None:
    """Of two machines that only answer, the one without the volume refuses, and nothing is changed."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        site, only = Site(tmp_path, catalog.url, redis.url), ("--no-worker",)
        async with (
            site.worker("worker"),
            site.server("beside", arguments=only) as beside,
            site.server("apart", arguments=only, DOWNLOAD_DIR=tmp_path / "volume") as apart,
        ):
            job = await beside.submit("track", 1)
            assert (await beside.wait_for(job))["status"] == "completed"
            (name,) = site.files()
            refused, body = await apart.call("DELETE", f"/{job}?files=true")

            assert (refused, body["code"]) == (409, "FILE_UNAVAILABLE")
            assert f"{tmp_path / 'volume'} (DOWNLOAD_DIR)" in body["error"]
            assert site.files() == [name]
            status, body = await beside.call("DELETE", f"/{job}?files=true")
            assert (status, body["removedFiles"]) == (200, [name])
            assert site.files() == []
            assert (await apart.call("GET", f"/{job}"))[0] == 404
