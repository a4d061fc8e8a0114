"""Decoding: the server's side of the decoder process, which is started when it is first needed and again when it died.

The process is `tonearm.decoder`, exec'd with nothing of ours but one end of a socket. Each file goes to it as an open
descriptor, together with the end of another socket; closing the other end kills the child that decodes it. So whatever
ends a wait here, a time limit, a cancel or the end of this very process, ends the child as well.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

import msgspec
import structlog

from tonearm.decoder import Decoded, Order, Report
from tonearm.decoder.messages import MAX_MESSAGE_BYTES, READY, decode_report, encode, printable
from tonearm.errors import Corrupt, DecoderFailed, Timeout

PROGRAM = (sys.executable, "-P", "-m", "tonearm.decoder")

START_SECONDS = 60.0
"""How long the process may take to load its libraries."""

IDLE_SECONDS = 60.0
"""After so long without a file the process is ended, to give its memory back."""

_END_SECONDS = 5.0
_TRIES = 2
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV")
_KEPT_PREFIXES = ("LC_", "PYTHON", "LD_", "DYLD_")

log = structlog.get_logger("library.decoding")


class Decoder:
    """Has files decoded. All calls are for one event loop; *program* is what is exec'd."""

    def __init__(self, program: Sequence[str] = PROGRAM, *, idle_seconds: float = IDLE_SECONDS) -> None:
        self._program = program
        self._idle_seconds = idle_seconds
        self._process: _Process | None = None
        self._starting = asyncio.Lock()
        self._asking = 0
        self._rest: asyncio.TimerHandle | None = None

    async def decode(self, descriptor: int, order: Order, limit_seconds: float) -> Decoded:
        """Decode the file that is open as *descriptor*; it is read from its beginning. A cancel kills the child.

        Raises:
            Corrupt: the child died over it.
            Timeout: it took longer than *limit_seconds*.
            DecoderFailed: the process does not start, or dies again and again; it is not the file's fault.
        """
        self._keep()
        try:
            for _ in range(_TRIES):
                process = await self._running()
                report = await _ask(process, descriptor, order, limit_seconds)
                if report is not None:
                    return _answer(report)
                log.warning("The decoder died and is started again", pid=process.pid)
                await self._drop(process)
            raise DecoderFailed("The decoder of files died again and again")
        finally:
            self._let_go()

    async def close(self) -> None:
        """End the process. Nothing may be asked any more."""
        if self._rest is not None:
            self._rest.cancel()
        if self._process is not None:
            await self._drop(self._process)

    async def _running(self) -> _Process:
        async with self._starting:
            if self._process is None:
                self._process = await _start(self._program)
            return self._process

    async def _drop(self, process: _Process) -> None:
        """End a process, unless somebody else did so already."""
        if self._process is process:
            self._process = None
            await process.end()

    def _keep(self) -> None:
        self._asking += 1
        if self._rest is not None:
            self._rest.cancel()

    def _let_go(self) -> None:
        self._asking -= 1
        if not self._asking:
            loop = asyncio.get_running_loop()
            self._rest = loop.call_later(self._idle_seconds, self._end_idle)

    def _end_idle(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.end_soon()


class _Process:
    """One running decoder process, and our end of the socket to it."""

    def __init__(self, popen: subprocess.Popen[bytes], control: socket.socket) -> None:
        self._popen = popen
        self._control = control
        self.pid = popen.pid

    async def hand_over(self, file: int, asker: int) -> None:
        """Give it one file, and the socket on which the order lies.

        Raises:
            OSError: it is gone.
        """
        while True:
            try:
                socket.send_fds(self._control, [b"!"], [file, asker])
            except BlockingIOError:
                await _writable(self._control)
            else:
                return

    async def greeting(self) -> bytes:
        """What it says first; empty if it is gone."""
        with suppress(ConnectionError):
            return await asyncio.get_running_loop().sock_recv(self._control, MAX_MESSAGE_BYTES)
        return b""

    async def end(self) -> None:
        """Tell it to end, which ends its children first, and see that it does."""
        self._control.close()
        await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, self._reap))

    def end_soon(self) -> None:
        """Like `end`, without waiting for it."""
        self._control.close()
        asyncio.get_running_loop().run_in_executor(None, self._reap)

    def _reap(self) -> None:
        try:
            self._popen.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            self._popen.wait()


async def _start(program: Sequence[str]) -> _Process:
    """Start the process and wait until it has loaded its libraries."""
    try:
        process = _exec(program)
    except OSError as error:
        raise _not_started(str(error)) from error
    greeting = b""
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                greeting = await process.greeting()
    finally:
        if greeting != READY:
            await process.end()
    if greeting != READY:
        raise _not_started(greeting.decode("utf-8", "replace") or "it ended, or was too slow")
    log.debug("Started the decoder", pid=process.pid)
    return process


def _not_started(why: str) -> DecoderFailed:
    log.error("The decoder of files does not start", error=why)
    return DecoderFailed(f"The decoder of files does not start: {why}")


def _exec(program: Sequence[str]) -> _Process:
    """Start the program with one end of a new socket as its input, and with nothing of our secrets."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            popen = subprocess.Popen(
                program,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={name: value for name, value in os.environ.items() if _is_kept(name)},
                # A group of its own, so that Ctrl-C reaches us alone. Not a session: see docs/adr/0008.
                process_group=0,
            )
        except OSError:
            ours.close()
            raise
    ours.setblocking(False)
    return _Process(popen, ours)


def _is_kept(name: str) -> bool:
    return name in _KEPT or name.startswith(_KEPT_PREFIXES)


async def _ask(process: _Process, descriptor: int, order: Order, limit_seconds: float) -> Report | None:
    """Have one file decoded; None if the process died meanwhile."""
    try:
        ours, theirs = socket.socketpair()
    except OSError as error:
        raise DecoderFailed(f"The decoder of files cannot be asked: {error.strerror}") from error
    with ours:
        ours.setblocking(False)
        ours.send(encode(order))
        try:
            async with asyncio.timeout(limit_seconds):
                with theirs:
                    await process.hand_over(descriptor, theirs.fileno())
                message = await _read_all(ours)
        except TimeoutError:
            raise Timeout(f"Decode timeout ({limit_seconds:g}s exceeded)") from None
        except OSError:
            return None
    try:
        return decode_report(message)
    except msgspec.DecodeError:
        return None


async def _read_all(source: socket.socket) -> bytes:
    loop, message = asyncio.get_running_loop(), b""
    while piece := await loop.sock_recv(source, MAX_MESSAGE_BYTES):
        message += piece
    return message


async def _writable(target: socket.socket) -> None:
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_writer(target, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(target)


def _answer(report: Report) -> Decoded:
    if report.decoded is not None and report.decoded.mistake:
        raise DecoderFailed(f"The decoder of files is broken: {printable(report.decoded.mistake)}")
    if report.decoded is not None:
        return report.decoded
    if report.refused:
        raise DecoderFailed(f"The decoder of files gets no process: {report.refused}")
    if report.signal == signal.SIGXCPU:
        raise Corrupt("The file takes too long to decode")
    how = signal.Signals(report.signal).name if report.signal else "no answer"
    raise Corrupt(f"The decoder crashed over the file ({how})")
