"""Running the folder catalog: a listening socket, the application on it, and what a person reads at the start.

`serve` is the command; `serving` is the part without a terminal, for programs that run a catalog beside other things.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import apsw
import uvicorn

from tonearm.catalog.folder.app import build_app
from tonearm.catalog.folder.index import MusicIndex, open_index
from tonearm.catalog.folder.tags import SUFFIXES
from tonearm.catalog.folder.walk import Skipped
from tonearm.errors import SetupError

_SHOWN = 20  # skipped files that are named
_GRACE_S = 3

_BEGINNING = re.compile(rb"fLaC|ID3|\xff[\xe0-\xff]|....ftyp|OggS|RIFF....WAVE", re.DOTALL)
"""How a file of each kind begins."""

_OF_THE_SYSTEM = frozenset(map(os.strerror, errno.errorcode))
_PLAIN = frozenset({"a link; links are not followed", "not a regular file", "no sound in it"})
"""Reasons that people understand as they are; the others are words of the library that reads the tags."""

Say = Callable[[str], None]


async def serve(
    directory: Path,
    host: str,
    port: int,
    database: Path | None = None,
    *,
    say: Say = print,
    progress: Say | None = None,
) -> None:
    """Serve the music in *directory* until SIGINT or SIGTERM.

    Port 0 takes a free one. *say* gets the lines that a person reads, *progress* a passing line while files are read
    (it replaces the one before; the last is empty). *database*: as in `index_folder`.

    Raises:
        SetupError: no such directory, an address that cannot be taken, or a database that cannot be used.
    """
    stop = asyncio.Event()
    with _signals(stop):
        index = await asyncio.to_thread(open_index, directory, database)
        try:
            with _listening(host, port) as listening:
                reading = asyncio.create_task(_read(index, progress))
                if not await _unless_stopped(reading, stop):
                    return
                for line in _summary(index, directory):
                    say(line)
                async with serving(index, listening) as url:
                    say(f"Catalog at {url} (Ctrl-C ends it)")
                    say(f"  which ids there are:  {url}/albums")
                    say(f"  give it to a queue:   INTERNAL_API_URL={url} tonearm serve")
                    await stop.wait()
        finally:
            await asyncio.to_thread(index.close)


@asynccontextmanager
async def serving(index: MusicIndex, listening: socket.socket) -> AsyncIterator[str]:
    """Serve *index* on *listening* while the block runs; gives the base URL. Signals are the caller's business."""
    config = uvicorn.Config(
        build_app(index),
        http="httptools",
        lifespan="on",
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    server = _Server(config)
    running = asyncio.create_task(server.serve([listening]))
    try:
        ready = asyncio.create_task(server.ready.wait())
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if running.done():
            raise SetupError("The catalog could not start; its log says why")
        yield base_url(listening)
    finally:
        server.should_exit = True
        await asyncio.shield(running)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one.

    Raises:
        SetupError: the address is not this machine's, or taken.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=512)
    except (OSError, OverflowError) as error:
        raise SetupError(_why_not(error, host, port)) from error


def base_url(listening: socket.socket) -> str:
    """The URL at which a catalog on this socket is reached; from this machine if it listens on all addresses."""
    host, port = listening.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _why_not(error: OSError | OverflowError, host: str, port: int) -> str:
    number = error.errno if isinstance(error, OSError) else None
    if isinstance(error, socket.gaierror) or number == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine: choose another one (--host)"
    if number == errno.EADDRINUSE:
        return f"On {host} port {port} is in use: stop what listens there, or choose another port (--port)"
    if number == errno.EACCES:
        return f"Port {port} needs more rights than this process has: choose one above 1023 (--port)"
    return f"Cannot listen on {host}, port {port} (--host, --port)"


class _Server(uvicorn.Server):
    """uvicorn that says when it is ready and leaves signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _read(index: MusicIndex, progress: Say | None) -> None:
    """The first refresh, on a thread, with a passing line for people."""
    loop = asyncio.get_running_loop()

    def step(done: int, total: int) -> None:
        if progress is not None:
            loop.call_soon_threadsafe(progress, f"reading {done:,} of {total:,} files")

    try:
        await asyncio.to_thread(index.refresh, step)
    except apsw.Error as error:
        raise SetupError(f"The index cannot be written: {error}") from error
    if progress is not None:
        progress("")


async def _unless_stopped(reading: asyncio.Task[None], stop: asyncio.Event) -> bool:
    """Wait for *reading*; False, and without it, when a signal came first."""
    stopped = asyncio.create_task(stop.wait())
    await asyncio.wait({reading, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if stop.is_set():
        reading.cancel()
        return False
    await reading
    return True


def _summary(index: MusicIndex, directory: Path) -> Iterator[str]:
    totals = index.totals()
    qualities = ", ".join(f"{count:,} {quality}" for quality, count in totals.by_quality.items())
    yield f"Music in {directory}: {_count(totals.albums, 'album')}, {_count(totals.tracks, 'track')} ({qualities})"
    if not totals.tracks:
        kinds = ", ".join(sorted(f".{suffix.decode()}" for suffix in SUFFIXES))
        yield f"No music found. Looked for in this folder and those below it: {kinds}"
    skipped = index.skipped
    if skipped:
        yield f"Skipped {_count(len(skipped), 'file')}:"
    for one in skipped[:_SHOWN]:
        yield f"  {one.path}: {_in_words(directory, one)}"
    if len(skipped) > _SHOWN:
        yield f"  … and {len(skipped) - _SHOWN:,} more"


def _in_words(directory: Path, one: Skipped) -> str:
    """Why a file was passed over."""
    if one.reason in _PLAIN or one.reason in _OF_THE_SYSTEM:
        return one.reason
    try:
        with open(directory / one.path, "rb", opener=_without_waiting) as file:
            beginning = file.read(12)
    except (OSError, ValueError):
        return "cannot be read"
    if not beginning:
        return "empty"
    return "damaged" if _BEGINNING.match(beginning) else "not what its name says"


def _without_waiting(path: str, flags: int) -> int:
    """Open *path* though it became a pipe meanwhile."""
    return os.open(path, flags | os.O_NONBLOCK)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    with listen(host, port) as listening:
        yield listening


@contextmanager
def _signals(stop: asyncio.Event) -> Iterator[None]:
    """SIGINT and SIGTERM set *stop*; a second one has its usual effect."""
    loop = asyncio.get_running_loop()
    kinds = (signal.SIGINT, signal.SIGTERM)

    def release() -> None:
        for kind in kinds:
            loop.remove_signal_handler(kind)

    def first() -> None:
        stop.set()
        release()

    for kind in kinds:
        loop.add_signal_handler(kind, first)
    try:
        yield
    finally:
        release()
