"""Codes: why a job failed, why a request is refused, which limit is reached; as the wire says them.

Closed lists, stable for ever; docs/reference/codes.md tells what each asks of people. Which error carries which code is
the business of the tree.
"""

from __future__ import annotations

from enum import StrEnum


class FailureCode(StrEnum):
    """Why a job failed. A closed list, stable for ever (docs/reference/codes.md)."""

    TIMEOUT = "timeout"
    NETWORK = "network"
    BLOCKED_ADDRESS = "blocked_address"
    RATE_LIMIT = "rate_limit"
    SERVER_ERROR = "server_error"
    NOT_FOUND = "not_found"
    QUALITY_UNAVAILABLE = "quality_unavailable"
    AUTH = "auth"
    API_ERROR = "api_error"
    INTEGRITY = "integrity"
    TOO_LARGE = "too_large"
    DISK_FULL = "disk_full"
    DISK_ERROR = "disk_error"
    CRASHED = "crashed"
    INTERNAL = "internal"

    @property
    def category(self) -> str:
        """The coarser `errorCategory` of the wire."""
        return _CATEGORIES.get(self, self.value)


_CATEGORIES = {
    FailureCode.BLOCKED_ADDRESS: "network",
    FailureCode.QUALITY_UNAVAILABLE: "not_found",
    FailureCode.TOO_LARGE: "integrity",
    FailureCode.DISK_FULL: "disk",
    FailureCode.DISK_ERROR: "disk",
    FailureCode.INTERNAL: "unknown",
}


class RefusalCode(StrEnum):
    """The `code` of an answer that refuses. Upper case on the wire, stable for ever."""

    INVALID_JSON = "INVALID_JSON"
    INVALID_JOB = "INVALID_JOB"
    INVALID_ID = "INVALID_ID"
    INVALID_QUALITY = "INVALID_QUALITY"
    INVALID_FIELD = "INVALID_FIELD"
    INVALID_CURSOR = "INVALID_CURSOR"
    IDEMPOTENCY_MISMATCH = "IDEMPOTENCY_MISMATCH"
    NOT_FOUND = "NOT_FOUND"
    METHOD_NOT_ALLOWED = "METHOD_NOT_ALLOWED"
    UNSUPPORTED_MEDIA_TYPE = "UNSUPPORTED_MEDIA_TYPE"
    PAYLOAD_TOO_LARGE = "PAYLOAD_TOO_LARGE"
    REQUEST_TIMEOUT = "REQUEST_TIMEOUT"
    WRONG_HOST = "WRONG_HOST"
    UNAUTHORIZED = "UNAUTHORIZED"
    FORBIDDEN = "FORBIDDEN"
    WRONG_STATE = "WRONG_STATE"
    FILE_UNAVAILABLE = "FILE_UNAVAILABLE"
    RATE_LIMITED = "RATE_LIMITED"
    CLIENT_QUEUE_FULL = "CLIENT_QUEUE_FULL"
    CLIENT_BYTES_EXCEEDED = "CLIENT_BYTES_EXCEEDED"
    QUEUE_FULL = "QUEUE_FULL"
    STORE_UNAVAILABLE = "STORE_UNAVAILABLE"
    WORKER_DOWN = "WORKER_DOWN"
    TOO_MANY_STREAMS = "TOO_MANY_STREAMS"
    NOT_IMPLEMENTED = "NOT_IMPLEMENTED"
    CATALOG_UNAVAILABLE = "CATALOG_UNAVAILABLE"
    INTERNAL = "INTERNAL"


class LimitName(StrEnum):
    """Which limit is reached, as the wire says it in `limit`; those of a client are called as in a key's limits."""

    RATE = "rate"
    SIZE = "size"
    BYTES = "bytes"
    QUEUE = "queue"
    STREAMS = "streams"
    GUESSES = "guesses"
