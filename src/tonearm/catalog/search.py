"""Search: the third question of the catalog contract, which not every service answers.

It is asked aside: a search that fails takes nothing from the downloads. So what the service says about searches is
remembered here and for searches alone: that it has none, and that it wants no further one for a while (Retry-After).
"""

from __future__ import annotations

from urllib.parse import urlencode

from tonearm.catalog.base import Fetcher
from tonearm.catalog.refusals import refused
from tonearm.catalog.wire import hits_from
from tonearm.clock import Clock
from tonearm.errors import CannotSearch, HttpStatus
from tonearm.model import Hit, JobType

ABSENT_MS = 600_000
"""How long it is believed that a service has no search, milliseconds; it may learn it."""

LONGEST_HOLD_MS = 900_000
"""The most of a wish to be left alone that is heeded, milliseconds."""

CANNOT = (
    "The catalog cannot search: it only answers by id. Submit by its ids, "
    "or use a catalog that can; tonearm catalog serve DIR makes one of a folder of music"
)

_WITHOUT = frozenset({404, 501})
"""How a service answers that has only the two questions."""


class Search:
    """The search of the service at *base*, which ends with a slash."""

    def __init__(self, fetcher: Fetcher, base: str, clock: Clock) -> None:
        self._fetcher = fetcher
        self._base = base
        self._clock = clock
        self._absent_until = -1
        self._held_until = -1

    async def ask(self, words: str, job_type: JobType | None, limit: int) -> tuple[Hit, ...]:
        """As `tonearm.catalog.Searchable.search` promises it."""
        now = self._clock.elapsed_ms()
        if now < self._absent_until:
            raise CannotSearch(CANNOT)
        if now < self._held_until:
            raise refused(HttpStatus(429, "", retry_after_ms=self._held_until - now), "a search")
        asked = {"q": words, "limit": limit} | ({} if job_type is None else {"type": job_type})
        try:
            answer = await self._fetcher.json(f"{self._base}search?{urlencode(asked)}", aside=True)
        except HttpStatus as error:
            raise self._remembered(error) from error
        return hits_from(answer, self._base, job_type)[:limit]

    def _remembered(self, error: HttpStatus) -> CannotSearch | HttpStatus:
        now = self._clock.elapsed_ms()
        if error.status in _WITHOUT:
            self._absent_until = now + ABSENT_MS
            return CannotSearch(CANNOT)
        hold_ms = min(error.retry_after_ms or 0, LONGEST_HOLD_MS)
        self._held_until = now + hold_ms
        return refused(HttpStatus(error.status, error.message, retry_after_ms=hold_ms or None), "a search")
