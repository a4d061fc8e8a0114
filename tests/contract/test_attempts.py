"""Attempts: each one that ended stands in the history with its time, number, code and reason."""

from __future__ import annotations

import pytest

from tests.contract.steps import (
    NOT_FOUND,
    TIMEOUT,
    claim,
    claim_album,
    claim_one,
    complete,
    delay,
    expand,
    fail,
    open_album,
    stall,
    submit_album,
    submit_track,
)
from tests.support.clock import SECOND, FakeClock
from tonearm.errors import FailureCode
from tonearm.model import Failure, HistoryEntry, Released, Retry, State
from tonearm.store.base import Store

BUSY = Failure(FailureCode.RATE_LIMIT, "The catalog answered 429")


def told(history: tuple[HistoryEntry, ...], *events: str) -> list[tuple[str, int | None, FailureCode | None]]:
    """Event, attempt and code of the entries that are about *events*."""
    return [(entry.event, entry.attempt, entry.code) for entry in history if entry.event in events]


async def test_each_attempt_of_a_track_stands_in_its_history(store: Store, clock: FakeClock) -> None:
    """With its number, the moment of its end, the code and the reason; what is no attempt has no number."""
    job_id = await submit_track(store)
    for failure in (TIMEOUT, BUSY):
        await store.settle(await claim_one(store), Retry(failure, 5_000))
        clock.advance(5 * SECOND)
    await fail(store, await claim_one(store))

    record = await store.job(job_id)
    assert told(record.history, "submitted", "delayed", "failed") == [
        ("submitted", None, None),
        ("delayed", 1, FailureCode.TIMEOUT),
        ("delayed", 2, FailureCode.RATE_LIMIT),
        ("failed", 3, FailureCode.NOT_FOUND),
    ]
    ended = [entry for entry in record.history if entry.code is not None]
    assert [entry.message for entry in ended] == [TIMEOUT.message, BUSY.message, NOT_FOUND.failure.message]
    assert [entry.at - record.created_at for entry in ended] == [0, 5 * SECOND, 10 * SECOND]
    assert (record.retry_count, record.last_error, record.next_retry_at) == (2, record.error, None)


async def test_a_repeated_attempt_that_went_well_says_which_it_was(store: Store, clock: FakeClock) -> None:
    """And the job keeps what the one before had said."""
    job_id = await submit_track(store)
    await delay(store, await claim_one(store))
    waiting = await store.job(job_id)
    assert (waiting.retry_count, waiting.last_error) == (1, TIMEOUT.message)
    assert waiting.next_retry_at == waiting.created_at + 5 * SECOND
    clock.advance(5 * SECOND)
    await complete(store, await claim_one(store))

    record = await store.job(job_id)
    assert told(record.history, "started", "completed") == [
        ("started", 1, None),
        ("started", 2, None),
        ("completed", 2, None),
    ]
    assert (record.last_error, record.error, record.next_retry_at) == (TIMEOUT.message, None, None)


async def test_a_release_with_a_delay_says_why_the_job_waits(store: Store, clock: FakeClock) -> None:
    """It costs no attempt; one without a delay is no reason to tell people."""
    job_id = await submit_track(store)
    await store.settle(await claim_one(store), Released("The worker stopped"))
    assert (await store.job(job_id)).last_error is None
    await store.settle(await claim_one(store), Released("media:443 rests until 12:00:05", 5 * SECOND))
    record = await store.job(job_id)
    assert (record.state, record.retry_count) == (State.DELAYED, 0)
    assert record.last_error == "media:443 rests until 12:00:05"
    assert record.next_retry_at == record.created_at + 5 * SECOND
    clock.advance(5 * SECOND)

    assert (await claim_one(store)).retry_count == 0
    assert told((await store.job(job_id)).history, "started", "released")[-1] == ("started", 1, None)


