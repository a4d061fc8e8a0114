"""What a catalog says: tracks with their media, albums with their track lists, and what a search finds of both."""

from __future__ import annotations

from dataclasses import dataclass, field

from tonearm.model.jobs import JobType


@dataclass(frozen=True, slots=True)
class Media:
    """Where the bytes of one track are. A URL is used for one attempt and then asked for again."""

    url: str
    content_type: str | None = None
    size_bytes: int | None = None
    checksum: str | None = None
    """`sha256:<hex>` or `md5:<hex>` of the whole body."""
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Track:
    """One track as the catalog describes it at one moment, with its media."""

    id: int
    title: str
    artist: str
    album: str
    media: Media
    album_id: int | None = None
    album_artist: str | None = None
    track_number: int | None = None
    track_count: int | None = None
    disc_number: int | None = None
    disc_count: int | None = None
    year: int | None = None
    isrc: str | None = None
    duration_seconds: float | None = None
    cover_url: str | None = None
    license: str | None = None


@dataclass(frozen=True, slots=True)
class AlbumInfo:
    """What the catalog says of an album apart from its tracks; kept with the album job for its tracks."""

    id: int
    title: str
    artist: str
    album_artist: str | None = None
    year: int | None = None
    disc_count: int | None = None
    cover_url: str | None = None
    track_count: int | None = None


@dataclass(frozen=True, slots=True)
class AlbumTrack:
    """One line of an album's track list."""

    id: int
    title: str
    artist: str | None = None
    track_number: int | None = None
    disc_number: int | None = None
    duration_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class AlbumPage:
    """One page of an album's answer; *next* is the cursor of the following one, or None at the end."""

    album: AlbumInfo
    tracks: tuple[AlbumTrack, ...]
    next: str | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A track or an album that a search found; *id* is what a job names it by. *album*: where a track belongs."""

    type: JobType
    id: int
    title: str
    artist: str | None = None
    album: str | None = None
    year: int | None = None
    track_count: int | None = None
    cover_url: str | None = None
