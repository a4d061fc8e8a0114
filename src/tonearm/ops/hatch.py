"""The hatch: a unix socket beside the database, through which commands reach the process that holds the queue.

    command  →  one order                                          the process holds the lock of the database,
    process  →  pieces, then one answer or one refusal             so nobody else may open it

A message is a byte that says its kind, four bytes of length, and so many bytes of body. Order, answer and refusal are
JSON. An empty piece says that the process is still at it. Who hangs up ends what was ordered. A connection carries one
order, and few are served at a time.

Only the owner of the database can connect, by the mode of the socket. Nothing here knows what can be ordered; that is
`tonearm.ops.errands`.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog

from tonearm.errors import HolderUnreachable, SetupError, StoreDamaged, StoreUnavailable, TonearmError

ORDER, PIECE, ANSWER, REFUSAL = b"?", b"+", b"=", b"!"

PIECE_BYTES = 1_048_576
"""The most bytes of one message; what is longer goes in several pieces."""

ORDER_BYTES = 4_096

AT_ONCE = 4
"""Orders that are carried out at a time."""

ORDER_S = 5.0
"""How long a command may take to say what it wants."""

SIGN_S = 5.0
"""Seconds between two signs that the process is still at it."""

STILL_S = 60.0
"""Silence of one side after which the other one gives it up, seconds."""

_HEAD = struct.Struct("!cI")
_LONGEST_NAME = 100
"""Bytes that the name of a socket may have on every system."""

log = structlog.get_logger("ops.hatch")


class Order(msgspec.Struct, frozen=True):
    """What a command asks for: an *errand* by its name, and how."""

    errand: str
    dry_run: bool = False


class Refusal(msgspec.Struct, frozen=True):
    """Why there is no answer. *kind*: who must act, as the tree of errors has it."""

    kind: str
    error: str


Answer = dict[str, Any]
Send = Callable[[bytes], Awaitable[None]]
"""Takes the next bytes of what was asked for, in any size."""
Errand = Callable[[Order, Send], Awaitable[Answer]]

_KINDS: Mapping[str, type[TonearmError]] = {"damaged": StoreDamaged, "unavailable": StoreUnavailable}
"""What a refusal of another kind than "setup" becomes at the command."""

_ORDERS = msgspec.json.Decoder(Order)  # described here, before there are threads (docs/explain/architecture.md)
_REFUSALS = msgspec.json.Decoder(Refusal)
_ANSWERS = msgspec.json.Decoder(Answer)


def place_of(database: Path) -> Path:
    """Where the socket of this database lies."""
    return database.with_name(f"{database.name}.sock")


def _message(kind: bytes, body: bytes) -> bytes:
    return _HEAD.pack(kind, len(body)) + body


# The process that holds the queue


class _HungUp(Exception):
    """The command is gone, or has taken nothing for too long."""


class Hatch:
    """Listens between `open` and `close`. The lock of the database has to be held."""

    def __init__(self, database: Path, errand: Errand) -> None:
        self._place = place_of(database)
        self._errand = errand
        self._server: asyncio.Server | None = None
        self._serving = set[asyncio.Task[None]]()

    async def open(self) -> None:
        """Listen; where that cannot be, the log says so, and commands have to wait for the end of this process."""
        try:
            listening = _listen(self._place)
        except OSError as error:
            log.warning(
                "Commands such as backup cannot reach this process", socket=str(self._place), error=error.strerror
            )
            return
        self._server = await asyncio.start_unix_server(self._serve, sock=listening)

    async def close(self) -> None:
        """Listen no more, and end what is being done."""
        if self._server is None:
            return
        self._server.close()
        self._place.unlink(missing_ok=True)
        for serving in self._serving:
            serving.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving = asyncio.current_task()
        assert serving is not None
        self._serving.add(serving)
        try:
            async with asyncio.timeout(ORDER_S):
                order = await _read_order(reader)
            _say(writer, await self._outcome(order, reader, writer))
            await _drained(writer)
        except (_HungUp, OSError, asyncio.IncompleteReadError):  # it is gone, or was silent for too long
            pass
        except asyncio.CancelledError:  # by `close`; where it went on, streams of Python 3.11 would print a stack
            pass
        finally:
            self._serving.discard(serving)
            writer.close()

    async def _outcome(self, order: Order | None, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """Do what was ordered, and say what came of it.

        Raises:
            _HungUp: the command is not there any more.
        """
        if order is None:
            return _refusal("setup", "The process that has the queue does not know what this command asks for.")
        if len(self._serving) > AT_ONCE:
            return _refusal("unavailable", "The process that has the queue is busy with other commands.")
        doing = asyncio.create_task(self._do(order, writer))
        hung_up = asyncio.create_task(reader.read(1))
        try:
            while not doing.done():
                await asyncio.wait([doing, hung_up], timeout=SIGN_S, return_when=asyncio.FIRST_COMPLETED)
                if hung_up.done() and not doing.done():
                    raise _HungUp
                if not doing.done():
                    _say(writer, _message(PIECE, b""))
            return doing.result()
        finally:
            for task in (doing, hung_up):
                task.cancel()
            await asyncio.gather(doing, hung_up, return_exceptions=True)

    async def _do(self, order: Order, writer: asyncio.StreamWriter) -> bytes:
        async def send(content: bytes) -> None:
            for begin in range(0, len(content), PIECE_BYTES):
                _say(writer, _message(PIECE, content[begin : begin + PIECE_BYTES]))
                await _drained(writer)

        log.info("A command at the queue", errand=order.errand)
        try:
            return _message(ANSWER, msgspec.json.encode(await self._errand(order, send)))
        except StoreDamaged as error:
            return _refusal("damaged", str(error))
        except StoreUnavailable as error:
            return _refusal("unavailable", str(error))
        except TonearmError as error:
            return _refusal("setup", str(error))
        except _HungUp:
            raise
        except Exception:  # an error of a command ends here, and not the server
            log.exception("A command fell over", errand=order.errand)
            return _refusal("setup", "The process that has the queue could not do it; its log says why.")


def _say(writer: asyncio.StreamWriter, message: bytes) -> None:
    """Write a message, without waiting.

    Raises:
        _HungUp: the connection has ended. uvloop fails over a closed one, with an error that nobody expects.
    """
    if writer.is_closing():
        raise _HungUp
    writer.write(message)


async def _drained(writer: asyncio.StreamWriter) -> None:
    """Wait until the command has taken what was said.

    Raises:
        _HungUp: it takes nothing more.
    """
    try:
        async with asyncio.timeout(STILL_S):
            await writer.drain()
    except OSError as error:  # also the time that ran out
        raise _HungUp from error


def _refusal(kind: str, error: str) -> bytes:
    return _message(REFUSAL, msgspec.json.encode(Refusal(kind, error)))


async def _read_order(reader: asyncio.StreamReader) -> Order | None:
    kind, size = _HEAD.unpack(await reader.readexactly(_HEAD.size))
    if kind != ORDER or size > ORDER_BYTES:
        return None
    try:
        return _ORDERS.decode(await reader.readexactly(size))
    except msgspec.DecodeError:
        return None


def _listen(place: Path) -> socket.socket:
    """A socket at *place*, in place of one that a killed process left; nobody can connect before it has its mode."""
    place.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX)
    try:
        with _short(place) as name:
            listening.bind(name)
        place.chmod(0o600)
        listening.listen(AT_ONCE)
    except BaseException:
        listening.close()
        raise
    return listening


@contextlib.contextmanager
def _short(place: Path) -> Iterator[str]:
    """A name of *place* that a socket may have: where its own is too long, one by way of the open folder."""
    if len(os.fsencode(place)) <= _LONGEST_NAME:
        yield str(place)
        return
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{place.name}"
    finally:
        os.close(folder)


# The command

_FOREIGN = (
    "What listens at the socket beside the database (its name and .sock) is no Tonearm that this command understands. "
    "Use the command of the version that runs, or end the other program."
)
_SILENT = (
    "The server that has the queue is there and does not answer. Look at it and at its log: a signal may have halted "
    "it. Or stop it: where none runs, this command opens the queue itself."
)
_ENDED = "The server that has the queue ended before this was done. Try again."


def connect(database: Path) -> socket.socket | None:
    """A connection to the process that holds the queue in this database; None: nobody listens there.

    Raises:
        SetupError: it is another user's.
        HolderUnreachable: it takes no more commands now, or does not run on (it was stopped, say).
    """
    place = place_of(database)
    line = socket.socket(socket.AF_UNIX)
    line.settimeout(STILL_S)
    try:
        with _short(place) as name:
            line.connect(name)
    except (FileNotFoundError, ConnectionRefusedError):
        line.close()
        return None
    except (BlockingIOError, TimeoutError) as error:
        line.close()
        raise HolderUnreachable(_SILENT) from error
    except OSError as error:
        line.close()
        raise SetupError(
            f"The server that has the queue cannot be reached through {place}: {error.strerror}. "
            "Run this command as the user that the server runs as."
        ) from error
    return line


def ask(line: socket.socket, order: Order, take: Callable[[bytes], None]) -> Answer:
    """Have *order* carried out at the other end of *line*, give each piece to *take*, and return the answer.

    Raises:
        SetupError: it cannot be done, or the other end is no Tonearm; the message says what to change.
        StoreDamaged: what lies there cannot be read.
        StoreUnavailable: it cannot be done now.
        HolderUnreachable: the process ended, or fell silent, before the answer.
    """
    with line.makefile("rb") as heard:
        with _answering():
            line.sendall(_message(ORDER, msgspec.json.encode(order)))
        kind, body = _hear(heard)
        while kind == PIECE:
            take(body)
            kind, body = _hear(heard)
    try:
        if kind == ANSWER:
            return _ANSWERS.decode(body)
        refusal = _REFUSALS.decode(body)
    except msgspec.DecodeError as error:
        raise SetupError(_FOREIGN) from error
    raise _KINDS.get(refusal.kind, SetupError)(refusal.error)


def _hear(heard: io.BufferedReader) -> tuple[bytes, bytes]:
    """The next message: its kind and its body."""
    with _answering():
        head = heard.read(_HEAD.size)
        kind, size = _HEAD.unpack(head) if len(head) == _HEAD.size else (b"", 1)
        if kind not in (b"", PIECE, ANSWER, REFUSAL):  # and what it takes for a size may be gigabytes
            raise SetupError(_FOREIGN)
        body = heard.read(size)
    if len(body) < size:
        raise HolderUnreachable(_ENDED)
    return kind, body


@contextlib.contextmanager
def _answering() -> Iterator[None]:
    try:
        yield
    except TimeoutError as error:
        raise HolderUnreachable(_SILENT) from error
    except OSError as error:
        raise HolderUnreachable(_ENDED) from error
