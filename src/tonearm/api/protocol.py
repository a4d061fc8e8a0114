"""The protocol of a connection: uvicorn's, with bounds on what a peer may take of our patience and memory.

A head (request line and headers) has a size and a time. A body that goes on after its request was answered, as after
413, is dropped unread for a short while, so that the peer can read the answer, and then the connection is closed. A
peer that takes nothing of what waits for it is left after a while, and when there are too many connections, idle ones
are (`tonearm.api.room`).
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from tonearm.api.browsers import PROTECTION
from tonearm.api.requests import REQUEST_ID, new_request_id
from tonearm.api.room import Room
from tonearm.api.streams import ABORT

AUTHORITY = "tonearm.authority"
"""Where the scope has the authority of a target that is a whole URL; missing for a plain path."""

HEAD_BYTES = 32_768
"""The most bytes of request line and headers."""

HEAD_SECONDS = 10.0
"""The longest time from the first byte of a head (or from connecting) to its end."""

LINGER_SECONDS = 2.0
"""How long the rest of an answered request is dropped before the connection is closed."""

STALL_SECONDS = 30.0
"""How long a peer may take nothing at all of an answer that waits for it; then the connection ends."""

_AUTHORITY = re.compile(rb"[^/?#]*//(?P<authority>[^/?#]*)")

WRITE_BYTES = 32_768
"""What lies ready for a peer that does not read; beyond it whoever answers waits."""


log = structlog.get_logger("api")


class HeadTooLarge(Exception):
    """Raised into the parser, which then answers 400 and closes."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    room: Room
    """The connections of the same server."""

    _timer: asyncio.TimerHandle | None = None
    _stall: asyncio.TimerHandle | None = None
    _in_head = True
    _head_raw = 0
    """Bytes that came since the head began; a line that has no end yet is known only from these. What came in one piece
    with the end of the body before is not counted.
    """
    _head_parsed = 0
    """Bytes of the lines that were read; what came in one piece with a body is known only from these."""
    _message_ended = False
    """A request was whole with the piece that came last."""
    _receiving = False
    """A body is on its way."""
    _answering = False
    """A request has no whole answer yet."""

    @classmethod
    def within(cls, room: Room) -> type[BoundedProtocol]:
        """The protocol of a server with this room."""
        return type(cls.__name__, (cls,), {"room": room})

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        super().connection_made(transport)
        self.room.enter(self, self.loop.time())
        transport.set_write_buffer_limits(high=WRITE_BYTES)
        self._set_timer(HEAD_SECONDS)

    def connection_lost(self, exc: Exception | None) -> None:
        self._set_timer(None)
        self._end_stall()
        self.room.leave(self)
        super().connection_lost(exc)

    def drop(self) -> None:
        """End at once, since there is no room for it."""
        self.transport.abort()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_again(self.transport.get_write_buffer_size())

    def resume_writing(self) -> None:
        if not self.transport.is_closing():
            self._end_stall()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()  # which closes when the rest has been read
        self._look_again(self.transport.get_write_buffer_size())

    def data_received(self, data: bytes) -> None:
        if self._in_head and self._timer is None:
            self._set_timer(HEAD_SECONDS)
        self._message_ended = False
        super().data_received(data)
        if self._in_head and not self._message_ended:
            self._head_raw += len(data)
            if self._head_raw > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]  # it may have names of its own
        scope[ABORT] = self.transport.abort

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._set_timer(None)
        self._in_head, self._receiving, self._answering = False, True, True
        self.room.busy(self)
        self._head_raw = self._head_parsed = 0
        if not self.url.startswith(b"/"):
            found = _AUTHORITY.match(self.url)
            self.scope[AUTHORITY] = (found["authority"] if found else self.url).decode("latin-1")  # type: ignore[literal-required]  # ours
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self._set_timer(None)
        self._in_head, self._receiving, self._message_ended = True, False, True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        self._answering = False
        if not self.pipeline:
            self.room.idle(self)
        super().on_response_complete()
        if self._receiving and not self.transport.is_closing():
            self._set_timer(LINGER_SECONDS)

    def send_400_response(self, msg: str) -> None:
        """Answer what is no request, protected like any answer, and close."""
        text = msg.encode("ascii", "replace")
        headers = {
            **PROTECTION,
            REQUEST_ID: (request_id := new_request_id()),
            "Content-Type": "text/plain; charset=utf-8",
            "Content-Length": str(len(text)),
            "Connection": "close",
        }
        lines = ["HTTP/1.1 400 Bad Request", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        log.debug("What came is no request", status=400, error=msg, request_id=request_id)
        self.transport.write("\r\n".join(lines).encode("ascii") + text)
        self.transport.close()

    def _unsupported_upgrade_warning(self) -> None:
        """An upgrade that we do not offer is ignored, as RFC 9110 7.8 allows; nobody needs to hear of it."""

    def _count(self, size: int) -> None:
        self._head_parsed += size
        if self._head_parsed > HEAD_BYTES:
            raise HeadTooLarge

    def _look_again(self, waiting: int) -> None:
        """Look later whether any of the *waiting* bytes has gone."""
        self._end_stall()
        self._stall = self.loop.call_later(STALL_SECONDS, self._look, waiting)

    def _look(self, waited: int) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting < waited:
            self._look_again(waiting)
        else:
            self.transport.abort()

    def _end_stall(self) -> None:
        if self._stall is not None:
            self._stall.cancel()
            self._stall = None

    def _set_timer(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._timer = None
        if self._answering:
            self._set_timer(HEAD_SECONDS)  # what ran out is the time of the next request
        elif not self.transport.is_closing():
            self.transport.close()
