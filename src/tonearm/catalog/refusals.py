"""Refusals: what a catalog's refusal means to people. Status, code and the wish to wait stay as they came."""

from __future__ import annotations

from tonearm.errors import HttpStatus
from tonearm.model import Quality


def refused(error: HttpStatus, what: str, quality: Quality | None = None) -> HttpStatus:
    """*error* in people's words: *what* was asked for (`track 11`), and in which quality."""
    message = _in_words(error.status, what, quality)
    return HttpStatus(error.status, message, retry_after_ms=error.retry_after_ms)


def _in_words(status: int, what: str, quality: Quality | None) -> str:
    subject = what[0].upper() + what[1:]
    if status in (404, 410):
        return f"{subject} is not in the catalog"
    if status == 409 and quality is not None:
        return f"{subject} is not available in {quality}"
    if status in (401, 403):
        return f"The catalog refused access to {what} (HTTP {status}); INTERNAL_API_TOKEN may be missing or wrong"
    if status == 429:
        return f"The catalog asks us to slow down (HTTP 429 for {what})"
    if status >= 500:
        return f"The catalog is in trouble (HTTP {status} for {what})"
    return f"The catalog answered HTTP {status} for {what}"
