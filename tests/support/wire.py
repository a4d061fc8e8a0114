"""A wire that can be cut: it stands before a TCP server, and its connections break, stall or are refused on command.

    async with Wire(redis.port) as wire:
        ... connect to redis.url_of(None, None, port=wire.port) ...
        wire.cut_after(17)   # 17 more bytes of replies arrive, then the connection that brought them ends
        wire.stall()         # connections stay open and nothing passes, either way
        wire.flow()          # what was held back passes
        await wire.refuse()  # all connections are reset, and new ones refused
        await wire.accept()  # as it was at first

It knows nothing of what passes. `tests.support.cutting` is the one for HTTP. It lives in the loop of the test, which
must not be blocked meanwhile.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import closing, suppress
from typing import Self

from tests.support.server import free_port

_PIECE = 65_536


class Wire:
    """The way to *upstream*, a port of 127.0.0.1. It counts what was done: connections taken, cut, and bytes passed."""

    def __init__(self, upstream: int) -> None:
        self.port = free_port()
        self.taken = 0
        self.cuts = 0
        self.replied = 0
        self._upstream = upstream
        self._left: int | None = None
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._open: dict[asyncio.Task[None], _Ends | None] = {}
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.accept()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.refuse()

    @property
    def connections(self) -> int:
        """How many are open now."""
        return len(self._open)

    def cut_after(self, size: int) -> None:
        """Let *size* more bytes of replies pass, of all connections together, and end the one that would bring more.

        With 0 what is asked for next is done, and its reply never arrives.
        """
        self._left = size

    def spare(self) -> None:
        """Forget `cut_after`, if it has not come to that yet."""
        self._left = None

    def cut(self) -> None:
        """Reset all connections now."""
        for visit, ends in self._open.items():
            if ends is not None:
                self.cuts += 1
                ends.reset()
                visit.cancel()

    def stall(self) -> None:
        """Hold back everything, in both directions, from now on. New connections are taken, and stall too."""
        self._flowing.clear()

    def flow(self) -> None:
        """Let pass again, first what was held back."""
        self._flowing.set()

    async def refuse(self) -> None:
        """Reset all connections, and listen no more."""
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            await asyncio.wait([listening])
        await asyncio.sleep(0)  # what was just taken begins, so that it can end
        self.cut()
        visits = list(self._open)
        for visit in visits:
            visit.cancel()
        await asyncio.gather(*visits, return_exceptions=True)

    async def accept(self) -> None:
        """Listen, on the port that it always had."""
        if self._listening is None:
            listener = socket.create_server(("127.0.0.1", self.port))
            listener.setblocking(False)
            self._listening = asyncio.create_task(self._listen(listener))

    # --- one connection ---------------------------------------------------------------------------------------------

    async def _listen(self, listener: socket.socket) -> None:
        # asyncio's own server hands a connection over a moment after it was taken, when nobody may be there any more.
        with listener:
            while True:
                taken, _ = await asyncio.get_running_loop().sock_accept(listener)
                self.taken += 1
                visit = asyncio.create_task(self._take(taken))
                self._open[visit] = None
                visit.add_done_callback(self._open.pop)

    async def _take(self, taken: socket.socket) -> None:
        visit = asyncio.current_task()
        assert visit is not None
        reader, writer = await asyncio.open_connection(sock=taken)
        with closing(writer):
            try:
                source, target = await asyncio.open_connection("127.0.0.1", self._upstream)
            except OSError:
                writer.transport.abort()
                return
            with closing(target):
                self._open[visit] = ends = _Ends(writer, target)
                async with asyncio.TaskGroup() as ways:
                    ways.create_task(self._ask(reader, ends))
                    ways.create_task(self._reply(source, ends))

    async def _ask(self, reader: asyncio.StreamReader, ends: _Ends) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                await self._flowing.wait()
                ends.target.write(piece)
                await ends.target.drain()
        ends.close()

    async def _reply(self, source: asyncio.StreamReader, ends: _Ends) -> None:
        with suppress(OSError):
            while piece := await source.read(_PIECE):
                await self._flowing.wait()
                passing = self._passing(piece)
                ends.writer.write(passing)
                self.replied += len(passing)
                await ends.writer.drain()
                if len(passing) < len(piece):
                    self.cuts += 1
                    break
        ends.close()

    def _passing(self, piece: bytes) -> bytes:
        """What of this piece of a reply may pass; less than all of it once, where the wire is to be cut."""
        if self._left is None:
            return piece
        if len(piece) <= self._left:
            self._left -= len(piece)
            return piece
        passing, self._left = piece[: self._left], None
        return passing


class _Ends:
    """Both ends of one connection: to who asks, and to the server."""

    def __init__(self, writer: asyncio.StreamWriter, target: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.target = target

    def close(self) -> None:
        """End both in good order."""
        self.writer.close()
        self.target.close()

    def reset(self) -> None:
        """End both with RST, as a network that breaks does."""
        for end in (self.writer, self.target):
            with suppress(OSError):  # it was closed already
                end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.transport.abort()
