"""The route of the search: what the catalog has, by words, for whoever does not know its ids.

A search is a convenience beside the downloads and never at their cost: few run at a time, each ends within seconds, and
what the catalog says to one is for searches alone (`tonearm.catalog.search`). Whatever becomes of it is a refusal that
says why, never an accident.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import msgspec
from fastapi import FastAPI, Request, Response

from tonearm.api import fields
from tonearm.api.answers import success
from tonearm.api.paths import SEARCH
from tonearm.api.queries import read_limit, read_word
from tonearm.catalog import Catalog, Searchable
from tonearm.catalog.search import CANNOT
from tonearm.errors import CannotSearch, CatalogUnavailable, FailureCode, FetchError, HostResting
from tonearm.model import Hit, JobType

MOST_WORDS = 200
"""Characters of a search."""

DEFAULT_LIMIT = 50
MAX_LIMIT = 100
"""Results of one answer."""

AT_A_TIME = 4
"""Searches that one process asks the catalog at a time; others wait within their own time."""

SECONDS = 10.0
"""The longest that a search may take, the wait for its turn included."""

WAIT_MS = 5_000
"""When to search again after a failure that may pass by itself, milliseconds."""

MEND_MS = 60_000
"""When to search again after a failure that somebody has to mend first, milliseconds."""

NO_CATALOG = (
    "This server has no catalog to search. Give the address of one as INTERNAL_API_URL, "
    "or serve a folder of music as one: tonearm catalog serve DIR"
)


class WireHit(msgspec.Struct, rename="camel", omit_defaults=True):
    """A track or an album that a search found; `id` is what a job names it by."""

    type: JobType
    id: int
    title: str
    artist: str | None = None
    album: str | None = None
    year: int | None = None
    track_count: int | None = None
    cover_url: str | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is searched for."""

    words: str
    job_type: JobType | None
    limit: int


class SearchRoutes:
    """`GET /api/download-queue/search`, answered by *catalog*; None: the process has none."""

    def __init__(self, catalog: Catalog | None) -> None:
        self._catalog = catalog
        self._turns = asyncio.Semaphore(AT_A_TIME)

    def add_to(self, app: FastAPI) -> None:
        """Add the route to *app*, before those where the id of a job stands in this place."""
        app.add_api_route(SEARCH, self.search, methods=["GET", "HEAD"])

    async def search(self, request: Request) -> Response:
        """What the catalog finds."""
        found = await self._ask(read_search(request.query_params))
        return success({"results": [WireHit(**asdict(hit)) for hit in found], "count": len(found)})

    async def _ask(self, wanted: Wanted) -> tuple[Hit, ...]:
        catalog = self._catalog
        if not isinstance(catalog, Searchable):
            raise CannotSearch(NO_CATALOG if catalog is None else CANNOT)
        if not wanted.words:
            return ()  # blanks are no words
        try:
            async with asyncio.timeout(SECONDS), self._turns:
                found = await catalog.search(wanted.words, wanted.job_type, wanted.limit)
        except TimeoutError as error:
            text = f"The catalog did not answer the search within {SECONDS:g}s"
            raise CatalogUnavailable(FailureCode.TIMEOUT, text, WAIT_MS) from error
        except FetchError as error:
            raise CatalogUnavailable(error.code, error.message, _wait_ms(error)) from error
        return found[: wanted.limit]


def read_search(query: Mapping[str, str]) -> Wanted:
    """What a query asks for.

    Raises:
        Invalid: INVALID_FIELD, naming the parameter.
    """
    words = query.get("q", "")
    if not 1 <= len(words) <= MOST_WORDS:
        raise fields.invalid("q", f"q must be a text of 1 to {MOST_WORDS} characters")
    return Wanted(words.strip(), read_word(query, "type", JobType), read_limit(query, DEFAULT_LIMIT, MAX_LIMIT))


def _wait_ms(error: FetchError) -> int:
    """When to search again, by what the host wishes, else by whether it may pass by itself. Milliseconds."""
    if isinstance(error, HostResting):
        return error.wait_ms
    return error.retry_after_ms or (WAIT_MS if error.retryable else MEND_MS)
