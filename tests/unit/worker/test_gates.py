"""When nothing is claimed: the gate before the catalog."""

from __future__ import annotations

import asyncio

from tests.support.clock import FakeClock

from tonearm.fetch import Courtesy, HostPort
from tonearm.policy import GIVE_UP_MS, REST_AFTER, REST_LADDER_MS, RetryRules
from tonearm.worker.gates import CatalogGate, Closed, Gate, first_closed

CATALOG = HostPort("catalog.example", 443)


class Bench:
    """The gate, the courtesy that it asks, and their clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.courtesy = Courtesy(RetryRules(), self.clock)
        self.gate = CatalogGate(self.courtesy, CATALOG)

    def fail(self, times: int = 1) -> None:
        """Let requests to the catalog fail."""
        for _ in range(times):
            self.courtesy.leave(self.courtesy.enter(CATALOG), "refused")


async def test_a_catalog_that_answers_leaves_the_gate_open() -> None:
    """Whatever other hosts do."""
    bench = Bench()
    bench.courtesy.hold(HostPort("media.example", 443), 3_000)

    assert await bench.gate.ask() is None
    assert not bench.gate.single


async def test_a_catalog_that_asked_for_time_closes_the_gate() -> None:
    """For that time, and with the reason for people."""
    bench = Bench()
    bench.courtesy.hold(CATALOG, 3_000)

    closed = await bench.gate.ask()
    assert closed == Closed("The catalog catalog.example:443 asked for no request until 12:13:23 UTC", 3_001)
    bench.clock.advance(3_001)
    assert await bench.gate.ask() is None
    assert not bench.gate.single


async def test_after_a_rest_of_the_catalog_one_task_goes_first() -> None:
    """No second one while the first has not found out; another one if it ended without asking."""
    bench = Bench()
    bench.fail(REST_AFTER)
    assert isinstance(await bench.gate.ask(), Closed)
    bench.clock.advance(REST_LADDER_MS[0])
    assert await bench.gate.ask() is None
    assert bench.gate.single

    finished = asyncio.Event()
    runner = asyncio.create_task(_wait(finished))
    bench.gate.sent(runner)
    assert isinstance(await bench.gate.ask(), Closed)
    assert not bench.gate.single
    finished.set()
    await runner
    assert await bench.gate.ask() is None
    assert bench.gate.single


async def test_a_catalog_that_is_given_up_opens_the_gate() -> None:
    """So that what waits is told."""
    bench = Bench()
    bench.fail(REST_AFTER)
    for _ in range(2 * GIVE_UP_MS // REST_LADDER_MS[-1]):
        closed = await bench.gate.ask()
        if closed is None:
            break
        bench.clock.advance(closed.wait_ms)
        if bench.courtesy.awaits_probe(CATALOG):
            bench.fail()

    assert await bench.gate.ask() is None
    assert not bench.gate.single
    assert bench.courtesy.refusal(CATALOG) is not None


async def test_the_first_gate_that_is_closed_counts() -> None:
    """And none, when all are open."""
    shut = _Fixed(Closed("so", 1))

    assert await first_closed([]) is None
    assert await first_closed([_Fixed(None), shut, _Fixed(Closed("otherwise", 2))]) == Closed("so", 1)


class _Fixed(Gate):
    def __init__(self, closed: Closed | None) -> None:
        self._closed = closed

    async def ask(self) -> Closed | None:
        return self._closed


async def _wait(event: asyncio.Event) -> None:
    await event.wait()
