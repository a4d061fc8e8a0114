"""The seam to catalogs: two questions, and what an adapter may use to answer them.

A catalog is asked at every attempt of a task, for media URLs may be signed and short-lived. It answers what the service
said, checked, or raises a `FetchError` that says why there is no answer. It never downloads media, never retries (the
worker does) and keeps nothing between two questions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

from tonearm.model import AlbumPage, Quality, Track

MAX_ALBUM_TRACKS = 100_000
"""The most tracks that one album may have; a longer one is refused as a bad answer."""


class Fetcher(Protocol):
    """The part of the outbound client that a catalog needs."""

    def json(self, url: str) -> Awaitable[object]:
        """The decoded JSON body of a successful answer.

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
