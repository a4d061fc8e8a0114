"""The catalog behind `INTERNAL_API_URL`: the contract's questions over HTTP.

What is asked goes through the outbound client, so limits, guard and credentials are its; what is answered is checked in
`wire`. Here stands only which URL is asked, how pages follow each other, and what a refusal means in people's words.
The optional question, the search, is put by `search`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote, urlsplit

from tonearm.catalog.base import MAX_ALBUM_TRACKS, Fetcher
from tonearm.catalog.refusals import refused
from tonearm.catalog.search import Search
from tonearm.catalog.wire import album_page_from, track_from
from tonearm.clock import Clock, SystemClock
from tonearm.errors import BadAnswer, HttpStatus, SetupError
from tonearm.model import AlbumPage, Hit, JobType, Quality, Track


class HttpCatalog:
    """Any service that keeps the catalog contract, at *base_url*; asked through *fetcher*.

    Raises:
        SetupError: the base is not an http or https URL, or carries a query or fragment.
    """

    def __init__(self, fetcher: Fetcher, base_url: str, clock: Clock | None = None) -> None:
        self._fetcher = fetcher
        self._base = _checked_base(base_url)
        self._search = Search(fetcher, self._base, clock or SystemClock())

    async def album(self, album_id: int, quality: Quality) -> AsyncIterator[AlbumPage]:
        seen = set[int]()
        count = 0
        cursor: str | None = None
        while True:
            page = await self._album_page(album_id, quality, cursor)
            count += len(page.tracks)
            if count > MAX_ALBUM_TRACKS:
                raise BadAnswer(f"Album {album_id} has more than {MAX_ALBUM_TRACKS:,} tracks")
            cursor = page.next
            if cursor is not None:
                _expect_progress(album_id, page, seen)
            yield page
            if cursor is None:
                return

    async def track(self, track_id: int, quality: Quality) -> Track:
        answer = await self._ask("track", track_id, quality)
        return track_from(answer, track_id, self._base)

    async def search(self, words: str, job_type: JobType | None, limit: int) -> tuple[Hit, ...]:
        return await self._search.ask(words, job_type, limit)

    async def close(self) -> None:
        """Nothing is open here."""

    async def _album_page(self, album_id: int, quality: Quality, cursor: str | None) -> AlbumPage:
        answer = await self._ask("album", album_id, quality, cursor)
        # A page may have 50,000 tracks: checking them must not hold up the loop.
        return await asyncio.to_thread(album_page_from, answer, album_id, self._base)

    async def _ask(self, noun: str, number: int, quality: Quality, cursor: str | None = None) -> object:
        url = f"{self._base}{noun}s/{number}?quality={quality}"
        if cursor is not None:
            url += f"&cursor={quote(cursor, safe='')}"
        try:
            return await self._fetcher.json(url)
        except HttpStatus as error:
            raise refused(error, f"{noun} {number}", quality) from error


def _checked_base(url: str) -> str:
    """*url* with exactly one slash at its end, so that relative references resolve below it."""
    try:
        parts = urlsplit(url)
        complete = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        complete = False
    if not complete:
        raise SetupError(f"INTERNAL_API_URL is not an http or https address: {url!r}")
    if parts.query or parts.fragment:
        raise SetupError(f"INTERNAL_API_URL must end with its path, without '?' or '#': {url!r}")
    return url.rstrip("/?#") + "/"


def _expect_progress(album_id: int, page: AlbumPage, seen: set[int]) -> None:
    """Refuse a chain of pages that would never end. Only the cursors' hashes are kept: the chain may be long."""
    mark = hash(page.next)
    if mark in seen:
        raise BadAnswer(f"The pages of album {album_id} go in a circle: a cursor came twice")
    if not page.tracks:
        raise BadAnswer(f"The pages of album {album_id} lead on, but one of them has no tracks")
    seen.add(mark)
