"""Framing: where an answer ends, and what becomes of the bytes around its ends.

aiohttp's own protocol, with four rules beside it:

* A head goes to the parser by itself, and what lies behind it after that. So bytes beyond the announced end are
  dropped however they arrive; in one piece with the head they would make the whole answer invalid.
* A body whose framing breaks in the middle fails at once, and not when a time limit runs out.
* What was received of a body before its connection broke is not thrown away: `unread` has it.
* Silence is the peer's: while reading stands because of us, or when the body has ended, its time does not run.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

import aiohttp
from aiohttp import hdrs
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.streams import StreamReader

_HEAD_END = b"\r\n\r\n"
_SEAM = len(_HEAD_END) - 1


class BrokenFraming(aiohttp.ClientPayloadError):
    """What came after some of the body is neither body nor its end."""


class Connector(aiohttp.TCPConnector):
    """A pool of connections that keep the rules above."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory = partial(_protocol, loop=self._loop)


def _protocol(loop: asyncio.AbstractEventLoop) -> ResponseHandler:
    return AnswerProtocol(loop)


class AnswerProtocol(ResponseHandler):
    """One connection to a server. The methods are aiohttp's, which calls them on the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.unread = b""
        """What nobody had read of the last body when the connection broke in the middle of it."""
        self._body: StreamReader | None = None
        self._announced = False
        self._seam = b""

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        message, self._body = data
        self._announced = message.chunked or hdrs.CONTENT_LENGTH in message.headers
        super().feed_data(data, size)

    def data_received(self, data: bytes) -> None:
        while data and self._awaits_head and (end := self._end_of_head(data)) < len(data):
            super().data_received(data[:end])
            data = data[end:]
        super().data_received(data)
        if isinstance(self.exception(), HttpProcessingError) and (body := self._unfinished) is not None:
            body.set_exception(BrokenFraming("The body is not framed as HTTP has it"))
            self._payload = None  # or the end of the connection would replace the reason

    def resume_reading(self, resume_parser: bool = True) -> None:  # noqa: FBT001, FBT002 - aiohttp's own
        super().resume_reading(resume_parser)
        # It has started the time, although the parser may have had enough left to stop reading again, or the end.
        if self._reading_paused or self._body is None or self._body.is_eof():
            self._drop_timeout()

    def connection_lost(self, exc: BaseException | None) -> None:
        body = self._unfinished
        # A body that announced no end has it here, and keeps its bytes. Reading from a paused one would parse more.
        if body is not None and self._announced and not self._reading_paused:
            with suppress(RuntimeError):  # somebody waits for bytes, so there are none
                self.unread = body.read_nowait()
        super().connection_lost(exc)

    @property
    def _awaits_head(self) -> bool:
        return self.exception() is None and (self._body is None or self._body.is_eof())

    @property
    def _unfinished(self) -> StreamReader | None:
        body = self._body
        return None if body is None or body.is_eof() or body.exception() is not None else body

    def _end_of_head(self, data: bytes) -> int:
        """How much of *data* belongs to the head, which may have begun in what came before."""
        seam, self._seam = self._seam, b""
        if (across := (seam + data[:_SEAM]).find(_HEAD_END)) >= 0:
            return across + len(_HEAD_END) - len(seam)
        if (inside := data.find(_HEAD_END)) >= 0:
            return inside + len(_HEAD_END)
        self._seam = (seam + data[-_SEAM:])[-_SEAM:]
        return len(data)


def unread(response: aiohttp.ClientResponse) -> bytes:
    """What had arrived of the body of *response* when its connection broke, beyond what was read."""
    protocol = response.connection.protocol if response.connection is not None else None
    return protocol.unread if isinstance(protocol, AnswerProtocol) else b""
