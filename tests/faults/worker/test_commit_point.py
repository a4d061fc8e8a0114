"""The commit point: from there on cancel and pause are too late, the answer says so, and the file arrives."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.breakages import Hold
from tests.support.catalog import ScriptedCatalog
from tests.support.counts import count
from tests.support.server import tonearm, until

TIMES = count(2, 20)


@pytest.mark.parametrize("phase", ["publish", "linked", "published"])
async def test_what_has_passed_it_arrives(tmp_path: Path, noise: Noise, hold: Hold, phase: str) -> None:
    """Before the file has its name, before its folder is synced, and before the task is settled."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, TIMES + 1):
            catalog.add_track(number, body=noise(number).read_bytes())
        async with tonearm(tmp_path / "server", catalog.url, breakage=hold.at(phase)) as server:
            for number in range(1, TIMES + 1):
                job = await server.submit("track", number)
                await until("it has passed the commit point", lambda: hold.stands(phase, job))  # noqa: B023 - awaited here
                for action in ("cancel", "pause"):
                    status, body = await server.call("PATCH", f"/{job}", json={"action": action})
                    assert status == 400
                    assert body["error"] == f"Could not {action} job (not found or already completed)"
                    assert body["reason"] == "Too late: the file is already being moved into the library."
                hold.let_go()
                record = await server.wait_for(job)
                hold.close()

                assert (record["status"], record["files"]) == ("completed", [f"Scripted/Scripts/Track {number}.flac"])
                assert record["files"][0] in server.files()
                assert "cancellationRequested" not in record
                assert server.staged() == []


@pytest.mark.parametrize("phase", ["publish", "linked", "published"])
async def test_a_file_whose_job_is_deleted_after_it_stays(tmp_path: Path, noise: Noise, hold: Hold, phase: str) -> None:
    """The job is gone at once, the file arrives all the same, once, and nothing else is left."""
    async with ScriptedCatalog() as catalog:
        for number in range(1, TIMES + 1):
            catalog.add_track(number, body=noise(number).read_bytes())
        async with tonearm(tmp_path / "server", catalog.url, breakage=hold.at(phase)) as server:
            for number in range(1, TIMES + 1):
                job = await server.submit("track", number)
                await until("it has passed the commit point", lambda: hold.stands(phase, job))  # noqa: B023 - awaited here
                assert (await server.call("DELETE", f"/{job}"))[0] == 200
                assert (await server.call("GET", f"/{job}"))[0] == 404
                hold.let_go()
                await until("every byte of the stage is gone", lambda: not server.staged())
                names = sorted(f"Scripted/Scripts/Track {track}.flac" for track in range(1, number + 1))
                assert server.files() == names

                assert (await server.wait_for(await server.submit("track", number)))["files"] == [
                    f"Scripted/Scripts/Track {number}.flac"
                ]
                assert server.files() == names
                hold.close()
