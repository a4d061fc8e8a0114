"""Attacks 1, 2, 3, 22, 23, 25, 26, 29 and 33: what a catalog, or a media server behind it, can do to a worker.

One real server meets them all in one run, and then everything that it left is looked at: the library, what lies beside
it, the log, and the archive of each job that was completed. Each kind has tests of its own beside the part that holds.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import zipfile
from pathlib import Path
from urllib.parse import quote

import aiohttp
from tests.faults.worker.conftest import Noise
from tests.support.catalog import Fixed, ScriptedCatalog
from tests.support.server import API, Json, Tonearm, tonearm

from tonearm.library.naming import fold

ESCAPES = "\x1b[2J\x1b]0;owned\x07 \u202egnp.exe\u2066 \r\nSet-Cookie: a=b\r\n\r\n<script>"
NAMES = (
    *(
        "../../../../etc/cron.d/x",
        "/etc/passwd",
        "..",
        ".",
        "~root",
        "C:\\x",
        "\\\\host\\share",
        "%2e%2e%2f",
        "a/../../b",
    ),
    *(
        "-rf",
        "--help",
        "-i /etc/passwd",
        "; rm -rf /",
        "$(id)",
        "`id`",
        "| sh",
        "NUL",
        "x\0.flac",
        ESCAPES,
        "\u2025/\uff0e",
    ),
    *("Caf\u00e9", "Cafe\u0301", "CAF\u00c9", "Stra\u00dfe", "STRASSE"),
)
PLAYLISTS = (
    b"#EXTM3U\n#EXTINF:1,\n/etc/passwd\n",
    b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:1/steal\n#EXT-X-ENDLIST\n",
    b"ffconcat version 1.0\nfile /etc/passwd\n",
    b"[playlist]\nFile1=file:///etc/passwd\nNumberOfEntries=1\n",
    b'<?xml version="1.0"?><MPD><BaseURL>file:///etc/passwd</BaseURL></MPD>',
)
BOMB = Fixed(200, gzip.compress(bytes(50_000_000), 9), headers={"Content-Encoding": "gzip"})
UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
LINKED, IN_THE_WAY = ("Linked", "Deep"), ("Pipe", "File")


def offer(catalog: ScriptedCatalog, song: bytes) -> None:
    """An album of hostile names, playlists that call themselves FLAC, a bomb, and artists whose folders are traps."""
    for number, name in enumerate(NAMES, 1):
        catalog.add_track(number, body=song, title=name, artist=name, album="../../out", trackNumber=1)
    lines = [{"id": number, "title": name, "trackNumber": 1} for number, name in enumerate(NAMES, 1)]
    catalog.add_album(5, lines, title="../../out", artist=ESCAPES, albumArtist="..")
    for number, playlist in enumerate(PLAYLISTS, 101):
        catalog.add_track(number, body=playlist, title="One", media={"contentType": "audio/flac"})
    catalog.reply("/tracks/201", BOMB, forever=True)
    for number, artist in enumerate((*LINKED, *IN_THE_WAY), 301):
        catalog.add_track(number, body=song, artist=artist, album="Blue", title="One")


def set_traps(library: Path, outside: Path) -> None:
    """Links out of the library, one of them a step further down, a pipe and a file where folders should be."""
    outside.mkdir()
    (library / "Linked").symlink_to(outside)
    (library / "Deep").mkdir()
    (library / "Deep" / "Blue").symlink_to(outside)
    os.mkfifo(library / "Pipe")
    (library / "File").write_bytes(b"mine")


async def ended(server: Tonearm, kind: str, number: int) -> Json:
    """The record of a job, once it has come to its end."""
    return await server.wait_for(await server.submit(kind, number, maxRetries=0))


async def test_a_hostile_catalog_gets_nothing_out_of_the_library_or_into_it(tmp_path: Path, noise: Noise) -> None:
    """Each name is one file below the library, each trap stays shut, and what is no music is no file."""
    outside = tmp_path / "outside"
    async with ScriptedCatalog() as catalog:
        offer(catalog, noise(1).read_bytes())
        async with tonearm(tmp_path / "here", catalog.url, LOG_LEVEL="debug") as server:
            set_traps(server.library, outside)
            assert (await server.call("GET", f"/{quote(ESCAPES)}\u202e\u009b2J"))[0] == 404
            album = await ended(server, "album", 5)
            assert (album["status"], album["outcome"]) == ("completed", "ok"), album
            looks_harmless(album["files"])
            for number in range(101, 101 + len(PLAYLISTS)):
                assert (await ended(server, "track", number))["failureCode"] == "integrity"
            assert (await ended(server, "track", 201))["failureCode"] == "api_error"
            for number in range(301, 305):
                assert (await ended(server, "track", number))["status"] == "failed"

            whole = (await server.job(album["id"]))["files"]
            await check_archive(server, album["id"], whole)
            assert server.files() == sorted([*whole, "File", "Pipe"])
            assert server.staged() == []
            check_log(server.log)
    check_traps(server.library, outside)


def check_traps(library: Path, outside: Path) -> None:
    """Nothing went through a link, into what was no folder, or beside the library."""
    assert list(outside.iterdir()) == []
    assert (library / "File").read_bytes() == b"mine"
    assert {path.name for path in outside.parent.iterdir()} == {"here", outside.name}


def looks_harmless(files: list[str]) -> None:
    """Below the library, each a name of its own whatever the disk takes for the same, and no option of any command."""
    assert len({fold(name) for name in files}) == len(files)
    for name in files:
        parts = Path(name).parts
        assert not Path(name).is_absolute()
        assert not {"..", "."} & set(parts)
        assert UNSAFE.search(name) is None, name
        assert all(len(part.encode()) <= 255 for part in parts)


async def check_archive(server: Tonearm, job_id: str, files: list[str]) -> None:
    """One line of a header, and names that no program unpacks anywhere else (attacks 23 and 29)."""
    url = f"{server.url}{API}/{job_id}/archive"
    async with aiohttp.ClientSession() as http, http.get(url) as answer:
        content = await answer.read()
    assert answer.status == 200
    assert "Set-Cookie" not in answer.headers
    assert UNSAFE.search(answer.headers["Content-Disposition"]) is None
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names)) == len(files)
        assert not [name for name in names if name.startswith(("/", "\\")) or ".." in Path(name).parts or "\\" in name]
        assert {entry.external_attr >> 28 for entry in archive.infolist()} <= {0, 8}


def check_log(log: Path) -> None:
    """One event is one line, without anything that a terminal obeys (attack 22)."""
    lines = log.read_text("utf-8").split("\n")
    assert [line for line in lines if UNSAFE.search(line)] == []
    assert [line for line in lines if line and not re.match(r"\d{4}-\d\d-\d\dT", line)] == []
