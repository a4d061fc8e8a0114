"""The keyring: the part of a store that keeps the keys of the API, and how a key is written down there.

Keys are few (`MOST_KEYS`, and `MOST_SESSIONS` of each), so they are read all at a time. They belong to a queue, but not
to its jobs: no feed tells of them, and `export` leaves them where they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from tonearm.model import MOST_SESSIONS, KeyRecord, Scope

_RECORDS = msgspec.json.Decoder(KeyRecord)  # described here, before there are threads


class Keyring(Protocol):
    """What a store knows of keys; each call is one unit, and can be said again."""

    async def keys(self) -> tuple[KeyRecord, ...]:
        """All keys and sessions, the expired ones too, by name.

        One that cannot be read is there with no hash, so that nobody has it and the store is not taken for an empty
        one.
        """
        ...

    async def add_key(self, record: KeyRecord) -> bool:
        """Keep a key, or a session of a key; False: the name is another's, or the key of the session is not there.

        A session drives out those of its key that had expired when it was made, and the oldest beyond `MOST_SESSIONS`.
        """
        ...

    async def remove_key(self, name: str) -> bool:
        """Forget a key with all its sessions, or one session; False: there is none of that name."""
        ...


def encode(record: KeyRecord) -> str:
    """A key as text to be kept."""
    return msgspec.json.encode(record).decode()


def words(record: KeyRecord) -> tuple[str | int, ...]:
    """A key as the words that a script is told (`redis/lua/keyring.lua`)."""
    parent, parent_hash = record.parent or "", record.parent_hash or ""
    return record.name, encode(record), parent, parent_hash, record.created_at, MOST_SESSIONS


def decode(name: str, text: str | bytes) -> KeyRecord:
    """The key that was kept under this name; where it cannot be read, one that nobody has."""
    try:
        record = _RECORDS.decode(text)
    except (msgspec.MsgspecError, UnicodeError):
        return KeyRecord(name, Scope.READ, "", 0)
    return record if record.name == name else KeyRecord(name, Scope.READ, "", 0)


def driven_out(session: KeyRecord, others: Sequence[KeyRecord]) -> list[str]:
    """The names of sessions among *others*, all of the same key, that *session* leaves no room for."""
    expired = [each.name for each in others if each.expires_at is not None and each.expires_at <= session.created_at]
    living = sorted((each.created_at, each.name) for each in others if each.name not in expired)
    return expired + [name for _, name in living[: max(0, len(living) - MOST_SESSIONS + 1)]]
