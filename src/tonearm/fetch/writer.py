"""The writer: pieces from the loop gathered into large writes on a thread, one under way while the next fills up.

The loop never waits for the disk, and a transfer holds at most two gatherings in memory: whoever adds faster than the
disk takes waits for the write before. What was added is on disk after `GATHER` bytes, or `FLUSH_S` later at the latest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from pathlib import Path
from threading import Event
from typing import TypeVar

from tonearm.fetch.limits import MIB
from tonearm.fetch.part import PartFile
from tonearm.stopping import stoppable
from tonearm.volume import disk_failures

GATHER = MIB
"""Bytes of one write."""
FLUSH_S = 0.25
"""Seconds that a byte waits for others at most; a kill loses what came later."""

Answer = TypeVar("Answer")


async def on_thread(threads: Executor, folder: Path, work: Callable[[], Answer]) -> Answer:
    """Run *work*, which touches *folder*, on a thread; a cancel is heard when it has ended, or at a checkpoint of it.

    Raises:
        DiskFull, DiskError: instead of any OSError.
    """
    unwanted = Event()
    return await _ended(_start(threads, folder, stoppable(unwanted, work)), unwanted)


def _start(threads: Executor, folder: Path, work: Callable[[], Answer]) -> asyncio.Future[Answer]:
    def translated() -> Answer:
        with disk_failures("writing the download", folder):
            return work()

    return asyncio.get_running_loop().run_in_executor(threads, translated)


async def _ended(job: asyncio.Future[Answer], unwanted: Event | None = None) -> Answer:
    try:
        return await asyncio.shield(job)
    except asyncio.CancelledError:
        if unwanted is not None:
            unwanted.set()
        while not job.done():
            with suppress(asyncio.CancelledError):  # a further cancel changes nothing: the first one is raised below
                await asyncio.wait({job})
        job.exception()  # seen; the cancel is what counts
        raise


class Writer:
    """Writes one part. Every method belongs to the loop."""

    def __init__(self, file: PartFile, threads: Executor) -> None:
        self._file = file
        self._threads = threads
        self._gathered: list[bytes] = []
        self._size = 0
        self._job: asyncio.Future[None] | None = None

    async def add(self, piece: bytes) -> None:
        """Take *piece*; it waits only while the write before is still under way and the next is full.

        Raises:
            DiskFull, DiskError: an earlier write failed.
        """
        self._gathered.append(piece)
        self._size += len(piece)
        if self._size >= GATHER:
            await self._settle()
            self._submit()

    def nudge(self) -> None:
        """Write what has gathered, unless a write is under way or has failed. To be called every `FLUSH_S`."""
        if self._job is None or (self._job.done() and self._job.exception() is None):
            self._submit()

    async def finish(self) -> None:
        """Return when everything added is on disk.

        Raises:
            DiskFull, DiskError: a write failed, this one or one before.
        """
        await self._settle()
        self._submit()
        await self._settle()

    def _submit(self) -> None:
        if not self._gathered:
            return
        pieces, self._gathered, self._size = self._gathered, [], 0
        self._job = _start(self._threads, self._file.path.parent, lambda: self._file.write(pieces))

    async def _settle(self) -> None:
        # A nudge may start the next write between the end of one and our waking up.
        while (job := self._job) is not None:
            await _ended(job)
            if self._job is job:
                self._job = None
