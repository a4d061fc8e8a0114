"""Hosts and URLs: what may be asked for at all, and the name under which a host is known.

Everything that depends on "the same host" (allowances, credentials, redirects) compares `HostPort`, never text. Which
addresses may be reached is the guard's business, not this module's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Self

from yarl import URL

from tonearm.errors import BadAnswer

# A URL of these characters alone goes out exactly as it came (RFC 3986 section 2): a signature may cover every escape.
_SENDABLE = re.compile(r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%]+")
_LONGEST = 8_000


@dataclass(frozen=True, slots=True)
class HostPort:
    """A host and a port; the port None stands for any.

    Spelling does not matter: case, a final dot, IDNA, the zeros of IPv6.
    """

    host: str
    port: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "host", _plain_host(self.host))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `host`, `host:port`, `[::1]:port` or a bare IPv6 address.

        Raises:
            ValueError: it is none of them.
        """
        if text.count(":") > 1 and not text.startswith("["):
            text = f"[{text}]"
        url = URL(f"//{text}")
        if not url.raw_host or any(mark in text for mark in "/?#@"):
            raise ValueError(f"{text!r} is not a host or host:port")
        return cls(url.raw_host, url.explicit_port)

    @classmethod
    def of(cls, url: URL | str) -> Self:
        """Name the host and port that *url* (http or https) asks for, default ports filled in."""
        url = URL(url)
        return cls(url.raw_host or "", url.port)

    def covers(self, other: HostPort) -> bool:
        """Tell whether *other* is this host at this port, or at any where this one names none."""
        return self.host == other.host and self.port in (None, other.port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"


def read_url(text: str) -> URL:
    """Accept an absolute http or https URL.

    Raises:
        BadAnswer: another scheme, no host, credentials inside, or not a URL.
    """
    if len(text) > _LONGEST:
        raise BadAnswer("The URL is too long")
    try:
        url = URL(text, encoded=_SENDABLE.fullmatch(text) is not None)
        port = url.port  # reading it may find that it is none
    except ValueError as error:
        raise BadAnswer("That is not a URL") from error
    if url.scheme not in ("http", "https"):
        raise BadAnswer(f"Only http and https URLs are fetched, not {url.scheme or 'one without a scheme'}")
    if not url.raw_host or not port:
        raise BadAnswer("The URL names no host")
    if url.raw_user is not None or url.raw_password is not None:
        raise BadAnswer("A URL with credentials in it is not fetched")
    return url


def _plain_host(host: str) -> str:
    host = host.strip("[]").removesuffix(".").lower()
    try:
        return ip_address(host).compressed
    except ValueError:
        pass
    try:
        return host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError:
        return host
