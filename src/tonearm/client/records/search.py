"""What a search found in the catalog."""

from __future__ import annotations

from tonearm.client.records.wire import Wire
from tonearm.model import JobType


class Hit(Wire, frozen=True, kw_only=True):
    """A track or an album that a search found in the catalog; *id* is what a job names it by."""

    type: JobType
    id: int
    title: str
    artist: str | None = None
    album: str | None = None
    year: int | None = None
    track_count: int | None = None
    cover_url: str | None = None


class Found(Wire, frozen=True, kw_only=True):
    """The answer to a search."""

    results: tuple[Hit, ...]
