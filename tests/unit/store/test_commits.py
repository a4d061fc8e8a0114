"""Commits: what is answered is there, what failed is not, and nobody waits for more than their own call."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
import pytest
from tests.contract.steps import NO_LIMITS, claim_one, complete, submit, submit_track, track

from tonearm.errors import QuotaExceeded, StoreUnavailable
from tonearm.model import SubmitLimits
from tonearm.store.sqlite import SqliteStore
from tonearm.store.sqlite.unit import Unit


@contextmanager
def writer_held(store: SqliteStore) -> Iterator[None]:
    """Keep the writer busy with a call that does not end, so that all that follows is queued."""
    release = threading.Event()

    def wait(_: Unit) -> None:
        release.wait()

    held = asyncio.ensure_future(store._writer.do(wait))
    try:
        yield
    finally:
        release.set()
    assert held is not None


def count_commits(store: SqliteStore) -> list[bool]:
    """Record each commit of the writer from now on."""
    commits: list[bool] = []

    def hook() -> bool:
        commits.append(True)
        return False

    store._writer.db.set_commit_hook(hook)
    return commits


async def until_queued(store: SqliteStore, number: int) -> None:
    """Wait until so many calls wait for the writer."""
    async with asyncio.timeout(30):
        while store._writer._calls.qsize() < number:  # noqa: ASYNC110 - the queue tells nobody; each turn lets them come
            await asyncio.sleep(0)


async def test_a_log_that_falls_over_keeps_nobody_from_an_answer(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is committed is answered, also to those whose calls went with the one that could not be told of."""

    def fall_over(_: object) -> None:
        raise ZeroDivisionError

    told = list[object]()
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context["exception"]))
    monkeypatch.setattr("tonearm.store.story.tell", fall_over)
    with writer_held(store):
        waiting = [asyncio.ensure_future(store.submit(track(), NO_LIMITS)) for _ in range(3)]
        await until_queued(store, 3)

    async with asyncio.timeout(30):
        submitted = await asyncio.gather(*waiting)
    assert len({each.job_id for each in submitted}) == 3
    assert [type(error) for error in told] == [ZeroDivisionError]


async def test_what_waits_together_is_committed_together(store: SqliteStore) -> None:
    """Fifty submissions that queue up behind a slow call cost one commit."""
    commits = count_commits(store)
    with writer_held(store):
        waiting = [asyncio.ensure_future(store.submit(track(), NO_LIMITS)) for _ in range(50)]
        await until_queued(store, 50)
        assert not any(one.done() for one in waiting)
    await asyncio.gather(*waiting)

    assert len(commits) <= 2
    assert (await store.counts()).queued == 50


async def test_an_answer_comes_after_the_commit(store: SqliteStore, database: Path) -> None:
    """Another connection sees what was answered, and the commit is one that waits for the disk."""
    job_id = await submit_track(store)

    other = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    assert list(other.execute("SELECT id FROM task")) == [(job_id,)]
    other.close()
    pragmas = await store._writer.do(lambda unit: (unit.db.pragma("journal_mode"), unit.db.pragma("synchronous")))
    assert pragmas == ("wal", 2)


async def test_a_refused_call_takes_nothing_with_it(store: SqliteStore) -> None:
    """In one commit, the neighbours of a refusal are kept."""
    one = SubmitLimits(client_unfinished=1)
    with writer_held(store):
        waiting = [asyncio.ensure_future(store.submit(track(client), one)) for client in ("ann", "ann", "bob")]
        await until_queued(store, 3)
    answers = await asyncio.gather(*waiting, return_exceptions=True)

    assert [isinstance(answer, QuotaExceeded) for answer in answers] == [False, True, False]
    assert (await store.counts()).queued == 2
    assert await store.audit() == ()


async def test_a_commit_that_fails_leaves_nothing_of_its_calls(store: SqliteStore) -> None:
    """All its callers hear that the outcome is unknown, and said again it works."""
    await submit_track(store)
    held = await claim_one(store)
    store._writer.db.set_commit_hook(lambda: True)
    lost = track()
    with writer_held(store):
        waiting = [asyncio.ensure_future(store.submit(lost, NO_LIMITS)), asyncio.ensure_future(complete(store, held))]
        await until_queued(store, 2)
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    store._writer.db.set_commit_hook(None)

    assert [type(answer) for answer in answers] == [StoreUnavailable, StoreUnavailable]
    assert (await store.counts()).total == 1
    assert await store.audit() == ()
    await store.submit(lost, NO_LIMITS)
    await complete(store, held)
    assert (await store.counts()).completed == 1


async def test_a_full_disk_is_over_when_there_is_room_again(store: SqliteStore) -> None:
    """SQLITE_FULL is told as "unavailable", and the engine goes on with what it has."""
    await submit(store, *(track() for _ in range(50)))
    pages = await store._writer.do(lambda unit: unit.db.pragma("page_count"))
    await store._writer.do(lambda unit: unit.db.pragma("max_page_count", pages))

    with pytest.raises(StoreUnavailable, match="full"):
        await submit(store, *(track() for _ in range(1_000)))
    kept = (await store.counts()).total

    assert kept < 1_000
    assert (await store.counts()).queued == kept
    await store._writer.do(lambda unit: unit.db.pragma("max_page_count", 1_000_000))
    held = await claim_one(store)
    await submit_track(store)
    await complete(store, held)
    assert (await store.counts()).total == kept + 1
    assert await store.audit() == ()


async def test_a_caller_that_gives_up_does_not_undo_the_call(store: SqliteStore) -> None:
    """A cancelled asyncio task leaves its call to be finished."""
    with writer_held(store):
        waiting = asyncio.ensure_future(store.submit(track(), NO_LIMITS))
        await until_queued(store, 1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await store._writer.do(lambda _: None)

    assert (await store.counts()).queued == 1


async def test_readers_do_not_wait_for_the_writer(store: SqliteStore) -> None:
    """A file is read on a thread of its own while a long write goes on."""
    job_id = await submit_track(store)
    with writer_held(store):
        async with asyncio.timeout(5):
            assert (await store.job(job_id)).id == job_id
            assert (await store.counts()).queued == 1


async def test_a_bug_in_one_call_is_seen_by_its_caller_alone(store: SqliteStore) -> None:
    """An error that is no refusal rolls back its call, and the writer lives."""

    def broken(unit: Unit) -> None:
        unit.run("INSERT INTO rate (client, at) VALUES ('ann', 1)")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await store._writer.do(broken)

    assert (await store.rows())["rate"] == []
    await submit_track(store)


async def test_closing_finishes_what_was_begun(store: SqliteStore, database: Path) -> None:
    """Calls that are queued when the store closes are still answered; later ones are refused."""
    with writer_held(store):
        waiting = [asyncio.ensure_future(store.submit(track(), NO_LIMITS)) for _ in range(3)]
        await until_queued(store, 3)
        closing = asyncio.ensure_future(store.close())
        await asyncio.sleep(0)
    await asyncio.gather(closing, *waiting)

    with pytest.raises(StoreUnavailable):
        await submit_track(store)
    assert not database.with_name("queue.db-wal").exists()
