"""The body: the bytes of one answer, from the socket through the writer into the part.

This is the loop that every byte goes through. It holds the limits on size and tells the progress; whether the bytes may
be stored where they go was decided before, in `tonearm.fetch.transfer`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, suppress

from aiohttp import ClientError, ClientResponse

from tonearm.errors import ConnectionFailed, Corrupt, FetchError, TooLarge
from tonearm.fetch.framing import unread
from tonearm.fetch.hosts import HostPort
from tonearm.fetch.limits import in_units
from tonearm.fetch.line import hang_up
from tonearm.fetch.part import PartFile
from tonearm.fetch.progress import Progress, Speedometer
from tonearm.fetch.throttle import Lane
from tonearm.fetch.writer import FLUSH_S, Writer


class Body:
    """One answer's body on its way through *lane* into *file*, which ends at *total* bytes (None: unknown), *limit* at
    most.
    """

    def __init__(
        self,
        response: ClientResponse,
        file: PartFile,
        threads: Executor,
        *,
        total: int | None,
        limit: int,
        lane: Lane,
        progress: Callable[[Progress], None],
    ) -> None:
        self._response = response
        self._file = file
        self._began = self._arrived = file.written
        self._writer = Writer(file, threads)
        self._total = total
        self._limit = limit
        self._lane = lane
        self._progress = progress
        self._loop = asyncio.get_running_loop()
        self._speed = Speedometer(self._loop.time(), file.written)

    async def receive(self) -> None:
        """Return when the whole file is on disk.

        However it ends, nothing is written after; what had arrived before a failure is on disk. At a failure or a
        cancel the connection is cut first.

        Raises:
            FetchError, aiohttp.ClientError: the body is not whole.
        """
        try:
            with self._ticking():
                await self._pump()
                await self._writer.finish()
        except BaseException:
            hang_up(self._response)
            with suppress(FetchError):
                await self._writer.finish()
            raise
        finally:
            self._report()
        self._check_whole()

    async def _pump(self) -> None:
        try:
            # Piece by piece as they came: anything else joins them first, and uvloop reads several before we run.
            async for piece, _ in self._response.content.iter_chunks():
                await self._take(piece)
        except ClientError:
            await self._take(unread(self._response))
            raise

    async def _take(self, piece: bytes) -> None:
        self._arrived += len(piece)
        if self._arrived > (self._limit if self._total is None else self._total):
            raise self._too_much()
        if piece and self._lane.limited:
            await self._let_through(piece)
        elif piece:
            await self._writer.add(piece)

    async def _let_through(self, piece: bytes) -> None:
        """Add *piece* bite by bite, each when the throttle lets it."""
        passed = 0
        while passed < len(piece):
            bite = await self._lane.take(len(piece) - passed)
            await self._writer.add(piece[passed : passed + bite])
            passed += bite

    def _too_much(self) -> FetchError:
        if self._total is None:
            limit = self._limit
            return TooLarge(f"The file has more than the {in_units(limit)} that are allowed", limit_bytes=limit)
        return Corrupt(f"The file is longer than the {self._total} bytes that were announced")

    def _check_whole(self) -> None:
        size = self._file.written
        if size == 0:
            raise Corrupt("The file is empty")
        if self._total is not None and size < self._total:
            if "Transfer-Encoding" in self._response.headers:
                raise Corrupt(f"The file is {size} bytes long, not {self._total} as the catalog says")
            raise ConnectionFailed(f"{HostPort.of(self._response.url)} closed the connection before the end")

    @contextmanager
    def _ticking(self) -> Iterator[None]:
        """Flush and report every `FLUSH_S` while the body flows or stands."""
        self._report()
        self._timer = self._loop.call_later(FLUSH_S, self._tick)
        try:
            yield
        finally:
            self._timer.cancel()

    def _tick(self) -> None:
        self._timer = self._loop.call_later(FLUSH_S, self._tick)
        self._writer.nudge()
        self._report()

    def _report(self) -> None:
        done = self._file.written
        speed = self._speed.at(self._loop.time(), done)
        self._progress(Progress(done, self._total, speed, self._arrived - self._began))
