"""The janitor: at start and every ten minutes the stage is rid of what belongs to no live task, and of nothing else."""

from __future__ import annotations

from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, cut, silent
from tests.support.server import Tonearm, tonearm, until

TEN_MINUTES_MS = 600_000
BYTES = 100_000
"""What the unfinished transfers have received, each."""
UNKNOWN = "job-1700000000000-unknown000"


def own_folder(server: Tonearm) -> Path:
    """The worker's folder in the stage."""
    (lock,) = server.stage.glob("*/lock")
    return lock.parent


def plant(*paths: Path) -> None:
    """Put a file there, and the folders that it needs."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1_000)


def parts(server: Tonearm) -> dict[str, int]:
    """The stages that have bytes, and how many."""
    return {part.parent.name: part.stat().st_size for part in server.stage.glob("*/*/part")}


def told(server: Tonearm) -> int:
    """How often the log said that one stage was removed, with its bytes."""
    lines = server.log.read_text("utf-8").splitlines()
    return sum("Removed stages" in line and "stages=1" in line and "bytes=" in line for line in lines)


async def _backs_off(server: Tonearm, job_id: str) -> bool:
    return "nextRetryAt" in await server.job(job_id)


async def test_at_start_it_keeps_what_pause_back_off_and_restart_need(tmp_path: Path, noise: Noise) -> None:
    """Stages of the unknown, the finished and earlier epochs go, foreign files too; the rest is continued from."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, 5):
            catalog.add_track(number, body=noise(number).read_bytes())
        catalog.reply("/media/1", silent(after=BYTES))
        catalog.reply("/media/2", cut(after=BYTES, rate=4 * BYTES))
        catalog.reply("/media/3", silent(after=BYTES))
        async with tonearm(tmp_path / "server", catalog.url, QUEUE_RETRY_BACKOFF_MS=5_000) as server:
            paused, delayed, running, done = [await server.submit("track", number) for number in range(1, 5)]
            await server.wait_for(done)
            await until("one backs off", lambda: _backs_off(server, delayed))
            live = {f"{job}.1" for job in (paused, delayed, running)}
            await until(
                "the others have bytes", lambda: set(parts(server)) == live and sum(parts(server).values()) > 2 * BYTES
            )
            kept = parts(server)
            await server.act(paused, "pause")
            await server.wait_for(paused, "paused")
            await server.kill()

            own, dead = own_folder(server), server.stage / "gone-1"
            outside = tmp_path / "outside"
            plant(outside / "file", dead / "lock", server.stage / "foreign" / "file", server.stage / "file")
            (own / "link").symlink_to(outside)
            plant(own / f"{UNKNOWN}.1" / "part", own / f"{UNKNOWN}.7.2" / "tagged.flac", dead / f"{UNKNOWN}.3" / "part")
            plant(own / f"{done}.1" / "part", own / f"{paused}.0" / "part", own / f"{delayed}.0" / "part")
            plant(own / "file", own / "folder" / "in" / "it", own / "aside.0123" / "part")
            await server.start()

            await until("the dead worker's folder is gone", lambda: not dead.exists())
            await until("the running one goes on", lambda: catalog.count("/media/3") == 2)
            record = await server.wait_for(running)
            assert {folder.name for folder in own.iterdir()} <= {"lock", "boot", *live, f"{delayed}.2"}
            assert parts(server)[f"{paused}.1"] == kept[f"{paused}.1"]
            assert (outside / "file").exists()
            assert (server.stage / "foreign" / "file").exists(), "nobody knows whose it is"
            await server.act(paused, "resume")
            for job in (paused, delayed):
                assert (await server.wait_for(job))["status"] == "completed"
            assert record["status"] == "completed"
            for number, job in ((1, paused), (2, delayed), (3, running)):
                ranges = [seen.headers.get("Range") for seen in catalog.requests if seen.path == f"/media/{number}"]
                assert ranges == [None, f"bytes={kept[f'{job}.1']}-"]
            assert server.staged() == []


async def test_it_comes_every_ten_minutes(tmp_path: Path, noise: Noise) -> None:
    """Not before; and it leaves a paused task alone."""
    passed = tmp_path / "passed"
    passed.write_text("0")
    async with ScriptedCatalog() as catalog:
        for number in range(1, 4):
            catalog.add_track(number, body=noise(number).read_bytes())
        catalog.reply("/media/1", silent(after=BYTES))
        async with tonearm(tmp_path / "server", catalog.url, breakage=f"time:{passed}") as server:
            paused = await server.submit("track", 1)
            await until("it has bytes", lambda: parts(server) == {f"{paused}.1": BYTES})
            await server.act(paused, "pause")
            await server.wait_for(paused, "paused")
            stray = own_folder(server) / f"{UNKNOWN}.1"
            for number in (2, 3):
                plant(stray / "part")
                assert (await server.wait_for(await server.submit("track", number)))["status"] == "completed"
                assert stray.exists()

                passed.write_text(str((number - 1) * TEN_MINUTES_MS))
                await until("the stray is gone", lambda: not stray.exists())
                assert parts(server) == {f"{paused}.1": BYTES}
            await until("the log says so", lambda: told(server) == 2)
            await server.act(paused, "resume")
            assert (await server.wait_for(paused))["status"] == "completed"
            assert catalog.requests[-1].headers["Range"] == f"bytes={BYTES}-"
