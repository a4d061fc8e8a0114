"""A reader who types what a page says, block by block, each block in a terminal of its own.

    python -m tests.support.typist PAGE FOLDER

It runs in namespaces of its own (`tests.support.alone`): a network without anybody, where the ports of the pages are
free and `queue.lan` and `catalog.lan` are this machine; mounts of its own, with nothing below /mnt; and processes of
its own, which end with it. What a page takes for granted is there: music in ~/Music, programs that the page tells to
save, and, from the first command that asks for one, a server. Programs that serve go on beside the next blocks; another
one of the same kind takes their place. The answer is JSON: what each block said and its exit code, up to the first that
failed.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

from tests.support.pages import Block, blocks
from tests.support.processes import alive, listening
from tests.support.programs import find

SERVING = re.compile(r"^(?:[A-Z_]+=\S+ +)*(tonearm (?:serve|worker|catalog serve)|redis-server|python3 catalog\.py)\b")
_ASKS = "search|add|list|show|control|workers|backup|prune|keys create kitchen"
ASKING = re.compile(rf"^(?:tonearm (?:{_ASKS})\b|curl .*:8080/)")
OPENING = re.compile(r"^(?:[A-Z_]+=\S+ +)*tonearm (?:export|import|restore)\b")
COMMENT = re.compile(r" +# .*$")
KEY = re.compile(r"tonearm_[\w-]{20,}")
PROGRAM = re.compile(r"^```python\n# (\w+\.py)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NEWEST = (
    "curl -s '127.0.0.1:8080/api/download-queue?sort=-created&limit=1' | grep -om1 'job-[0-9]*-[a-z0-9]*' | head -n 1"
)
START_S, BLOCK_S = 60.0, 100.0
"""Seconds that a program has until it serves, and a block until it ends."""

ALBUMS = {5: 12, 6: 30}
"""How many tracks some albums of ~/Music have; the others have two."""

WITH_KEYS = ("monitoring",)
"""Pages that speak to somebody whose queue has keys."""

LONG_S, SHORT_S = 20, 1
"""Seconds of each track of album 6, and of all others."""


class Reader:
    """Somebody with a home below *folder*, and no experience."""

    def __init__(self, folder: Path, page: Path) -> None:
        self._home = folder / "home"
        self._here = folder / "checkout"
        self._page = page
        self._key = ""
        self._running: dict[str, int] = {}
        self._environment = {
            "HOME": str(self._home),
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"], "/usr/sbin", "/sbin")),
            "LANG": "C.UTF-8",
            "QUEUE_BANDWIDTH_LIMIT": "4000000",  # long albums are still on their way when somebody pauses them
        }

    def settle(self) -> None:
        """Make the machine as the pages expect it."""
        self._home.mkdir(parents=True)
        self._here.mkdir()
        (self._here / ".venv").symlink_to(Path(sys.executable).parents[1])
        for name, text in PROGRAM.findall(self._page.read_text("utf-8")):
            (self._here / name).write_text(text, "utf-8")
        hosts = self._home / ".hosts"
        hosts.write_text(f"127.0.0.1 localhost {os.uname().nodename} queue.lan catalog.lan\n")
        for command in ("ip link set lo up", f"mount --bind {hosts} /etc/hosts", "mount -t tmpfs tmpfs /mnt"):
            program, *arguments = command.split()
            subprocess.run([find(program), *arguments], check=True)
        for music in (self._home / "Music", Path("/mnt/Music")):
            make_music(music)
        for folder in (Path("/mnt/music"), Path("/mnt/backup"), self._home / "library"):
            folder.mkdir()

    def given(self) -> None:
        """What who follows a how-to has already: a catalog, and its address and a library in the settings."""
        self.type(Block("sh", "", "tonearm catalog serve ~/Music"))
        self._environment["INTERNAL_API_URL"] = "http://127.0.0.1:8090"
        self._environment["DOWNLOAD_DIR"] = str(self._home / "library")
        if self._page.stem in WITH_KEYS:
            self.type(Block("sh", "", "tonearm keys create root --scope admin"))
            self._environment["TONEARM_API_KEY"] = self._key.strip()

    def type(self, block: Block) -> tuple[int, str]:
        """Type one block into a new terminal; its exit code and what it said. Unless it failed, servers answer then."""
        commands = [_meant(COMMENT.sub("", line)) for line in block.lines]
        serving = [found[1] for command in commands if (found := SERVING.match(command))]
        if any(map(OPENING.match, commands)):
            self._end("tonearm serve")
        if any(map(ASKING.match, commands)) and "tonearm serve" not in (*self._running, *serving):
            self.type(Block("sh", "", "tonearm serve"))
        for kind in serving:
            self._end(kind)
        done = subprocess.run(
            [find("bash"), "-c", _script(commands)],
            cwd=self._here,
            env=self._environment,
            input=self._key,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BLOCK_S,
            check=False,
        )
        if done.returncode:
            return done.returncode, done.stdout
        for kind in serving:
            self._running[kind] = int((self._here / kind.replace(" ", ".")).read_text())
            self._await(kind)
        if found := KEY.search(done.stdout):
            self._key = found[0] + "\n"
        return 0, done.stdout

    def _await(self, kind: str) -> None:
        end = time.monotonic() + START_S
        while not (alive(self._running[kind]) and _serves(self._running[kind])):
            if time.monotonic() > end or not alive(self._running[kind]):
                raise RuntimeError(f"{kind} does not serve:\n{(self._here / f'{kind}.log').read_text()}")
            time.sleep(0.02)  # a pause between two looks

    def _end(self, kind: str) -> None:
        """Ctrl-C, in its terminal."""
        if (pid := self._running.pop(kind, None)) is None:
            return
        os.kill(pid, signal.SIGTERM)
        while alive(pid):
            time.sleep(0.02)  # a pause between two looks


def _serves(pid: int) -> bool:
    """Whether a process takes connections on a port; the socket beside the database comes sooner."""
    return any(not place.startswith("unix:") for place in listening(pid))


def _meant(command: str) -> str:
    """The command with the newest job, when it is typed, for `JOB`; a worker, elsewhere, has the port that it likes."""
    command = re.sub(r"\bJOB\b", f"$({NEWEST})", command)
    return f"PORT=8081 {command}" if re.match(r"tonearm worker\b", command) else command


def _script(commands: list[str]) -> str:
    """What a shell does with the lines: the first that fails ends it, unless the next asks how it ended."""
    lines = ["set -e"]
    for command, following in zip(commands, [*commands[1:], ""], strict=True):
        if found := SERVING.match(command):
            kind = found[1]
            command = f"{command} >'{kind}.log' 2>&1 & echo $! >{kind.replace(' ', '.')}"  # noqa: PLW2901 - the command as it is typed
        lines += ["set +e", command] if following == "echo $?" else [command, "set -e"]
    return "\n".join(lines)


def make_music(folder: Path) -> None:
    """Albums of silence by Ann: seven numbered ones of WAV files, and one of FLAC."""
    for album in range(1, 8):
        for track in range(1, ALBUMS.get(album, 2) + 1):
            path = folder / "Ann" / f"{album} Blue" / f"{track:02} Song.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            seconds = LONG_S if album == 6 else SHORT_S
            with wave.open(str(path), "wb") as file:
                file.setparams((1, 2, 22_050, 0, "NONE", ""))
                file.writeframes((album * 100 + track).to_bytes(2, "little") * 22_050 * seconds)
    (folder / "Ann" / "Blue").mkdir()
    encoded = folder / "Ann" / "Blue" / "Song.flac"
    subprocess.run([find("flac"), "--silent", f"--output-name={encoded}", path], check=True)


def main(page: Path, folder: Path) -> None:
    """Type the page; print what came of it."""
    reader = Reader(folder, page)
    reader.settle()
    if page.parent.name == "how-to":
        reader.given()
    said = []
    for block in blocks(page):
        if block.kind == "sh" and not block.not_run:
            code, text = reader.type(block)
            said.append({"block": block.text, "code": code, "said": text})
            if code:
                break
    print(json.dumps(said))  # noqa: T201 - that is how it answers


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
