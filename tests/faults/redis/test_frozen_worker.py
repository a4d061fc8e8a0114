"""A worker that is frozen (SIGSTOP) for longer than its lease, at each step of a task, and woken.

Another process takes its tasks over. The frozen one goes on where it stood and knows nothing of the time between; in
most of these tests its clocks do not tell it either, as on a machine that was suspended, so that nothing but the store
and the disk stand in its way. One worker has a track at every step, and is frozen with all of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.breakages import PHASES, Hold, Written
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.counts import ALL
from tests.support.music import pcm
from tests.support.redis_server import RedisServer
from tests.support.server import Tonearm, until
from tests.support.sharing import Site, ended

from tonearm.model import ControlChange, JobSpec, JobType, Quality, State, Submission, SubmitLimits
from tonearm.store.redis import RedisStore

PAUSED, GOING = ControlChange(paused=True), ControlChange(paused=False)
LEASE_MS = 2_000
NAMED = ("linked", "published")
"""Steps in which the file has its name already."""
COMMITTED = ("publish", "linking", *NAMED)
"""Steps behind the commit point."""
STEPS = (*(phase for phase in PHASES if phase not in COMMITTED), *COMMITTED)
BYTES = "transferring"
"""And the one in which bytes arrive."""
EVERYWHERE = (*STEPS, BYTES)
SOUNDS = 3
CLOCKS = [
    pytest.param("stubborn", id="its-clocks-stood-still"),
    *([pytest.param("", id="it-knows-the-time")] if ALL else []),
]
"""The worker that notices the time stands in fewer ways, so the usual run leaves it out."""


def number_of(step: str) -> int:
    """The track that is to be frozen at this step."""
    return 1 + EVERYWHERE.index(step)


def job_at(step: str) -> str:
    """Its job."""
    return f"job-1-{number_of(step)}"


def word_of(step: str) -> str:
    """What its title alone holds."""
    return f"Step{number_of(step):02}"


def file_of(step: str) -> str:
    """Where it belongs."""
    return f"Scripted/Scripts/{word_of(step)}.flac"


@dataclass(frozen=True)
class Stand:
    """A worker that is frozen with a task at every step; their leases have ended, and were swept."""

    site: Site
    store: RedisStore
    frozen: Tonearm
    notes: Path
    said: int
    """Writes that it had begun before."""

    async def unfinished(self) -> set[str]:
        """Steps whose job is not completed; none of them ends otherwise."""
        states = {step: (await self.store.job(job_at(step))).state for step in EVERYWHERE}
        assert not {State.FAILED, State.CANCELLED} & set(states.values()), states
        return {step for step, state in states.items() if state is not State.COMPLETED}

    async def all_done(self) -> bool:
        """Whether every job is completed."""
        return not await self.unfinished()

    async def wake(self) -> None:
        """Wake it, and wait until it has given up everything; each write that it tried meanwhile was refused."""
        self.frozen.wake()

        async def gives_up() -> bool:
            return sum((await ended(self.frozen)).values()) == len(EVERYWHERE)

        await until("it has given up everything", gives_up)
        assert await ended(self.frozen) == {"lost": len(EVERYWHERE)}
        late = [written for written in Written.read(self.notes) if written.number > self.said]
        # A name is reserved beside the transfer: when that ends first, nobody waits for this answer any more.
        assert {written.answer for written in late} - {"LeaseLost"} <= {"CancelledError"}, late

    def refused(self) -> set[str]:
        """Steps that found their writes refused after the waking."""
        late = {written.task for written in Written.read(self.notes) if written.number > self.said}
        return {step for step in EVERYWHERE if job_at(step) in late}

    async def judge(self, noise: Noise, published: dict[str, tuple[int, int]]) -> None:
        """In the end each track is there once and right, also those that were *published* before; nothing is left."""
        assert self.site.files() == sorted(map(file_of, EVERYWHERE))
        assert published.items() <= self.site.published().items()
        sounds = [pcm(noise(number)) for number in range(SOUNDS)]
        for step in EVERYWHERE:
            assert pcm(self.site.library / file_of(step)) == sounds[number_of(step) % SOUNDS], step
        assert self.site.staged() == []
        assert await self.store.audit() == ()


@asynccontextmanager
async def standing(
    folder: Path, noise: Noise, hold: Hold, redis: RedisServer, *, breakage: str = ""
) -> AsyncIterator[Stand]:
    """Freeze a worker with a task at every step, until their leases have ended."""
    notes = folder / "writes"
    breakages = [hold.at(step, word_of(step)) for step in STEPS]
    async with ScriptedCatalog() as catalog:
        for step in EVERYWHERE:
            number = number_of(step)
            catalog.add_track(number, body=noise(number % SOUNDS).read_bytes(), title=word_of(step))
        catalog.reply(f"/media/{number_of(BYTES)}", slow(50_000))
        settings = {"QUEUE_LEASE_MS": LEASE_MS, "QUEUE_MAX_CONCURRENT": len(EVERYWHERE)}
        site = Site(folder, catalog.url, redis.url, **settings)
        first = site.worker("first", breakage=" ".join([*breakages, f"writes:{notes}", breakage]))
        async with site.store() as store, first:
            await _queue(store)
            for step in STEPS:
                await until(f"a task stands at {step}", lambda: hold.stands(step, job_at(step)))  # noqa: B023 - awaited here
            await catalog.transferring(1)
            assert (await store.job(job_at(BYTES))).state is State.ACTIVE
            first.freeze()
            await until("it stands", lambda: first.frozen)
            hold.let_go()
            said = len(Written.read(notes))
            swept = 0

            async def all_swept() -> bool:
                nonlocal swept
                swept += (await store.sweep()).recovered
                return swept == len(EVERYWHERE)

            await until("all leases have ended", all_swept)
            yield Stand(site, store, first, notes, said)


async def _queue(store: RedisStore) -> None:
    for step in EVERYWHERE:
        spec = JobSpec(JobType.TRACK, number_of(step), Quality.LOSSLESS, track_title=word_of(step))
        await store.submit(Submission(job_at(step), "somebody", spec), SubmitLimits())


@pytest.mark.parametrize("clocks", CLOCKS)
async def test_one_that_wakes_beside_its_successor_publishes_and_writes_nothing(
    tmp_path: Path, noise: Noise, hold: Hold, redis: RedisServer, clocks: str
) -> None:
    """The other one is about to transfer, or has found the published file, when the first goes on."""
    (tmp_path / "other").mkdir()
    other = Hold(tmp_path / "other")
    async with (
        standing(tmp_path, noise, hold, redis, breakage=clocks) as stand,
        stand.site.worker("second", breakage=other.at("transfer")) as second,
    ):

        async def taken_over() -> bool:
            return all(other.stands("transfer", job_at(step)) for step in await stand.unfinished())

        await until("the other one has taken all of it over", taken_over)
        before = stand.site.published()
        assert sorted(before) == sorted(map(file_of, NAMED))

        await stand.wake()
        assert stand.site.published() == before
        if clocks:
            assert stand.refused() == set(EVERYWHERE)

        other.let_go()
        await until("all are completed", stand.all_done)
        await stand.judge(noise, before)
        assert await ended(second) == {"completed": len(EVERYWHERE)}


async def test_one_that_wakes_before_anybody_took_over_publishes_what_was_committed_and_nothing_else(
    tmp_path: Path, noise: Noise, hold: Hold, redis: RedisServer
) -> None:
    """The file is the verified one under its reserved name; whoever comes then finds it, and fetches nothing."""
    async with standing(tmp_path, noise, hold, redis, breakage="stubborn") as stand:
        assert (await stand.store.steer(PAUSED)).paused  # it claims nothing itself
        await stand.wake()
        before = stand.site.published()
        assert sorted(before) == sorted(map(file_of, COMMITTED))
        assert stand.refused() == set(EVERYWHERE)
        await stand.frozen.kill()

        await stand.store.steer(GOING)
        async with stand.site.worker("second"):
            await until("all are completed", stand.all_done)
            await stand.judge(noise, before)


async def test_one_that_wakes_when_all_is_done_changes_nothing(
    tmp_path: Path, noise: Noise, hold: Hold, redis: RedisServer
) -> None:
    """Neither a file nor a record, and its stage is removed."""
    async with standing(tmp_path, noise, hold, redis, breakage="stubborn") as stand, stand.site.worker("second"):
        await until("all are completed", stand.all_done)
        before = stand.site.published()
        await stand.wake()
        assert stand.refused() == set(EVERYWHERE)
        assert stand.site.published() == before
        await stand.judge(noise, before)


async def test_an_album_that_was_resolved_meanwhile_is_not_resolved_again(
    tmp_path: Path, noise: Noise, redis: RedisServer
) -> None:
    """The tracks of the one who woke late are refused; there are three, each once."""
    async with ScriptedCatalog() as catalog:
        for number in (1, 2, 3):
            catalog.add_track(number, body=noise(number).read_bytes())
        catalog.add_album(5, [1, 2, 3])
        site = Site(tmp_path, catalog.url, redis.url, QUEUE_LEASE_MS=LEASE_MS)
        notes = tmp_path / "writes"
        first = site.worker("first", breakage=f"resolve:freeze stubborn writes:{notes}")
        async with site.store() as store, first:
            spec = JobSpec(JobType.ALBUM, 5, Quality.LOSSLESS)
            await store.submit(Submission("job-1-5", "somebody", spec), SubmitLimits())
            await until("it stands", lambda: first.frozen)

            async def free() -> bool:
                return (await store.sweep()).recovered == 1

            await until("its lease has ended", free)
            async with site.worker("second"):

                async def completed() -> bool:
                    return (await store.job("job-1-5")).state is State.COMPLETED

                await until("the album is completed", completed)
                first.wake()

                async def lost() -> bool:
                    return await ended(first) == {"lost": 1}

                await until("the first one has given it up", lost)
            assert [(written.what, written.answer) for written in Written.read(notes)] == [("expand", "LeaseLost")]
            assert (await store.job("job-1-5")).track_count == 3
            assert site.files() == [f"Scripted/Scripts/{number:02} Track {number}.flac" for number in (1, 2, 3)]
            assert site.staged() == []
            assert await store.audit() == ()
