"""What a GET or HEAD of a file is answered with: all of it, a part, or that it has not changed (RFC 9110). Pure.

One range is served; of several, or of one that makes no sense, the whole file is the answer, as the RFC allows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

_RANGE = re.compile(r"\s*bytes\s*=\s*(?P<first>\d{0,18})\s*-\s*(?P<last>\d{0,18})\s*", re.ASCII | re.IGNORECASE)
_TAG = re.compile(r'(?:W/)?"[^"]*"')


@dataclass(frozen=True, slots=True)
class Representation:
    """The file as it is now: a strong ETag with its quotes, the time of its last change in epoch seconds, its bytes."""

    etag: str
    modified: int
    size: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The status (200, 206, 304, 412, 416) and, for the first two, which bytes."""

    status: int
    start: int = 0
    length: int = 0


def decide(method: str, headers: Mapping[str, str], current: Representation, now: float) -> Decision:
    """Judge the conditions in the order of RFC 9110, section 13.2.2.

    *headers* are found by lower-case name; *now* is in epoch seconds.
    """
    if (match := headers.get("if-match")) is not None:
        if match.strip() != "*" and current.etag not in _TAG.findall(match):
            return Decision(412)
    elif (since := _date(headers.get("if-unmodified-since"))) is not None and current.modified > since:
        return Decision(412)
    if (none_match := headers.get("if-none-match")) is not None:
        known = [tag.removeprefix("W/") for tag in _TAG.findall(none_match)]
        if none_match.strip() == "*" or current.etag in known:
            return Decision(304)
    elif (since := _date(headers.get("if-modified-since"))) is not None and current.modified <= since:
        return Decision(304)
    if method == "GET" and "range" in headers and _same(headers.get("if-range"), current, now):
        return _part(headers["range"], current.size)
    return Decision(200, 0, current.size)


def _same(if_range: str | None, current: Representation, now: float) -> bool:
    """Whether `If-Range` names just what is there: the strong tag, or the exact date of a change that is over.

    A date is a strong validator only if it lies a second before the answer's (RFC 9110, 8.8.2.2).
    """
    if if_range is None or if_range.strip() == current.etag:
        return True
    return _date(if_range) == current.modified and now - current.modified >= 1


def _part(text: str, size: int) -> Decision:
    whole = Decision(200, 0, size)
    found = _RANGE.fullmatch(text)
    if found is None or not (found["first"] or found["last"]):
        return whole
    if not found["first"]:
        length = min(int(found["last"]), size)
        return Decision(206, size - length, length) if length else Decision(416)
    start = int(found["first"])
    last = int(found["last"]) if found["last"] else size - 1
    if found["last"] and last < start:
        return whole
    if start >= size:
        return Decision(416)
    return Decision(206, start, min(last, size - 1) - start + 1)


def _date(text: str | None) -> int | None:
    """An HTTP date as epoch seconds; None where there is none, or none that can be read."""
    if text is None or '"' in text:
        return None
    try:
        return int(parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
