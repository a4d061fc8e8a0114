"""The keyring in SQLite: a row for each key and each session (`Store.keys`)."""

from __future__ import annotations

from tonearm.model import KEY_NAME, KeyLimits, KeyRecord
from tonearm.store.keyring import decode, driven_out, encode
from tonearm.store.sqlite import allowance
from tonearm.store.sqlite.unit import Unit


def keys(unit: Unit) -> tuple[KeyRecord, ...]:
    """All keys and sessions (`Keyring.keys`)."""
    return tuple(decode(name, body) for name, body in unit.all("SELECT name, body FROM api_key ORDER BY name"))


def add(unit: Unit, record: KeyRecord) -> bool:
    """Keep a key (`Keyring.add_key`)."""
    known = _named(unit, record.name)
    if known is not None:
        return known == record
    if record.parent is not None:
        parent = _named(unit, record.parent)
        if parent is None or parent.hash != record.parent_hash:
            return False
        rows = unit.all("SELECT name, body FROM api_key WHERE parent = ?", record.parent)
        for name in driven_out(record, [decode(name, body) for name, body in rows]):
            unit.run("DELETE FROM api_key WHERE name = ?", name)
    unit.run("INSERT INTO api_key (name, parent, body) VALUES (?, ?, ?)", record.name, record.parent, encode(record))
    allowance.reopen(unit, record.name)
    return True


def remove(unit: Unit, name: str) -> bool:
    """Forget a key (`Keyring.remove_key`)."""
    if unit.one("SELECT 1 FROM api_key WHERE name = ?", name) is None:
        return False
    unit.run("DELETE FROM api_key WHERE parent = ?", name)
    unit.run("DELETE FROM api_key WHERE name = ?", name)
    allowance.reopen(unit, name)
    return True


def limits(unit: Unit, name: str) -> KeyLimits:
    """What the key of this name has of its own; nothing where there is none, as where a client is an address."""
    record = _named(unit, name) if KEY_NAME.fullmatch(name) else None
    return KeyLimits() if record is None else record.limits


def _named(unit: Unit, name: str) -> KeyRecord | None:
    row = unit.one("SELECT body FROM api_key WHERE name = ?", name)
    return None if row is None else decode(name, row[0])
