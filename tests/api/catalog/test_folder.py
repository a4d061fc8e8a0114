"""A folder of music keeps the catalog contract: asked over HTTP, with a real server process and real files."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest
from tests.api.catalog.collection import Collection, FolderServer, embed, tag
from tests.support.music import png

from tonearm.catalog import HttpCatalog
from tonearm.catalog.folder.serving import listen
from tonearm.errors import SetupError
from tonearm.fetch import Fetcher, FetchLimits, HostPort
from tonearm.model import Quality

Serve = Callable[[], FolderServer]


async def test_the_real_client_finds_an_album_and_its_media(collection: Collection, serve: Serve) -> None:
    """`HttpCatalog` and the folder agree on the contract; what is downloaded is the file."""
    collection.album("flac", "mp3")
    server = serve()
    host, _, port = server.url.removeprefix("http://").partition(":")
    async with Fetcher(FetchLimits(), allow=[HostPort(host, int(port))]) as fetcher:
        catalog = HttpCatalog(fetcher, server.url)
        (page,) = [page async for page in catalog.album(1, Quality.LOSSLESS)]
        tracks = [await catalog.track(line.id, Quality.LOSSLESS) for line in page.tracks]
    assert (page.album.title, page.album.artist, page.album.track_count) == ("Blue", "A", 3)
    assert [line.title for line in page.tracks] == ["Song 1", "Song 2", "Song 3"]
    for number, track in enumerate(tracks, 1):
        file = collection.folder / f"flac/{number:02}.flac"
        assert (track.title, track.artist, track.album, track.album_id) == (f"Song {number}", "A", "Blue", 1)
        assert (track.track_number, track.track_count) == (number, 3)
        assert track.duration_seconds == pytest.approx(1.0, abs=0.01)
        assert track.media.content_type == "audio/flac"
        assert track.media.size_bytes == file.stat().st_size
        assert server.get(track.media.url).body == file.read_bytes()


def test_one_track_in_three_qualities_has_one_id(collection: Collection, serve: Serve) -> None:
    """FLAC and WAV are LOSSLESS, lossy files HIGH from 256 kbit/s, else LOW; the album is listed once."""
    collection.album("flac", "mp3", tracks=1)
    server = serve()
    assert server.get("albums").json["albums"] == [
        {"id": 1, "title": "Blue", "artist": "A", "trackCount": 1, "qualities": ["LOSSLESS", "LOW"]}
    ]
    kinds = {quality: server.get(f"tracks/1?quality={quality}") for quality in Quality}
    assert {quality: answer.status for quality, answer in kinds.items()} == {"LOW": 200, "HIGH": 409, "LOSSLESS": 200}
    assert kinds[Quality.LOW].json["media"]["contentType"] == "audio/mpeg"
    assert kinds[Quality.LOSSLESS].json["media"]["contentType"] == "audio/flac"
    assert server.get("albums/1?quality=HIGH").status == 409


@pytest.mark.parametrize(
    ("suffix", "content_type", "quality"),
    [
        ("flac", "audio/flac", "LOSSLESS"),
        ("wav", "audio/wav", "LOSSLESS"),
        ("oga", "audio/ogg", "LOSSLESS"),
        ("mp3", "audio/mpeg", "LOW"),
        ("m4a", "audio/mp4", "LOW"),
        ("ogg", "audio/ogg", "LOW"),
        ("opus", "audio/ogg", "LOW"),
    ],
)
def test_every_kind_of_file_is_served_as_what_it_is(
    collection: Collection, serve: Serve, suffix: str, content_type: str, quality: str
) -> None:
    """Without any tag the file's place gives title, number, album and artist."""
    collection.put(f"Somebody/Something/03 - A Song.{suffix}", 1, 2.0)
    answer = serve().get(f"tracks/1?quality={quality}").json
    assert answer["media"]["contentType"] == content_type
    assert [answer[name] for name in ("title", "artist", "album", "trackNumber")] == [
        "A Song",
        "Somebody",
        "Something",
        3,
    ]
    assert answer["durationSeconds"] == pytest.approx(2.0, abs=0.1)


