"""`tonearm serve`: API and worker in one process on one event loop, from the first check to the last release."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
import uvloop

from tonearm.api import ApiServer, create_app
from tonearm.catalog import open_catalog
from tonearm.cli import memory
from tonearm.cli.reload import serve_reloading
from tonearm.clock import SystemClock
from tonearm.fetch import Fetcher, FetchLimits, HostPort, Throttle
from tonearm.library import Decoder, DiskGuard, Stage, Template, check_library
from tonearm.ops import logs
from tonearm.policy import RetryRules
from tonearm.settings import Settings
from tonearm.settings.showing import shown
from tonearm.store.base import Store
from tonearm.store.sqlite import open_sqlite
from tonearm.worker import Worker, WorkerTools
from tonearm.worker.covers import Covers

THREADS = 32
"""Threads for blocking file work; each transfer and each finishing task uses one at a time."""

SWITCH_S = 0.0005
"""How long a thread may keep the interpreter from the event loop, seconds. With Python's own 5 ms, answers during
transfers at full speed took twice as long (benchmarks/library_speed.py, p99 of /stats)."""

log = structlog.get_logger("server")


def serve(settings: Settings, *, reload: bool = False, worker: bool = True) -> int:
    """Run until a signal; the exit code is 0 after a stop in good order. Without *worker* it only answers requests.

    Raises:
        SetupError: the server cannot start like this; the message says what to change.
    """
    logs.configure(settings.log_format, settings.log_level)
    if reload:
        return serve_reloading([argument for argument in sys.argv[1:] if argument != "--reload"])
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(settings, works=worker))
    return 0


async def _serve(settings: Settings, *, works: bool) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="tonearm"))
    stop, hurry = _signals()
    sys.setswitchinterval(SWITCH_S)
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        store = await open_sqlite(settings.database, clock, worker_dead_ms=settings.worker_dead_ms)
        stack.push_async_callback(store.close)
        worker = await stack.enter_async_context(_worker(store, settings, clock)) if works else None
        server = ApiServer(create_app(store, settings, clock), settings)
        await server.start()
        memory.settle()
        if worker is not None:
            worker.start()
        log.info(
            "Ready",
            addresses=list(server.addresses),
            docs=f"{server.addresses[0]}/docs",
            library=str(settings.download_dir),
            catalog=shown(settings.internal_api_url) or "none",
            worker=worker.id if worker is not None else "none",
        )
        await stop.wait()
        log.info("Stopping; a second signal stops at once")
        stopping_since_ms = clock.elapsed_ms()
        if worker is not None:
            await worker.stop(settings.shutdown_grace_ms, hurry=hurry)
        left_ms = settings.shutdown_grace_ms - (clock.elapsed_ms() - stopping_since_ms)
        await server.stop(max(0, left_ms), hurry=hurry)
    log.info("Stopped")


def _signals() -> tuple[asyncio.Event, asyncio.Event]:
    """Events for the first and for a further SIGTERM or SIGINT."""
    stop, hurry = asyncio.Event(), asyncio.Event()

    def on_signal() -> None:
        (hurry if stop.is_set() else stop).set()

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return stop, hurry


@asynccontextmanager
async def _worker(store: Store, settings: Settings, clock: SystemClock) -> AsyncIterator[Worker]:
    """The worker with everything that its tasks pass through."""
    check_library(settings.download_dir, settings.stage_dir)
    template = Template(settings.name_template)
    async with _fetcher(settings) as fetcher:
        catalog = open_catalog(settings.catalog_url(), fetcher)
        stage = Stage.open(settings.stage_dir, settings.download_dir, socket.gethostname())
        decoder = Decoder()
        try:
            yield Worker(
                WorkerTools(
                    store=store,
                    catalog=catalog,
                    fetcher=fetcher,
                    covers=Covers(fetcher, settings.job_timeout_ms),
                    stage=stage,
                    decoder=decoder,
                    template=template,
                    disk=DiskGuard(settings.download_dir, round(settings.disk_space_min_mb * 1_000_000)),
                    umask=_own_umask() if settings.umask is None else int(settings.umask, 8),
                    settings=settings,
                    clock=clock,
                )
            )
        finally:
            await decoder.close()
            stage.close()
            await catalog.close()


def _fetcher(settings: Settings) -> Fetcher:
    """The one client for everything that leaves the machine; the catalog's own host may be private."""
    catalog = HostPort.of(settings.catalog_url())
    token = settings.internal_api_token
    credentials = {catalog: {"Authorization": f"Bearer {token.get_secret_value()}"}} if token else {}
    limits = FetchLimits(
        connect_ms=settings.job_timeout_ms,
        silence_ms=settings.job_timeout_ms,
        file_bytes=round(settings.max_file_mb * 1_000_000),
    )
    return Fetcher(
        limits,
        allow=[catalog, *map(HostPort.parse, settings.fetch_allow)],
        credentials=credentials,
        rules=RetryRules(settings.retry_backoff_ms, settings.retry_after_max_ms),
        throttle=Throttle(settings.bandwidth_limit),
    )


def _own_umask() -> int:
    """The umask of this process; the system tells it only in exchange for another one."""
    umask = os.umask(0o077)
    os.umask(umask)
    return umask
