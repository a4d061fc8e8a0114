"""Redaction: what must never stand in a log line, whatever part of the program put it there.

Credentials are known by where they stand: in an address, after a word such as `token=`, in an Authorization or Cookie
header, or under a key of such a name; our own keys by how they begin. The secrets of the settings are known themselves
(`hide`), wherever they stand. A secret that is none of these is not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"

SHORTEST = 4
"""Characters of the shortest secret that is looked for by itself: a shorter one is found in half of all words."""

_NAME = r"(?:token|secret|password|passwd|api[_-]?key|access[_-]?key|signature|credential)s?"
"""How a name ends that a secret stands behind. What it begins with is not looked at: to try that at each place of a
long word would take the square of its length."""
_SECRET_KEY = re.compile(rf"(?:[\w-]*{_NAME}|(?:proxy-)?authorization|(?:set-)?cookie)", re.IGNORECASE)
_PATTERNS = (
    (re.compile(r"(://)[^\s/]+@"), rf"\1{MASK}@"),  # to the last @: a password may have one too, and ? and #
    (
        re.compile(
            r"""(\b(?:authorization|cookie)(?:["']?\s*[:=]|["'],)\s*)[^\r\n"']*["']?[^\r\n"']*""", re.IGNORECASE
        ),
        rf"\1{MASK}",
    ),
    (re.compile(r"\b(tonearm_)[\w-]{20,}"), rf"\1{MASK}"),
    (re.compile(r"(\bbearer\s+)[\w.~+/=-]{6,}", re.IGNORECASE), rf"\1{MASK}"),
    (re.compile(rf"""({_NAME}(?:["']?\s*[=:]|["'],)\s*(?:b?["'])?)[^\s&"',;]+""", re.IGNORECASE), rf"\1{MASK}"),
)


_hidden: list[re.Pattern[str]] = []


def hide(secrets: Iterable[str]) -> None:
    """From now on mask these texts wherever they stand, also as addresses have them. Said again, it replaces."""
    forms = {form for secret in secrets for form in (secret, quote(secret, safe=""), quote_plus(secret), quote(secret))}
    longest_first = sorted((form for form in forms if len(form) >= SHORTEST), key=len, reverse=True)
    _hidden[:] = [re.compile("|".join(map(re.escape, longest_first)))] if longest_first else []


def redact(text: str) -> str:
    """The text with credentials masked."""
    for known in _hidden:
        text = known.sub(MASK, text)
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
