"""Reads that wait: on a connection of their own, so that they hold nobody up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.exceptions import ResponseError
from tests.support.redis_server import RedisServer
from tests.support.server import until

from tonearm.errors import StoreUnavailable
from tonearm.store.redis.link import READ_COUNT, Link, connect

FEED, PINGS = "{tonearm}:feed", "{tonearm}:pings"
LONG_MS = 60_000


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with RedisServer() as running:
        yield running


@pytest.fixture
async def link(server: RedisServer) -> AsyncIterator[Link]:
    opened = await connect(server.url, limit_s=10)
    yield opened
    await opened.close()


def blocked(server: RedisServer) -> int:
    return int(server.figures("clients")["blocked_clients"])


async def test_a_read_answers_what_is_there_at_once(server: RedisServer, link: Link) -> None:
    """By stream, oldest first, with the fields of each entry."""
    server.call("XADD", FEED, "1-1", "job", "a", "state", "ready")
    server.call("XADD", FEED, "2-1", "job", "b")
    server.call("XADD", PINGS, "5-1", "x", b"\xff")

    found = await link.read({FEED: "0", PINGS: "0"}, LONG_MS)

    assert found == {
        FEED: [("1-1", {"job": "a", "state": "ready"}), ("2-1", {"job": "b"})],
        PINGS: [("5-1", {"x": "\udcff"})],
    }
    assert await link.read({FEED: "2-1"}, 0) == {}


async def test_a_read_wakes_for_what_comes_and_holds_up_nobody_meanwhile(server: RedisServer, link: Link) -> None:
    """Other calls pass it."""
    reading = asyncio.create_task(link.read({FEED: "$"}, LONG_MS))
    await until("it waits", lambda: blocked(server) == 1)
    assert await link.call("ECHO", "passes") == "passes"
    await link.call("XADD", FEED, "1-1", "job", "a")

    assert await reading == {FEED: [("1-1", {"job": "a"})]}


async def test_a_read_in_which_nothing_came_is_empty(link: Link) -> None:
    """The time is over; the same connection serves the next one."""
    assert await link.read({FEED: "$"}, 10) == {}
    assert await link.read({FEED: "$"}, 10) == {}


async def test_a_read_is_bounded(server: RedisServer, link: Link) -> None:
    """A reader far behind goes in pages."""
    for number in range(1, READ_COUNT + 11):
        server.call("XADD", FEED, f"{number}-0", "n", number)

    first = (await link.read({FEED: "0"}, 0))[FEED]
    rest = (await link.read({FEED: first[-1][0]}, 0))[FEED]

    assert (len(first), len(rest)) == (READ_COUNT, 10)


async def test_a_cancelled_read_leaves_nothing_behind(server: RedisServer, link: Link) -> None:
    """Redis forgets it, and the next read is not answered by it."""
    reading = asyncio.create_task(link.read({FEED: "$"}, LONG_MS))
    await until("it waits", lambda: blocked(server) == 1)
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)
    await until("nobody waits", lambda: blocked(server) == 0)
    server.call("XADD", FEED, "1-1", "job", "a")

    assert await link.read({FEED: "1-1"}, 10) == {}
    assert await link.read({FEED: "0"}, LONG_MS) == {FEED: [("1-1", {"job": "a"})]}


async def test_two_reads_at_a_time_do_not_wait_for_each_other(server: RedisServer, link: Link) -> None:
    """The second has a connection too, and only one is kept."""
    feed = asyncio.create_task(link.read({FEED: "$"}, LONG_MS))
    await until("the first waits", lambda: blocked(server) == 1)
    pings = asyncio.create_task(link.read({PINGS: "$"}, LONG_MS))
    await until("both wait", lambda: blocked(server) == 2)
    await link.call("XADD", PINGS, "1-1", "x", "y")
    assert await pings == {PINGS: [("1-1", {"x": "y"})]}
    await link.call("XADD", FEED, "1-1", "x", "y")
    assert await feed == {FEED: [("1-1", {"x": "y"})]}

    assert await link.read({FEED: "$"}, 10) == {}
    await until("two connections are left, and ours", lambda: server.figures("clients")["connected_clients"] == "3")


async def test_a_read_ends_when_redis_does(server: RedisServer, link: Link) -> None:
    """And works again on the same link."""
    reading = asyncio.create_task(link.read({FEED: "$"}, LONG_MS))
    await until("it waits", lambda: blocked(server) == 1)
    server.kill()
    with pytest.raises(StoreUnavailable):
        await reading
    with pytest.raises(StoreUnavailable):
        await link.read({FEED: "$"}, LONG_MS)
    await asyncio.to_thread(server.start)

    async def reads() -> bool:
        try:
            return await link.read({FEED: "$"}, 10) == {}
        except StoreUnavailable:
            return False

    await until("it reads again", reads)


async def test_a_read_of_a_frozen_server_ends_in_time(server: RedisServer) -> None:
    """Its own time and the limit of a call."""
    link = await connect(server.url, limit_s=1)
    try:
        await link.read({FEED: "$"}, 10)
        server.freeze()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await asyncio.wait_for(link.read({FEED: "$"}, 10), 30)
    finally:
        await link.close()


async def test_a_read_of_what_is_no_stream_is_refused(server: RedisServer, link: Link) -> None:
    """A value of another kind is not taken for silence."""
    server.call("SET", FEED, "x")
    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await link.read({FEED: "0"}, 10)


async def test_closing_ends_a_read_that_waits(server: RedisServer, link: Link) -> None:
    """Nobody hangs on a store that is closed."""
    reading = asyncio.create_task(link.read({FEED: "$"}, LONG_MS))
    await until("it waits", lambda: blocked(server) == 1)
    await link.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await reading
    await until("nobody waits", lambda: blocked(server) == 0)
