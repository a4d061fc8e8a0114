"""The transfer: one medium into one folder, continued from earlier bytes where that is safe.

Earlier bytes are continued only when the sidecar vouches for them (`tonearm.fetch.part`) *and* the server proves with a
206 to Range and If-Range that it still has that very file. A part that is already whole is treated no differently: its
last byte is asked for again, so the server confirms the rest. A 200 starts anew from that very answer; a range that
does not fit, or none to be had, drops the bytes and asks once more, plainly.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import msgspec
from aiohttp import ClientResponse

from tonearm.errors import Corrupt, TooLarge
from tonearm.fetch import part
from tonearm.fetch.body import Body
from tonearm.fetch.failures import status_failure
from tonearm.fetch.headers import content_range, is_encoded, media_fields, strong_validator
from tonearm.fetch.hosts import HostPort, read_url
from tonearm.fetch.limits import FetchLimits, in_units
from tonearm.fetch.line import READ_BUFFER, Line, Request
from tonearm.fetch.part import Beginning, PartFile, Room, Sidecar
from tonearm.fetch.progress import Progress
from tonearm.fetch.throttle import Standing, Throttle
from tonearm.fetch.writer import on_thread
from tonearm.model import Media


@dataclass(frozen=True, slots=True)
class Received:
    """A whole body on disk, of the right length and checksum. What kind of file it is, nobody has looked at yet."""

    path: Path
    size: int
    resumed_from: int
    """Bytes of an earlier attempt that were kept."""
    content_type: str | None
    """As the server said it; a claim, not a fact."""
    checksum: str | None
    """`algorithm:hex`, computed and compared, when the catalog gave one."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """The means of one download; `run` does it."""

    line: Line
    threads: Executor
    limits: FetchLimits
    boot: str
    media: Media
    folder: Path
    throttle: Throttle
    room: Room
    standing: Standing
    progress: Callable[[Progress], None]

    async def run(self) -> Received:
        """Fetch the medium whole.

        Raises:
            FetchError: why not. Bytes that may be continued stay in the folder, others are removed.
        """
        wanted = part.describe(self.media, read_url(self.media.url), self.boot)
        try:
            self._check_size(wanted.size)
            old = await on_thread(self.threads, self.folder, lambda: part.find(self.folder, wanted))
            received = await self._attempt(wanted, old)
            if received is None:
                await self._drop()
                received = await self._attempt(wanted, None)
        except (Corrupt, TooLarge):
            await self._drop()
            raise
        assert received is not None, "only a continued transfer can be turned down"
        return received

    async def _attempt(self, wanted: Sidecar, old: Beginning | None) -> Received | None:
        """Ask once; None when the *old* bytes turned out not to belong to what the server has."""
        terms = {"Accept": "*/*", "Accept-Encoding": "identity"}
        if old is not None:
            terms |= {"Range": f"bytes={old.offset}-", "If-Range": old.validator}
        buffer = self.throttle.read_buffer(READ_BUFFER)
        request = Request(self.media.url, terms, own=media_fields(self.media.headers), buffer=buffer)
        async with self.line.ask(request) as response:
            if old is not None and response.status in (206, 416):
                return await self._receive(response, old.sidecar, old.offset) if _continues(response, old) else None
            self._check_answer(response)
            validator, size = strong_validator(response.headers), response.content_length
            sidecar = msgspec.structs.replace(wanted, validator=validator, size=size)
            return await self._receive(response, sidecar, 0)

    def _check_answer(self, response: ClientResponse) -> None:
        peer = HostPort.of(response.url)
        if response.status != 200:
            raise status_failure(peer, response)
        if is_encoded(response.headers):
            raise Corrupt(f"{peer} sent a compressed body, which was not asked for")
        announced, expected = response.content_length, self.media.size_bytes
        self._check_size(announced)
        if None not in (announced, expected) and announced != expected:
            raise Corrupt(f"The file is {announced} bytes long, not {expected} as the catalog says")

    def _check_size(self, size: int | None) -> None:
        if size == 0:
            raise Corrupt("The file is empty")
        if size is not None and size > self.limits.file_bytes:
            limit = self.limits.file_bytes
            raise TooLarge(f"The file has {in_units(size)}; at most {in_units(limit)} are allowed", limit_bytes=limit)

    async def _receive(self, response: ClientResponse, sidecar: Sidecar, offset: int) -> Received:
        total = sidecar.size if sidecar.size is not None else self.media.size_bytes
        file = PartFile(self.folder, part.algorithm_of(self.media), total=total, room=self.room)
        try:
            await on_thread(self.threads, self.folder, lambda: file.open(offset, sidecar))
            body = Body(
                response,
                file,
                self.threads,
                total=total,
                limit=self.limits.file_bytes,
                lane=self.throttle.lane(self.standing),
                progress=self.progress,
            )
            await body.receive()
            checksum = file.checksum()
        finally:
            await on_thread(self.threads, self.folder, file.close)
        if checksum is not None and self.media.checksum is not None and checksum != self.media.checksum.lower():
            raise Corrupt(f"The checksum of the file is {checksum}, not {self.media.checksum} as the catalog says")
        return Received(
            path=file.path,
            size=file.written,
            resumed_from=offset,
            content_type=response.headers.get("Content-Type"),
            checksum=checksum,
        )

    async def _drop(self) -> None:
        await on_thread(self.threads, self.folder, lambda: part.drop(self.folder))


def _continues(response: ClientResponse, old: Beginning) -> bool:
    sent, size = content_range(response.headers), old.sidecar.size
    if response.status != 206 or sent is None or is_encoded(response.headers):
        return False
    if (sent.first, sent.last + 1, sent.total) != (old.offset, size, size):
        return False
    if response.content_length not in (None, sent.total - sent.first):
        return False
    return "ETag" not in response.headers or strong_validator(response.headers) == old.validator
