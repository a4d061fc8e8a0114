"""Transport: one request and its answer over one kept connection, repeated where that is safe.

Python's own `http.client` carries it: it imports in 20 ms where aiohttp takes 400, and all that is asked of it here is
small JSON over one connection, and an archive now and then. Proxies of the environment are not used and redirects are
not followed. What an answer means is not known here. Not for use from several threads at once.
"""

from __future__ import annotations

import http.client
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from tonearm.client import exchange
from tonearm.client.exchange import Answer, Request, ServerAddress, length_of, no_answer, retry_after_ms
from tonearm.client.receiving import Arriving, Received, part_of

T = TypeVar("T")


class Download(Received):
    """An answer's body that is read piece by piece, once."""

    def __init__(self, response: http.client.HTTPResponse, size: int, close: Callable[[], None]) -> None:
        super().__init__(size, response.getheader("Content-Disposition"))
        self._response = response
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        """The body; what is left of it when the iteration is given up closes the connection.

        Raises:
            CutOff: the connection ended before the body.
        """
        try:
            while self.due:
                try:
                    piece = self._response.read1(self.due)
                except (OSError, http.client.HTTPException):
                    piece = b""
                yield self.take(piece)
        finally:
            self._response.close()
            if self.left or self._response.will_close:
                self._close()

    def save(self, path: Path, on_piece: Arriving | None = None) -> None:
        """Write the body to *path*, which has its name only when it is whole. A file of this name is replaced.

        Raises:
            CutOff: the connection ended before the body; nothing is kept.
            OSError: it cannot be written.
        """
        with part_of(path) as file:
            for piece in self:
                file.write(piece)
                if on_piece is not None:
                    on_piece(self.size - self.left)


class Stream:
    """A body without end, read as it arrives; for a connection of its own. *address* names the server in errors."""

    def __init__(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, address: ServerAddress
    ) -> None:
        self._connection = connection
        self._response = response
        self._address = address

    def __iter__(self) -> Iterator[bytes]:
        """The pieces, until the server ends the stream.

        Raises:
            ServerUnreachable: the connection broke, or nothing came for too long.
        """
        while True:
            try:
                piece = self._response.read1(exchange.PIECE_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise no_answer(self._address, error) from error
            if not piece:
                return
            yield piece

    def close(self) -> None:
        """Close the connection."""
        self._response.close()
        self._connection.close()


class Transport:
    """A connection to one server, opened when needed and kept between calls. *timeout* in seconds, for each step.

    *credentials*: headers for this server, and for no other.
    """

    def __init__(
        self, address: ServerAddress, *, timeout: float, sleep: Callable[[float], None], credentials: dict[str, str]
    ) -> None:
        self._address = address
        self._credentials = credentials
        self._timeout = timeout
        self._sleep = sleep
        self._connection: http.client.HTTPConnection | None = None

    def send(self, request: Request) -> Answer:
        """Send a request and read its answer.

        A failed connection is tried again, a request that may have arrived only if it is repeatable.

        Raises:
            ServerUnreachable: no answer, or one that is not HTTP.
        """
        return self._repeated(
            lambda connection: self._read(self._request(connection, request)), repeatable=request.repeatable
        )

    def download(self, request: Request, content_type: str) -> Download | Answer:
        """Ask for a body of this content type, which is read by iterating; any other answer is read at once.

        No other call may come between.

        Raises:
            ServerUnreachable: no answer, or one that is not HTTP.
        """

        def ask(connection: http.client.HTTPConnection) -> Download | Answer:
            response = self._request(connection, request)
            if response.status == http.client.OK and response.getheader("Content-Type") == content_type:
                size = length_of(response.getheader("Content-Length"))
                if size is None:
                    raise http.client.HTTPException(exchange.UNMEASURED)
                return Download(response, size, self.close)
            return self._read(response)

        return self._repeated(ask, repeatable=True)

    def stream(self, request: Request, content_type: str, silence: float) -> Stream | Answer:
        """Open a body without end of this content type; any other answer is read at once. Tried once.

        *silence*: seconds without a byte after which the stream is dead.

        Raises:
            ServerUnreachable: no answer, or one that is not HTTP.
        """
        connection = self._new()
        kept: Stream | None = None
        try:
            connection.connect()
            line: socket.socket = connection.sock  # which the connection forgets when the stream ends with it
            response = self._request(connection, request)
            if response.status == http.client.OK and response.headers.get_content_type() == content_type:
                line.settimeout(silence)
                kept = Stream(connection, response, self._address)
                return kept
            return self._read(response)
        except (OSError, http.client.HTTPException) as error:
            raise no_answer(self._address, error) from error
        finally:
            if kept is None:
                connection.close()

    def _repeated(self, ask: Callable[[http.client.HTTPConnection], T], *, repeatable: bool) -> T:
        if not repeatable:
            self.close()  # a kept connection may have been closed meanwhile, and only an old one fails that way
        for delay in (*exchange.REPEAT_DELAYS, None):
            try:
                connection = self._connect()
            except OSError as error:
                if delay is None:
                    raise no_answer(self._address, error) from error
            else:
                try:
                    return ask(connection)
                except (OSError, http.client.HTTPException) as error:
                    self.close()
                    if delay is None or not repeatable:
                        raise no_answer(self._address, error) from error
            self._sleep(delay)
        raise AssertionError  # the last round returns or raises

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            connection = self._new()
            connection.connect()
            self._connection = connection
        return self._connection

    def _new(self) -> http.client.HTTPConnection:
        kind = http.client.HTTPSConnection if self._address.secure else http.client.HTTPConnection
        return kind(self._address.host, self._address.port, timeout=self._timeout)

    def _request(self, connection: http.client.HTTPConnection, request: Request) -> http.client.HTTPResponse:
        path = self._address.base + request.path
        connection.timeout = request.patience or self._timeout
        if connection.sock is not None:  # else it is opened again, with this limit
            connection.sock.settimeout(connection.timeout)
        headers = {name: value.encode() for name, value in (request.headers | self._credentials).items()}
        connection.request(request.method, path, request.body, headers)
        return connection.getresponse()

    def _read(self, response: http.client.HTTPResponse) -> Answer:
        data = response.read(exchange.MAX_ANSWER_BYTES + 1)
        if len(data) > exchange.MAX_ANSWER_BYTES:
            raise http.client.HTTPException(exchange.TOO_LONG)
        if response.length:
            raise http.client.IncompleteRead(data, response.length)
        if response.will_close:
            self.close()
        return Answer(
            response.status,
            response.getheader("Content-Type", ""),
            data,
            retry_after_ms(response.getheader("Retry-After")),
        )
