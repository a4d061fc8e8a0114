"""Servers forked from a process that has loaded tonearm already.

A start spends more than a second of the processor on loading modules, the same ones each time, and the tests start
hundreds. So one process for each of pytest loads them once and waits for orders; a server is forked from it, with an
environment, a folder, arguments and outputs of its own, and runs `tonearm.cli.main` to its end. From there it is what
any start is: an id, memory and descriptors of its own, to be killed and looked at like every other. Starts from the
command line itself are what tests/api/cli, tests/shipped and others test.

What a process reads of its environment before or while it loads modules (the certificates, the time zone) is that of
the loaded one, so who wants other than tonearm's own settings needs a new process (`fits`).
"""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from tests.support.pages import ROOT
from tonearm.decoder.confinement import die_with
from tonearm.settings import FIELDS

LARGEST = 1 << 17
"""The most bytes of an order."""
PROGRAM = "from tests.support import breakages; breakages.install(); import tonearm.cli as c; c.main()"
"""What a server runs, forked or not."""
_LOADED = f"from tests.support import forked; forked.born(); {PROGRAM}"


def fits(names: Iterable[str]) -> bool:
    """Whether a process whose environment differs in these *names* can be forked."""
    return all(name in FIELDS for name in names)


class Forked:
    """A server that was forked, to be used as one of `asyncio.create_subprocess_exec`."""

    def __init__(self, pid: int, ending: asyncio.Task[int]) -> None:
        self.pid = pid
        self._ending = ending

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative where a signal ended it; None: it runs."""
        return self._ending.result() if self._ending.done() else None

    async def wait(self) -> int:
        """Wait for its end; its exit code."""
        return await asyncio.shield(self._ending)

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.returncode is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """`kill -9`."""
        self.send_signal(signal.SIGKILL)


async def fork(arguments: list[str], environment: Mapping[str, str], folder: Path, log: BinaryIO) -> Forked:
    """Start `tonearm` with these *arguments* in *folder*; what it writes goes to *log*."""
    order = json.dumps({"arguments": arguments, "environment": dict(environment), "folder": str(folder)}).encode()
    assert len(order) <= LARGEST
    ours, theirs = socket.socketpair()
    with theirs:
        socket.send_fds(_loaded.control(), [order], [log.fileno(), theirs.fileno()])
    reader, writer = await asyncio.open_unix_connection(sock=ours)
    pid = int(await reader.readline())

    async def ended() -> int:
        code = int(await reader.readline())
        writer.close()
        await writer.wait_closed()
        return code

    return Forked(pid, asyncio.create_task(ended(), name=f"end of {pid}"))


class _Loaded:
    """The process that has loaded tonearm: started by the first order, ended with this one."""

    def __init__(self) -> None:
        self._control: socket.socket | None = None

    def control(self) -> socket.socket:
        """Where it takes orders."""
        if self._control is None:
            self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "TONEARM_CONFIG": os.devnull}
            with theirs:
                process = subprocess.Popen(
                    [sys.executable, "-c", _LOADED],
                    env=environment,
                    cwd=ROOT,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                )
            atexit.register(process.wait)
            atexit.register(self._control.close)
        return self._control


_loaded = _Loaded()


def born() -> None:
    """Load tonearm and fork a server for each order that comes on stdin. Returns in the servers alone, once in each."""
    from tests.support import breakages  # noqa: F401, PLC0415 - to have it loaded
    from tonearm.cli import serve, serving  # noqa: F401, PLC0415 - as above

    loaded = os.getpid()
    control = socket.socket(fileno=os.dup(0))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, which then ends this process
    running = dict[int, tuple[int, int]]()  # by descriptor of the process: its id, and where its end is told
    while True:
        waiting = select.poll()
        for descriptor in (control.fileno(), *running):
            waiting.register(descriptor, select.POLLIN)
        for descriptor, _ in waiting.poll():
            if descriptor in running:
                _tell_end(descriptor, *running.pop(descriptor))
                continue
            order, (log, told) = _received(control)
            pid = os.fork()
            if pid == 0:
                die_with(loaded)  # and so with pytest, however that ends
                control.close()
                for left, (_, other) in running.items():
                    os.close(left)
                    os.close(other)
                os.close(told)
                _become(order, log)
                return
            os.close(log)
            os.write(told, f"{pid}\n".encode())
            running[os.pidfd_open(pid)] = pid, told


def _received(control: socket.socket) -> tuple[dict[str, Any], list[int]]:
    order, descriptors, *_ = socket.recv_fds(control, LARGEST, 2)
    if not order:  # pytest has ended, or wants no more
        os._exit(0)
    return json.loads(order), descriptors


def _tell_end(descriptor: int, pid: int, told: int) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    with suppress(BrokenPipeError):  # nobody waits for it any more
        os.write(told, f"{code}\n".encode())
    os.close(descriptor)
    os.close(told)


def _become(order: dict[str, Any], log: int) -> None:
    """Make a start of this process: what `subprocess` does between fork and exec, and what Python does after that."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.close(nothing)
    os.close(log)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv[1:] = order["arguments"]
