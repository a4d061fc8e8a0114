"""A proxy that cuts: it stands before a web server and ends answers after a number of bytes of their body.

    async with CuttingProxy(web.url, Random(7), cuts=5) as proxy:
        ... fetch f"{proxy.url}/song.flac" until it is whole ...
        assert [passed.whole for passed in proxy.answers] == [False] * 5 + [True]

The first *cuts* answers that have more than a byte are cut, each at a random byte and with a regular end of the
connection, so that everything counted as sent did leave. It reads only as much HTTP as counting needs: one request a
connection, answers with a length.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Self
from urllib.parse import urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_RANGE = re.compile(rb"\r\nrange: *bytes=(\d+)-", re.IGNORECASE)
_CONTENT_RANGE = re.compile(rb"\r\ncontent-range: *bytes (\d+)-", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Passed:
    """One answer: the first byte asked for, the first byte sent, and how many bytes of the body left of how many."""

    asked: int
    start: int
    sent: int
    length: int

    @property
    def whole(self) -> bool:
        """Whether it was not cut."""
        return self.sent == self.length

    @property
    def end(self) -> int:
        """The place in the file behind the last byte that left."""
        return self.start + self.sent


class CuttingProxy:
    """The proxy before *upstream*, a base URL; where it cuts comes from *moments*."""

    def __init__(self, upstream: str, moments: Random, *, cuts: int) -> None:
        self.answers: list[Passed] = []
        self._upstream = urlsplit(upstream)
        self._moments = moments
        self._cuts = cuts
        self._visits = set[asyncio.Task[None]]()
        self.url = ""

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for visit in self._visits:
            visit.cancel()
        await asyncio.gather(*self._visits, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._visits.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._pass(reader, writer)
        finally:
            self._visits.discard(task)
            writer.close()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        source, target = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        try:
            target.write(request)
            head = await source.readuntil(b"\r\n\r\n")
            writer.write(head)
            length = _number(_LENGTH, head)
            end = self._end_of(length)
            sent = 0
            try:
                while sent < end:
                    piece = await source.read(min(65_536, end - sent))
                    assert piece, "the web server itself ended before its announced length"
                    writer.write(piece)
                    await writer.drain()
                    sent += len(piece)
            finally:
                self.answers.append(Passed(_number(_RANGE, request), _number(_CONTENT_RANGE, head), sent, length))
        finally:
            target.close()

    def _end_of(self, length: int) -> int:
        if self._cuts == 0 or length < 2:
            return length
        left, self._cuts = self._cuts, self._cuts - 1
        # Not anywhere in the rest: then the first cuts would leave little to the others.
        return self._moments.randrange(1, max(2, 2 * length // (left + 1)))


def _number(pattern: re.Pattern[bytes], head: bytes) -> int:
    found = pattern.search(head)
    return int(found[1]) if found else 0
