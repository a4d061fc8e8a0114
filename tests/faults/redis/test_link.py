"""The link in trouble: whatever happens to Redis or on the way to it, calls end in time, and the next ones work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError
from tests.support.mounts import remount, small_disk
from tests.support.redis_server import RedisServer
from tests.support.server import until
from tests.support.wire import Wire

from tonearm.errors import StoreFull, StoreUnavailable
from tonearm.store.redis.line import MOST_WAITING
from tonearm.store.redis.link import Link, connect
from tonearm.store.redis.scripts import make

SHORT_S = 1.0
ADD = make("add", "#!lua flags=allow-oom\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])")
KEY = "{tonearm}:number"


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of this test alone, which it may hurt."""
    with RedisServer(aof="always") as running:
        yield running


@asynccontextmanager
async def linked(url: str, *, limit_s: float = 10.0) -> AsyncIterator[Link]:
    link = await connect(url, limit_s=limit_s)
    try:
        yield link
    finally:
        await link.close()


async def answers(link: Link) -> bool:
    """Whether it is connected; while it is not, calls are refused and nothing else."""
    try:
        return bool(await link.call("PING"))
    except StoreUnavailable:
        return False


def rewritten(server: RedisServer) -> bool:
    """Whether what it has is in one file, which it loads key by key."""
    seen = server.figures("persistence")
    return seen["aof_rewrites"] == "1" and seen["aof_rewrite_in_progress"] == "0"


async def test_scripts_that_redis_has_forgotten_are_sent_again(server: RedisServer) -> None:
    """A restart, a fail-over or SCRIPT FLUSH loses them; the caller sees nothing of it."""
    async with linked(server.url) as link:
        assert await link.run(ADD, [KEY], [1]) == 1
        server.forget_scripts()
        assert await link.run(ADD, [KEY], [1]) == 2
        server.forget_scripts()
        found = await asyncio.gather(*(link.run(ADD, [KEY], [1]) for _ in range(50)))

    assert sorted(found) == list(range(3, 53))


async def test_a_cancelled_call_does_not_shift_the_replies_of_the_others(server: RedisServer) -> None:
    """Its reply comes, and is nobody's."""
    async with linked(server.url) as link:
        server.freeze()
        calls = [asyncio.create_task(link.call("ECHO", number)) for number in range(30)]
        await asyncio.sleep(0)  # they are under way
        for call in calls[::3]:
            call.cancel()
        server.wake()
        replies = await asyncio.gather(*calls, return_exceptions=True)
        after = await link.call("ECHO", "after")

    cancelled = [isinstance(reply, asyncio.CancelledError) for reply in replies]
    assert cancelled == [number % 3 == 0 for number in range(30)]
    assert [reply for number, reply in enumerate(replies) if number % 3] == [str(n) for n in range(30) if n % 3]
    assert after == "after"


async def test_a_cancelled_script_ran_or_did_not_and_nothing_else(server: RedisServer) -> None:
    """Cancelling means not to wait for the reply; it is not half done."""
    async with linked(server.url) as link:
        for _ in range(20):
            call = asyncio.create_task(link.run(ADD, [KEY], [1]))
            await asyncio.sleep(0)  # it begins
            call.cancel()
            await asyncio.gather(call, return_exceptions=True)
        before = int(await link.call("GET", KEY) or 0)

        assert await link.run(ADD, [KEY], [1]) == before + 1


async def test_a_frozen_server_ends_every_call_in_time_and_works_again_when_it_wakes(server: RedisServer) -> None:
    """No error comes from it, only silence; and the reply that comes after all is nobody's."""
    async with linked(server.url, limit_s=SHORT_S) as link:
        server.freeze()
        calls = [link.call("ECHO", f"early {number}") for number in range(10)]
        ended = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 30)
        server.wake()
        await until("it works again", lambda: answers(link))
        late = await asyncio.gather(*(link.call("ECHO", f"late {number}") for number in range(10)))

    assert [type(error) for error in ended] == [StoreUnavailable] * 10
    assert "does not answer" in str(ended[0])
    assert late == [f"late {number}" for number in range(10)]


async def test_a_frozen_server_refuses_those_who_come_to_connect_in_time(server: RedisServer) -> None:
    """The system takes the connection for it, and then nothing comes."""
    server.freeze()
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await asyncio.wait_for(connect(server.url, limit_s=SHORT_S), 30)


async def test_after_a_kill_calls_are_refused_and_then_work_again_with_the_data(server: RedisServer) -> None:
    """The same link, on the same port; with AOF nothing that was answered is gone."""
    async with linked(server.url) as link:
        assert await link.run(ADD, [KEY], [7]) == 7
        server.kill()
        with pytest.raises(StoreUnavailable):
            await link.call("PING")
        with pytest.raises(StoreUnavailable, match="cannot be reached"):
            await link.call("PING")
        await asyncio.to_thread(server.start)
        await until("it works again", lambda: answers(link))

        assert await link.run(ADD, [KEY], [1]) == 8


