"""New keys: what a key has to be like that is made, over HTTP or at the queue itself."""

from __future__ import annotations

from tonearm.api.keyring import hash_of, new_text
from tonearm.errors import Invalid, RefusalCode
from tonearm.model import KEY_NAME, MOST_KEYS, KeyLimits, KeyRecord, Scope
from tonearm.store.keyring import Keyring


async def made(store: Keyring, name: str, scope: Scope, limits: KeyLimits, now_ms: int) -> tuple[str, KeyRecord]:
    """Make a key and keep it; its text, which is known to nobody afterwards, and its record.

    Raises:
        Invalid: INVALID_FIELD, the name is no name or taken, the first key is not an admin's, or there are too many.
    """
    if not KEY_NAME.fullmatch(name):
        text = "name must be 1 to 32 of a-z, 0-9, '.', '_' and '-', begin with a letter, and not be 'local'"
        raise Invalid(RefusalCode.INVALID_FIELD, text, "name")
    keys = [record for record in await store.keys() if record.parent is None]
    if len(keys) >= MOST_KEYS:
        raise Invalid(RefusalCode.INVALID_FIELD, f"There are {len(keys)} keys already; revoke one first", "name")
    if scope is not Scope.ADMIN and not any(record.scope is Scope.ADMIN for record in keys):
        raise Invalid(
            RefusalCode.INVALID_FIELD, "The first key has to have scope admin: else nobody could make another", "scope"
        )
    text = new_text()
    record = KeyRecord(name, scope, hash_of(text), now_ms, limits)
    if not await store.add_key(record):
        raise Invalid(RefusalCode.INVALID_FIELD, f"There is a key named {name} already", "name")
    return text, record
