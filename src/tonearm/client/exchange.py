"""Exchange: what goes out and what comes back, whatever carries it.

An address, a request with its headers, an answer, and how long a refused call waits before it is said again. Nothing
here opens a connection, and what an answer means is not known here.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import collapse_rfc2231_value, parsedate_to_datetime
from urllib.parse import urlsplit

from tonearm.errors import ServerUnreachable

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A longer answer is not one of our server."""

TOO_LONG = "the answer is too long"
UNMEASURED = "the answer does not say how long it is"

PIECE_BYTES = 256 * 1024
"""About how much of a download is read at a time."""

REPEAT_DELAYS = (0.05, 0.25)
"""Seconds before the second and the third try of a call whose connection failed."""

LONGEST_WAIT_MS = 900_000
"""A `Retry-After` beyond this (a daily quota, say) is not waited out but raised, milliseconds."""


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
class Request:
    """One request; *path* is below the address's base.

    *repeatable*: said twice it has the effect of once. *key*: drawn for it, so that the server knows it again.
    *last_id*: the event behind which a stream goes on. *patience*: seconds that its answer may take, where that is more
    than a usual one's.
    """

    method: str
    path: str
    body: bytes | None = None
    repeatable: bool = True
    key: str | None = None
    accept: str = "application/json"
    last_id: str = ""
    patience: float = 0.0

    @property
    def headers(self) -> dict[str, str]:
        """The headers of this request, to be sent as UTF-8. The API key belongs to the connection, not here."""
        headers = {"Accept": self.accept, "Accept-Encoding": "identity", "User-Agent": "tonearm"}
        if self.body is not None:
            headers["Content-Type"] = "application/json"
        if self.key is not None:
            headers["Idempotency-Key"] = self.key
        if self.last_id:
            headers["Last-Event-ID"] = self.last_id
        return headers


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read to its end. *retry_after_ms*: the server's wish, milliseconds from now."""

    status: int
    content_type: str
    body: bytes
    retry_after_ms: int | None


class Patience:
    """How long one call may still wait for limits and outages that the server itself says the end of.

    *seconds*: for all the waits of the call together.
    """

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    def wait_for(self, answer: Answer, *, repeatable: bool) -> float | None:
        """Seconds until the request may be said again, None if the answer is the last word.

        After a 429 nothing was done; after a 503 that is not certain, so that only a repeatable call is said again.
        """
        asked = answer.retry_after_ms
        again = answer.status == 429 or (answer.status == 503 and repeatable)
        if not again or asked is None or asked > LONGEST_WAIT_MS:
            return None
        delay = max(1.0, asked / 1000)
        if delay > self._left:
            return None
        self._left -= delay
        return delay


def authorization(api_key: str | None) -> dict[str, str]:
    """The header that carries *api_key*, or none.

    Raises:
        ValueError: no such key can stand in a header; the text does not show it.
    """
    if api_key is None:
        return {}
    if not api_key or not api_key.isascii() or not api_key.isprintable() or " " in api_key:
        raise ValueError("an API key is made of letters, digits and signs of ASCII, without spaces")
    return {"Authorization": f"Bearer {api_key}"}


def naps(seconds: float) -> Iterator[tuple[float, float]]:
    """A wait cut into naps of at most a second, so that somebody can be told: what is left, and the next nap."""
    for _ in range(math.ceil(seconds)):
        yield seconds, min(1.0, seconds)
        seconds -= 1.0


def retry_after_ms(value: str | None) -> int | None:
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


def length_of(value: str | None) -> int | None:
    """Bytes of a body by its `Content-Length`, None if that does not say; such a body could be cut unseen."""
    return int(value) if value and value.isascii() and value.isdecimal() else None


def file_name(disposition: str | None) -> str | None:
    """The name in Content-Disposition, the full one where it stands beside a plain one (RFC 6266, section 4.3)."""
    message = Message()
    message["Content-Disposition"] = disposition or ""
    parameters = message.get_params([], header="content-disposition")
    names = [value for name, value in parameters if name == "filename"]
    return collapse_rfc2231_value(names[-1]) if names else None


def no_answer(address: ServerAddress, error: BaseException) -> ServerUnreachable:
    """The error for a connection to *address* that failed with *error*."""
    reason = str(error) or type(error).__name__
    if isinstance(error, TimeoutError):
        reason = "timed out"
    elif isinstance(error, ConnectionError) and error.errno:
        reason = os.strerror(error.errno)  # asyncio has words of its own in its place
    elif isinstance(error, OSError) and error.strerror:
        reason = error.strerror
    return ServerUnreachable(f"No Tonearm server answers at {address} ({reason})")
