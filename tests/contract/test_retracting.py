"""Retracting: a publication that nobody can make any more is taken back, and the job can be stopped again."""

from __future__ import annotations

import pytest

from tests.contract.steps import (
    DONE,
    PUBLICATION,
    claim_one,
    complete,
    look,
    open_album,
    stall,
    state_of,
    submit_track,
)
from tonearm.errors import LeaseLost, WrongState
from tonearm.model import Cancelled, Claim, Flags, Paused, State
from tonearm.store.base import Store


async def taken_over(store: Store) -> tuple[Claim, Claim]:
    """The claim of a worker that died between its commit and the library, and the one after it."""
    first = await claim_one(store, "w1")
    await store.commit(first, PUBLICATION)
    await stall(store, "w1")
    second = await claim_one(store, "w2")
    assert second.publication == PUBLICATION
    return first, second


async def test_a_retracted_job_can_be_cancelled_again(store: Store) -> None:
    """Before it is "too late", and afterwards the worker hears of it; retracting again is harmless."""
    job_id = await submit_track(store)
    _, held = await taken_over(store)
    with pytest.raises(WrongState, match=r"[Tt]oo late"):
        await store.cancel(job_id)
    for _ in range(2):
        await store.retract(held)

    await store.cancel(job_id)
    assert (await store.poll("w2", [held.token])).cancel == {job_id}
    await store.settle(held, Cancelled())
    assert await state_of(store, job_id) is State.CANCELLED


async def test_a_retracted_job_can_be_paused_again(store: Store) -> None:
    """And comes back without a publication."""
    job_id = await submit_track(store)
    _, held = await taken_over(store)
    with pytest.raises(WrongState, match=r"[Tt]oo late"):
        await store.pause(job_id)
    await store.retract(held)
    await store.pause(job_id)
    await store.settle(held, Paused())
    await store.resume(job_id)

    assert (await claim_one(store)).publication is None


async def test_a_retracted_track_hears_what_its_album_wants(store: Store) -> None:
    """The album was cancelled while the track still counted as committed."""
    job_id = await open_album(store, 2)
    _, held = await taken_over(store)
    await store.cancel(job_id)
    assert await store.poll("w2", [held.token]) == Flags()
    await store.retract(held)

    assert (await store.poll("w2", [held.token])).cancel == {held.task_id}
    with pytest.raises(LeaseLost):
        await store.commit(held, PUBLICATION)


async def test_a_retracted_task_needs_another_commit_to_complete(store: Store) -> None:
    """Nothing is published without one."""
    job_id = await submit_track(store)
    _, held = await taken_over(store)
    await store.retract(held)
    with pytest.raises(LeaseLost):
        await store.settle(held, DONE)

    await complete(store, held)
    assert await state_of(store, job_id) is State.COMPLETED


async def test_only_the_current_claim_can_retract(store: Store) -> None:
    """The one that committed is lost, and changes nothing."""
    job_id = await submit_track(store)
    first, _ = await taken_over(store)
    before = await look(store)
    with pytest.raises(LeaseLost):
        await store.retract(first)

    assert await look(store) == before
    with pytest.raises(WrongState):
        await store.cancel(job_id)
