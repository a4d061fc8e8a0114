"""The store goes and comes back while the worker works: nothing is lost, nothing is done twice, and work goes on."""

from __future__ import annotations

import asyncio
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, held, slow
from tests.support.inside import submit, working
from tests.support.outage import Outage
from tests.support.server import until

from tonearm.model import JobRecord, State
from tonearm.store.base import Store

SOON_S = 5.0
"""Seconds after which the claim loop is at work again at the latest."""


async def completed(store: Store, job_id: str = "job-1-1") -> JobRecord:
    """Wait for the end of a job, which is a good one."""

    async def ended() -> JobRecord | None:
        job = await store.job(job_id)
        return job if job.state.final else None

    job = await until(f"{job_id} ends", ended)
    assert isinstance(job, JobRecord)
    assert (job.state, job.retry_count) == (State.COMPLETED, 0), job
    return job


def library(folder: Path) -> list[str]:
    """The music that is there, without what belongs to the stage."""
    return sorted(path.name for path in (folder / "music").glob("*/*/*.flac"))


async def test_the_claim_loop_is_at_work_soon_after_the_store_is_back(tmp_path: Path, noise: Noise) -> None:
    """Meanwhile it says what it cannot do; afterwards the trouble is over, and a job runs."""
    outage = Outage()
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with working(tmp_path, catalog, through=outage.around) as (store, worker):
            await until("a sign of life", store.workers)
            with outage.gone():
                worker.slots.notify()  # else it would wait for something to do
                await until("every pause is at its longest", lambda: outage.failed["claim"] >= 6)
                assert worker.supervisor.store_away
                assert "taken away" in worker.supervisor.troubles["claim"]
                await submit(store, 1)
            back = time.monotonic()
            await catalog.asked("/media/1")
            assert time.monotonic() - back < SOON_S
            await completed(store)
            await until("no loop is in trouble", lambda: not worker.supervisor.troubles)
            assert not worker.supervisor.store_away


async def test_a_loop_that_has_long_to_rest_does_not_keep_a_store_away_that_is_back(tmp_path: Path) -> None:
    """Old records are removed once an hour: a removal that failed and was made up for is no trouble until the next."""
    outage = Outage()
    async with ScriptedCatalog() as catalog:
        away = ExitStack()
        away.enter_context(outage.gone("prune"))
        async with working(tmp_path, catalog, through=outage.around) as (_, worker):
            await until("a removal failed", lambda: worker.supervisor.store_away)
            away.close()
            await until("no loop is in trouble", lambda: not worker.supervisor.troubles)
            assert worker.pulse().store_reachable


async def test_a_worker_that_cannot_claim_says_so_where_its_reports_arrive(tmp_path: Path) -> None:
    """A fault of the claims alone: people see why nothing is begun, and that it is over."""
    outage = Outage()
    async with ScriptedCatalog() as catalog, working(tmp_path, catalog, through=outage.around) as (store, worker):

        async def holding() -> str | None:
            (record,) = await store.workers()
            return record.holding

        async def said() -> bool:
            return "cannot claim: taken away" in (await holding() or "")

        async def silent() -> bool:
            return await holding() is None

        await until("a sign of life", store.workers)
        with outage.gone("claim"):
            worker.slots.notify()
            await until("it says why", said)
        await until("it says nothing more", silent)
        assert not worker.supervisor.troubles


async def test_a_transfer_goes_on_while_the_store_is_away_and_is_settled_when_it_is_back(
    tmp_path: Path, noise: Noise
) -> None:
    """The last bytes arrive in between; the commit, and then the settling, are said again until they are heard."""
    outage, last_byte = Outage(), asyncio.Event()
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/media/1", held(last_byte))
        async with working(tmp_path, catalog, through=outage.around) as (store, _):
            await submit(store, 1)
            await catalog.asked("/media/1")
            with outage.gone():
                last_byte.set()
                await until(
                    "it has a name to write down", lambda: outage.failed["commit"] + outage.failed["reserve"] > 2
                )
                assert library(tmp_path) == []
                assert (await store.job("job-1-1")).state is State.ACTIVE
            await completed(store)
            assert catalog.count("/media/1") == 1


