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