async def test_a_kill_in_the_middle_of_calls_ends_each_of_them(server: RedisServer) -> None:
    """Each was answered or is unavailable, and what was answered is kept."""
    async with linked(server.url) as link:
        answered = 0

        async def add() -> None:
            nonlocal answered
            while True:
                answered = max(answered, await link.run(ADD, [KEY], [1]))

        adding = [asyncio.create_task(add()) for _ in range(20)]
        await until("some were answered", lambda: answered > 100)
        server.kill()
        ends = await asyncio.wait_for(asyncio.gather(*adding, return_exceptions=True), 30)
        await asyncio.to_thread(server.start)
        await until("it works again", lambda: answers(link))
        kept = int(await link.call("GET", KEY))

    assert {type(end) for end in ends} == {StoreUnavailable}
    assert answered <= kept <= answered + 20


async def test_a_connection_that_redis_closed_meanwhile_costs_nobody_an_error(server: RedisServer) -> None:
    """CLIENT KILL, an idle limit, a balancer: the next call takes a new one."""
    async with linked(server.url) as link:
        server.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        await until("the end was seen", lambda: link.connected is False)

        assert await link.call("ECHO", "there") == "there"


async def test_a_refusal_of_one_call_is_nobody_elses(server: RedisServer) -> None:
    """A value of another kind, an error of a script: only who asked learns of it."""
    broken = make("broken", "#!lua\nreturn redis.call('INCR', KEYS[1])")
    async with linked(server.url) as link:
        await link.call("SET", KEY, "no number")
        replies: Sequence[Any] = await asyncio.gather(
            link.call("ECHO", "a"),
            link.run(broken, [KEY], []),
            link.call("LPUSH", KEY, "x"),
            link.call("ECHO", "b"),
            return_exceptions=True,
        )

    assert (replies[0], replies[3]) == ("a", "b")
    assert isinstance(replies[1], ResponseError)
    assert isinstance(replies[2], ResponseError)
    assert "WRONGTYPE" in str(replies[2])


async def test_a_server_that_still_loads_is_away_for_the_moment() -> None:
    """LOADING is no answer: the call may be said again, and the text says what is going on."""
    slow = {"key-load-delay": "10000", "loading-process-events-interval-bytes": "1024", "rdbcompression": "no"}
    with RedisServer(aof="always", settings=slow) as server:
        for number in range(100):
            server.call("SET", f"{KEY}:{number}", "x" * 2_000)
        server.call("BGREWRITEAOF")
        await until("the base is written", lambda: rewritten(server))
        async with linked(server.url) as link:
            server.kill()
            seen = set[str]()

            async def loaded() -> bool:
                try:
                    return bool(await link.call("GET", f"{KEY}:1"))
                except StoreUnavailable as error:
                    seen.add(str(error))
                    return False

            starting = asyncio.create_task(asyncio.to_thread(server.start))
            await until("it has loaded", loaded)
            await starting

    assert any("still loading" in text for text in seen)


async def test_a_full_server_says_so_and_still_runs_what_frees_it() -> None:
    """OOM refuses what writes more; a script with `allow-oom` passes."""
    with RedisServer(settings={"maxmemory": "4mb", "maxmemory-policy": "noeviction"}) as server:
        async with linked(server.url) as link:
            fill = [link.call("SET", f"{KEY}:{number}", "x" * 10_000) for number in range(1_000)]
            with pytest.raises(StoreUnavailable, match="maxmemory"):
                await asyncio.gather(*fill)

            assert await link.run(ADD, [KEY], [1]) == 1
            with pytest.raises(StoreFull, match="maxmemory"):
                await link.run(make("grow", "#!lua\nreturn redis.call('SET', KEYS[1], 'x')"), [KEY], [])


async def test_a_full_disk_under_redis_is_named_and_forgotten_when_there_is_room(tmp_path: Path) -> None:
    """MISCONF: it refuses writes until it can append again."""
    with small_disk(tmp_path / "disk", 2) as disk, RedisServer(aof="everysec", data=disk) as server:
        async with linked(server.url) as link:
            assert "make room there" in await until("the disk is full", partial(refusal, link))
            remount(disk, "size=50m")

            async def writes() -> bool:
                return not await refusal(link)

            await until("it writes again", writes)


async def refusal(link: Link) -> str:
    """What is said to one who writes; nothing while that works."""
    try:
        await asyncio.gather(*(link.call("SET", f"{KEY}:{number}", "x" * 100_000) for number in range(10)))
    except StoreUnavailable as error:
        return str(error)
    return ""


