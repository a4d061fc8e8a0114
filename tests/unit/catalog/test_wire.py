"""What the contract's answers may hold, and how a wrong one is named."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tonearm.catalog.wire import MAX_SECONDS, MAX_TEXT, album_page_from, track_from
from tonearm.errors import BadAnswer
from tonearm.model import MAX_CATALOG_ID, AlbumTrack, Media, Track

BASE = "http://catalog.example/api/"


def track_answer(**fields: Any) -> dict[str, Any]:
    return {"id": 11, "title": "Blue", "artist": "A", "album": "B", "media": {"url": "media/11"}} | fields


def album_answer(**fields: Any) -> dict[str, Any]:
    return {"id": 5, "title": "B", "artist": "A", "trackCount": 1, "tracks": [{"id": 11, "title": "Blue"}]} | fields


def media(**fields: Any) -> dict[str, Any]:
    return track_answer(media={"url": "m"} | fields)


def test_a_whole_track_answer_is_understood() -> None:
    """Every field of the contract arrives under its own name, URLs resolved against the base."""
    answer = track_answer(
        albumId=5,
        albumArtist="AA",
        trackNumber=3,
        trackCount=12,
        discNumber=1,
        discCount=2,
        year=1999,
        isrc="GBAAA9900001",
        durationSeconds=215,
        coverUrl="/covers/5.jpg",
        license="CC0",
        media={
            "url": "media/11.flac?sig=a%2Fb",
            "contentType": "audio/flac",
            "sizeBytes": 9,
            "checksum": "MD5:" + "AB" * 16,
            "headers": {"X-Key": "v"},
        },
    )
    assert track_from(answer, 11, BASE) == Track(
        id=11,
        title="Blue",
        artist="A",
        album="B",
        media=Media(
            url=BASE + "media/11.flac?sig=a%2Fb",
            content_type="audio/flac",
            size_bytes=9,
            checksum="md5:" + "ab" * 16,
            headers={"X-Key": "v"},
        ),
        album_id=5,
        album_artist="AA",
        track_number=3,
        track_count=12,
        disc_number=1,
        disc_count=2,
        year=1999,
        isrc="GBAAA9900001",
        duration_seconds=215.0,
        cover_url="http://catalog.example/covers/5.jpg",
        license="CC0",
    )


def test_texts_are_trimmed_and_plain() -> None:
    """What is handed on is an exact `str`, which every encoder takes."""
    track = track_from(track_answer(title="  Blue \n"), 11, BASE)
    assert track.title == "Blue"
    assert type(track.title) is str
    assert type(track.media.url) is str


@pytest.mark.parametrize("nothing", [None, "", "  "])
def test_an_optional_text_that_says_nothing_is_absent(nothing: str | None) -> None:
    """Null, empty and blank are the same as not there."""
    answer = track_answer(albumArtist=nothing, coverUrl=nothing, isrc=nothing)
    track = track_from(answer, 11, BASE)
    assert (track.album_artist, track.cover_url, track.isrc) == (None, None, None)


def test_a_number_of_zero_says_nothing() -> None:
    """Zero stands for "unknown" in many tags; only the count of tracks may be zero."""
    zeros = track_answer(trackNumber=0, discNumber=0, year=0, durationSeconds=0)
    track = track_from(zeros, 11, BASE)
    assert (track.track_number, track.disc_number, track.year, track.duration_seconds) == (None, None, None, None)
    assert album_page_from(album_answer(trackCount=0, tracks=[]), 5, BASE).album.track_count == 0


def test_a_track_without_number_is_taken() -> None:
    """A missing `trackNumber` harms nobody, though the contract has it."""
    assert album_page_from(album_answer(), 5, BASE).tracks == (AlbumTrack(id=11, title="Blue"),)


def test_one_track_may_stand_in_an_album_twice() -> None:
    """The list is the catalog's business."""
    twice = [{"id": 11, "title": "Blue"}, {"id": 11, "title": "Blue again"}]
    assert [track.id for track in album_page_from(album_answer(tracks=twice), 5, BASE).tracks] == [11, 11]


