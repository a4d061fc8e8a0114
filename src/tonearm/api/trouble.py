"""Trouble: what becomes of a request that the store could not do, and what the log says of it.

Such trouble meets every request, and pages ask again and again: each kind of it is one line a minute.
"""

from __future__ import annotations

import time

import structlog
from fastapi import Request, Response

from tonearm.api.answers import UNREACHABLE, refusal_of
from tonearm.errors import RefusalCode, Refused, StoreDamaged, StoreDiskFull, StoreFull, StoreUnavailable

TOLD_EVERY_S = 60.0
"""Seconds between two lines about the same kind of trouble."""

log = structlog.get_logger("api")


class Trouble:
    """The trouble that one application has with its store."""

    def __init__(self) -> None:
        self._told_at: dict[type[Exception], float] = {}

    async def refuse(self, request: Request, error: Exception) -> Response:
        """Answer a request that ended with `StoreUnavailable`; what to do is for who runs the server: in the log."""
        assert isinstance(error, StoreUnavailable)
        text = UNREACHABLE
        if isinstance(error, StoreFull | StoreDiskFull):
            text = "The queue has no room for more at present"
            if self._is_due(error):
                log.warning("The store is full", error=str(error))
        elif isinstance(error, StoreDamaged):
            text = "The queue is damaged where this request looked; the server's log says what to do"
            if self._is_due(error):
                log.error("The store is damaged", error=str(error))
        return refusal_of(request.scope, Refused(RefusalCode.STORE_UNAVAILABLE, text))

    def _is_due(self, error: Exception) -> bool:
        now, told_at = time.monotonic(), self._told_at.get(type(error))
        if told_at is not None and now - told_at < TOLD_EVERY_S:
            return False
        self._told_at[type(error)] = now
        return True
