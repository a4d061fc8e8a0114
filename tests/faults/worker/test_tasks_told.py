"""What a real worker says of its own tasks while it works on them."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.server import Tonearm, tonearm, until


async def tasks_of(server: Tonearm) -> list[dict[str, Any]]:
    """The tasks of the one worker."""
    status, body = await server.call("GET", "/workers")
    assert status == 200
    return [task for worker in body["workers"] for task in worker["tasks"]]


async def test_the_tracks_of_an_album_are_told_by_their_titles_until_they_are_there(
    tmp_path: Path, noise: Noise
) -> None:
    """A track without a title of its own in the submission has the catalog's; bytes and speed move."""
    async with ScriptedCatalog() as catalog:
        for number in (1, 2, 3):
            catalog.add_track(number, body=noise(number).read_bytes())
            catalog.reply(f"/media/{number}", slow(100_000))
        catalog.add_album(5, [1, 2])
        async with tonearm(tmp_path, catalog.url) as server:
            album, single = await asyncio.gather(server.submit("album", 5), server.submit("track", 3))

            async def moving() -> list[dict[str, Any]] | None:
                tasks = await tasks_of(server)
                moves = [task["progress"] > 0 and task.get("speedBytesPerSecond", 0) > 0 for task in tasks]
                return tasks if len(tasks) == 3 and all(moves) else None

            tasks = await until("all three are told with their speed", moving)
            assert sorted((task["jobId"], task["trackTitle"], task["doing"]) for task in tasks) == sorted(
                [(album, "Track 1", "transferring"), (album, "Track 2", "transferring"),
                 (single, "Track 3", "transferring")]
            )  # fmt: skip
            assert {task["albumTitle"] for task in tasks} == {"Scripts"}
            for job in (album, single):
                await server.wait_for(job)

            async def idle() -> bool:
                return await tasks_of(server) == []

            await until("nothing is told any more", idle)