async def test_a_success_that_cannot_be_recorded_is_no_failure(tmp_path: Path, noise: Noise) -> None:
    """The file is in the library and the store goes: the settling is repeated, and nothing is fetched again."""
    outage = Outage()
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with working(tmp_path, catalog, through=outage.around) as (store, _):
            with outage.gone("settle"):
                await submit(store, 1)
                await until("it wants to settle", lambda: outage.failed["settle"] >= 3)
                assert len(library(tmp_path)) == 1
            await completed(store)
            assert catalog.count("/media/1") == 1


async def test_answers_that_are_lost_change_nothing(tmp_path: Path, noise: Noise) -> None:
    """Every write of a task is carried out and its answer lost, once or more often: it is said again, without harm."""
    outage = Outage()
    async with ScriptedCatalog() as catalog:
        for number in range(1, 4):
            catalog.add_track(number, body=noise(number).read_bytes())
        async with working(tmp_path, catalog, through=outage.around) as (store, _):
            for number, call in enumerate(("reserve", "commit", "settle"), 1):
                with outage.deaf(call):
                    await submit(store, number)
                    await until(f"an answer to {call} is lost", partial(outage.has_failed, call, 2))
                await completed(store, f"job-1-{number}")
            assert len(library(tmp_path)) == 3
            assert await store.audit() == ()


async def test_a_transfer_ends_with_its_lease_though_nobody_can_be_asked(tmp_path: Path, noise: Noise) -> None:
    """By the worker's own clock: two workers never both believe that they hold a task."""
    outage = Outage()
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/media/1", slow(50_000))
        async with working(tmp_path, catalog, through=outage.around, QUEUE_LEASE_MS="5000") as (store, worker):
            await submit(store, 1)
            await catalog.transferring(1)
            with outage.gone():
                went = time.monotonic()
                await asyncio.sleep(0.5)  # well within the lease, which nobody renews
                assert len(worker.leases) == 1
                await until("the task stops", lambda: not len(worker.leases))
                assert time.monotonic() - went < 5
                assert library(tmp_path) == []
            job = await completed(store)
            assert "Recovered from crash" in [entry.message for entry in job.history]


async def test_a_lease_that_could_not_be_renewed_is_not_called_a_cancel(tmp_path: Path, noise: Noise) -> None:
    """The job's own story says why an attempt came to nothing, also where the store still knows the claim."""
    outage = Outage()
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with working(tmp_path, catalog, through=outage.around, QUEUE_LEASE_MS="1500") as (store, _):

            async def given_back() -> list[str | None]:
                story = (await store.job("job-1-1")).history
                return [entry.message for entry in story if entry.event == "released"]

            with outage.gone("renew", "commit"):
                await submit(store, 1)
                await until("it wants to commit", lambda: outage.failed["commit"])
                reasons = await until("it is given back", given_back)
            assert reasons[0] == "The lease could not be renewed in time"
            await completed(store)


async def test_a_stop_waits_only_shortly_for_a_store_that_is_away(tmp_path: Path, noise: Noise) -> None:
    """What could not be given back is left to its lease, with its bytes, and the process ends."""
    outage = Outage()
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        catalog.reply("/media/1", slow(50_000))
        async with working(tmp_path, catalog, through=outage.around) as (store, worker):
            await submit(store, 1)
            await catalog.transferring(1)
            with outage.gone():
                began = time.monotonic()
                await worker.stop(0, hurry=asyncio.Event())
                assert time.monotonic() - began < 10
            assert (await store.job("job-1-1")).state is State.ACTIVE
            assert len(list((tmp_path / "music" / ".tonearm").glob("*/job-1-1.*/part"))) == 1
