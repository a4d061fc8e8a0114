"""Keys: who may call the API, and how far each of them reaches. A session is a key that another one opened.

Only hashes are kept, so what lies in a store lets nobody in. Nothing here draws or checks a key.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

KEY_NAME = re.compile(r"(?!local\Z)[a-z][a-z0-9._-]{0,31}\Z")
"""The names of keys; none of them is ever the address of a client. What a session is called has a slash."""

MOST_KEYS = 200
"""Keys, not counting sessions."""

MOST_SESSIONS = 20
"""Sessions of one key at a time; a further one ends the oldest."""

MOST_RATE = 100_000
"""The largest submission rate that a key can be given, jobs a minute."""

MOST_UNFINISHED = 1_000_000
"""The most unfinished jobs that a key can be given."""

MOST_CONCURRENT = 100_000
"""The most transfers at a time that a key can be given."""

MOST_BYTES = 10**15
"""The most bytes in 24 hours that a key can be given."""


class Scope(StrEnum):
    """What a key may do; each includes those before it."""

    READ = "read"
    SUBMIT = "submit"
    CONTROL = "control"
    ADMIN = "admin"

    def includes(self, other: Scope) -> bool:
        """Whether whoever has this may do what needs *other*."""
        return _ORDER.index(self) >= _ORDER.index(other)


_ORDER = tuple(Scope)


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What holds for the jobs of a key instead of the settings; None: as the settings say.

    *rate*: submissions in a minute, *concurrent*: transfers at a time, *bytes*: received in 24 hours; 0 is no limit.
    *size*: unfinished jobs.
    """

    rate: int | None = None
    size: int | None = None
    concurrent: int | None = None
    bytes: int | None = None

    def given(self) -> dict[str, int]:
        """Those that the key has of its own, by name."""
        own = {"rate": self.rate, "size": self.size, "concurrent": self.concurrent, "bytes": self.bytes}
        return {name: value for name, value in own.items() if value is not None}


LIMIT_RANGES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "rate": (0, MOST_RATE),
        "size": (1, MOST_UNFINISHED),
        "concurrent": (0, MOST_CONCURRENT),
        "bytes": (0, MOST_BYTES),
    }
)
"""The least and the most that each limit of a key can be, by its name."""


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """A key as it is kept. *hash*: SHA-256 of the key's text, hex. *created_at*, *expires_at*: wall milliseconds.

    A session names the key that opened it as *parent*, with the hash of that in *parent_hash*, so that it does not
    come alive again for another key of the same name.
    """

    name: str
    scope: Scope
    hash: str
    created_at: int
    limits: KeyLimits = field(default_factory=KeyLimits)
    parent: str | None = None
    parent_hash: str | None = None
    expires_at: int | None = None

    @property
    def owner(self) -> str:
        """The name under which its jobs count: its own, or that of the key that opened the session."""
        return self.parent or self.name
