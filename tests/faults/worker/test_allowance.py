"""The allowance, end to end: a client that has received all it may waits, and goes on where more is allowed."""

from __future__ import annotations

from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, cut
from tests.support.server import Tonearm, tonearm

ANN, BOB = "192.0.2.1", "192.0.2.2"


async def test_what_came_over_the_line_counts_to_the_byte(tmp_path: Path, noise: Noise) -> None:
    """A download that was cut and resumed counts once: with so many its client waits, with one more it goes on."""
    bodies = {number: noise(number).read_bytes() for number in range(1, 6)}
    allowed = len(bodies[1])
    async with ScriptedCatalog() as catalog:
        for number, body in bodies.items():
            catalog.add_track(number, body=body)
        catalog.reply("/media/1", cut(after=100_000))
        settings = {"QUEUE_TRUSTED_PROXIES": "127.0.0.1", "QUEUE_MAX_CONCURRENT": 1}
        async with tonearm(tmp_path, catalog.url, QUEUE_CLIENT_DAILY_BYTES=allowed, **settings) as server:
            first, waiting = await _submit(server, ANN, 1), await _submit(server, ANN, 2, startPaused=True)
            assert (await server.wait_for(first))["status"] == "completed"
            assert catalog.requests[-1].headers["Range"] == "bytes=100000-"

            await server.act(waiting, "resume")
            for number in (3, 4):  # turn by turn: one of them would not show that ann is passed over
                assert (await server.wait_for(await _submit(server, BOB, number)))["status"] == "completed"
            assert (await server.job(waiting))["status"] == "queued"
            status, refused = await _ask(server, ANN, 5)
            assert (status, refused["limit"]) == (429, {"name": "bytes", "allowed": allowed})

        async with tonearm(tmp_path, catalog.url, QUEUE_CLIENT_DAILY_BYTES=allowed + 1, **settings) as server:
            assert (await server.wait_for(waiting))["status"] == "completed"
            assert (await _ask(server, ANN, 5))[0] == 429


async def _submit(server: Tonearm, client: str, number: int, **more: object) -> str:
    status, answer = await _ask(server, client, number, **more)
    assert status == 201, answer
    return str(answer["jobId"])


async def _ask(server: Tonearm, client: str, number: int, **more: object) -> tuple[int, dict[str, object]]:
    job = {"type": "track", "trackId": number, "quality": "LOSSLESS"}
    return await server.call("POST", "/", json={"job": job, **more}, headers={"X-Forwarded-For": client})
