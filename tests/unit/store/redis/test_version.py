"""Programs of different versions on one queue: who may work beside whom, and what the others are told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
from tests.contract.steps import LEASE_MS, NO_LIMITS, claim_one, complete, new_id, state_of, submit_track, track
from tests.support.clock import FakeClock
from tests.support.redis_server import RedisServer

from tonearm.errors import NotFound, SetupError, StoreRefused, StoreUnavailable
from tonearm.model import JobQuery, Retention, State, WorkerReport
from tonearm.store.base import Store
from tonearm.store.checks import Verdict
from tonearm.store.redis import RedisStore, engine, open_redis
from tonearm.store.redis.checks import look
from tonearm.store.redis.link import connect
from tonearm.store.redis.version import OURS, Version
from tonearm.store.spool import open_spool
from tonearm.store.sqlite import open_sqlite

FIRST = Version(1, 1)
NEXT = Version(2, 1)
"""Works beside the first one."""
LAST = Version(3, 2)
"""Works beside the next one, and not beside the first."""

Open = Callable[[Version], Awaitable[RedisStore]]


class Queue:
    """One queue, which programs of any version may try to open."""

    def __init__(self, server: RedisServer, name: str, ending: AsyncExitStack) -> None:
        self.server = server
        self.name = name
        self._ending = ending
        self._clock = FakeClock()

    async def open(self, version: Version) -> RedisStore:
        """Start a program of this version."""
        store = await open_redis(
            self.server.url, self._clock, queue=self.name, server_time=self._clock.wall_ms, version=version
        )
        self._ending.push_async_callback(store.close)
        return store

    def kept(self) -> Version:
        """What the queue says of itself."""
        return Version(*map(int, self.server.call("HMGET", f"{{{self.name}}}:meta", "version", "works_beside")))

    def empty(self) -> None:
        """What somebody does by mistake."""
        self.server.remove(self.name)


@pytest.fixture
async def queue(redis_server: RedisServer, redis_queue: str) -> AsyncIterator[Queue]:
    async with AsyncExitStack() as ending:
        yield Queue(redis_server, redis_queue, ending)


async def refusal(queue: Queue, version: Version) -> str:
    """Why a program of this version does not start."""
    with pytest.raises(SetupError) as caught:
        await queue.open(version)
    return str(caught.value)


# --- side by side ---------------------------------------------------------------------------------------------------


async def test_a_newer_program_comes_and_both_work_on(queue: Queue) -> None:
    """So machines are upgraded one after the other, and a job passes from one program to the other."""
    old = await queue.open(FIRST)
    job = await submit_track(old)
    new = await queue.open(NEXT)

    claim = await claim_one(new)
    await complete(old, claim)

    assert queue.kept() == NEXT
    assert await state_of(old, job) is await state_of(new, job) is State.COMPLETED
    assert await new.audit() == ()


async def test_an_older_program_may_come_later_if_the_newest_works_beside_it(queue: Queue) -> None:
    """As when an upgrade is taken back on one machine. The queue stays what it is."""
    await queue.open(NEXT)

    old = await queue.open(FIRST)
    await submit_track(old)

    assert queue.kept() == NEXT


async def test_two_programs_of_one_version_have_nothing_to_say(queue: Queue) -> None:
    """The queue is of their version."""
    await queue.open(OURS)
    await queue.open(OURS)

    assert queue.kept() == OURS


# --- not side by side -----------------------------------------------------------------------------------------------


async def test_a_program_that_is_too_new_does_not_start_and_moves_nothing(queue: Queue) -> None:
    """It says which way leads there, and the older one does not even notice."""
    old = await queue.open(FIRST)

    text = await refusal(queue, LAST)

    assert "The queue in Redis is of version 1, and this program, of version 3, works beside 2 at the oldest." in text
    assert "by way of the releases in between" in text
    assert "`tonearm export` with the older program" in text
    assert queue.kept() == FIRST
    await submit_track(old)


async def test_a_program_that_is_too_old_does_not_start(queue: Queue) -> None:
    """It says that it has to be upgraded."""
    await queue.open(LAST)

    text = await refusal(queue, FIRST)

    assert "used by a newer Tonearm: it is of version 3, which works beside 2 at the oldest" in text
    assert "this program is of version 1. Upgrade this program too." in text
    assert queue.kept() == LAST


async def test_one_that_came_in_between_is_noticed_by_the_opening_itself(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look before it may be too early; the script that opens the queue looks again."""
    await queue.open(LAST)

    async def see_nothing(*_: object) -> tuple[str, ...]:
        return ()

    monkeypatch.setattr(engine, "require", see_nothing)

    assert "Upgrade this program too." in await refusal(queue, FIRST)
    assert queue.kept() == LAST


async def test_a_version_between_leads_from_the_first_to_the_last(queue: Queue) -> None:
    """One release after the other, the queue comes along with what is in it."""
    job = await submit_track(await queue.open(FIRST))
    await queue.open(NEXT)
    new = await queue.open(LAST)

    await complete(new, await claim_one(new))

    assert queue.kept() == LAST
    assert await state_of(new, job) is State.COMPLETED


