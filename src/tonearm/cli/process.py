"""A process that runs until a signal: its event loop and threads, and the order in which its parts end.

The parts are put together by `tonearm.cli.serve`: an HTTP server, a worker, or both.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress

import structlog
import uvloop

from tonearm.api import ApiServer
from tonearm.cli import memory
from tonearm.cli.rereading import Rereading
from tonearm.clock import SystemClock
from tonearm.errors import StoreUnavailable
from tonearm.ops import logs, looplag
from tonearm.ops.systemd import ServiceManager, Watchdog
from tonearm.ops.tracing import tracing
from tonearm.settings import Settings
from tonearm.settings.showing import shown
from tonearm.store.base import Store
from tonearm.worker import Worker
from tonearm.worker.backoff import Backoff

THREADS = 32
"""Threads for blocking file work; each transfer and each finishing task uses one at a time."""

SWITCH_S = 0.0005
"""How long a thread may keep the interpreter from the event loop, seconds. With Python's own 5 ms, answers during
transfers at full speed took twice as long (benchmarks/library_speed.py, p99 of /stats)."""

DESCRIPTORS = 65_536
"""Open files and connections that a process asks the system for, where it may have so many. The usual 1,024 would be
gone with a crowd that only holds connections open, and downloads need some as well."""

START_S = 60.0
"""How much longer the start may take, each time that it is found that the queue does not answer yet, seconds."""

log = structlog.get_logger("server")


class Process:
    """What the parts of one process share: settings, clock, and what signals asked for. Made on the running loop."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.rereading = Rereading(settings)
        """What SIGHUP asks for."""
        self.rereading.tell(lambda: logs.set_up(settings))
        self.clock = SystemClock()
        self.manager = ServiceManager()
        self.stopping = asyncio.Event()
        """Set by the first SIGTERM or SIGINT."""
        self._hurry = asyncio.Event()
        self._ends_with_terminal = signal.getsignal(signal.SIGHUP) is signal.SIG_DFL and _has_terminal()
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="tonearm"))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        loop.add_signal_handler(signal.SIGHUP, self._on_hangup)

    def _on_signal(self) -> None:
        if not self.stopping.is_set():
            self.manager.stopping()
        (self._hurry if self.stopping.is_set() else self.stopping).set()

    def _on_hangup(self) -> None:
        """Somebody asks to read the settings anew, or the terminal was closed in which this was typed."""
        if self._ends_with_terminal and not _has_terminal():
            self._on_signal()
            return
        with self.manager.reloading():
            self.rereading.now()

    async def patiently(self, opening: Callable[[], Awaitable[Store]]) -> Store | None:
        """Open a store that may be away for now, again and again; None: a signal came first.

        Raises:
            SetupError: it is there and cannot be used.
        """
        backoff = Backoff()
        while not self.stopping.is_set():
            try:
                return await opening()
            except StoreUnavailable as error:
                pause_s = backoff.after(error)
                log.warning("The queue does not answer; trying again", error=str(error), pause_s=round(pause_s, 1))
                self.manager.status("Waiting for the queue, which does not answer")
                self.manager.wait(START_S)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self.stopping.wait()
        return None

    async def run(self, server: ApiServer, worker: Worker | None, watchdog: Watchdog, **said: str) -> None:
        """Work until a signal, then stop in good order: first the worker, then the server, which listens already.

        What is *said* stands in the line that tells that all is ready.
        """
        memory.settle()
        lag = asyncio.create_task(looplag.watch(), name="loop lag")
        if worker is not None:
            worker.start()
        log.info(
            "Ready",
            addresses=list(server.addresses),
            library=str(self.settings.download_dir),
            catalog=shown(self.settings.internal_api_url) or "none",
            worker=worker.id if worker is not None else "none",
            **said,
        )
        async with self._watched(watchdog):
            await self.stopping.wait()
        log.info("Stopping; a second signal stops at once")
        grace_ms, since_ms = self.settings.shutdown_grace_ms, self.clock.elapsed_ms()
        if worker is not None:
            await worker.stop(grace_ms, hurry=self._hurry)
        left_ms = grace_ms - (self.clock.elapsed_ms() - since_ms)
        await server.stop(max(0, left_ms), hurry=self._hurry)
        lag.cancel()

    @asynccontextmanager
    async def _watched(self, watchdog: Watchdog) -> AsyncIterator[None]:
        """Ready, and seen to be alive; what stops needs no watching."""
        watching = asyncio.create_task(watchdog.run(), name="watchdog")
        self.manager.ready()
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


def run(main: Callable[[Process], Awaitable[None]], settings: Settings) -> int:
    """Run *main* on a loop of its own to its end; the exit code is 0 after a stop in good order.

    Raises:
        SetupError: the process cannot start like this; the message says what to change.
    """

    async def whole() -> None:
        async with tracing():
            await main(Process(settings))
        log.info("Stopped")

    logs.catch_the_uncaught()
    sys.setswitchinterval(SWITCH_S)
    _raise_descriptors()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(whole())
    return 0


def _has_terminal() -> bool:
    """Whether a terminal controls this process; after `nohup`, and under a service manager, none does."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _raise_descriptors() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
