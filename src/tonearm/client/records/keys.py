"""Keys of the API: those that are there, and the text of a new one."""

from __future__ import annotations

from tonearm.client.records.wire import Wire
from tonearm.model import Scope


class Key(Wire, frozen=True, kw_only=True):
    """A key of the API, without its text. *limits*: `rate`, `size`, `concurrent` and `bytes`, where it has its own."""

    name: str
    scope: Scope
    created_at: int
    limits: dict[str, int]
    sessions: int


class KeyList(Wire, frozen=True, kw_only=True):
    """All keys."""

    keys: tuple[Key, ...]


class NewKey(Wire, frozen=True, kw_only=True):
    """The text of a key that was just made."""

    key: str
