"""Fields: reading single members of a body or a query, strictly, with a refusal that names the field.

JSON's types are kept apart: `true` is no number, `"5"` no integer, `5.0` no id. A member that is null counts as absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from tonearm.errors import Invalid, RefusalCode

Word = TypeVar("Word", bound=StrEnum)


def integer(members: Mapping[str, Any], name: str, default: int, *, least: int, most: int) -> int:
    """The whole number *name*, from *least* to *most*."""
    value = members.get(name)
    if value is None:
        return default
    if type(value) is not int or not least <= value <= most:
        raise invalid(name, f"{name} must be a whole number from {least} to {most}")
    return value


def boolean(members: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """The truth value *name*."""
    value = members.get(name)
    if value is None:
        return default
    if not isinstance(value, bool):
        raise invalid(name, f"{name} must be true or false")
    return value


def text(members: Mapping[str, Any], name: str) -> str | None:
    """The text *name*; None when it is absent or empty."""
    value = members.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid(name, f"{name} must be a text")
    return value or None


def word(members: Mapping[str, Any], name: str, words: type[Word]) -> Word | None:
    """One of *words*; None when *name* is absent."""
    value = members.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or value not in frozenset(words):
        raise invalid(name, f"{name} must be one of {', '.join(words)}")
    return words(value)


def unknown(members: Iterable[str], known: Iterable[str], prefix: str = "") -> list[str]:
    """The names of members that nobody reads, for a warning."""
    return [prefix + name for name in members if name not in frozenset(known)]


def warning(names: Iterable[str]) -> str | None:
    """The warning that these fields were accepted and not used; None without any."""
    listed = ", ".join(names)
    return f"Fields that are not used: {listed}" if listed else None


def invalid(name: str, message: str) -> Invalid:
    """INVALID_FIELD for *name*."""
    return Invalid(RefusalCode.INVALID_FIELD, message, name)
