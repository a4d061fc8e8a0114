"""Answers: how a success and a refusal look on the wire, and which status belongs to which code.

Every answer is JSON with `success`. A refusal has `error` for people and `code` for programs; a client that accepts
application/problem+json gets the members of RFC 9457 beside them. Nothing here decides whether to refuse.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

from tonearm import metrics
from tonearm.errors import CatalogUnavailable, Invalid, LimitReached, RefusalCode, Refused

STATUSES: Mapping[RefusalCode, int] = MappingProxyType(
    {
        RefusalCode.INVALID_JSON: 400,
        RefusalCode.INVALID_JOB: 400,
        RefusalCode.INVALID_ID: 400,
        RefusalCode.INVALID_QUALITY: 400,
        RefusalCode.INVALID_FIELD: 400,
        RefusalCode.INVALID_CURSOR: 400,
        RefusalCode.WRONG_STATE: 400,
        RefusalCode.UNAUTHORIZED: 401,
        RefusalCode.FORBIDDEN: 403,
        RefusalCode.NOT_FOUND: 404,
        RefusalCode.METHOD_NOT_ALLOWED: 405,
        RefusalCode.FILE_UNAVAILABLE: 409,
        RefusalCode.REQUEST_TIMEOUT: 408,
        RefusalCode.PAYLOAD_TOO_LARGE: 413,
        RefusalCode.UNSUPPORTED_MEDIA_TYPE: 415,
        RefusalCode.WRONG_HOST: 421,
        RefusalCode.IDEMPOTENCY_MISMATCH: 422,
        RefusalCode.RATE_LIMITED: 429,
        RefusalCode.CLIENT_QUEUE_FULL: 429,
        RefusalCode.CLIENT_BYTES_EXCEEDED: 429,
        RefusalCode.INTERNAL: 500,
        RefusalCode.QUEUE_FULL: 503,
        RefusalCode.STORE_UNAVAILABLE: 503,
        RefusalCode.WORKER_DOWN: 503,
        RefusalCode.TOO_MANY_STREAMS: 503,
        RefusalCode.NOT_IMPLEMENTED: 501,
        RefusalCode.CATALOG_UNAVAILABLE: 503,
    }
)

_RETRY_AFTER_MS: Mapping[RefusalCode, int] = MappingProxyType(
    {
        RefusalCode.CLIENT_QUEUE_FULL: 30_000,
        RefusalCode.QUEUE_FULL: 30_000,
        RefusalCode.STORE_UNAVAILABLE: 5_000,
        RefusalCode.TOO_MANY_STREAMS: 5_000,
    }
)
"""When to come again where nothing better is known, milliseconds."""

UNREACHABLE = "The queue cannot be reached at present"
"""What is said where nothing better is known of a store that does not answer."""

HEADERS = MappingProxyType({"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})
JSON = "application/json"
PROBLEM = "application/problem+json"


def success(
    members: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})
) -> Response:
    """A success with these members beside `success`; a `msgspec.Raw` among them is taken as it is."""
    body = msgspec.json.encode({"success": True, **members})
    return Response(body, status, {**HEADERS, **headers}, JSON)


def with_warning(members: Mapping[str, Any], *warnings: str | None) -> dict[str, Any]:
    """*members* with a `warning` of those sentences that there are; without any it stays as it is."""
    said = [warning for warning in warnings if warning is not None]
    return {**members, "warning": " ".join(said)} if said else dict(members)


def refusal(
    scope: Scope,
    code: RefusalCode,
    error: str,
    *,
    status: int | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
    figures: Mapping[str, Any] = MappingProxyType({}),
    **members: Any,
) -> Response:
    """A refusal in the form that the request of *scope* accepts; *members* that are None are left out.

    *figures* are members as they are, null included. RFC 9457 has a `status` of its own, which wins there.
    """
    metrics.REQUESTS_REFUSED[code].inc()
    status = STATUSES[code] if status is None else status
    known = {name: value for name, value in members.items() if value is not None}
    body: dict[str, Any] = {"success": False, "error": error, "code": code, **known, **figures}
    media_type = JSON
    if _accepts_problem(Headers(scope=scope)):
        phrase = HTTPStatus(status).phrase
        body = {"type": "about:blank", "title": phrase, "detail": error, **body, "status": status}
        media_type = PROBLEM
    return Response(msgspec.json.encode(body), status, {**HEADERS, **headers}, media_type)


def refusal_of(scope: Scope, refused: Refused) -> Response:
    """The answer to a request that was refused with this error."""
    known_ms = refused.retry_after_ms if isinstance(refused, LimitReached | CatalogUnavailable) else None
    wait_ms = _RETRY_AFTER_MS.get(refused.code) if known_ms is None else known_ms
    return refusal(
        scope,
        refused.code,
        refused.message,
        headers={} if wait_ms is None else {"Retry-After": str(max(1, math.ceil(wait_ms / 1000)))},
        field=refused.field if isinstance(refused, Invalid) else None,
        limit=limit_of(refused),
        failureCode=refused.failure if isinstance(refused, CatalogUnavailable) else None,
    )


def limit_of(refused: Refused) -> dict[str, Any] | None:
    """Which limit a refusal ran into, as the wire says it, and how much that allows; None: it is no limit."""
    return {"name": refused.name, "allowed": refused.limit} if isinstance(refused, LimitReached) else None


def _accepts_problem(headers: Headers) -> bool:
    for accepted in headers.get("accept", "").split(","):
        media_type, *parameters = (part.strip().lower() for part in accepted.split(";"))
        if media_type == PROBLEM:
            return not any(parameter.startswith("q=0") and not parameter.strip("q=0.") for parameter in parameters)
    return False