CALLS: dict[str, Callable[[Store], Awaitable[object]]] = {
    "submit": lambda store: store.submit(track(), NO_LIMITS),
    "claim": claim_one,
    "renew": lambda store: store.renew("w1", {}, LEASE_MS),
    "poll": lambda store: store.poll("w1", ()),
    "report": lambda store: store.report(WorkerReport("w1", 1, 4)),
    "heartbeat": lambda store: store.heartbeat("w1", "den", 4),
    "sweep": lambda store: store.sweep(),
    "prune": lambda store: store.prune(Retention(0, 0, 0)),
    "recover": lambda store: store.recover("w1", {}, charge=True),
    "job": lambda store: store.job(new_id()),
    "jobs": lambda store: store.jobs(JobQuery()),
    "counts": lambda store: store.counts(),
    "events": lambda store: store.events(None),
    "living": lambda store: store.living((new_id(),)),
}


async def test_a_program_that_runs_notices_that_the_queue_has_moved_beyond_it(queue: Queue) -> None:
    """Every call is refused, those that read as well, and changes nothing; it says what to do. The others work on."""
    left = await queue.open(FIRST)
    new = await queue.open(NEXT)
    await submit_track(new)
    await queue.open(LAST)
    before = await new.counts()

    for name, call in CALLS.items():
        with pytest.raises(StoreRefused, match="Upgrade this program too") as caught:
            await call(left)
        assert not isinstance(caught.value, SetupError), name

    assert await new.counts() == before
    assert await new.workers() == ()
    await complete(new, await claim_one(new))


async def test_a_claim_of_a_program_that_was_left_behind_is_freed_like_any_other(queue: Queue) -> None:
    """It cannot renew, so its lease ends; nothing that it does is written."""
    left = await queue.open(FIRST)
    job = await submit_track(left)
    claim = await claim_one(left)
    new = await queue.open(NEXT)
    await queue.open(LAST)

    with pytest.raises(StoreRefused):
        await complete(left, claim)
    assert await state_of(new, job) is State.ACTIVE
    assert await new.recover("w1", {}, charge=False) == 1

    assert await state_of(new, job) is State.READY


async def test_a_server_that_was_left_behind_accepts_jobs_for_its_successor(queue: Queue) -> None:
    """To it the queue is away; what it takes meanwhile is handed over by the program that replaces it."""
    local = await open_sqlite(None, FakeClock())
    left = await open_spool(lambda: queue.open(FIRST), local)
    new = await queue.open(NEXT)
    await queue.open(LAST)

    job = await submit_track(left)
    assert left.warning is not None
    with pytest.raises(NotFound):
        await new.job(job)
    replaced = await open_spool(lambda: queue.open(NEXT), local)
    await replaced.look()

    assert await state_of(new, job) is State.READY
    assert replaced.source == "redis"
    await local.close()


# --- a queue that somebody emptied ----------------------------------------------------------------------------------


async def test_the_version_comes_back_whoever_finds_the_queue_emptied(queue: Queue) -> None:
    """The older one makes it anew, and the newer one, which still runs, says again what it is."""
    old, new = await queue.open(FIRST), await queue.open(NEXT)
    queue.empty()

    await submit_track(old)
    assert queue.kept() == FIRST
    await submit_track(new)

    assert queue.kept() == NEXT


async def test_a_queue_that_others_made_anew_is_none_for_a_program_that_does_not_work_beside_them(
    queue: Queue,
) -> None:
    """Neither of the two goes on where the other one is."""
    new = await queue.open(LAST)
    queue.empty()
    await queue.open(FIRST)

    with pytest.raises(StoreUnavailable, match="is of version 1, and this program, of version 3"):
        await submit_track(new)

    assert queue.kept() == FIRST


# --- what people see ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "verdict", "text"),
    [
        (NEXT, Verdict.WELL, "It is of version 2."),
        (FIRST, Verdict.WARNING, "beside the next version it may not: upgrade this program too."),
        (LAST, Verdict.WELL, "It is of version 2."),
        (Version(4, 3), Verdict.WRONG, "by way of the releases in between"),
    ],
)
async def test_looking_at_a_queue_leaves_it_of_its_version(
    queue: Queue, own: Version, verdict: Verdict, text: str
) -> None:
    """A newer doctor shuts nobody out."""
    await queue.open(NEXT)
    link = await connect(queue.server.url, tag=queue.name)
    try:
        found = [check async for check in look(link, queue.name, own) if check.name == "queue"]
    finally:
        await link.close()

    assert [check.verdict for check in found] == [verdict]
    assert text in found[0].text
    assert queue.kept() == NEXT


async def test_a_key_of_somebody_else_in_the_place_of_the_queue_is_named(queue: Queue) -> None:
    """It is not overwritten."""
    name = f"{{{queue.name}}}:meta"
    queue.server.call("SET", name, "mine")

    assert await refusal(queue, OURS) == f"The key {name} is of somebody else: it is a string."
    assert queue.server.call("GET", name) == "mine"
