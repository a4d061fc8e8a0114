"""Transport: one request and its answer over one kept connection, repeated where that is safe.

Python's own `http.client` carries it: it imports in 20 ms where aiohttp takes 400, and all that is asked of it here is
small JSON over one connection, and an archive now and then. Proxies of the environment are not used and redirects are
not followed. What an answer means is not known here. Not for use from several threads at once.
"""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import collapse_rfc2231_value, parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

from tonearm.errors import CutOff, ServerUnreachable

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A longer answer is not one of our server."""

PIECE_BYTES = 256 * 1024
"""About how much of a download is read at a time."""

REPEAT_DELAYS = (0.05, 0.25)
"""Seconds before the second and the third try of a call whose connection failed."""


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server is: `http[s]://host[:port][/base]`. *base* has no slash at its end."""

    secure: bool
    host: str
    port: int | None
    base: str

    @classmethod
    def parse(cls, url: str) -> ServerAddress:
        """Read an address.

        Raises:
            ValueError: not an http or https URL of a server; the text says what is wrong.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"'{url}' is not a server address; write http://host:port")
        if parts.query or parts.fragment or parts.username is not None:
            raise ValueError(f"'{url}' has more than a server address; write http://host:port")
        if not url.isprintable() or " " in url:
            raise ValueError("a server address has no spaces or control characters")
        return cls(parts.scheme == "https", parts.hostname, parts.port, parts.path.rstrip("/"))

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{'https' if self.secure else 'http'}://{host}{port}{self.base}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end. *retry_after_ms*: the server's wish, milliseconds from now."""

    status: int
    content_type: str
    body: bytes
    retry_after_ms: int | None


class Download:
    """An answer's body that is read piece by piece, once. *name*: what the server would call it, whatever that is."""

    def __init__(self, response: http.client.HTTPResponse, close: Callable[[], None]) -> None:
        self.size = _length(response)
        """Bytes of the whole."""
        self.name = _file_name(response)
        self._response = response
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        """The body; what is left of it when the iteration is given up closes the connection.

        Raises:
            CutOff: the connection ended before the body.
        """
        left = self.size
        try:
            while left:
                try:
                    piece = self._response.read1(min(left, PIECE_BYTES))
                except (OSError, http.client.HTTPException):
                    piece = b""
                if not piece:
                    raise CutOff(f"The server stopped after {self.size - left} of {self.size} bytes")
                left -= len(piece)
                yield piece
        finally:
            self._response.close()
            if left or self._response.will_close:
                self._close()


class Transport:
    """A connection to one server, opened when needed and kept between calls. *timeout* in seconds, for each step."""

    def __init__(self, address: ServerAddress, *, timeout: float, sleep: Callable[[float], None]) -> None:
        self._address = address
        self._timeout = timeout
        self._sleep = sleep
        self._connection: http.client.HTTPConnection | None = None

    def send(self, method: str, path: str, body: bytes | None = None, *, repeatable: bool) -> Answer:
        """Send a request and read its answer; *path* is below the address's base.

        A failed connection is tried again, a request that may have arrived only if *repeatable*.

        Raises:
            ServerUnreachable: no answer, or one that is not HTTP.
        """
        return self._repeated(lambda connection: self._exchange(connection, method, path, body), repeatable=repeatable)

    def download(self, path: str, content_type: str) -> Download | Answer:
        """Ask for a body of this content type, which is read by iterating; any other answer is read at once.

        No other call may come between.

        Raises:
            ServerUnreachable: no answer, or one that is not HTTP.
        """

        def ask(connection: http.client.HTTPConnection) -> Download | Answer:
            response = self._request(connection, "GET", path, None, f"{content_type}, application/json")
            if response.status == http.client.OK and response.getheader("Content-Type") == content_type:
                return Download(response, self.close)
            return self._read(response)

        return self._repeated(ask, repeatable=True)

    def _repeated(self, ask: Callable[[http.client.HTTPConnection], T], *, repeatable: bool) -> T:
        if not repeatable:
            self.close()  # a kept connection may have been closed meanwhile, and only an old one fails that way
        for delay in (*REPEAT_DELAYS, None):
            try:
                connection = self._connect()
            except OSError as error:
                if delay is None:
                    raise self._unreachable(error) from error
            else:
                try:
                    return ask(connection)
                except (OSError, http.client.HTTPException) as error:
                    self.close()
                    if delay is None or not repeatable:
                        raise self._unreachable(error) from error
            self._sleep(delay)
        raise AssertionError  # the last round returns or raises

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> http.client.HTTPConnection:
        if self._connection is None:
            kind = http.client.HTTPSConnection if self._address.secure else http.client.HTTPConnection
            connection = kind(self._address.host, self._address.port, timeout=self._timeout)
            connection.connect()
            self._connection = connection
        return self._connection

    def _exchange(self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None) -> Answer:
        return self._read(self._request(connection, method, path, body, "application/json"))

    def _request(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, accept: str
    ) -> http.client.HTTPResponse:
        headers = {"Accept": accept, "User-Agent": "tonearm"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, self._address.base + path, body, headers)
        return connection.getresponse()

    def _read(self, response: http.client.HTTPResponse) -> Answer:
        data = response.read(MAX_ANSWER_BYTES + 1)
        if len(data) > MAX_ANSWER_BYTES:
            raise http.client.HTTPException("the answer is too long")
        if response.will_close:
            self.close()
        return Answer(
            response.status,
            response.getheader("Content-Type", ""),
            data,
            _retry_after_ms(response.getheader("Retry-After")),
        )

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        reason = str(error) or type(error).__name__
        if isinstance(error, OSError) and error.strerror:
            reason = error.strerror
        return ServerUnreachable(f"No Tonearm server answers at {self._address} ({reason})")


def _length(response: http.client.HTTPResponse) -> int:
    """Bytes of the body; one that comes without its length could be cut without anybody's seeing it."""
    length = response.getheader("Content-Length", "")
    if not (length.isascii() and length.isdecimal()):
        raise http.client.HTTPException("the answer does not say how long it is")
    return int(length)


def _file_name(response: http.client.HTTPResponse) -> str | None:
    """The name in Content-Disposition, the full one where it stands beside a plain one (RFC 6266, section 4.3)."""
    parameters = response.msg.get_params([], header="content-disposition")
    names = [value for name, value in parameters if name == "filename"]
    return collapse_rfc2231_value(names[-1]) if names else None


def _retry_after_ms(value: str | None) -> int | None:
    """Milliseconds from a `Retry-After` header (RFC 9110 10.2.3: seconds, or a date), None if there is none to read."""
    if value is None:
        return None
    if value.isascii() and value.isdecimal():
        return int(value[:9]) * 1000
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0, round((moment - datetime.fromtimestamp(time.time(), UTC)).total_seconds() * 1000))
