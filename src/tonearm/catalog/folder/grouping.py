"""Which files are one track and which tracks are one album: by tags, else by the folder they lie in. Pure.

The same track in several qualities is several files of one track: same album, disc, number and title. Without a number
the file's name counts too, for an album may have two tracks called "Interlude".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from tonearm.catalog.folder.names import VARIOUS_ARTISTS, album_folder, fold, readable
from tonearm.catalog.folder.reading import Reading

_LAST = 1_000_000  # tracks without a number come after the numbered ones


@dataclass(frozen=True, slots=True)
class Member:
    """A file with the id that its track had before; *has_cover*: there is a picture in it or beside it."""

    file_id: int
    path: bytes
    reading: Reading
    track_id: int | None
    has_cover: bool


@dataclass(frozen=True, slots=True)
class Placed:
    """A member with its album's names and the keys of its album and track; *guessed_album*: that key is from a path."""

    member: Member
    album: str
    album_artist: str
    album_key: str
    track_key: str
    guessed_album: bool

    @property
    def disc(self) -> int:
        """The disc; 1 where the tags say none."""
        return self.member.reading.disc_number or 1

    @property
    def number(self) -> int:
        """The place on the disc; beyond all others where the tags say none."""
        return self.member.reading.track_number or _LAST

    @property
    def order(self) -> tuple[object, ...]:
        """Where it stands among all others: by artist, album, disc, number, title."""
        title = fold(self.member.reading.title)
        return (fold(self.album_artist), fold(self.album), self.disc, self.number, title, self.member.path)


@dataclass(frozen=True, slots=True)
class _Album:
    """The album of a file: its key, what people call it, and whether it is known by its folder alone."""

    key: str
    title: str
    artist: str
    guessed: bool


def place(members: Iterable[Member], folder_name: str) -> list[Placed]:
    """Give every member its album and keys; in order. *folder_name* is the album of files that lie loose in it.

    A file whose tags name no album belongs to that of its folder: the one that all tagged files there agree on, else
    one called like the folder.
    """
    members = list(members)
    artists = _artists(members)
    albums = {member.file_id: _tagged(member, artists) for member in members if member.reading.tagged_album}
    around: dict[bytes, set[_Album]] = defaultdict(set)
    for member in members:
        if member.file_id in albums:
            around[album_folder(member.path)].add(albums[member.file_id])
    placed = []
    for member in members:
        neighbours = around.get(album_folder(member.path), set())
        album = albums.get(member.file_id) or _untagged(member, neighbours, artists, folder_name)
        placed.append(Placed(member, album.title, album.artist, album.key, _track_key(member, album), album.guessed))
    placed.sort(key=lambda one: one.order)
    return placed


_Artists = dict[tuple[bytes, str], set[str]]


def _artists(members: Iterable[Member]) -> _Artists:
    """The artists of each album that names none for the whole of it, by folder and album."""
    artists: _Artists = defaultdict(set)
    for member in members:
        if member.reading.album_artist is None:
            artists[_album_place(member)].add(fold(member.reading.artist))
    return artists


def _album_place(member: Member) -> tuple[bytes, str]:
    return (album_folder(member.path), fold(member.reading.album))


def _album_artist(member: Member, artists: _Artists) -> str:
    if member.reading.album_artist is not None:
        return member.reading.album_artist
    mixed = member.reading.compilation or len(artists[_album_place(member)]) > 1
    return VARIOUS_ARTISTS if mixed else member.reading.artist


def _tagged(member: Member, artists: _Artists) -> _Album:
    artist, title = _album_artist(member, artists), member.reading.album
    return _Album(_key("tags", fold(artist), fold(title)), title, artist, guessed=False)


def _untagged(member: Member, neighbours: set[_Album], artists: _Artists, folder_name: str) -> _Album:
    if len({album.key for album in neighbours}) == 1:
        return min(neighbours, key=lambda album: (album.artist, album.title))
    title = member.reading.album or folder_name
    return _Album(_key("folder", album_folder(member.path).hex()), title, _album_artist(member, artists), guessed=True)


def _track_key(member: Member, album: _Album) -> str:
    reading = member.reading
    disc, title = reading.disc_number or 1, fold(reading.title)
    if reading.track_number:
        return _key(album.key, disc, reading.track_number, title)
    stem = readable(member.path.rpartition(b"/")[2]).rpartition(".")[0]
    return _key(album.key, disc, title, fold(stem))


def _key(*parts: object) -> str:
    return msgspec.json.encode(parts).decode()
