"""Addresses: who is told, and what may be shown of it.

A webhook's URL is often a secret by itself, in its path or query, so it is kept nowhere but in the settings: the store
knows an address by its digest, and people see its scheme, host and port. In the URL of a service that takes messages
(Apprise's) the secret often stands where a host would, so of that they see its scheme alone.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from yarl import URL

DIGITS = 16
"""Hexadecimal digits of a digest."""


@dataclass(frozen=True, slots=True)
class Address:
    """One address: *url* and *headers* are what a request needs, *target* its name in the store."""

    target: str
    shown: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)


def addresses_of(urls: Iterable[str]) -> tuple[Address, ...]:
    """The addresses behind these URLs, each once."""
    return tuple(_address(url) for url in dict.fromkeys(urls))


def services_of(urls: Iterable[str]) -> tuple[Address, ...]:
    """The addresses behind these URLs of Apprise, each once; none is that of a webhook with the same URL."""
    return tuple(
        Address(_digest(f"apprise {url}"), f"{url.partition(':')[0].lower()}://***", url, {})
        for url in dict.fromkeys(urls)
    )


def _address(text: str) -> Address:
    """Credentials in a URL become a header: in the URL itself they would stand in texts about it."""
    url = URL(text)
    headers: dict[str, str] = {}
    if url.user is not None or url.password is not None:
        pair = f"{url.user or ''}:{url.password or ''}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        text = str(url.with_user(None))
    return Address(_digest(str(url)), str(url.origin()), text, headers)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]
