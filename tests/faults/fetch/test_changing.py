"""A fetcher that goes on while what it goes by is changed."""

from __future__ import annotations

import asyncio

import pytest
from tests.faults.fetch.conftest import LIMITS, LOOPBACK
from tests.support.origin import Origin, Visit, answer

from tonearm.errors import BlockedAddress, Timeout
from tonearm.fetch import Fetcher, FetchLimits, HostPort
from tonearm.policy import RetryRules

RULES = RetryRules(backoff_ms=100)


async def test_every_call_goes_by_what_holds_when_it_begins() -> None:
    """Who may be reached though private, what is sent to whom, and how long a host is left alone."""
    async with Origin(answer(200, b"{}")) as origin, Fetcher(LIMITS) as fetcher:
        with pytest.raises(BlockedAddress):
            await fetcher.json(origin.url)
        secrets = {HostPort.of(origin.url): {"Authorization": "Bearer hunter2"}}
        fetcher.change(LIMITS, allow=[LOOPBACK], credentials=secrets, rules=RULES)
        await fetcher.json(origin.url)
        fetcher.change(LIMITS, allow=[], credentials={}, rules=RULES)
        with pytest.raises(BlockedAddress):
            await fetcher.json(origin.url)

    assert [seen.headers.get("authorization") for seen in origin.seen] == ["Bearer hunter2"]
    assert fetcher.courtesy.rules == RULES


async def test_a_new_limit_holds_for_the_next_call_on_a_connection_that_is_open() -> None:
    """Silence is cut after the time that is set now."""
    silent = asyncio.Event()

    async def script(visit: Visit) -> None:
        if silent.is_set():
            await asyncio.Event().wait()
        await answer(200, b"{}")(visit)

    async with Origin(script) as origin, Fetcher(LIMITS, allow=[LOOPBACK]) as fetcher:
        await fetcher.json(origin.url)
        silent.set()
        fetcher.change(FetchLimits(silence_ms=100), allow=[LOOPBACK], credentials={}, rules=RULES)
        with pytest.raises(Timeout, match=r"0\.1s"):
            await fetcher.json(origin.url)


async def test_a_sight_of_an_answer_has_its_status_and_the_time_of_the_server() -> None:
    """Whatever else comes; a server need not say what time it has."""
    dated = {"Date": "Thu, 01 Jan 2026 00:00:01 GMT"}
    async with Origin(answer(404, b"gone", dated)) as origin, Fetcher(LIMITS, allow=[LOOPBACK]) as fetcher:
        assert await fetcher.look(origin.url) == (404, 1_767_225_601_000)
    async with Origin(answer(204)) as origin, Fetcher(LIMITS, allow=[LOOPBACK]) as fetcher:
        assert await fetcher.look(origin.url) == (204, None)
