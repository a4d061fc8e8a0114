"""Loops that come back when they fall over."""

from __future__ import annotations

import asyncio

import pytest
from tests.support.exposition import counted
from tests.support.server import until

from tonearm.errors import StoreUnavailable
from tonearm.worker import backoff
from tonearm.worker.supervisor import Supervisor


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pause after an error is not what is tested."""
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)


@pytest.mark.parametrize("error", [ValueError("unexpected"), StoreUnavailable("away")])
async def test_a_loop_that_raises_is_started_again(error: Exception) -> None:
    """One error costs one round, is counted, and is shown until a round succeeds."""
    watcher, done, shown = Supervisor(), asyncio.Event(), list[dict[str, str]]()
    before = counted("tonearm_loop_restarts_total")
    rounds = iter([error, error, None])

    async def loop() -> None:
        shown.append(dict(watcher.troubles))
        failure = next(rounds)
        if failure:
            raise failure
        done.set()

    await watcher.watch("claim", loop, until=done)

    assert counted("tonearm_loop_restarts_total") - before == 2
    assert shown == [{}, {"claim": str(error)}, {"claim": str(error)}]
    assert watcher.troubles == {}


async def test_a_cancel_ends_a_loop() -> None:
    """A stop is not an error to recover from."""
    watcher, before = Supervisor(), counted("tonearm_loop_restarts_total")

    async def loop() -> None:
        await asyncio.Event().wait()

    task = asyncio.create_task(watcher.watch("poll", loop))
    await asyncio.sleep(0)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert counted("tonearm_loop_restarts_total") == before


async def test_a_store_that_is_away_is_told_until_every_loop_has_reached_it_again() -> None:
    """Another error says nothing about the store; whoever wants to know of changes is called at each."""
    watcher, told = Supervisor(), list[dict[str, str]]()
    watcher.told = lambda: told.append(dict(watcher.troubles))
    errors = iter([StoreUnavailable("away"), StoreUnavailable("away"), ValueError("a bug"), None])

    async def step() -> None:
        seen.append(watcher.store_away)
        if error := next(errors):
            raise error

    seen = list[bool]()
    await watcher.once("claim", step)

    assert seen == [False, True, True, False]
    assert not watcher.store_away
    assert told == [{"claim": "away"}, {"claim": "a bug"}, {}]


async def test_a_loop_that_rests_is_well_before_its_rest() -> None:
    """What failed is known to work again when the round is over, and not an hour later."""
    watcher, rounds = Supervisor(), iter([StoreUnavailable("away"), None])

    async def loop() -> float:
        if error := next(rounds):
            raise error
        return 3_600

    task = asyncio.create_task(watcher.watch("prune", loop))
    await until("the second round is over", lambda: watcher.turns["prune"] == 2)
    assert not watcher.store_away
    assert watcher.troubles == {}
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(("error", "turns"), [(None, 1), (StoreUnavailable("away"), 2), (ValueError("a bug"), 1)])
async def test_a_turn_is_a_round_that_ends_well_or_for_want_of_the_store(error: Exception | None, turns: int) -> None:
    """So a restart is not asked for where it mends nothing; a round that has not ended is none."""
    watcher = Supervisor()
    rounds = iter([error, None] if error else [None])

    async def loop() -> None:
        assert watcher.turns["claim"] < turns
        failure = next(rounds)
        if failure:
            raise failure

    await watcher.once("claim", loop)

    assert watcher.turns == {"claim": turns}
