"""Which files are one track, and which tracks one album."""

from __future__ import annotations

from itertools import count
from typing import Any

from tonearm.catalog.folder.grouping import Member, Placed, place
from tonearm.catalog.folder.names import VARIOUS_ARTISTS
from tonearm.catalog.folder.reading import Format, Reading

_numbers = count(1)


def member(path: str, **fields: Any) -> Member:
    usual = {"title": "Song", "artist": "A", "album": "B", "tagged_album": True, "track_number": 1}
    basics = {"format": Format.MP3, "lossless": False, "bitrate": 128_000, "content": path.encode()}
    reading = Reading(**basics | usual | fields)  # type: ignore[arg-type]  # fields of several types
    return Member(next(_numbers), path.encode(), reading, None, has_cover=False)


def placed(*members: Member) -> list[Placed]:
    by_file = {one.member.file_id: one for one in place(members, "Music")}
    return [by_file[one.file_id] for one in members]


def test_the_same_tags_in_different_files_are_one_track() -> None:
    """Wherever the files lie, and however the tags are written."""
    one, other = placed(member("FLAC/01 Song.flac"), member("mp3/x.mp3", title="SONG ", album_artist="a", artist="A"))
    assert one.track_key == other.track_key
    assert one.album_key == other.album_key


def test_another_number_disc_or_title_is_another_track() -> None:
    """Of the same album."""
    tracks = placed(
        member("1.mp3"), member("2.mp3", track_number=2), member("3.mp3", disc_number=2), member("4.mp3", title="Other")
    )
    assert len({one.track_key for one in tracks}) == 4
    assert len({one.album_key for one in tracks}) == 1


def test_without_numbers_two_of_one_title_stay_two() -> None:
    """Two interludes of an album are told apart by their files; the same file name is the same track."""
    first, second, low = placed(
        member("a/Interlude 1.flac", track_number=None),
        member("a/Interlude 2.flac", track_number=None),
        member("b/Interlude 1.mp3", track_number=None),
    )
    assert first.track_key != second.track_key
    assert first.track_key == low.track_key


def test_many_artists_in_one_folder_make_a_compilation() -> None:
    """Nobody tagged the album's artist; by artist it would fall apart into singles."""
    one, other = placed(member("x/1.mp3", artist="A"), member("x/2.mp3", artist="C", track_number=2))
    assert one.album_artist == other.album_artist == VARIOUS_ARTISTS
    assert one.album_key == other.album_key


def test_albums_of_one_name_by_different_artists_are_two() -> None:
    """Everybody has a "Greatest Hits"."""
    one, other = placed(member("x/1.mp3", artist="A"), member("y/1.mp3", artist="C"))
    assert one.album_key != other.album_key


def test_untagged_files_are_an_album_by_their_folder() -> None:
    """Called like the folder; the discs' folders belong together, and loose files to the music folder itself."""
    one, two, loose = placed(
        member("B/CD1/1.wav", tagged_album=False),
        member("B/CD2/1.wav", tagged_album=False, disc_number=2),
        member("1.wav", tagged_album=False, album=""),
    )
    assert one.album_key == two.album_key != loose.album_key
    assert (one.album, loose.album) == ("B", "Music")


def test_an_untagged_file_joins_the_album_that_its_folder_agrees_on() -> None:
    """WAV files beside tagged ones; where the folder holds two albums, the file stands alone."""
    tagged, untagged = placed(member("x/1.flac"), member("x/1.wav", tagged_album=False, album="x"))
    assert untagged.album_key == tagged.album_key
    assert untagged.track_key == tagged.track_key
    one, other, alone = placed(
        member("x/1.flac"), member("x/2.flac", album="C"), member("x/3.wav", tagged_album=False, album="x")
    )
    assert alone.album_key not in (one.album_key, other.album_key)


def test_the_order_is_artist_album_disc_number() -> None:
    """Ids are given in this order, so people find them where they look."""
    tracks: dict[str, dict[str, Any]] = {
        "z.mp3": {"artist": "Z"},
        "b.mp3": {"artist": "A", "album_artist": "A", "track_number": 2},
        "c.mp3": {"artist": "A", "album_artist": "A", "disc_number": 2},
        "a.mp3": {"artist": "A", "album_artist": "A"},
    }
    members = [member(f"{fields['artist']}/{path}", **fields) for path, fields in tracks.items()]
    order = [one.member.path for one in place(members, "Music")]
    assert order == [b"A/a.mp3", b"A/b.mp3", b"A/c.mp3", b"Z/z.mp3"]
