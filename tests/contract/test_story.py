"""The story in the log: everything that happens to a job is a line, with the time and the words of its history."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from dataclasses import asdict
from typing import Any

import pytest
import structlog

from tests.contract.conftest import Reopened
from tests.contract.steps import (
    DONE,
    NO_LIMITS,
    album,
    claim_album,
    claim_one,
    complete,
    delay,
    expand,
    fail,
    open_album,
    stall,
    submit_track,
    sweep_all,
    track,
)
from tests.support.clock import SECOND, FakeClock
from tests.support.exposition import Rise
from tests.support.told import Told, telling
from tonearm.clock import iso
from tonearm.errors import LeaseLost
from tonearm.model import STORY, ControlChange, Paused, sentence
from tonearm.store.base import Store


@pytest.fixture
def told() -> Iterator[Told]:
    """The log from here on."""
    with telling() as told:
        yield told


async def history(store: Store, job_id: str) -> list[dict[str, Any]]:
    """The lines that a history asks for: all that it knows of each event, in the form of the log."""
    lines = [asdict(entry) for entry in (await store.job(job_id)).history]
    for line in lines:
        line["at"], line["event"] = iso(line["at"]), sentence(line["event"])
    return [{name: value for name, value in line.items() if value is not None} for line in lines]


def matching(told: Told, job_id: str, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Of each line of the log what the line of the history beside it knows too."""
    logged = told.of(job_id)
    return [{name: mine.get(name) for name in line} for mine, line in zip(logged, lines, strict=True)]


async def test_the_log_tells_what_the_history_tells(store: Store, clock: FakeClock, told: Told) -> None:
    """A retry, a pause, a crash, the end: the same events at the same times, with task, epoch, client and attempt."""
    job_id = await submit_track(store)
    await delay(store, await claim_one(store))
    clock.advance(6 * SECOND)
    held = await claim_one(store)
    await store.pause(job_id)
    await store.settle(held, Paused())
    clock.advance(SECOND)
    await store.resume(job_id)
    await claim_one(store, "w1")
    await stall(store, "w1")
    clock.advance(SECOND)
    await complete(store, await claim_one(store, "w2"))

    lines = await history(store, job_id)
    assert matching(told, job_id, lines) == lines
    logged = told.of(job_id)
    assert [(line["event"], line["epoch"], line["attempt"]) for line in logged] == [
        ("Submitted", 0, 1),
        ("Started", 1, 1),
        ("Will try again", 1, 1),
        ("Started", 2, 2),
        ("Pause requested", 2, 2),
        ("Paused", 2, 2),
        ("Resumed", 2, 2),
        ("Started", 3, 2),
        ("Recovered from crash", 3, 2),
        ("Started", 4, 2),
        ("Completed", 4, 2),
    ]
    assert {(line["task"], line["client"]) for line in logged} == {(job_id, "ann")}
    assert [line["level"] for line in logged if line["event"] == "Recovered from crash"] == ["warning"]


async def test_each_track_of_an_album_is_told(store: Store, told: Told) -> None:
    """Also what the album's history leaves out, under the album's id, with the id of the task."""
    job_id = await open_album(store, 2)
    first, second = await claim_one(store), await claim_one(store)
    await complete(store, first)
    await fail(store, second)

    assert [(line["event"], line["task"]) for line in told.of(job_id)] == [
        ("Submitted", job_id),
        ("Started", job_id),
        ("Album resolved", job_id),
        ("Started", f"{job_id}.1"),
        ("Started", f"{job_id}.2"),
        ("Completed", f"{job_id}.1"),
        ("Failed", f"{job_id}.2"),
        ("Completed", job_id),
    ]
    failed = told.of(job_id)[-2]
    assert (failed["code"], failed["message"]) == ("not_found", "Track not found")


async def test_what_is_said_twice_is_told_once_and_what_is_refused_not_at_all(store: Store, told: Told) -> None:
    """A repeated submit or settle, a cancel of a cancelled job, a late token."""
    wanted = track()
    await store.submit(wanted, NO_LIMITS)
    await store.submit(wanted, NO_LIMITS)
    held = await claim_one(store)
    await stall(store, "w1")
    with pytest.raises(LeaseLost):
        await store.settle(held, DONE)
    again = await claim_one(store)
    await complete(store, again)
    await store.settle(again, DONE)
    other = await submit_track(store)
    await store.cancel(other)
    await store.cancel(other)

    events = [line["event"] for line in told.of(wanted.id)]
    assert events == ["Submitted", "Started", "Recovered from crash", "Started", "Completed"]
    assert [line["event"] for line in told.of(other)] == ["Submitted", "Cancelled"]


