"""A cancel is a task cancel: the connection is cut at once, and when the call has ended nothing is written any more."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest
from tests.faults.fetch.conftest import LIMITS, LOOPBACK, Stage
from tests.support.origin import Origin, Script, Visit, head, redirect
from tests.support.tls import Certificate

from tonearm.fetch import Fetcher, mark_of
from tonearm.fetch.part import PartFile

HEAD = head(200, {"Content-Length": "1000000"})


def silent_after(data: bytes) -> Script:
    async def script(visit: Visit) -> None:
        await visit.send(data)
        await visit.gone()

    return script


@pytest.mark.parametrize("data", [b"", HEAD, HEAD + b"x" * 1_000])
@pytest.mark.parametrize("encrypted", [False, True])
async def test_the_server_sees_the_end_of_a_cancelled_transfer_at_once(
    stage: Stage,
    certificate: Certificate,
    data: bytes,
    encrypted: bool,  # noqa: FBT001 - a table
) -> None:
    """Before the headers, after them, amid the body; plain and TLS, which is not given time for a farewell."""
    context = certificate.serving() if encrypted else None
    async with (
        Origin(silent_after(data), ssl_context=context) as origin,
        Fetcher(LIMITS, allow=[LOOPBACK], ssl_context=certificate.trusting()) as stage.fetcher,
    ):
        task = asyncio.create_task(stage.download(f"{origin.url}/song.flac"))
        await origin.until(lambda: bool(origin.seen))
        if data:
            await stage.has(len(data.removeprefix(HEAD)))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await origin.until(lambda: origin.open == 0, within_s=2)


async def test_a_flood_that_is_cancelled_over_tls_stops(stage: Stage, certificate: Certificate) -> None:
    """A server that sends at full speed is cut off too, not drained to its end."""

    async def flood(visit: Visit) -> None:
        await visit.send(head(200))
        while await visit.send(bytes(100_000)) and not visit.writer.is_closing():
            pass

    async with (
        Origin(flood, ssl_context=certificate.serving()) as origin,
        Fetcher(LIMITS, allow=[LOOPBACK], ssl_context=certificate.trusting()) as stage.fetcher,
    ):
        task = asyncio.create_task(stage.download(f"{origin.url}/song.flac"))
        await stage.has(1 << 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await origin.until(lambda: origin.open == 0, within_s=2)


async def test_what_arrived_before_a_cancel_is_kept(stage: Stage) -> None:
    """A pause costs nothing: the gathered bytes are written before the call ends."""
    async with Origin(silent_after(HEAD + b"x" * 777)) as origin:
        await stage.interrupt(f"{origin.url}/song.flac")
        assert stage.body() == b"x" * 777


async def test_a_cancel_waits_for_the_write_that_is_under_way(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """However slow the disk and however often it is cancelled, no byte is written after the call has ended."""
    writing, go_on = threading.Event(), threading.Event()
    write = PartFile.write

    def slow_write(self: PartFile, pieces: list[bytes]) -> None:
        writing.set()
        assert go_on.wait(10)
        write(self, pieces)

    monkeypatch.setattr(PartFile, "write", slow_write)
    async with Origin(silent_after(HEAD + b"x" * 777)) as origin:
        task = asyncio.create_task(stage.download(f"{origin.url}/song.flac"))
        await asyncio.to_thread(writing.wait, 10)
        for _ in range(3):
            task.cancel()
            await origin.until(lambda: origin.open == 0, within_s=2)
            await asyncio.sleep(0)
            assert not task.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stage.body() == b"x" * 777


async def test_a_cancel_amid_redirects_leaves_no_connection(stage: Stage) -> None:
    """Wherever in the chain it is heard."""
    async with Origin(silent_after(b"")) as far, Origin(redirect(f"{far.url}/song")) as near:
        task = asyncio.create_task(stage.download(f"{near.url}/song.flac"))
        await far.until(lambda: bool(far.seen))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await far.until(lambda: far.open == 0, within_s=2)
    assert stage.names() == set()


async def test_bytes_on_the_line_are_on_disk_soon(stage: Stage) -> None:
    """A slow line fills no megabyte; what came is written all the same while the transfer runs, in case of a kill."""
    async with Origin(silent_after(HEAD + b"x" * 777)) as origin:
        task = asyncio.create_task(stage.download(f"{origin.url}/song.flac"))
        await stage.has(777)
        assert not task.done()
        assert mark_of(stage.folder) == 777
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_no_descriptor_is_lost(stage: Stage, tmp_path: Path) -> None:
    """After many cancels as many files are open as before."""

    def open_files() -> int:
        return sum(os.path.realpath(link).startswith(str(tmp_path)) for link in Path("/dev/fd").iterdir())

    async with Origin(silent_after(HEAD + b"x")) as origin:
        for _ in range(5):
            task = asyncio.create_task(stage.download(f"{origin.url}/song.flac"))
            await stage.has(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            stage.told.clear()
    assert open_files() == 0
