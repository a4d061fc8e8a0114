"""What is looked at before a queue lives in a Redis: real servers, set up well and badly."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import RedisSentinel
from tests.support.redis_server import RedisServer
from tests.support.redis_shared import shared_cluster, shared_redis

from tonearm.clock import SystemClock
from tonearm.errors import SetupError
from tonearm.store.checks import Check, Verdict
from tonearm.store.redis import checks, open_redis
from tonearm.store.redis.checks import look, require
from tonearm.store.redis.link import Link, connect


@asynccontextmanager
async def linked(url: str) -> AsyncIterator[Link]:
    link = await connect(url)
    try:
        yield link
    finally:
        await link.close()


async def seen(url: str, tag: str = "tonearm") -> dict[str, Check]:
    """What is found at this address, by what was looked at."""
    async with linked(url) as link:
        return {check.name: check async for check in look(link, tag)}


async def warnings(url: str) -> tuple[str, ...]:
    async with linked(url) as link:
        return await require(link)


async def refusal(url: str) -> str:
    async with linked(url) as link:
        with pytest.raises(SetupError) as caught:
            await require(link)
    return str(caught.value)


async def test_a_server_that_is_set_up_well_needs_no_word() -> None:
    """A master with AOF that throws nothing away."""
    with RedisServer(aof="always") as server:
        found = await seen(server.url)
        assert await warnings(server.url) == ()

    assert {check.verdict for check in found.values()} == {Verdict.WELL}
    assert list(found) == ["server", "role", "memory", "disk", "user", "clock"]
    assert found["server"].text.startswith("Redis 7.0.")


async def test_looking_leaves_nothing_behind() -> None:
    """No key is made."""
    with RedisServer() as server:
        await seen(server.url)
        assert server.all_keys() == set()


async def test_any_valkey_will_do() -> None:
    """It says Redis 7.2 of itself for old programs, and what it is."""
    found = await seen(shared_redis("valkey").url)

    assert found["server"] == Check("server", Verdict.WELL, found["server"].text)
    assert found["server"].text.startswith("Valkey 8.")


@pytest.mark.parametrize(
    ("version", "verdict"),
    [("6.2.14", Verdict.WRONG), ("7.0.0", Verdict.WELL), ("10.1", Verdict.WELL), ("255.255.255", Verdict.WELL)],
)
def test_an_old_redis_is_refused(version: str, verdict: Verdict) -> None:
    """It knows no flags of scripts, so a full server could not drain."""
    assert checks._version({"redis_version": version}).verdict is verdict


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
async def test_a_server_that_throws_keys_away_is_refused(policy: str) -> None:
    """Jobs would vanish, whatever the memory is now."""
    with RedisServer(settings={"maxmemory-policy": policy}) as server:
        said = await refusal(server.url)

    assert policy in said
    assert "maxmemory-policy noeviction" in said


async def test_a_replica_is_refused_and_names_its_master() -> None:
    """It would refuse every write."""
    with RedisServer() as master, RedisServer(settings={"replicaof": f"127.0.0.1 {master.port}"}) as replica:
        said = await refusal(replica.url)

    assert f"127.0.0.1:{master.port}" in said


async def test_everything_that_is_wrong_is_said_at_once() -> None:
    """People mend it in one go."""
    settings = {"maxmemory-policy": "allkeys-lru"}
    with RedisServer() as master, RedisServer(settings=settings | {"replicaof": f"127.0.0.1 {master.port}"}) as replica:
        assert len((await refusal(replica.url)).splitlines()) == 2


async def test_a_server_without_aof_is_warned_of() -> None:
    """Jobs are lost with it; a test server may be so."""
    with RedisServer() as server:
        (warning,) = await warnings(server.url)

    assert "appendonly yes" in warning


async def test_a_server_that_is_nearly_full_is_warned_of() -> None:
    """Before the first job is refused."""
    with RedisServer(aof="always", settings={"maxmemory": "3mb", "save": '""'}) as server:
        for number in range(300):
            if int(server.figures("memory")["used_memory"]) > 2.8 * 2**20:
                break
            server.call("SET", f"filling:{number}", "x" * 10_000)
        (warning,) = await warnings(server.url)

    assert "% of `maxmemory`" in warning


async def test_a_user_that_may_not_run_scripts_on_our_keys_is_refused() -> None:
    """By what it may do, or by which keys."""
    users = {
        "reader": "on >secret ~* +@read +info +time +ping",
        "other": "on >secret ~{other}:* +@all",
        "queue": "on >secret ~{tonearm}:* +@all",
    }
    with RedisServer(aof="always", users=users) as server:
        assert "does not let this user" in await refusal(server.url_of("reader", "secret"))
        assert "does not let this user" in await refusal(server.url_of("other", "secret"))
        assert await warnings(server.url_of("queue", "secret")) == ()


async def test_a_user_that_may_not_say_info_is_taken_with_a_warning() -> None:
    """Some servers for hire forbid it: what cannot be seen is no reason to refuse."""
    with RedisServer(users={"queue": "on >secret ~{tonearm}:* +@all -info"}) as server:
        (warning,) = await warnings(server.url_of("queue", "secret"))

    assert "INFO" in warning


@pytest.mark.parametrize(("seconds", "words"), [(3_600, "3600 s behind"), (-3_600, "3600 s ahead of")])
async def test_clocks_that_differ_are_warned_of(monkeypatch: pytest.MonkeyPatch, seconds: int, words: str) -> None:
    """Which of the two is right nobody knows."""
    wall = time.time
    monkeypatch.setattr("tonearm.store.redis.checks.time.time", lambda: wall() + seconds)
    with RedisServer(aof="always") as server:
        (warning,) = await warnings(server.url)

    assert words in warning


async def test_sentinels_bring_a_word_on_what_a_fail_over_may_lose() -> None:
    """That is the price of having two."""
    with RedisSentinel(aof="always") as sentinel:
        (warning,) = await warnings(sentinel.url)

    assert "fail-over may lose the newest jobs" in warning


async def test_a_cluster_in_good_health_is_entered_as_one() -> None:
    """And one of its nodes by itself is refused."""
    cluster: RedisCluster = shared_cluster()
    found = await seen(cluster.url)

    assert found["cluster"].verdict is Verdict.WELL
    assert "16384 of 16384 slots" in found["cluster"].text
    assert found["fail-over"].verdict is Verdict.WARNING
    assert "redis+cluster://" in await refusal(cluster.master_of("tonearm").url)


async def test_no_queue_is_opened_where_jobs_would_be_thrown_away() -> None:
    """The start is refused, and nothing was written."""
    with RedisServer(settings={"maxmemory-policy": "allkeys-lru"}) as server:
        with pytest.raises(SetupError, match="noeviction"):
            await open_redis(server.url, SystemClock())

        assert server.all_keys() == set()