async def test_a_deleted_job_is_told_to_its_end(store: Store, told: Told) -> None:
    """Its history is gone with it, so the log alone knows; an unfinished one was cancelled by that."""
    unfinished = await submit_track(store)
    await store.delete(unfinished)
    finished = await submit_track(store)
    await complete(store, await claim_one(store))
    await store.delete(finished, keep_ms=60_000)

    assert [line["event"] for line in told.of(unfinished)] == ["Submitted", "Cancelled", "Deleted"]
    assert [line["event"] for line in told.of(finished)][-2:] == ["Completed", "Deleted"]


async def test_what_comes_in_a_batch_or_by_a_sweep_is_told_too(store: Store, clock: FakeClock, told: Told) -> None:
    """Each job of a batch, and a lease that ran out."""
    first, second = track(), album()
    await store.submit_many([first, second], NO_LIMITS)
    await claim_one(store)
    clock.advance(61 * SECOND)
    await sweep_all(store)

    assert [line["event"] for line in told.of(first.id)] == ["Submitted", "Started", "Recovered from crash"]
    assert [line["message"] for line in told.of(second.id)] == [f"album {second.spec.catalog_id} LOSSLESS"]


async def test_a_line_is_told_in_the_context_of_who_asked(store: Store, told: Told) -> None:
    """The id of the request that submitted stands in its line, and what is bound there of another job does not."""
    strange = {"job": "job-9-9", "task": "job-9-9", "epoch": 9, "client": "joe", "attempt": 9}
    with structlog.contextvars.bound_contextvars(request_id="r1", **strange):
        job_id = await submit_track(store)
    await claim_one(store)

    submitted, started = told.of(job_id)
    assert (submitted["request_id"], submitted["client"], submitted["epoch"]) == ("r1", "ann", 0)
    assert "request_id" not in started


async def given_up(call: Coroutine[Any, Any, object]) -> None:
    """Say something to a store, and be cancelled before it answers."""
    saying = asyncio.create_task(call)
    await asyncio.sleep(0)  # it is on its way
    saying.cancel()
    await asyncio.wait([saying])
    assert saying.cancelled()


async def test_what_happened_is_told_whatever_became_of_the_caller(store: Store, told: Told) -> None:
    """Its line, in the context of who asked, and its count; of a call that goes alone, and of one of many together."""
    await store.cancel(await submit_track(store))  # a script that Redis does not know is not run for who is gone
    one, other = await submit_track(store), await submit_track(store)
    held = await claim_one(store)
    left = other if held.task_id == one else one
    rise = Rise("tonearm_jobs_")

    with structlog.contextvars.bound_contextvars(request_id="r1"):
        await given_up(fail(store, held))
        await given_up(store.cancel(left))
    await store.steer(ControlChange(paused=True))  # answered behind them

    ends = [told.of(job_id)[-1] for job_id in (held.task_id, left)]
    assert [(line["event"], line.get("request_id")) for line in ends] == [("Failed", "r1"), ("Cancelled", "r1")]
    assert rise.so_far() == {("tonearm_jobs_cancelled_total",): 1, ("tonearm_jobs_failed_total", "not_found"): 1}


async def test_a_store_that_closes_tells_what_was_said_before(durable: Reopened, told: Told) -> None:
    """Also where nobody waits for it any more, as at the end of a process: what goes alone, and what goes together."""
    store = await durable.open()
    await store.cancel(await submit_track(store))  # as above
    job_id, wanted, behind = await submit_track(store), track(), track()
    for call in (store.cancel(job_id), store.submit(wanted, NO_LIMITS), store.submit(behind, NO_LIMITS)):
        await given_up(call)
    await store.close()

    assert [told.of(each)[-1]["event"] for each in (job_id, wanted.id, behind.id)] == [
        "Cancelled",
        "Submitted",
        "Submitted",
    ]


async def test_a_log_that_fails_keeps_nobody_from_an_answer(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a call that goes alone, and of one of many together; the loop hears of it."""
    heard = list[str]()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: heard.append(str(context.get("exception"))))
    job_id = await submit_track(store)

    def tell(_: object) -> None:
        raise OSError("no space")

    with monkeypatch.context() as broken:
        broken.setattr("tonearm.store.story.tell", tell)
        await store.submit(track(), NO_LIMITS)
        await store.cancel(job_id)

    assert heard == ["no space", "no space"]


async def test_an_album_that_fails_is_told_with_its_code(store: Store, told: Told) -> None:
    """One without tracks."""
    job_id = (await store.submit(album(), NO_LIMITS)).job_id
    await expand(store, await claim_album(store), 0)

    last = told.of(job_id)[-1]
    assert (last["event"], last["code"], last["level"]) == ("Failed", "not_found", "warning")


def test_every_word_of_a_history_has_a_sentence_of_its_own() -> None:
    """So a line can be found by either."""
    assert len(set(STORY.values())) == len(STORY)
