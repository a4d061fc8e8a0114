"""`tonearm demo`: the whole of it at work, with music made on the spot and nothing from outside this machine.

It makes music, runs a catalog and a server beside each other on free ports of the loopback address, queues an album and
a track through the client, and shows them arriving. What it started ends with it, whatever happens.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tonearm import settingsfile
from tonearm.cli.children import Children
from tonearm.cli.exits import ExitCode
from tonearm.cli.following import follow
from tonearm.cli.terminal import out
from tonearm.client import Client
from tonearm.errors import SetupError, TonearmError
from tonearm.model import JobType, Quality

START_SECONDS = 120.0
"""What the catalog and the server get to answer for the first time. In a fresh clone Python compiles every library,
then, which takes a busy machine a minute; one that ended is noticed at once."""

ARRIVE_SECONDS = 180.0
"""What the music gets to arrive."""

Wish = tuple[JobType, int, Quality]
"""What is queued."""


def run(folder: Path | None, *, once: bool) -> ExitCode:
    """Run the demo in *folder*, or in a temporary one that is removed at the end.

    Raises:
        SetupError: something could not be started; says what, with the end of its log.
    """
    with ExitStack() as stack:
        stack.enter_context(_ended_by_signals())
        kept = folder is not None
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tonearm-demo-")))
        folder = folder.resolve()
        _make_folder(folder)
        children = stack.enter_context(Children(folder))
        try:
            return _play(folder, children, once=once, kept=kept)
        except KeyboardInterrupt:
            out.note("Stopping.")
            return ExitCode.INTERRUPTED if once else ExitCode.OK
        except OSError as error:
            raise SetupError(f"The demo cannot go on: {error}") from error


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SetupError(f"The folder {folder} (--folder) cannot be made: {error.strerror or error}") from error


def _play(folder: Path, children: Children, *, once: bool, kept: bool) -> ExitCode:
    _make(folder / "music")
    catalog = _start_catalog(folder, children)
    wishes = _wishes(catalog)
    server = _start_server(folder, children, catalog)
    out.document({"event": "started", "server": server, "catalog": catalog, "folder": str(folder)})
    with Client(server) as client:
        jobs = _queue(client, wishes)
        arrived = _arrive(client, jobs, children)
    if not arrived:
        out.note(f"Not all of it arrived. The server's log ends:\n{children.tail('server')}")
        return ExitCode.FAILED
    _show_library(folder / "library")
    if not kept:
        end = "is removed now" if once else "is removed at the end"
        out.line(f"This library is temporary and {end}; --folder DIR keeps it.")
    if not once:
        _stay(server, folder, children, examples(jobs[0], wishes[0]))
    return ExitCode.OK


def _make(music: Path) -> None:
    from tonearm.cli.demo_music import make_music  # noqa: PLC0415 - loads the encoders

    if not music.exists():
        out.line("Making a minute and a half of music …")
        unfinished = music.with_name("music.unfinished")
        make_music(unfinished, _say_made)
        unfinished.rename(music)
    out.line(f"Music: {music}")


def _say_made(title: str, done: int, of: int) -> None:
    """A piece is there: a passing line where the terminal can, else a line each."""
    if out.draws():
        out.rewrite(f"  {done} of {of}: {title}" if done < of else "")
    else:
        out.line(f"  {done} of {of}: {title}")


def _start_catalog(folder: Path, children: Children) -> str:
    """Start the catalog and return its address once it answers."""
    port = _free_port()
    listening = ["--host", "127.0.0.1", "--port", str(port), "--database", str(folder / "catalog.db")]
    children.start("catalog", ["catalog", "serve", str(folder / "music"), *listening], _environment())
    url = f"http://127.0.0.1:{port}"
    _await(children, f"{url}/albums", "catalog")
    out.line(f"Catalog: {url}")
    return url


def _start_server(folder: Path, children: Children, catalog: str) -> str:
    """Start the server and return its address once it answers."""
    port = _free_port()
    settings = {
        "INTERNAL_API_URL": catalog,
        "DOWNLOAD_DIR": str(folder / "library"),
        "QUEUE_DATABASE": str(folder / "queue.db"),
        "QUEUE_SHUTDOWN_GRACE_MS": "1000",
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    (folder / "library").mkdir(exist_ok=True)
    children.start("server", ["serve"], _environment() | settings)
    url = f"http://127.0.0.1:{port}"
    _await(children, f"{url}/healthz", "server")
    out.line(f"Server: {url} (its API: {url}/docs)")
    return url


def _wishes(catalog: str) -> list[Wish]:
    """The longest album in its best quality, and a track of the shortest one in its plainest.

    Raises:
        SetupError: the catalog has no album.
    """
    albums = sorted(json.loads(_get(f"{catalog}/albums"))["albums"], key=lambda album: album["trackCount"])
    if not albums:
        raise SetupError(f"The catalog at {catalog} has no music")
    best = [quality for quality in Quality if quality in albums[-1]["qualities"]][-1]
    plain = next(quality for quality in Quality if quality in albums[0]["qualities"])
    track = json.loads(_get(f"{catalog}/albums/{albums[0]['id']}?quality={plain}"))["tracks"][0]
    return [(JobType.ALBUM, albums[-1]["id"], best), (JobType.TRACK, track["id"], plain)]


def _queue(client: Client, wishes: list[Wish]) -> list[str]:
    jobs = []
    for job_type, catalog_id, quality in wishes:
        job_id = client.submit(job_type, catalog_id, quality, wait=True).job_id
        out.line(f"{job_id}  {job_type} {catalog_id} in {quality} queued")
        jobs.append(job_id)
    return jobs


def _arrive(client: Client, jobs: list[str], children: Children) -> bool:
    try:
        return follow(client, jobs, timeout=ARRIVE_SECONDS)
    except TimeoutError as error:
        out.note(f"Error: {error}")
        return False
    except TonearmError:
        children.check()  # a dead server is the better explanation
        raise


def _show_library(library: Path) -> None:
    files = sorted(path.relative_to(library) for path in library.rglob("*") if path.is_file())
    public = [path for path in files if not path.parts[0].startswith(".")]
    out.document({"event": "library", "files": [str(path) for path in public]})
    out.line()
    out.line(f"The library, {library}:")
    shown: set[Path] = set()
    for path in public:
        for parent in [*reversed(path.parents[:-1]), path]:
            if parent not in shown:
                shown.add(parent)
                out.line("  " * len(parent.parts) + parent.name + ("" if parent == path else "/"))


def examples(job_id: str, wish: Wish) -> list[str]:
    """What can be typed next; the same wish comes last, after its files went: another quality would lie beside them."""
    job_type, catalog_id, quality = wish
    again = f"add {job_type} {catalog_id} --quality {quality} --wait"
    return ["list", f"show {job_id}", f"remove --files {job_id}", again]


def _stay(server: str, folder: Path, children: Children, commands: list[str]) -> NoReturn:
    """Keep running until Ctrl-C; a child that dies ends it too."""
    out.note(f"\nThe server and its page go on at {server}, until Ctrl-C. In another terminal, for example:")
    program = called()
    for command in commands:
        out.note(f"  {program} {command} --server {server}")
    out.note(f"  less {folder / 'server.log'}")
    while True:
        children.check()
        time.sleep(0.5)


def called() -> str:
    """How this program can be typed here: its name where that leads to it, else its path."""
    program = Path(sys.executable).with_name("tonearm")
    found = shutil.which("tonearm")
    if found is not None and program.exists() and program.samefile(found):
        return "tonearm"
    if not program.exists():
        return f"{shlex.quote(sys.executable)} -m tonearm"
    here = Path.cwd()
    return shlex.quote(str(program.relative_to(here) if program.is_relative_to(here) else program))


@contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the demo as an exception does, so that what it started is stopped."""

    def end(number: int, _: FrameType | None) -> None:
        sys.exit(128 + number)

    numbers = (signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _environment() -> dict[str, str]:
    """The environment without any setting of ours: the demo is the same on every machine."""
    from tonearm.settings import FIELDS  # noqa: PLC0415 - as slow as the rest of the command line together

    others = {name: value for name, value in os.environ.items() if name not in FIELDS and not name.startswith("QUEUE_")}
    return others | {settingsfile.NAMED_BY: os.devnull}


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def _await(children: Children, url: str, name: str) -> None:
    """Wait until *url* answers.

    Raises:
        SetupError: the child has ended, or does not answer in time.
    """
    end = time.monotonic() + START_SECONDS
    while True:
        children.check()
        try:
            _get(url)
        except OSError as error:
            if time.monotonic() > end:
                why = f"The {name} does not answer within {START_SECONDS:.0f} s ({error})"
                raise SetupError("\n".join([why, children.tail(name)]).rstrip()) from error
            time.sleep(0.05)
        else:
            return


def _get(url: str) -> bytes:
    """The body of a successful answer; the proxies of the environment are not asked.

    Raises:
        OSError: no answer, or not a success.
    """
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=5) as answer:
        body: bytes = answer.read()
        return body