def test_a_cursor_comes_back_as_it_was_given() -> None:
    """It is the catalog's own: not even blanks are trimmed. An empty one ends the list."""
    assert album_page_from(album_answer(next=" a b "), 5, BASE).next == " a b "
    assert album_page_from(album_answer(next=""), 5, BASE).next is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ([], "expected object, got array"),
        (None, "expected object, got null"),
        ("<html>", "expected object, got str"),
        ({}, "object missing required field id"),
        (track_answer(id="11"), "id: expected int, got str"),
        (track_answer(id=11.0), "id: expected int, got float"),
        (track_answer(id=True), "id: expected int, got bool"),
        (track_answer(id=0), "id: expected int >= 1"),
        (track_answer(id=MAX_CATALOG_ID + 1), "id: expected int <= 2147483647"),
        (track_answer(id=12), "id: it is about 12"),
        (track_answer(title=7), "title: expected text, got int"),
        (track_answer(title=" "), "title: text is empty"),
        (track_answer(title="x" * (MAX_TEXT + 1)), "title: text of 1,001 characters"),
        (track_answer(title="half \ud83c"), "title: text with half a character"),
        (track_answer(trackNumber=-1), "trackNumber: expected int >= 0"),
        (track_answer(year="1999"), "year: expected int | null, got str"),
        (track_answer(durationSeconds="3:20"), "durationSeconds: expected a number"),
        (track_answer(durationSeconds=math.nan), "durationSeconds: expected seconds"),
        (track_answer(durationSeconds=math.inf), "durationSeconds: expected seconds"),
        (track_answer(durationSeconds=10**400), "durationSeconds: expected seconds"),
        (track_answer(media="m"), "media: expected object, got str"),
        (media(url=""), "media: the URL is empty"),
        (media(url="ftp://catalog.example/x"), "media.url: only http and https"),
        (media(url="file:///etc/passwd"), "media.url: only http and https"),
        (media(url="http://:80/"), "media.url: the URL names no host"),
        (media(url="http://h:99999/"), "media.url: the URL cannot be read"),
        (media(url="http://[::1/"), "media.url: the URL cannot be read"),
        (media(url="http://h/a b"), "media.url: the URL has characters"),
        (media(url="http://h/\r\nX: y"), "media.url: the URL has characters"),
        (media(url="http:\\\\h\\x"), "media.url: the URL has characters"),
        (media(url="x" * 9_000), "media.url: the URL names no host, or is too long"),
        (media(sizeBytes=-1), "media.sizeBytes: expected int >= 0"),
        (media(checksum="sha1:" + "0" * 40), "media.checksum: expected sha256: or md5:"),
        (media(checksum="md5:short"), "media.checksum: expected sha256: or md5:"),
        (media(headers={"X-A": 1}), "media.headers: the value of header X-A"),
        (media(headers={"X-A": "a\r\nB: c"}), "media.headers: the value of header X-A"),
        (media(headers={"X A": "a"}), "media.headers: a header's name"),
        (media(headers=[]), "media.headers: expected an object"),
        (track_answer(coverUrl="data:image/png;base64,AAAA"), "coverUrl: only http and https"),
    ],
)
def test_a_wrong_track_answer_is_refused_by_name(answer: object, reason: str) -> None:
    """The message names the field and the reason in words; nothing is retried."""
    with pytest.raises(BadAnswer) as caught:
        track_from(answer, 11, BASE)
    assert caught.value.message.startswith("The catalog's answer for track 11 is wrong: ")
    assert reason in caught.value.message
    assert not caught.value.retryable


def test_a_wrong_line_of_an_album_is_named_by_its_place() -> None:
    """The path leads to the very field."""
    tracks = [{"id": 1, "title": "a"}, {"id": 2, "title": 3}]
    with pytest.raises(BadAnswer, match=r"album 5 is wrong: tracks\[1\]\.title: expected text, got int"):
        album_page_from(album_answer(tracks=tracks), 5, BASE)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
_fields = st.sampled_from([*Track.__dataclass_fields__, "media", "trackNumber", "durationSeconds", "coverUrl", "next"])


@given(answer=_json | st.builds(lambda fields: track_answer(**fields), st.dictionaries(_fields, _json)))
def test_whatever_is_answered_it_is_a_checked_track_or_a_bad_answer(answer: object) -> None:
    """No input brings another exception, and what passes keeps the bounds."""
    try:
        track = track_from(answer, 11, BASE)
    except BadAnswer as error:
        assert len(error.message) < 1_000  # noqa: PT017 - both outcomes are right, each with its own bounds
        return
    assert track.id == 11
    assert 0 < len(track.title.encode()) <= 4 * MAX_TEXT
    assert track.media.url.startswith(("http://", "https://"))
    assert track.duration_seconds is None or 0 < track.duration_seconds <= MAX_SECONDS


@given(answer=_json | st.builds(lambda fields: album_answer(**fields), st.dictionaries(_fields, _json)))
def test_whatever_is_answered_it_is_a_checked_album_or_a_bad_answer(answer: object) -> None:
    """The same for a page of an album."""
    try:
        page = album_page_from(answer, 5, BASE)
    except BadAnswer:
        return
    assert page.album.id == 5
    assert all(track.title for track in page.tracks)
