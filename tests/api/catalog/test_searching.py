"""A folder of music is searched: what its words match, and what is answered."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from tests.api.catalog.collection import Collection, FolderServer
from tests.api.catalog.conftest import Serve


@pytest.fixture
def server(collection: Collection, serve: Serve) -> FolderServer:
    """ "Blue" by A with two songs, an album of various artists, and one with accents."""
    collection.album("mp3", tracks=2)
    various = {"album": "Mixed", "albumartist": "Various Artists"}
    collection.put("v/1.mp3", 3, title="One", artist="Cleo", **various, tracknumber="1")
    collection.put("v/2.mp3", 4, title="Two", artist="Dora", **various, tracknumber="2", date="1999")
    collection.put("x/1.mp3", 5, title="Süße Träume", artist="Ärzte", album="Rot", albumartist="Ärzte")
    return serve()


def found(server: FolderServer, words: str, more: str = "") -> list[tuple[str, str]]:
    """Type and title of what a search finds."""
    results = server.get(f"search?q={quote(words)}{more}").json["results"]
    return [(hit["type"], hit["title"]) for hit in results]


def test_every_word_has_to_stand_somewhere(server: FolderServer) -> None:
    """In artist, album or title, whatever the order, the case and the accents."""
    songs = [("track", "Song 1"), ("track", "Song 2")]
    assert found(server, "blue") == [("album", "Blue"), *songs]
    assert found(server, "SONG  blue") == songs
    assert found(server, "2 blue a") == songs[1:]
    assert found(server, "arzte") == found(server, "ÄRZTE") == [("album", "Rot"), ("track", "Süße Träume")]
    assert found(server, "traume susse") == found(server, "träume süsse") == [("track", "Süße Träume")]
    assert found(server, "cleo") == [("track", "One")]
    assert found(server, "cleo two") == found(server, "100%_") == found(server, "'\" OR 1=1") == []


def test_one_type_and_so_many(server: FolderServer) -> None:
    """Of both types, where both are many, half each."""
    assert found(server, "blue", "&type=album") == [("album", "Blue")]
    assert found(server, "blue", "&type=track&limit=1") == [("track", "Song 1")]
    assert found(server, "e", "&limit=3") == [("album", "Blue"), ("album", "Mixed"), ("track", "Song 1")]
    assert len(found(server, "e")) == 8


def test_the_answer_is_the_contracts(server: FolderServer) -> None:
    """Ids, names, year and number of tracks where they are known."""
    mixed, _, two = server.get("search?q=mixed").json["results"]
    year = {"year": 1999} if "year" in mixed else {}

    artist = {"artist": "Various Artists", "trackCount": 2}
    assert mixed == {"type": "album", "id": mixed["id"], "title": "Mixed", **artist, **year}
    assert two == {"type": "track", "id": two["id"], "title": "Two", "artist": "Dora", "album": "Mixed", **year}
    album: dict[str, Any] = server.get(f"albums/{mixed['id']}?quality=LOW").json
    assert two["id"] in [track["id"] for track in album["tracks"]]
