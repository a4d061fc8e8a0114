"""The children of the decoder: one a file, each forked from a process that has everything loaded.

The server hands over two descriptors a file: the file, and the end of a socket on which the order lies and the report
is awaited. Where the server closes its end, because it has waited long enough or nobody wants the file any more, the
child is killed. Where the connection to the server itself ends, all are, and this process ends. A child has nothing but
the file and a pipe for its answer; it is confined before it reads.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import msgspec

from tonearm.decoder.confinement import confine, die_with
from tonearm.decoder.messages import (
    MAX_MESSAGE_BYTES,
    Decoded,
    Order,
    Report,
    decode_decoded,
    decode_order,
    encode,
)

FILE, ANSWER = 0, 1
"""The descriptors of a child."""

Decode = Callable[[int, Order], Decoded]
_MISTAKES = (TypeError, AttributeError, NameError, ImportError)
"""What no content of a file brings about: code that does not fit together, ours or that of a library."""


@dataclass(slots=True)
class _Child:
    """A running child: its process, the pipe from which its answer comes, and the socket that waits for the report."""

    pid: int
    pipe: int
    asker: socket.socket
    answer: bytearray = field(default_factory=bytearray)


class Children:
    """Takes orders from *control* until it ends. *most_descriptors* is how many this process has open at most."""

    def __init__(self, control: socket.socket, decode: Decode, most_descriptors: int) -> None:
        self._control = control
        self._decode = decode
        self._most_descriptors = most_descriptors
        self._pid = os.getpid()
        self._selector = selectors.DefaultSelector()
        self._running: dict[int, _Child] = {}

    def run(self) -> None:
        """Serve until the server is gone. No child is left behind."""
        self._selector.register(self._control, selectors.EVENT_READ, self._take_order)
        try:
            while True:
                for key, _ in self._selector.select():
                    # What came before in this round may have ended this one, and its number may be another's by now.
                    if self._selector.get_map().get(key.fd) is key and not key.data():
                        return
        finally:
            for child in list(self._running.values()):
                self._end(child)

    def _take_order(self) -> bool:
        """Start the child of one file; whether the server is still there."""
        try:
            word, descriptors, _, _ = socket.recv_fds(self._control, 1, 2)
        except ConnectionError:
            return False
        if not word or len(descriptors) != 2:
            return False
        file, asker = descriptors[0], socket.socket(fileno=descriptors[1])
        try:
            self._start(file, asker)
        except OSError as error:
            _tell(asker, Report(refused=f"no process for it: {error.strerror}"))
            asker.close()
        finally:
            os.close(file)
        return True

    def _start(self, file: int, asker: socket.socket) -> None:
        order = decode_order(asker.recv(MAX_MESSAGE_BYTES))
        reading, writing = os.pipe()
        try:
            pid = os.fork()
            if pid == 0:
                self._be_child(file, writing, order)
            with suppress(OSError):  # it may have done so itself, and be gone
                os.setpgid(pid, pid)
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        child = _Child(pid, reading, asker)
        self._running[pid] = child
        self._selector.register(reading, selectors.EVENT_READ, lambda: self._listen(child))
        self._selector.register(asker, selectors.EVENT_READ, lambda: self._end(child))

    def _be_child(self, file: int, writing: int, order: Order) -> NoReturn:
        """All that a child does: it never returns to the loop of its parent."""
        try:
            os.setpgid(0, 0)
            die_with(self._pid)
            os.dup2(file, FILE)
            os.dup2(writing, ANSWER)
            os.closerange(ANSWER + 2, self._most_descriptors)
            confine(order.cpu_seconds, order.memory_bytes)
            os.write(ANSWER, encode(_answer(self._decode, order)))
        finally:
            os._exit(0)

    def _listen(self, child: _Child) -> bool:
        """Take what a child answers; report when it has ended. Always true."""
        piece = os.read(child.pipe, MAX_MESSAGE_BYTES)
        child.answer += piece
        if not piece or len(child.answer) > MAX_MESSAGE_BYTES:
            self._end(child)
        return True

    def _end(self, child: _Child) -> bool:
        """Kill what still runs of the child's group, and report how it ended to whoever still listens. Always true."""
        del self._running[child.pid]
        for source in (child.pipe, child.asker):
            self._selector.unregister(source)
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        _, status = os.waitpid(child.pid, 0)
        _tell(child.asker, _report(bytes(child.answer), status))
        child.asker.close()
        os.close(child.pipe)
        return True


def _answer(decode: Decode, order: Order) -> Decoded:
    try:
        return decode(FILE, order)
    except _MISTAKES as error:
        return Decoded(mistake=f"{type(error).__name__}: {str(error)[:200]} ({_place(error)})")
    except Exception as error:  # noqa: BLE001 - a supervisor: what it answers is all that is left of the child
        return Decoded(fault=f"its decoder ran into {type(error).__name__}: {str(error)[:200]}")


def _place(error: BaseException) -> str:
    """File and line where it was raised. A child cannot open the source, as a whole stack would need it."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at is not None else "nowhere"


def _report(answer: bytes, status: int) -> Report:
    try:
        return Report(decode_decoded(answer))
    except msgspec.DecodeError:
        return Report(signal=os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0)


def _tell(asker: socket.socket, report: Report) -> None:
    with suppress(OSError):
        asker.sendall(encode(report))
