"""The folder catalog in trouble: hostile folders, kills, lost disks, files that change while they are sent."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.api.catalog.collection import Collection, FolderServer, tag

from tonearm.catalog.folder import MusicIndex, index_folder, listen
from tonearm.catalog.folder.index import RefreshStopped
from tonearm.errors import SetupError
from tonearm.model import Quality

Serve = Callable[[], FolderServer]

_KILLED = """
import os, sys
from pathlib import Path
from tonearm.catalog.folder import MusicIndex
index = MusicIndex(Path(sys.argv[1]), Path(sys.argv[2]))
index.refresh(lambda done, _: os.kill(os.getpid(), 9) if done >= 200 else None)
"""


def test_links_pipes_and_broken_files_are_passed_over(collection: Collection, serve: Serve, tmp_path: Path) -> None:
    """Nothing outside the folder is served, nothing blocks, and each is named with its reason."""
    collection.album("mp3", tracks=1)
    outside = tmp_path / "outside"
    outside.mkdir()
    secret = collection.put("secret.mp3", 5, title="Secret").rename(outside / "secret.mp3")
    folder = collection.folder
    (folder / "link.mp3").symlink_to(secret)
    (folder / "linked").symlink_to(outside)
    (folder / "dangling.mp3").symlink_to(folder / "nowhere")
    (folder / "round.mp3").symlink_to(folder / "round.mp3")
    os.mkfifo(folder / "pipe.mp3")
    (folder / "folder.mp3").mkdir()
    (folder / "empty.mp3").touch()
    (folder / "page.mp3").write_text("<html>")
    (folder / "cut.flac").write_bytes(b"fLaC\x00\x00\x00\x22")
    (folder / "junk.m4a").write_bytes(b"\x00\x00\x00\x18ftypM4A " + b"\xff" * 500)
    (folder / "junk.ogg").write_bytes(b"OggS" + b"\xff" * 500)
    (folder / "junk.wav").write_bytes(b"RIFF\xff\xff\xff\xffWAVE" + b"\xff" * 500)
    (folder / ".hidden.mp3").write_text("x")
    (folder / ".tonearm").mkdir()
    (folder / ".tonearm/part.mp3").write_text("x")
    server = serve()
    assert server.get("/").json["tracks"] == 1
    named = {line.strip().partition(": ")[0] for line in server.said if line.startswith("  ")}
    skipped = {"link.mp3", "dangling.mp3", "round.mp3", "pipe.mp3", "empty.mp3", "page.mp3", "cut.flac"}
    assert skipped | {"junk.m4a", "junk.ogg", "junk.wav"} <= named
    assert not any("hidden" in line or "tonearm/" in line for line in server.said)
    assert server.get("search?q=secret").json["results"] == []


def test_a_folder_swapped_for_a_link_leads_nowhere(collection: Collection, serve: Serve, tmp_path: Path) -> None:
    """The file was there when it was indexed; now its folder is a link to other files of that name."""
    collection.album("mp3", tracks=1)
    server = serve()
    assert server.get("media/1").status == 200
    (collection.folder / "mp3").rename(tmp_path / "elsewhere")
    (collection.folder / "mp3").symlink_to(tmp_path / "elsewhere")
    assert server.get("media/1").status == 404


def test_names_that_are_no_text_are_served(collection: Collection, serve: Serve) -> None:
    """File names are bytes, and tags hold anything; titles and answers are text all the same."""
    plain = collection.put("x.mp3", title="a\x01b\u202e", artist="A" * 5_000, album="../../etc").rename
    target = os.fsencode(collection.folder) + b"/\xff\xfe \xf0.mp3"
    plain(os.fsdecode(target))
    bare = collection.put("y.mp3", 2)
    bare.rename(os.fsdecode(os.fsencode(collection.folder) + b"/\xe9t\xe9.mp3"))
    server = serve()
    tracks = [server.get(f"tracks/{number}?quality=LOW").json for number in (1, 2)]
    titles = {track["title"] for track in tracks}
    assert titles == {"a b\u202e", "\ufffdt\ufffd"}
    assert all(len(track["artist"]) <= 1_000 for track in tracks)
    assert [server.get(track["media"]["url"]).status for track in tracks] == [200, 200]


def test_a_file_that_vanished_is_404_and_a_changed_one_is_read_again(collection: Collection, serve: Serve) -> None:
    """Neither is a fault of the server; the second says when to come again, and then it is there."""
    collection.album("mp3", tracks=2)
    server = serve()
    first, second = (server.get(f"tracks/{number}?quality=LOW").json["media"]["url"] for number in (1, 2))
    (collection.folder / "mp3/01.mp3").unlink()
    assert server.get(first).status == 404
    tag(collection.folder / "mp3/02.mp3", title="Changed")
    answer = server.get(second)
    assert answer.status in (200, 503)
    assert answer.status == 200 or int(answer.headers["retry-after"]) > 0
    server.until("tracks/2?quality=LOW", lambda answer: answer.json.get("title") == "Changed")
    assert server.get(server.get("tracks/2?quality=LOW").json["media"]["url"]).status == 200
    assert server.get("tracks/1?quality=LOW").status == 404


def test_a_disk_that_is_away_is_503_and_its_ids_wait(collection: Collection, serve: Serve) -> None:
    """No 404 for all the music, which jobs would take for final."""
    collection.album("mp3", tracks=1)
    server = serve()
    away = collection.folder.rename(collection.folder.with_name("away"))
    answer = server.get("media/1")
    assert (answer.status, list(answer.json)) == (503, ["error"])
    assert server.get("tracks/1?quality=LOW").status == 200
    away.rename(collection.folder)
    server.until("media/1", lambda answer: answer.status == 200)


def test_a_file_that_changes_while_it_is_sent_is_cut_off(collection: Collection, serve: Serve) -> None:
    """A mixture of two versions never looks like a whole file. (It is larger than what the sockets hold.)"""
    file = collection.put("big.wav", 1, 120.0)
    server = serve()
    size = file.stat().st_size
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port)) as client:
        client.sendall(b"GET /media/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        received = len(client.recv(1_000))
        with file.open("r+b") as writer:
            writer.seek(size // 2)
            writer.write(b"changed")
        while piece := client.recv(65_536):
            received += len(piece)
    assert received < size


def test_killed_while_indexing_it_goes_on_where_it_was(collection: Collection, tmp_path: Path) -> None:
    """What was read before is not read again, and no id is given twice."""
    first = collection.put("x/0001.mp3", title="Song", artist="A", album="Long", tracknumber="1")
    for number in range(2, 401):
        copy = first.with_name(f"{number:04}.mp3")
        copy.write_bytes(first.read_bytes())
        tag(copy, tracknumber=str(number))
    database = tmp_path / "killed.sqlite3"
    command = [sys.executable, "-c", _KILLED, str(collection.folder), str(database)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    index = MusicIndex(collection.folder, database)
    assert index.refresh().read == 200
    assert index.totals().tracks == 400
    assert len({line["id"] for line in index.album(1, Quality.LOW)["tracks"]}) == 400
    index.close()


def test_closing_stops_a_refresh_that_is_running(collection: Collection, tmp_path: Path) -> None:
    """Ctrl-C in a large folder does not wait for all of it; what was read is kept."""
    first = collection.put("001.mp3")
    for number in range(2, 251):
        (collection.folder / f"{number:03}.mp3").write_bytes(first.read_bytes())
    index = MusicIndex(collection.folder, tmp_path / "ids.sqlite3")
    closer = threading.Thread(target=index.close)

    def close(_: int, __: int) -> None:
        closer.start()
        while not index._closing:
            pass

    with pytest.raises(RefreshStopped):
        index.refresh(close)
    closer.join()
    with pytest.raises(RefreshStopped):
        index.refresh()
    again = MusicIndex(collection.folder, tmp_path / "ids.sqlite3")
    assert 0 < again.refresh().read < 250
    again.close()


@pytest.mark.parametrize(
    "content", [b"not a database, but long enough to be looked at" * 100, b"SQLite format 3\0garbage"]
)
def test_a_garbage_database_is_refused_and_left_alone(collection: Collection, tmp_path: Path, content: bytes) -> None:
    """The message names the file."""
    database = tmp_path / "garbage.sqlite3"
    database.write_bytes(content)
    with pytest.raises(SetupError, match=r"garbage\.sqlite3"):
        index_folder(collection.folder, database)
    assert database.read_bytes() == content


def test_another_programs_database_is_refused_and_left_alone(collection: Collection, tmp_path: Path) -> None:
    """It is a good database, but not ours; and one of a newer version is not touched either."""
    foreign = tmp_path / "foreign.sqlite3"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    before = foreign.read_bytes()
    with pytest.raises(SetupError, match="another program's"):
        index_folder(collection.folder, foreign)
    assert foreign.read_bytes() == before
    ours = tmp_path / "ours.sqlite3"
    index_folder(collection.folder, ours).close()
    with sqlite3.connect(ours) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SetupError, match="newer tonearm"):
        index_folder(collection.folder, ours)


def test_two_servers_of_one_folder_agree(collection: Collection, serve: Serve) -> None:
    """They share the ids; neither waits for the other."""
    collection.album("mp3", tracks=2)
    one, other = serve(), serve()
    collection.put("new.mp3", 9, title="New", artist="N", album="N")
    (collection.folder / "mp3/01.mp3").unlink()
    for server in (one, other):
        server.get("media/1")
    for server in (one, other):
        server.until("tracks/3?quality=LOW", lambda answer: answer.status == 200)
    assert one.get("albums").json == other.get("albums").json


def test_a_port_that_is_taken_is_an_error() -> None:
    """The message names it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"port {port}"):
            listen("127.0.0.1", port)
