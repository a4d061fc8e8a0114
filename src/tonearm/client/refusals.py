"""Refusals: an answer that says no becomes the error that the server's own code would raise.

The code on the wire decides the type, never the words. A code of a newer server that this version does not know keeps
its text and becomes a plain `Refused`. Waiting and repeating are decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tonearm.errors import (
    CannotSearch,
    CatalogUnavailable,
    FailureCode,
    Invalid,
    LimitName,
    NotFound,
    QuotaExceeded,
    RateLimited,
    RefusalCode,
    Refused,
    StoreUnavailable,
    TonearmError,
    WrongState,
)

_DEFAULT_WAIT_MS = 60_000
"""What a rate limit without `Retry-After` means: its window."""


class Limit(msgspec.Struct, frozen=True):
    """Which limit was reached, and how much it allows."""

    name: str = ""
    allowed: int = 0


class Refusal(msgspec.Struct, frozen=True):
    """The body of a refusal."""

    error: str = ""
    code: str = ""
    field: str | None = None
    limit: Limit = Limit()
    reason: str | None = None
    """Of a refused action: what exactly stood in its way."""
    failure_code: str = msgspec.field(default="", name="failureCode")
    """Of a catalog that could not be searched: why."""


# Described here, before there are threads: see docs/explain/architecture.md, "Decoding".
_REFUSALS = msgspec.json.Decoder(Refusal)


def is_ours(body: bytes) -> bool:
    """Whether a refusal comes from a server of ours: a JSON object with a `code`."""
    try:
        return bool(_REFUSALS.decode(body).code)
    except (msgspec.MsgspecError, UnicodeError):
        return False


def to_error(status: int, body: bytes, retry_after_ms: int | None, job_id: str | None = None) -> TonearmError:
    """The error for an answer with *status* and *body* (JSON); *job_id* is the job that the request was about."""
    refusal = _REFUSALS.decode(body)
    message = refusal.error or f"The server answered HTTP {status}"
    if refusal.code == RefusalCode.STORE_UNAVAILABLE:
        return StoreUnavailable(message)
    if refusal.code == RefusalCode.NOT_FOUND and job_id is not None:
        return NotFound(job_id)
    if refusal.code == RefusalCode.CATALOG_UNAVAILABLE:
        return CatalogUnavailable(_failure(refusal.failure_code), message, retry_after_ms or 0)
    if refusal.code == RefusalCode.RATE_LIMITED:
        name = LimitName.GUESSES if refusal.limit.name == LimitName.GUESSES else LimitName.RATE
        wait_ms = _DEFAULT_WAIT_MS if retry_after_ms is None else retry_after_ms
        return RateLimited(message, wait_ms, refusal.limit.allowed, name=name)
    try:
        code = RefusalCode(refusal.code)
    except ValueError:
        return Refused(RefusalCode.INTERNAL, f"{message} ({refusal.code or status})")
    if code in _QUOTAS:
        return QuotaExceeded(code, message, refusal.limit.allowed, retry_after_ms)
    build = _BUILDERS.get(code)
    return build(code, message, refusal) if build else Refused(code, message)


def _failure(code: str) -> FailureCode:
    return FailureCode(code) if code in frozenset(FailureCode) else FailureCode.INTERNAL


def _invalid(code: RefusalCode, message: str, refusal: Refusal) -> TonearmError:
    return Invalid(code, message, refusal.field)


_QUOTAS = (
    RefusalCode.CLIENT_QUEUE_FULL,
    RefusalCode.CLIENT_BYTES_EXCEEDED,
    RefusalCode.QUEUE_FULL,
    RefusalCode.TOO_MANY_STREAMS,
)

_BUILDERS: dict[RefusalCode, Callable[[RefusalCode, str, Refusal], Any]] = {
    RefusalCode.INVALID_JSON: _invalid,
    RefusalCode.INVALID_JOB: _invalid,
    RefusalCode.INVALID_ID: _invalid,
    RefusalCode.INVALID_QUALITY: _invalid,
    RefusalCode.INVALID_FIELD: _invalid,
    RefusalCode.INVALID_CURSOR: _invalid,
    RefusalCode.NOT_IMPLEMENTED: lambda _code, message, _refusal: CannotSearch(message),
    RefusalCode.WRONG_STATE: lambda _code, message, refusal: WrongState(
        f"{message}: {refusal.reason}" if refusal.reason else message
    ),
}