async def test_the_attempts_of_an_albums_tracks_stand_in_its_history_by_name(store: Store, clock: FakeClock) -> None:
    """Their numbers are the tracks' own; the album says last what the newest said."""
    job_id = await open_album(store, 2)
    one, two = await claim(store, tracks=2)
    await delay(store, one)
    assert (await store.job(job_id)).last_error == f"01 Title 1: {TIMEOUT.message}"
    await fail(store, two)
    assert (await store.job(job_id)).last_error == f"02 Title 2: {NOT_FOUND.failure.message}"
    clock.advance(5 * SECOND)
    one = await claim_one(store)
    await stall(store, "w1")
    assert (await store.job(job_id)).history[-1].message == "01 Title 1: Recovered from crash"
    await store.settle(await claim_one(store), Released("The host rests", 5 * SECOND))
    assert (await store.job(job_id)).last_error == "01 Title 1: The host rests"
    clock.advance(5 * SECOND)
    await complete(store, await claim_one(store))

    record = await store.job(job_id)
    assert told(record.history, "resolved", "delayed", "recovered", "failed", "released", "completed") == [
        ("resolved", 1, None),
        ("delayed", 1, FailureCode.TIMEOUT),
        ("failed", 1, FailureCode.NOT_FOUND),
        ("recovered", 2, None),
        ("released", 2, None),
        ("completed", None, None),
    ]
    assert record.retry_count == 1
    assert record.last_error == record.error == "1 of 2 tracks failed: 02 Title 2"
    (failed,) = record.failed_tracks
    assert (failed.track_title, failed.error, failed.code, failed.attempts) == (
        "Title 2",
        NOT_FOUND.failure.message,
        FailureCode.NOT_FOUND,
        1,
    )


async def test_the_attempts_at_an_albums_list_are_numbered_by_themselves(store: Store, clock: FakeClock) -> None:
    """A list that was had at the second attempt; from then on the count is that of the tracks."""
    job_id = await submit_album(store)
    await store.settle(await claim_album(store), Retry(BUSY, 1_000))
    record = await store.job(job_id)
    assert (record.retry_count, record.last_error) == (1, BUSY.message)
    assert record.next_retry_at == record.created_at + SECOND
    clock.advance(SECOND)
    await expand(store, await claim_album(store), 2)

    record = await store.job(job_id)
    assert told(record.history, "delayed", "resolved") == [
        ("delayed", 1, FailureCode.RATE_LIMIT),
        ("resolved", 2, None),
    ]
    assert (record.retry_count, record.next_retry_at) == (0, None)


@pytest.mark.parametrize("action", ["cancel", "pause"])
async def test_an_attempt_that_a_person_ended_is_told_with_its_number(store: Store, action: str) -> None:
    """What was only asked has none."""
    job_id = await submit_track(store)
    held = await claim_one(store)
    await getattr(store, action)(job_id)
    await store.settle(held, Released("stop"))

    asked, ended = [entry for entry in (await store.job(job_id)).history if entry.event.startswith(action)]
    assert (asked.attempt, ended.attempt) == (None, 1)


async def test_tracks_released_one_after_the_other_are_one_line_of_their_album(store: Store) -> None:
    """A host that rests turns all of them away; what else the album has to tell stays readable."""
    job_id = await open_album(store, 4)
    for track in await claim(store, tracks=3):
        await store.settle(track, Released("The host rests", 5 * SECOND))
    await fail(store, await claim_one(store))
    history = (await store.job(job_id)).history
    assert [(line.event, line.message) for line in history][-2:] == [
        ("released", "01 Title 1: The host rests"),
        ("failed", f"04 Title 4: {NOT_FOUND.failure.message}"),
    ]


async def test_a_job_that_waits_again_and_again_keeps_its_story(store: Store, clock: FakeClock) -> None:
    """Waits in a row are one line, the newest; what happened before does not leave the history for them."""
    job_id = await submit_track(store)
    await delay(store, await claim_one(store))
    for wait in range(60):
        clock.advance(60 * SECOND)
        await store.settle(await claim_one(store), Released(f"Waiting, {wait}", 5 * SECOND))
    history = (await store.job(job_id)).history
    assert [(line.event, line.message) for line in history] == [
        ("submitted", None),
        ("started", None),
        ("delayed", TIMEOUT.message),
        ("started", None),
        ("released", "Waiting, 59"),
    ]
