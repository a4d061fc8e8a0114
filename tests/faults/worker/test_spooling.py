"""The queue goes away while a worker works on it through a spool: it works on, and everything arrives once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, held
from tests.support.inside import submit
from tests.support.server import until
from tests.support.switched import Line, Switch

from tonearm.cli import working as parts
from tonearm.cli.outside import outside
from tonearm.clock import SystemClock
from tonearm.model import State
from tonearm.settings import load
from tonearm.store.base import Store
from tonearm.store.spool import Spool, open_spool
from tonearm.store.sqlite import open_sqlite
from tonearm.worker.supervisor import Supervisor


@asynccontextmanager
async def spooling(folder: Path, catalog: ScriptedCatalog, switch: Switch) -> AsyncIterator[Spool]:
    """A worker that runs over a spool, with the loop of that."""
    settings = load({"INTERNAL_API_URL": catalog.url, "DOWNLOAD_DIR": str(folder / "music")})
    spool = await open_spool(switch.open, await open_sqlite(folder / "spool.db", SystemClock()))
    tending = asyncio.create_task(Supervisor().watch("hand over", spool.tend))
    try:
        async with outside(settings) as reached, parts.working(spool, settings, SystemClock(), reached) as worker:
            worker.start()
            try:
                yield spool
            finally:
                await worker.stop(0, hurry=asyncio.Event())
    finally:
        tending.cancel()
        await asyncio.gather(tending, return_exceptions=True)
        await spool.close()


async def state(store: Store, number: int) -> State:
    """Where a job stands."""
    return (await store.job(f"job-1-{number}")).state


def library(folder: Path) -> list[str]:
    """The music that is there, without what belongs to the stage."""
    return sorted(path.name for path in (folder / "music").glob("*/*/*.flac"))


async def test_a_worker_works_on_while_the_queue_is_away(tmp_path: Path, noise: Noise) -> None:
    """From the start on: what is accepted here is downloaded here, and is history there when the queue is back."""
    main = await open_sqlite(None, SystemClock())
    switch = Switch(main)
    switch.set(Line.DOWN)
    async with ScriptedCatalog() as catalog:
        for number in (1, 2):
            catalog.add_track(number, title=f"Title {number}", body=noise(number).read_bytes())
        async with spooling(tmp_path, catalog, switch) as spool:
            await submit(spool, 1, 2)
            for number in (1, 2):

                async def arrived(number: int = number) -> bool:
                    return await state(spool, number) is State.COMPLETED

                await until(f"job-1-{number} is here", arrived)
            switch.set(Line.UP)

            async def handed_over() -> bool:
                return (await main.counts()).completed == 2

            await until("both are history there", handed_over)
            await until("nobody is warned any more", lambda: spool.warning is None)
    assert len(library(tmp_path)) == 2
    assert await main.audit() == ()
    await main.close()


async def test_what_runs_when_the_queue_goes_away_comes_to_its_end(tmp_path: Path, noise: Noise) -> None:
    """The transfer goes on, and its end is told when the queue is back; new jobs run beside it meanwhile."""
    main = await open_sqlite(None, SystemClock())
    switch = Switch(main)
    async with ScriptedCatalog() as catalog:
        hold = asyncio.Event()
        catalog.add_track(1, title="Title 1", body=noise(1).read_bytes())
        catalog.reply("/media/1", held(hold))
        catalog.add_track(2, title="Title 2", body=noise(2).read_bytes())
        async with spooling(tmp_path, catalog, switch) as spool:
            await submit(spool, 1)
            await catalog.asked("/media/1")
            switch.set(Line.DOWN)
            await spool.counts()
            await submit(spool, 2)

            async def second_arrived() -> bool:
                return await state(spool, 2) is State.COMPLETED

            await until("the second is here", second_arrived)
            hold.set()
            asked = switch.calls.count("commit") + switch.calls.count("reserve")
            await until(
                "its end is told in vain", lambda: switch.calls.count("commit") + switch.calls.count("reserve") > asked
            )
            switch.set(Line.UP)

            async def all_over() -> bool:
                return (await main.counts()).completed == 2

            await until("both are history there", all_over)
            assert (await main.job("job-1-1")).retry_count == 0
    assert len(library(tmp_path)) == 2
    await main.close()
