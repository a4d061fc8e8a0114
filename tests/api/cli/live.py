"""A real server in this process, worked by hand, and commands as real processes against it.

The store is real, in memory, and so is the HTTP server; what a worker would say to the store, a test says itself
through the verbs of the contract suite. So every moment of a job can be held for as long as it is looked at.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import uvloop

from tonearm.api import ApiServer, create_app
from tonearm.clock import SystemClock
from tonearm.settings import load
from tonearm.store.sqlite import SqliteStore, open_sqlite

T = TypeVar("T")

SECONDS = 60.0
"""What anything that is waited for gets."""


class Live:
    """A server on a free port, and the store behind it."""

    def __init__(self, **settings: str) -> None:
        self._settings = load({"PORT": "0", **settings})
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self.store: SqliteStore
        self._server: ApiServer

    @property
    def url(self) -> str:
        return self._server.addresses[0]

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do *work* on the server's event loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(SECONDS)

    def open(self) -> None:
        self._thread.start()
        self.store = self.run(open_sqlite(None, SystemClock()))
        self._server = ApiServer(create_app(self.store, self._settings, SystemClock()), self._settings)
        self.run(self._server.start())

    def close(self) -> None:
        self.run(self._server.stop(0))
        self.run(self.store.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@contextmanager
def live(**settings: str) -> Iterator[Live]:
    server = Live(**settings)
    server.open()
    try:
        yield server
    finally:
        server.close()


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def documents(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "tonearm", *arguments]


def tonearm(*arguments: str) -> Ended:
    """Run a command to its end."""
    ended = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=SECONDS, check=False)
    return Ended(ended.returncode, ended.stdout, ended.stderr)


@contextmanager
def started(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command that runs meanwhile; killed if the block leaves it running."""
    with subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1
    ) as process:
        try:
            yield process
        finally:
            process.kill()


class Terminal:
    """A command on a terminal of its own, 80 columns wide."""

    def __init__(self, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {
            name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")
        }
        self.process = subprocess.Popen(
            command(*arguments), stdin=slave, stdout=slave, stderr=slave, env=environment | {"TERM": "xterm"}
        )
        os.close(slave)
        self.seen = ""

    def until(self, text: str) -> None:
        """Read until *text* was written."""
        while text not in self.seen:
            data = self._read()
            assert data, f"{text!r} did not appear in {self.seen!r}"

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        os.close(self._master)
        return self.process.wait(SECONDS)

    def _read(self) -> bytes:
        data = b""
        with suppress(OSError):  # Linux says EIO when the other side is closed
            data = os.read(self._master, 65_536)
        self.seen += data.decode("utf-8", "replace")
        return data
