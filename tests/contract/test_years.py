"""Years: jobs come and go day by day, and what a store holds depends on the last week alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.conftest import Reopened
from tests.contract.engines import ENGINES
from tests.contract.steps import LEASE_MS, claim, complete, expand, fail, submit_album, submit_track, sweep_all
from tests.support.clock import DAY, FakeClock
from tests.support.counts import count
from tests.support.quick import quick_folder
from tonearm.fetch import Throttle
from tonearm.library import Stage
from tonearm.model import Claim, Retention, TaskKind
from tonearm.settings import Settings
from tonearm.store.base import Store
from tonearm.store.pruning import prune_all
from tonearm.worker import janitor
from tonearm.worker.leases import Leases
from tonearm.worker.slots import Slots
from tonearm.worker.steering import Steering

DAYS, JOBS = count(18, 365), count(24, 300)
"""Days, and jobs of each."""

ROUNDS = 4
"""Times a day that jobs come and upkeep is done."""

MOST_UNFINISHED = JOBS // 3
"""With the counts of a year it is a hundred."""

SETTLED_DAYS = 9
"""Days after which a store holds all that it ever will: failed jobs stay for a week."""

TRACKS = 3
BY_END = Retention(completed_ms=DAY, failed_ms=7 * DAY, cancelled_ms=DAY)
CLIENTS = ("ann", "bob", "eve")


@pytest.fixture(params=["sqlite-file", "redis"])
async def place(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[Reopened]:
    """An engine that keeps what it has in a file, and one that has it elsewhere."""
    (engine,) = (each for each in ENGINES if each.name == request.param)
    with quick_folder() as folder:
        yield Reopened(engine, folder, clock)
        await engine.clear()


class Days:
    """A worker's days: what it does with each task is a matter of its number."""

    def __init__(self, store: Store, stage: Stage, clock: FakeClock) -> None:
        self._store = store
        self._stage = stage
        self._clock = clock
        slots = Slots(4)
        steering = Steering(slots, Throttle(), Settings())
        self._leases = Leases(store, stage, slots, clock, LEASE_MS, steering=steering)
        self._jobs = 0
        self._tasks = 0

    async def round(self, jobs: int) -> int:
        """Let jobs come, work on all there are, and tidy up; how many are unfinished behind it."""
        await asyncio.gather(*(self._submit() for _ in range(jobs)))
        for _ in range(2):  # what the first left lying is taken up after its lease
            while claims := await claim(self._store, tracks=20, albums=20):
                await asyncio.gather(*map(self._do, claims))
            self._clock.advance(DAY // ROUNDS // 2)
            await sweep_all(self._store)
        await prune_all(self._store, BY_END)
        await janitor.tidy(self._store, self._stage, self._leases)
        return (await self._store.counts()).queued + (await self._store.counts()).processing

    async def _submit(self) -> None:
        self._jobs += 1
        number = self._jobs
        job = await (submit_album if number % 10 == 0 else submit_track)(self._store, CLIENTS[number % 3])
        if number % 13 == 0:
            await self._store.cancel(job)

    async def _do(self, held: Claim) -> None:
        self._tasks += 1
        number = self._tasks
        self._stage.enter(held.task_id, held.epoch, None).joinpath("part").write_bytes(b"bytes")
        if number % 17 == 0:
            return  # its worker dies
        if held.kind is TaskKind.RESOLVE:
            await expand(self._store, held, TRACKS)
        elif number % 7 == 0:
            await fail(self._store, held)
        else:
            await complete(self._store, held)
        if number % 5:
            self._stage.remove(held.task_id, held.epoch)


def size(folder: Path) -> int:
    """Bytes of all files in it."""
    return sum(path.stat().st_size for path in folder.glob("queue.db*"))


@pytest.mark.timeout(3_600)  # with --all it is a year of 300 jobs a day
async def test_a_store_of_a_year_is_no_larger_than_one_of_a_week(
    place: Reopened, clock: FakeClock, tmp_path: Path
) -> None:
    """Jobs, rows or keys, files and stages; and nothing is left lying."""
    (tmp_path / "music").mkdir()
    stage = Stage.open(tmp_path / "music" / ".tonearm", tmp_path / "music", "den")
    jobs, rows, sizes = [], [], []
    try:
        for day in range(DAYS):
            store = await place.open()
            try:
                days = Days(store, stage, clock)
                unfinished = [await days.round(JOBS // ROUNDS) for _ in range(ROUNDS)]
                assert max(unfinished) < MOST_UNFINISHED
                assert len(list((tmp_path / "music/.tonearm" / stage.worker).glob("job-*"))) <= TRACKS * max(unfinished)
                jobs.append((await store.counts()).total)
                assert day < DAYS - 1 or await store.audit() == ()
            finally:
                await store.close()
            rows.append(sum((await place.contents()).values()))
            sizes.append(size(place.folder))
    finally:
        stage.close()

    for kind, seen in (("jobs", jobs), ("rows or keys", rows), ("bytes", sizes)):
        early, late = max(seen[: SETTLED_DAYS + 3]), max(seen[SETTLED_DAYS + 3 :])
        assert late <= 1.25 * early, kind
