"""`tonearm serve` and `tonearm worker`: which parts make each of them, from the first check to the last release."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial

import structlog

from tonearm.api import ApiServer, Exposition, Probes, create_app, create_worker_app
from tonearm.cli.exposure import check_exposure
from tonearm.cli.outside import outside
from tonearm.cli.process import Process, run
from tonearm.cli.reload import serve_reloading
from tonearm.cli.telling import telling
from tonearm.cli.watching import looping, status_of
from tonearm.cli.working import working
from tonearm.clock import Clock
from tonearm.ops import errands, logs
from tonearm.ops.hatch import Hatch
from tonearm.ops.pressure import Pressure
from tonearm.ops.systemd import Watchdog
from tonearm.settings import Settings
from tonearm.store.base import Store
from tonearm.store.opening import open_served, open_store
from tonearm.store.spool import Spool
from tonearm.worker.supervisor import Supervisor

log = structlog.get_logger("server")


def serve(settings: Settings, *, reload: bool = False, worker: bool = True, insecure_open: bool = False) -> int:
    """Run until a signal; the exit code is 0 after a stop in good order. Without *worker* it only answers requests.

    *insecure_open*: as long as there are no keys, whoever reaches it is let in.

    Raises:
        SetupError: the server cannot start like this; the message says what to change.
    """
    logs.set_up(settings)
    if reload:
        return serve_reloading([argument for argument in sys.argv[1:] if argument != "--reload"])
    return run(partial(_serve, works=worker, insecure_open=insecure_open), settings)


def work(settings: Settings) -> int:
    """Run a worker alone until a signal, on a queue that is shared; the exit code is 0 after a stop in good order.

    Raises:
        SetupError: it cannot start like this; the message says what to change.
    """
    logs.set_up(settings)
    return run(_work, settings)


async def _serve(process: Process, *, works: bool, insecure_open: bool) -> None:
    settings, clock = process.settings, process.clock
    async with AsyncExitStack() as stack:
        store = await open_served(settings, clock, works=works)
        stack.push_async_callback(store.close)
        await check_exposure(store, settings, insecure_open=insecure_open)
        if isinstance(store, Spool):
            await stack.enter_async_context(looping("hand over", store.tend, Supervisor()))
        await stack.enter_async_context(_reachable(store, settings, clock))
        await stack.enter_async_context(telling(store, settings, clock, process.rereading))
        # Who only answers needs no catalog, and searches it if there is one.
        has_catalog = works or settings.internal_api_url is not None
        reached = await stack.enter_async_context(outside(settings)) if has_catalog else None
        if reached:
            process.rereading.tell(reached.settings_changed)
        catalog = reached.catalog if reached else None
        worker = None
        if works and reached:
            worker = await stack.enter_async_context(working(store, settings, clock, reached))
            process.rereading.tell(worker.settings_changed)
        app = create_app(store, settings, clock, catalog=catalog, worker=worker, insecure_open=insecure_open)
        server = ApiServer(app, settings)
        await server.start()
        if worker is None and settings.shared_queue() is None:
            log.warning("Nothing is downloaded: without REDIS_URL no other process can work on this queue")
        pressure, supervisor = Pressure(store, settings), worker.supervisor if worker else Supervisor()
        looks = await stack.enter_async_context(looping("pressure", pressure.look, supervisor))
        turns = [looks] if worker is None else [looks, worker.turns]
        watchdog = Watchdog(process.manager, turns, lambda: status_of(worker, pressure))
        await process.run(server, worker, watchdog, docs=f"{server.addresses[0]}/docs")


@asynccontextmanager
async def _reachable(store: Store, settings: Settings, clock: Clock) -> AsyncIterator[None]:
    """Let commands reach the file of this process: the queue, or what stands in for one in Redis."""
    own = store.local if isinstance(store, Spool) else store
    if own.source != "sqlite":
        yield
        return
    errands.remove_leftovers(settings.database)
    hatch = Hatch(settings.database, partial(errands.do, errands.Place(own, settings, clock)))
    await hatch.open()
    try:
        yield
    finally:
        await hatch.close()


async def _work(process: Process) -> None:
    """The probes answer from the beginning; a queue that does not is waited for."""
    settings, clock = process.settings, process.clock
    probes = Probes(Exposition(settings, clock))
    server = ApiServer(create_worker_app(probes, settings), settings)
    await server.start()
    try:
        async with AsyncExitStack() as stack:
            store = await process.patiently(lambda: open_store(settings, clock))
            if store is None:
                return
            stack.push_async_callback(store.close)
            await stack.enter_async_context(telling(store, settings, clock, process.rereading))
            reached = await stack.enter_async_context(outside(settings))
            process.rereading.tell(reached.settings_changed)
            worker = await stack.enter_async_context(working(store, settings, clock, reached))
            process.rereading.tell(worker.settings_changed)
            probes.know(store, worker)
            watchdog = Watchdog(process.manager, [worker.turns], lambda: status_of(worker))
            await process.run(server, worker, watchdog)
    finally:
        await server.stop(0)