async def test_a_master_that_became_a_replica_refuses_writes_in_words_that_help(server: RedisServer) -> None:
    """READONLY, without Sentinels: it says what is going on."""
    with RedisServer() as other:
        async with linked(server.url) as link:
            server.call("REPLICAOF", "127.0.0.1", other.port)
            with pytest.raises(StoreUnavailable, match="is a replica"):
                await link.run(ADD, [KEY], [1])
            server.call("REPLICAOF", "NO", "ONE")

            await until("it works again", lambda: answers(link))
            assert await link.run(ADD, [KEY], [1]) == 1


async def test_too_few_replicas_are_named(server: RedisServer) -> None:
    """`min-replicas-to-write` refuses what could be lost."""
    async with linked(server.url) as link:
        server.call("CONFIG", "SET", "min-replicas-to-write", "1")
        with pytest.raises(StoreUnavailable, match="fewer replicas"):
            await link.run(ADD, [KEY], [1])


async def test_a_reply_that_is_cut_in_the_middle_ends_the_call(server: RedisServer) -> None:
    """Half a reply is none, wherever the cut is, and the next call has a connection of its own."""
    async with Wire(server.port) as wire, linked(server.url_of(None, None, port=wire.port)) as link:
        for size in (0, 1, 5, 17, 60):
            wire.cut_after(size)
            with pytest.raises(StoreUnavailable):
                await link.call("ECHO", "x" * 100)
            await until("it works again", lambda: answers(link))

        assert await link.call("ECHO", "whole") == "whole"


async def test_a_network_that_lets_nothing_pass_ends_calls_in_time(server: RedisServer) -> None:
    """Nothing says that the other side is gone: only the limit helps. What was held back reaches nobody."""
    async with Wire(server.port) as wire, linked(server.url_of(None, None, port=wire.port), limit_s=SHORT_S) as link:
        wire.stall()
        with pytest.raises(StoreUnavailable, match="does not answer"):
            await asyncio.wait_for(link.call("ECHO", "held"), 30)
        wire.flow()
        await until("it works again", lambda: answers(link))

        assert await link.call("ECHO", "passed") == "passed"


async def test_a_silent_line_is_asked_for_a_sign_of_life(server: RedisServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that died while nobody needed it is found."""
    monkeypatch.setattr("tonearm.store.redis.link.HEALTH_S", 0.05)
    async with Wire(server.port) as wire, linked(server.url_of(None, None, port=wire.port), limit_s=SHORT_S) as link:
        wire.stall()
        await until("the dead line is given up", lambda: not link.connected)


async def test_a_loop_that_stood_still_does_not_blame_the_server(server: RedisServer) -> None:
    """The replies lie there unread when it goes on; they are read before anybody is told that there are none."""
    async with linked(server.url, limit_s=SHORT_S) as link:
        calls = [asyncio.create_task(link.call("ECHO", number)) for number in range(50)]
        await asyncio.sleep(0)  # they begin
        await asyncio.sleep(0)  # they are sent
        time.sleep(2 * SHORT_S)  # noqa: ASYNC251 - this is what the test is about

        assert await asyncio.gather(*calls) == [str(number) for number in range(50)]


async def test_nobody_waits_longer_because_many_do(server: RedisServer) -> None:
    """What waits on a line is bounded; who comes after that is refused at once."""
    async with linked(server.url, limit_s=30) as link:
        server.freeze()
        calls = [asyncio.create_task(link.call("ECHO", number)) for number in range(MOST_WAITING)]
        await asyncio.sleep(0)  # all of them are under way
        with pytest.raises(StoreUnavailable, match="wait for Redis"):
            await link.call("PING")
        server.wake()

        assert await asyncio.gather(*calls) == [str(number) for number in range(MOST_WAITING)]


async def test_something_else_that_answers_is_not_taken_for_redis() -> None:
    """A web server, say, at the address of the queue."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    other = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with other:
        with pytest.raises(StoreUnavailable, match="not its protocol"):
            await connect(f"redis://127.0.0.1:{other.sockets[0].getsockname()[1]}", limit_s=5)


async def test_a_closed_link_refuses(server: RedisServer) -> None:
    """Whoever still calls learns it, and so do those who wait."""
    link = await connect(server.url, limit_s=5)
    server.freeze()
    waiting = asyncio.create_task(link.call("PING"))
    await asyncio.sleep(0)  # it is under way
    await link.close()
    await link.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await waiting
    with pytest.raises(StoreUnavailable, match="closed"):
        await link.call("PING")
    with pytest.raises(StoreUnavailable, match="closed"):
        await link.read({KEY: "0"}, 0)
