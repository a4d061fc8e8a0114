"""What all records share: they do not change, have names, and stand in camelCase on the wire."""

from __future__ import annotations

from typing import Any

import msgspec


class Wire(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What all records share: immutable, named fields, camelCase on the wire."""

    def as_json(self) -> dict[str, Any]:
        """The record as it stood on the wire, fields without a value left out."""
        plain: dict[str, Any] = _without_none(msgspec.to_builtins(self))
        return plain


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_without_none(item) for item in value]
    return value


class Page(Wire, frozen=True, kw_only=True):
    """What pages share: *next_cursor* asks for the following one."""

    next_cursor: str | None = None
