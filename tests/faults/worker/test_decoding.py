"""The full decode on a file's way into the library: what it finds, what stops it, and what its own troubles cost."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog
from tests.support.music import pcm
from tests.support.processes import age_s, alive, children
from tests.support.server import Tonearm, tonearm, until

SOON = 3.0
"""Seconds in which a cancel, pause or delete has taken effect; the promise is 2."""


def flipped(content: bytes) -> bytes:
    """The same file with one bit in its middle flipped."""
    changed = bytearray(content)
    changed[len(changed) // 2] ^= 4
    return bytes(changed)


async def the_child(server: Tonearm) -> int:
    """The child that decodes, once there is one."""

    def running() -> list[int]:
        return [child for process in children(server.pid) for child in children(process)]

    return int((await until("a child decodes", running))[0])


async def test_a_flipped_bit_that_only_a_decode_can_see_does_not_reach_the_library(
    tmp_path: Path, noise: Noise
) -> None:
    """The catalog gave no checksum. The copy is fetched once more, then it is `integrity`; its neighbour arrives."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=flipped(noise(1).read_bytes()))
        catalog.add_track(2, body=noise(2).read_bytes())
        async with tonearm(tmp_path, catalog.url) as server:
            job, other = await server.submit("track", 1), await server.submit("track", 2)
            record = await server.wait_for(job)

            assert (record["status"], record["failureCode"], record["retryCount"]) == ("failed", "integrity", 1)
            assert record["error"].startswith("The FLAC file is damaged: ")
            assert catalog.count("/media/1") == 2
            assert (await server.wait_for(other))["status"] == "completed"
            assert server.files() == ["Scripted/Scripts/Track 2.flac"]
            assert server.staged() == []


async def test_a_damaged_copy_is_fetched_anew_and_the_right_one_filed(tmp_path: Path, noise: Noise) -> None:
    """Nothing of the first copy is used again."""
    async with ScriptedCatalog() as catalog:
        whole = noise(1).read_bytes()
        catalog.add_track(1, body=flipped(whole))
        async with tonearm(tmp_path, catalog.url, QUEUE_RETRY_BACKOFF_MS=1_000) as server:
            job = await server.submit("track", 1)
            await catalog.asked("/media/1")
            catalog.add_track(1, body=whole)
            record = await server.wait_for(job)

            assert (record["status"], record["retryCount"]) == ("completed", 1)
            assert pcm(server.library / server.files()[0]) == pcm(noise(1))


async def test_quick_verification_lets_it_pass_without_any_decoder(tmp_path: Path, noise: Noise) -> None:
    """Whoever wants that says so; structure, length and type still count."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=flipped(noise(1).read_bytes()))
        async with tonearm(tmp_path, catalog.url, QUEUE_VERIFY="quick") as server:
            assert (await server.wait_for(await server.submit("track", 1)))["status"] == "completed"
            assert children(server.pid) == []


@pytest.mark.parametrize("action", ["cancel", "pause", "delete"])
async def test_a_decode_is_stopped_at_once(tmp_path: Path, noise: Noise, action: str) -> None:
    """The child is killed, and what cancel and delete promise of the disk holds."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with tonearm(tmp_path, catalog.url, breakage="decoder:spin") as server:
            job = await server.submit("track", 1)
            child = await the_child(server)
            if action == "delete":
                await server.call("DELETE", f"/{job}")
            else:
                await server.act(job, action)
            await until("the child is gone", lambda: not alive(child), seconds=SOON)
            if action == "pause":
                assert (await server.wait_for(job, "paused", seconds=SOON))["status"] == "paused"
                assert server.staged()
            else:
                await until("every byte is gone", lambda: not server.staged(), seconds=SOON)
            assert server.files() == []


async def test_a_job_that_was_paused_over_its_decode_goes_on_without_a_download(tmp_path: Path, noise: Noise) -> None:
    """The bytes are there; they are confirmed by the server, checked, tagged and decoded."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with tonearm(tmp_path, catalog.url, breakage=f"decoder:spin:{tmp_path / 'marker'}") as server:
            job = await server.submit("track", 1)
            child = await the_child(server)
            await server.act(job, "pause")
            await server.wait_for(job, "paused", seconds=SOON)
            await until("the child is gone", lambda: not alive(child), seconds=SOON)
            (decoder,) = children(server.pid)
            os.kill(decoder, 9)  # the next one decodes as usual
            await server.act(job, "resume")

            assert (await server.wait_for(job))["status"] == "completed"
            ranges = [seen.headers.get("Range") for seen in catalog.requests if seen.path == "/media/1"]
            assert ranges == [None, f"bytes={noise(1).stat().st_size - 1}-"]


async def test_the_processing_limit_does_not_run_during_a_decode(tmp_path: Path, noise: Noise) -> None:
    """It has a limit of its own: a decode that takes longer than the rest may is left alone."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        marker = tmp_path / "marker"
        settings = {"QUEUE_PROCESSING_TIMEOUT_MS": 1_500, "QUEUE_JOB_TIMEOUT_MS": 1_500}
        async with tonearm(tmp_path, catalog.url, breakage=f"decoder:spin:{marker}", **settings) as server:
            job = await server.submit("track", 1)
            child = await the_child(server)
            await until("twice the limit has passed", lambda: age_s(child) > 3.0)
            assert alive(child)
            assert (await server.job(job))["status"] == "processing"
            (decoder,) = children(server.pid)
            os.kill(decoder, 9)
            assert (await server.wait_for(job))["status"] == "completed"


async def test_a_decoder_that_does_not_start_fails_the_job_as_our_own_mistake(tmp_path: Path, noise: Noise) -> None:
    """After some attempts; the file is not called damaged, and the reason stands in the job."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with tonearm(tmp_path, catalog.url, breakage="decoder:refuse") as server:
            record = await server.wait_for(await server.submit("track", 1, maxRetries=1))

            assert (record["status"], record["failureCode"], record["retryCount"]) == ("failed", "internal", 1)
            assert record["error"] == "The decoder of files does not start: ImportError: no such library"
            assert (server.files(), server.staged()) == ([], [])


async def test_a_killed_server_leaves_no_decode_behind_and_the_next_one_finishes(tmp_path: Path, noise: Noise) -> None:
    """The child holds nothing that its successor needs."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with tonearm(tmp_path, catalog.url, breakage="decoder:spin") as server:
            job = await server.submit("track", 1)
            child = await the_child(server)
            await server.kill()
            await until("the child is gone", lambda: not alive(child), seconds=5)

            server.breakage = None
            await server.start()
            record = await server.wait_for(job)
            assert record["status"] == "completed"
            assert any("Recovered from crash" in entry.get("message", "") for entry in record["history"])
