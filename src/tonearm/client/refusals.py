"""Refusals: an answer that says no becomes the error that the server's own code would raise.

The code on the wire decides the type, never the words. A code of a newer server that this version does not know keeps
its text and becomes a plain `Refused`. Waiting and repeating are decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from tonearm.errors import (
    Invalid,
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


class Refusal(msgspec.Struct, frozen=True):
    """The body of a refusal."""

    error: str = ""
    code: str = ""
    field: str | None = None
    limit: int = 0
    reason: str | None = None
    """Of a refused action: what exactly stood in its way."""


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
    if refusal.code == RefusalCode.RATE_LIMITED:
        return RateLimited(message, _DEFAULT_WAIT_MS if retry_after_ms is None else retry_after_ms)
    try:
        code = RefusalCode(refusal.code)
    except ValueError:
        return Refused(RefusalCode.INTERNAL, f"{message} ({refusal.code or status})")
    build = _BUILDERS.get(code)
    return build(code, message, refusal) if build else Refused(code, message)


def _invalid(code: RefusalCode, message: str, refusal: Refusal) -> TonearmError:
    return Invalid(code, message, refusal.field)


def _quota(code: RefusalCode, message: str, refusal: Refusal) -> TonearmError:
    return QuotaExceeded(code, message, refusal.limit)


_BUILDERS: dict[RefusalCode, Callable[[RefusalCode, str, Refusal], Any]] = {
    RefusalCode.INVALID_JSON: _invalid,
    RefusalCode.INVALID_JOB: _invalid,
    RefusalCode.INVALID_ID: _invalid,
    RefusalCode.INVALID_QUALITY: _invalid,
    RefusalCode.INVALID_FIELD: _invalid,
    RefusalCode.INVALID_CURSOR: _invalid,
    RefusalCode.CLIENT_QUEUE_FULL: _quota,
    RefusalCode.QUEUE_FULL: _quota,
    RefusalCode.WRONG_STATE: lambda _code, message, refusal: WrongState(
        f"{message}: {refusal.reason}" if refusal.reason else message
    ),
}
