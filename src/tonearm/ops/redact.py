"""Redaction: what must never stand in a log line, whatever part of the program put it there.

Credentials are known by where they stand: in an address, after a word such as `token=`, in an Authorization or Cookie
header, or under a key of such a name. A secret that looks like none of these is not found.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"

_NAME = r"[\w-]*(?:token|secret|password|passwd|api[_-]?key|access[_-]?key|signature|credential)s?"
_SECRET_KEY = re.compile(rf"(?:{_NAME}|(?:proxy-)?authorization|(?:set-)?cookie)", re.IGNORECASE)
_PATTERNS = (
    (re.compile(r"(://)[^\s/@]+@"), rf"\1{MASK}@"),
    (
        re.compile(r"""(\b(?:authorization|cookie)["']?\s*[:=]\s*)[^\r\n"']*["']?[^\r\n"']*""", re.IGNORECASE),
        rf"\1{MASK}",
    ),
    (re.compile(r"(\bbearer\s+)[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(rf"""(\b{_NAME}["']?\s*[=:]\s*["']?)[^\s&"',;]+""", re.IGNORECASE), rf"\1{MASK}"),
)


def redact(text: str) -> str:
    """The text with credentials masked."""
    for pattern, masked in _PATTERNS:
        text = pattern.sub(masked, text)
    return text


def redact_value(key: str, value: Any) -> Any:
    """A value that is logged under *key*, masked whole or within; containers are gone through."""
    if _SECRET_KEY.fullmatch(key):
        return MASK
    if isinstance(value, Mapping):
        return {str(name): redact_value(str(name), item) for name, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact_value("", item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return redact(str(value))
