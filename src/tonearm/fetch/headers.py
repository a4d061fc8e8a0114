"""Headers: the few fields of an answer that decide something, read strictly. Anything odd counts as absent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SECONDS = re.compile(r"\d{1,9}", re.ASCII)
_STRONG_TAG = re.compile(r'"[\x21\x23-\x7e\x80-\xff]*"')
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII | re.IGNORECASE)
_MEDIA_FIELD = re.compile(r"authorization|cookie|referer|user-agent|x-[a-z0-9_-]+", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ContentRange:
    """`bytes first-last/total`, all in bytes, *last* included."""

    first: int
    last: int
    total: int


def content_range(headers: Mapping[str, str]) -> ContentRange | None:
    """Read Content-Range with a known total."""
    found = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", "").strip())
    return ContentRange(*map(int, found.groups())) if found else None


def strong_validator(headers: Mapping[str, str]) -> str | None:
    """Find what If-Range may present: a strong ETag, or a Last-Modified that is at least a second older than Date.

    RFC 9110, sections 8.8.2.2 and 13.1.5.
    """
    tag = headers.get("ETag", "").strip()
    if _STRONG_TAG.fullmatch(tag):
        return tag
    modified = headers.get("Last-Modified", "").strip()
    changed, sent = http_date(modified), http_date(headers.get("Date", ""))
    if changed is not None and sent is not None and changed + 1 <= sent:
        return modified
    return None


def retry_after_ms(headers: Mapping[str, str]) -> int | None:
    """Read Retry-After, in milliseconds. The date form counts from the answer's own Date, if it has one.

    RFC 9110, section 10.2.3.
    """
    text = headers.get("Retry-After", "").strip()
    if _SECONDS.fullmatch(text):
        return int(text) * 1000
    due = http_date(text)
    if due is None:
        return None
    sent = http_date(headers.get("Date", ""))
    if sent is None:
        sent = datetime.now(UTC).timestamp()
    return max(0, round((due - sent) * 1000))


def http_date(text: str) -> float | None:
    """Read an HTTP date (RFC 9110, section 5.6.7) as seconds since the epoch."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def is_encoded(headers: Mapping[str, str]) -> bool:
    """Tell whether the body is compressed, though `identity` was asked for."""
    return headers.get("Content-Encoding", "").strip().lower() not in ("", "identity")


def media_fields(headers: Mapping[str, str]) -> dict[str, str]:
    """Keep those headers that a catalog may choose for a medium: Authorization, Cookie, Referer, User-Agent, X-*."""
    return {name: value for name, value in headers.items() if _MEDIA_FIELD.fullmatch(name)}