def test_tags_of_every_kind_are_read(collection: Collection, serve: Serve) -> None:
    """Vorbis comments, ID3 and MP4 atoms say the same thing in three tongues."""
    tags = {"title": "Blå", "artist": "Å", "album": "Blue", "albumartist": "AA", "date": "1999-05-01"}
    for suffix in ("flac", "mp3", "m4a", "ogg"):
        collection.put(f"{suffix}/x.{suffix}", **tags, tracknumber="3/12", discnumber="2/2")
    server = serve()
    assert server.get("/").json["tracks"] == 1
    for quality in ("LOSSLESS", "LOW"):
        answer = server.get(f"tracks/1?quality={quality}").json
        for url in ("media", "durationSeconds"):
            answer.pop(url)
        assert answer == {
            "id": 1,
            "title": "Blå",
            "artist": "Å",
            "album": "Blue",
            "albumId": 1,
            "albumArtist": "AA",
            "trackNumber": 3,
            "trackCount": 12,
            "discNumber": 2,
            "discCount": 2,
            "year": 1999,
        }


def test_the_answers_about_an_album_and_about_its_tracks_agree(collection: Collection, serve: Serve) -> None:
    """A track that is queued after its album has the same name and the same tags, so it is not filed twice."""
    common = {"artist": "A", "album": "Blue", "albumartist": "A"}
    collection.put("x/01.flac", 1, **common, title="One", tracknumber="1", date="1999")
    collection.put("x/02.flac", 2, **common, title="Two", tracknumber="2", date="2001")
    collection.put("y/01.flac", 3, artist="A", album="Red", title="Three")
    server = serve()
    for number in (1, 2):
        album = server.get(f"albums/{number}?quality=LOSSLESS").json
        for line in album["tracks"]:
            track = server.get(f"tracks/{line['id']}?quality=LOSSLESS").json
            for name in ("albumArtist", "year", "discCount", "coverUrl"):
                assert track.get(name) == album.get(name), name
            assert track["album"] == album["title"]
            for name in ("title", "artist", "trackNumber", "discNumber", "durationSeconds"):
                assert track.get(name) == line.get(name), name


def test_a_folder_without_music_says_what_was_looked_for(collection: Collection, serve: Serve) -> None:
    """And files that only look like music are named in words that people know."""
    for name, content in (("empty.mp3", b""), ("page.flac", b"<html>"), ("cut.flac", b"fLaC\0\0")):
        (collection.folder / name).write_bytes(content)
    server = serve()

    assert any(".flac" in line and ".mp3" in line for line in server.said if "No music found" in line)
    assert "  empty.mp3: empty" in server.said
    assert "  page.flac: not what its name says" in server.said
    assert "  cut.flac: damaged" in server.said


def test_a_port_that_is_taken_says_what_to_do() -> None:
    """In the words of the server, without those of the system."""
    with listen("127.0.0.1", 0) as taken, pytest.raises(SetupError) as caught:
        listen("127.0.0.1", taken.getsockname()[1])

    assert "is in use" in str(caught.value)
    assert "--port" in str(caught.value)
    assert "Errno" not in str(caught.value)


def test_an_album_lists_what_is_missing_in_a_quality(collection: Collection, serve: Serve) -> None:
    """All tracks are named, so that a download knows it is not whole; the missing one is a 409."""
    collection.album("flac", tracks=3)
    collection.album("mp3", tracks=2)
    server = serve()
    answer = server.get("albums/1?quality=LOW").json
    assert [line["id"] for line in answer["tracks"]] == [1, 2, 3]
    assert answer["trackCount"] == 3
    assert [server.get(f"tracks/{number}?quality=LOW").status for number in (1, 2, 3)] == [200, 200, 409]


def test_a_long_album_comes_in_pages(collection: Collection, serve: Serve) -> None:
    """500 tracks a page, in order, each once."""
    first = collection.put("x/0001.mp3", title="Song", artist="A", album="Long", tracknumber="1")
    for number in range(2, 1_003):
        copy = first.with_name(f"{number:04}.mp3")
        copy.write_bytes(first.read_bytes())
        tag(copy, tracknumber=str(number))
    server = serve()
    numbers: list[int] = []
    pages = []
    cursor = ""
    while True:
        answer = server.get(f"albums/1?quality=LOW{cursor}").json
        assert answer["trackCount"] == 1_002
        pages.append(len(answer["tracks"]))
        numbers += [line["trackNumber"] for line in answer["tracks"]]
        if "next" not in answer:
            break
        cursor = f"&cursor={answer['next']}"
    assert pages == [500, 500, 2]
    assert numbers == list(range(1, 1_003))


