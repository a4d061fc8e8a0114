"""The seam to catalogs: two questions, a third that not every one answers, and what an adapter may use for them.

A catalog is asked at every attempt of a task, for media URLs may be signed and short-lived. It answers what the service
said, checked, or raises a `FetchError` that says why there is no answer. It never downloads media, never retries (the
worker does) and keeps nothing between two questions, but for what spares the service the next one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Protocol, runtime_checkable

from tonearm.model import AlbumPage, Hit, JobType, Quality, Track

MAX_ALBUM_TRACKS = 100_000
"""The most tracks that one album may have; a longer one is refused as a bad answer."""


class Fetcher(Protocol):
    """The part of the outbound client that a catalog needs."""

    def json(self, url: str, *, aside: bool = False) -> Awaitable[object]:
        """The decoded JSON body of a successful answer.

        *aside*: asked for beside the downloads. The answer has at most 1 MiB and not 8, and a wish to be left alone
        that comes with a refusal (Retry-After) stands in the error and holds back no other request. That no connection
        came about counts as for every request.

        Raises:
            FetchError: no connection, an answer other than success, or a body that is too large or no JSON.
        """
        ...


class Catalog(Protocol):
    """What the worker asks. Ids are integers 1 … 2^31-1."""

    def album(self, album_id: int, quality: Quality) -> AsyncIterator[AlbumPage]:
        """The album, page by page in its order; the whole of it is never held in memory.

        The pages come to an end: no cursor is followed twice, and there are at most `MAX_ALBUM_TRACKS` tracks.
        How many tracks arrive may differ from `AlbumInfo.track_count`; comparing them is the caller's.

        Raises:
            HttpStatus: not there, quality not available, refused, or the catalog is in trouble.
            BadAnswer: the answer breaks the contract; the message names the field.
            FetchError: no answer at all.
        """
        ...

    async def track(self, track_id: int, quality: Quality) -> Track:
        """The track with the URL of its media at this moment.

        Raises:
            HttpStatus: not there, quality not available, refused, or the catalog is in trouble.
            BadAnswer: the answer breaks the contract; the message names the field.
            FetchError: no answer at all.
        """
        ...

    async def close(self) -> None:
        """Free what the adapter itself opened. The outbound client is not its own and stays open."""
        ...


@runtime_checkable
class Searchable(Protocol):
    """What a catalog that can search answers besides; the API asks it, never the worker.

    A catalog without this method cannot search, and one with it may still find that its service cannot.
    """

    async def search(self, words: str, job_type: JobType | None, limit: int) -> tuple[Hit, ...]:
        """At most *limit* tracks and albums that *words* (1 to 200 characters) describe, the best first.

        *job_type*: only these; None: both. What a word has to match, and how, is the catalog's to say. Nothing found is
        an empty answer. The caller bounds the time and may cancel.

        Raises:
            CannotSearch: the service has no search; the message says what to do instead.
            HttpStatus: refused, or the catalog is in trouble; with its wish to wait.
            BadAnswer: the answer breaks the contract; the message names the field.
            FetchError: no answer at all.

        Cost: one request; none while it is remembered that there is no search, or that no request is wished for.
        """
        ...
