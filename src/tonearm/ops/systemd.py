"""The service manager: what systemd, or another one that speaks sd_notify(3), is told of this process.

The protocol is one datagram a message, sent to the unix socket that NOTIFY_SOCKET names; without that nothing is said.
Nothing here decides when the process is ready or alive: whoever runs it does. A manager that takes nothing must not
hold up what it watches: what it has to know to take the process for what it is, is owed to it and said later, and the
rest is said anew by itself.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager

import structlog

LOOK_S = 1.0
"""Seconds between two looks of the watchdog, at most."""

log = structlog.get_logger("service")


class ServiceManager:
    """Speaks to the manager of this process; made once, since it takes the variables out of *environ*.

    So no child of ours speaks in our name.
    """

    def __init__(self, environ: MutableMapping[str, str] = os.environ) -> None:
        self._address = _address(environ.pop("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_s(environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", ""))
        """Seconds of silence after which the manager ends this process; None: it does not watch."""
        self._ready = False
        self._told = ""
        self._owed: list[str] = []
        self._refused = False

    @property
    def listens(self) -> bool:
        """Whether there is a manager to speak to."""
        return self._address is not None

    def ready(self) -> None:
        """The process does its work from now on."""
        self._ready = True
        self._owe("READY=1")

    @contextmanager
    def reloading(self) -> Iterator[None]:
        """Its settings are read anew as long as the block takes. At the start there is nothing to tell of that."""
        if self._ready:
            self._owed.clear()
            self._owe(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1_000}")
        try:
            yield
        finally:
            if self._ready:
                self.ready()

    def stopping(self) -> None:
        """It was told to stop, and does."""
        self._owed.clear()
        self._owe("STOPPING=1")

    def wait(self, longest_s: float) -> None:
        """The start takes longer than usual: at most so many seconds from now, unless this is said again."""
        self._say(f"EXTEND_TIMEOUT_USEC={round(longest_s * 1_000_000)}")

    def status(self, text: str) -> None:
        """One line for people about what it does; the same line is not sent twice in a row."""
        if text and text != self._told and self._say("STATUS=" + text.replace("\n", " ")):
            self._told = text

    def alive(self) -> None:
        """The process gets on with its work; begins `watchdog_s` anew."""
        self._say("WATCHDOG=1")

    def settle(self) -> None:
        """Say what the manager could not take before, in its order, as far as it takes it now."""
        while self._owed and self._say(self._owed[0]):
            del self._owed[0]

    def _owe(self, word: str) -> None:
        self._owed.append(word)
        self.settle()

    def _say(self, word: str) -> bool:
        """Whether the manager has it, or there is none."""
        if self._address is None:
            return True
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.setblocking(False)
                line.sendto(word.encode("utf-8", "replace"), self._address)
        except OSError as error:
            if not self._refused:
                log.warning("The service manager cannot be told anything", error=str(error))
            self._refused = True
            return False
        return True


class Watchdog:
    """Says that the process is alive as long as each of its loops gets on.

    *turns* count the rounds of one loop each. A round that fails because the store is away is one too: no restart mends
    that, and health says it. A loop that hangs, or an event loop that is blocked, is silence.
    """

    def __init__(
        self, manager: ServiceManager, turns: Sequence[Callable[[], int]], status: Callable[[], str] = lambda: ""
    ) -> None:
        """*status* is a line for people about this moment."""
        self._manager = manager
        self._turns = turns
        self._status = status
        self._seen = self._counted()

    async def run(self) -> None:
        """Watch until cancelled; nothing to do without a manager."""
        if not self._manager.listens:
            return
        watchdog_s = self._manager.watchdog_s
        pause_s = LOOK_S if watchdog_s is None else min(LOOK_S, watchdog_s / 4)
        while True:
            self.look()
            await asyncio.sleep(pause_s)

    def look(self) -> None:
        """Tell what is to be told now, behind what is still owed."""
        self._manager.settle()
        self._manager.status(self._status())
        now = self._counted()
        if all(new != old for new, old in zip(now, self._seen, strict=True)):
            self._seen = now
            if self._manager.watchdog_s is not None:
                self._manager.alive()

    def _counted(self) -> list[int]:
        return [count() for count in self._turns]


def _address(path: str) -> str | None:
    """The address of a socket: a path, or behind @ a name in the abstract namespace; None: none that we know."""
    if path.startswith("@"):
        return "\0" + path[1:]
    return path if path.startswith("/") else None


def _watchdog_s(microseconds: str, pid: str) -> float | None:
    ours = pid in ("", str(os.getpid()))
    return int(microseconds) / 1_000_000 if ours and microseconds.isdecimal() and int(microseconds) else None
