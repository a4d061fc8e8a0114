"""Secrets: the values among the settings that nobody but who wrote them should see, as texts to look for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import parse_qsl, unquote, urlsplit

from pydantic import SecretStr

from tonearm.settings.fields import ATTRIBUTES, FIELDS, Settings

TOKEN_LENGTH, PATH_LENGTH = 16, 12
"""From so many characters on, a part of an address is taken for a secret; the second where all its path is one."""


def secrets_of(settings: Settings) -> frozenset[str]:
    """Return every secret of *settings*: texts that are one, passwords in addresses, and what looks like a token in
    the addresses that are not shown whole.
    """
    found: set[str] = set()
    for name, field in FIELDS.items():
        value = getattr(settings, ATTRIBUTES[name])
        if isinstance(value, SecretStr):
            found.add(value.get_secret_value())
        elif not field.repr:
            several = isinstance(value, tuple)  # they are told something, and often the path is the secret
            for address in value if several else (value,):
                found.update(_within(str(address or ""), PATH_LENGTH if several else TOKEN_LENGTH))
    for address in settings.notify_urls:
        found.update(_before_the_path(address))
    return frozenset(found - {""})


def _within(address: str, least: int) -> Iterator[str]:
    """The password of an address, and each part of its path and query of *least* characters. It need not be one that
    leads anywhere.
    """
    parts = urlsplit(address)
    credentials = parts.netloc.rpartition("@")[0]
    yield unquote(credentials.partition(":")[2])
    yield from (part for part in map(unquote, parts.path.split("/")) if len(part) >= least)
    yield from (value for name, value in parse_qsl(parts.query) if "password" in name or len(value) >= least)


def _before_the_path(address: str) -> Iterator[str]:
    """What stands where user and host would: for many services it is the token."""
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https"):
        yield from (part for part in map(unquote, re.split("[@:]", parts.netloc)) if len(part) >= PATH_LENGTH)
