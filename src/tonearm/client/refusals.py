"""Refusals: an answer that says no becomes the error that the server's own code would raise.

The code on the wire decides the type, never the words. A code of a newer server that this version does not know keeps
its text and becomes a plain `Refused`. Waiting and repeating are decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
    try:
        code = RefusalCode(refusal.code)
    except ValueError:
        return Refused(RefusalCode.INTERNAL, f"{message} ({refusal.code or status})")
    build = _BUILDERS.get(code)
    return build(_Told(code, message, retry_after_ms, refusal)) if build else Refused(code, message)


@dataclass(frozen=True, slots=True)
class _Told:
    """A refusal whose code is known."""

    code: RefusalCode
    message: str
    retry_after_ms: int | None
    whole: Refusal


def _invalid(told: _Told) -> TonearmError:
    return Invalid(told.code, told.message, told.whole.field)


def _quota(told: _Told) -> TonearmError:
    return QuotaExceeded(told.code, told.message, told.whole.limit.allowed, told.retry_after_ms)


def _rate(told: _Told) -> TonearmError:
    name = LimitName.GUESSES if told.whole.limit.name == LimitName.GUESSES else LimitName.RATE
    wait_ms = _DEFAULT_WAIT_MS if told.retry_after_ms is None else told.retry_after_ms
    return RateLimited(told.message, wait_ms, told.whole.limit.allowed, name=name)


def _catalog(told: _Told) -> TonearmError:
    known = told.whole.failure_code in frozenset(FailureCode)
    failure = FailureCode(told.whole.failure_code) if known else FailureCode.INTERNAL
    return CatalogUnavailable(failure, told.message, told.retry_after_ms or 0)


def _state(told: _Told) -> TonearmError:
    return WrongState(f"{told.message}: {told.whole.reason}" if told.whole.reason else told.message)


_BUILDERS: dict[RefusalCode, Callable[[_Told], TonearmError]] = {
    RefusalCode.INVALID_JSON: _invalid,
    RefusalCode.INVALID_JOB: _invalid,
    RefusalCode.INVALID_ID: _invalid,
    RefusalCode.INVALID_QUALITY: _invalid,
    RefusalCode.INVALID_FIELD: _invalid,
    RefusalCode.INVALID_CURSOR: _invalid,
    RefusalCode.WRONG_STATE: _state,
    RefusalCode.RATE_LIMITED: _rate,
    RefusalCode.CLIENT_QUEUE_FULL: _quota,
    RefusalCode.CLIENT_BYTES_EXCEEDED: _quota,
    RefusalCode.QUEUE_FULL: _quota,
    RefusalCode.TOO_MANY_STREAMS: _quota,
    RefusalCode.NOT_IMPLEMENTED: lambda told: CannotSearch(told.message),
    RefusalCode.CATALOG_UNAVAILABLE: _catalog,
}