def test_covers_come_from_the_file_or_from_beside_it(collection: Collection, serve: Serve) -> None:
    """The embedded picture first, then cover.jpg and its like; by content, never by name."""
    inside, beside = png(2, 2), png(3, 3)
    embed(collection.put("a/1.flac", title="1", artist="A", album="Inside"), inside)
    embed(collection.put("b/1.mp3", title="1", artist="A", album="Inside too"), inside)
    collection.put("c/1.mp3", title="1", artist="A", album="Lying beside")
    (collection.folder / "c/Folder.JPG").write_bytes(beside)
    collection.put("d/1.mp3", title="1", artist="A", album="None")
    (collection.folder / "d/cover.jpg").write_text("<html>no picture</html>")
    server = serve()
    for number, (quality, content) in enumerate([("LOSSLESS", inside), ("LOW", inside), ("LOW", beside)], 1):
        track, album = (server.get(f"{noun}/{number}?quality={quality}").json for noun in ("tracks", "albums"))
        assert track["coverUrl"] == album["coverUrl"]
        answer = server.get(track["coverUrl"])
        assert (answer.status, answer.headers["content-type"], answer.body) == (200, "image/png", content)
        again = server.get(track["coverUrl"], headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status, again.body) == (304, b"")
    assert server.get(server.get("tracks/4?quality=LOW").json["coverUrl"]).status == 404


def test_people_find_ids_by_the_list_of_all_albums(collection: Collection, serve: Serve) -> None:
    """`/albums` says which ids there are."""
    collection.album("mp3", tracks=2)
    collection.put("x/1.mp3", title="Red Song", artist="Red", album="Rot")
    server = serve()
    assert [(album["id"], album["title"]) for album in server.get("albums").json["albums"]] == [(1, "Blue"), (2, "Rot")]


def test_bad_questions_get_an_error_in_json(collection: Collection, serve: Serve) -> None:
    """With the right status, a text for people and no traceback."""
    collection.album("mp3", tracks=1)
    server = serve()
    bad_ids = ("0", "-1", "1.5", "x", "2147483648", "01", "1%00", "%C2%B2", "9" * 5_000)
    refused = [
        "tracks/1",
        "tracks/1?quality=lossless",
        "tracks/1?quality=HI_RES",
        *(f"{noun}/{number}?quality=LOW" for noun in ("tracks", "albums", "media", "covers") for number in bad_ids),
        "albums/1?quality=LOW&cursor=x",
        "albums/1?quality=LOW&cursor=77",
        "albums?cursor=77",
        "search",
        "search?q=" + "x" * 201,
        "search?q=x&type=disc",
        "search?q=x&limit=0",
        "search?q=x&limit=101",
    ]
    absent = [
        "tracks/2147483647?quality=LOW",
        "albums/99?quality=LOW",
        "media/99",
        "covers/99",
        "media/../etc/passwd",
        "media/%2e%2e%2fetc%2fpasswd",
        "nothing/here",
        "albums/1/",
    ]
    for path, status in [*((path, 400) for path in refused), *((path, 404) for path in absent)]:
        answer = server.get(path)
        assert (path, answer.status) == (path, status)
        assert answer.headers["content-type"] == "application/json"
        assert list(answer.json) == ["error"]
        assert "Traceback" not in answer.json["error"]


def test_other_methods_are_refused(collection: Collection, serve: Serve) -> None:
    """The service is there to be read."""
    collection.album("mp3", tracks=1)
    server = serve()
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        answer = server.get("tracks/1?quality=LOW", method=method)
        assert (answer.status, list(answer.json)) == (405, ["error"])


def test_the_start_says_what_is_there(collection: Collection, serve: Serve) -> None:
    """Counts by quality, what was passed over and why, and how to use it."""
    collection.album("flac", "mp3", tracks=2)
    (collection.folder / "broken.flac").write_bytes(b"fLaC" + bytes(100))
    server = serve()
    assert server.said[0].endswith("1 album, 2 tracks (2 LOSSLESS, 0 HIGH, 2 LOW)")
    assert server.said[1] == "Skipped 1 file:"
    assert server.said[2].startswith("  broken.flac: ")
    assert any(f"INTERNAL_API_URL={server.url}" in server.wait_for("give it to a queue") for _ in range(1))
    assert server.stop() == 0


def test_ids_come_in_the_order_of_the_music(collection: Collection, serve: Serve) -> None:
    """Artist, album, number: a newcomer's album 1 is the first of the list."""
    for album in ("B", "A"):
        for number in (2, 1):
            collection.put(f"{album}{number}.mp3", title=f"{number}", artist="X", album=album, tracknumber=f"{number}")
    server = serve()
    tracks = [server.get(f"tracks/{number}?quality=LOW").json for number in (1, 2, 3, 4)]
    places = [(track["album"], track["trackNumber"]) for track in tracks]
    assert all(one < other for one, other in pairwise(places))
