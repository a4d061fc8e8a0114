"""A folder of music is searched: by the catalog's own question, and by `tonearm search` through a real server."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.api.catalog.collection import Collection, FolderServer
from tests.api.catalog.conftest import Serve
from tests.support.server import Tonearm


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


async def test_a_server_that_only_answers_searches_for_the_command_line(server: FolderServer, tmp_path: Path) -> None:
    """`tonearm search` through `tonearm serve --no-worker` to the folder; what it finds, `tonearm add` takes."""
    tonearm = Tonearm(tmp_path / "server", server.url)
    tonearm.arguments = ["--no-worker"]
    async with tonearm:
        told = await run("search", "blue", "--type", "album", "--server", tonearm.url)
        assert told.returncode == 0, told.stderr
        words = told.stdout.split()
        assert words[1:] == ["album", "Blue", "/", "A"]
        assert f"tonearm add album {words[0]}" in told.stderr

        added = await run("add", "album", words[0], "--server", tonearm.url)
        assert added.returncode == 0, added.stderr

        none = await run("search", "nothing of it", "--server", tonearm.url)
        assert (none.returncode, none.stdout, none.stderr) == (0, "", "Nothing found.\n")


async def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A command to its end."""
    command = [sys.executable, "-m", "tonearm", *arguments]
    return await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=False)
