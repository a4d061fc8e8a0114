"""A folder of tagged music for tests, and the server process over it."""

from __future__ import annotations

import http.client
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import mutagen
from mutagen import id3
from mutagen.flac import Picture
from tests.support.music import Music

_ID3: Any = id3  # typed only in part
_PROGRAM = """
import asyncio, sys
from pathlib import Path
from tonearm.catalog.folder import serve
asyncio.run(serve(Path(sys.argv[1]), "127.0.0.1", 0, Path(sys.argv[2]), say=lambda line: print(line, flush=True)))
"""
START_S = 60


class Collection:
    """Puts copies of real files into *folder* under tags of the test's choosing."""

    def __init__(self, folder: Path, music: Music) -> None:
        self.folder = folder
        self._music = music

    def put(self, path: str, seed: int = 1, seconds: float = 1.0, /, **tags: str) -> Path:
        """Add a file; its extension says which kind. Another *seed* is another recording."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        self._music.copy(target, target.suffix[1:], seconds=seconds, seed=seed)
        if tags:
            tag(target, **tags)
        return target

    def album(self, *suffixes: str, tracks: int = 3) -> None:
        """Add "Blue" by A with so many tracks, in each of these kinds of file."""
        for suffix in suffixes:
            for number in range(1, tracks + 1):
                tags = {"title": f"Song {number}", "artist": "A", "album": "Blue", "albumartist": "A"}
                self.put(f"{suffix}/{number:02}.{suffix}", number, **tags, tracknumber=f"{number}/{tracks}")


def tag(path: Path, **tags: str) -> None:
    """Set tags by their Vorbis names, whatever the kind of file."""
    file: Any = mutagen.File(path, easy=True)
    if file.tags is None:
        file.add_tags()
    for name, value in tags.items():
        file.tags[name] = value
    file.save()


def embed(path: Path, picture: bytes) -> None:
    """Put a front cover into a FLAC or MP3 file."""
    file: Any = mutagen.File(path)
    if path.suffix == ".flac":
        block: Any = Picture()  # type: ignore[no-untyped-call]  # typed only in part
        block.type, block.mime, block.data = 3, "image/png", picture
        file.add_picture(block)
    else:
        file.tags.add(_ID3.APIC(type=3, mime="image/png", data=picture))
    file.save()


@dataclass(frozen=True)
class Answer:
    """One answer: status, headers by lower-case name, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class FolderServer:
    """`serve` in a process of its own, on a free port; a context."""

    def __init__(self, folder: Path, database: Path) -> None:
        self._command = [sys.executable, "-W", "error", "-c", _PROGRAM, str(folder), str(database)]
        self._lines: queue.Queue[str | None] = queue.Queue()
        self.said: list[str] = []

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=os.environ
        )
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        try:
            line = self.wait_for("Catalog at ")
        except BaseException:
            self.kill()
            raise
        self.url = line.removeprefix("Catalog at ").partition(" ")[0]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def stop(self) -> int:
        """End it by SIGTERM; its exit code."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """End it by SIGKILL."""
        return self._end(signal.SIGKILL)

    def wait_for(self, text: str) -> str:
        """The next line that has *text*; fails when the process ends or is silent for too long."""
        while True:
            line = self._lines.get(timeout=START_S)
            assert line is not None, "the server ended:\n" + "\n".join(self.said)
            if text in line:
                return line

    def get(self, path: str, *, method: str = "GET", headers: Mapping[str, str] | None = None) -> Answer:
        """Ask for *path*, relative to the base or a whole URL, sending just these headers."""
        address = urlsplit(self.url)
        assert address.hostname is not None
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=START_S)
        try:
            target = path.removeprefix(self.url)
            connection.putrequest(method, target if target.startswith("/") else f"/{target}", skip_accept_encoding=True)
            for name, value in (headers or {}).items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def until(self, path: str, right: Callable[[Answer], bool]) -> Answer:
        """Ask again and again until the answer is *right*; the test's own time limit ends a vain wait."""
        while True:
            answer = self.get(path)
            if right(answer):
                return answer

    def _read(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as lines:
            for line in lines:
                self.said.append(line.rstrip("\n"))
                self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _end(self, kind: signal.Signals) -> int:
        if self._process.poll() is None:
            self._process.send_signal(kind)
        code = self._process.wait(START_S)
        self._reader.join()
        return code
