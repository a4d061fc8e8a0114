"""Fail-overs: the master goes, another one comes, and the same link finds it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import pytest
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import RedisSentinel
from tests.support.redis_server import await_state
from tests.support.redis_shared import shared_cluster
from tests.support.server import until

from tonearm.errors import SetupError, StoreUnavailable
from tonearm.store.redis.link import Link, connect
from tonearm.store.redis.scripts import make

QUEUE = "tonearm"
KEY, FEED = f"{{{QUEUE}}}:number", f"{{{QUEUE}}}:feed"
ADD = make("add", "#!lua\nreturn redis.call('INCRBY', KEYS[1], ARGV[1])")


@pytest.fixture
def sentinel() -> Iterator[RedisSentinel]:
    with RedisSentinel(password="secret", sentinel_password="other") as running:
        yield running


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    """One that a test may hurt."""
    with RedisCluster() as running:
        yield running


@pytest.fixture
def calm() -> Iterator[RedisCluster]:
    """The one that tests share."""
    yield (shared := shared_cluster())
    for master in shared.masters:
        master.forget_everything()


@asynccontextmanager
async def linked(url: str, tag: str = QUEUE) -> AsyncIterator[Link]:
    link = await connect(url, tag=tag, limit_s=2)
    try:
        yield link
    finally:
        await link.close()


def adds(link: Link) -> Callable[[], Awaitable[int]]:
    """Something to wait for: a write that is answered."""

    async def add() -> int:
        with suppress(StoreUnavailable):
            return int(await link.run(ADD, [KEY], [1]))
        return 0

    return add


async def test_sentinels_lead_to_the_next_master_when_one_is_killed(sentinel: RedisSentinel) -> None:
    """Writes, and reads that wait, go on with the data that the replica had."""
    async with linked(sentinel.url) as link:
        old = sentinel.master()
        assert await link.run(ADD, [KEY], [5]) == 5
        await link.call("WAIT", 1, 1_000)
        reading = asyncio.create_task(link.read({FEED: "$"}, 60_000))
        await until("the read waits", lambda: old.figures("clients")["blocked_clients"] == "1")
        old.kill()
        with pytest.raises(StoreUnavailable):
            await reading

        assert await until("it writes again", adds(link)) == 6
        new = await asyncio.to_thread(sentinel.await_master, other_than=old)
        await link.call("XADD", FEED, "1-1", "job", "a")
        assert await link.read({FEED: "0"}, 1_000) == {FEED: [("1-1", {"job": "a"})]}
        assert new.call("GET", KEY) == "6"


async def test_sentinels_lead_away_from_a_master_that_is_demoted_alive(sentinel: RedisSentinel) -> None:
    """It goes on answering, as a replica: nothing is written there, and nothing that was answered is lost."""
    async with linked(sentinel.url) as link:
        old = sentinel.master()
        assert await link.run(ADD, [KEY], [5]) == 5
        await link.call("WAIT", 1, 1_000)
        sentinel.sentinels[0].call("SENTINEL", "FAILOVER", QUEUE)
        await asyncio.to_thread(sentinel.await_master, other_than=old)
        follows = partial(await_state, "the old one follows", lambda: old.figures("replication")["role"] == "slave")
        await asyncio.to_thread(follows)

        assert await until("it writes again", adds(link)) > 5
        assert sentinel.master().call("GET", KEY) != "5"


async def test_a_frozen_sentinel_does_not_keep_us_from_the_others(sentinel: RedisSentinel) -> None:
    """Each is asked for a moment only."""
    for frozen in sentinel.sentinels[:2]:
        frozen.freeze()
    async with linked(sentinel.url) as link:
        assert await link.run(ADD, [KEY], [1]) == 1


async def test_sentinels_that_know_no_such_service_name_those_they_know(sentinel: RedisSentinel) -> None:
    """A mistake in the address is told from a master that is down."""
    with pytest.raises(SetupError, match=f"watches no other, only {QUEUE}"):
        await connect(sentinel.url.replace(f"/{QUEUE}?", "/other?"))
    with pytest.raises(SetupError, match="sentinel_password"):
        await connect(sentinel.url.replace("sentinel_password=other", "sentinel_password=wrong"))


async def test_a_cluster_is_entered_by_any_node_and_our_keys_found(calm: RedisCluster) -> None:
    """Wherever the slot of a queue lies, and whatever part of the nodes is named or alive."""
    queues = {f"q{number}": calm.master_of(f"q{number}") for number in range(20)}
    assert len(set(queues.values())) == 3
    for number, (queue, master) in enumerate(queues.items()):
        node = calm.nodes[number % len(calm.nodes)]
        async with linked(f"redis+cluster://127.0.0.1:1,127.0.0.1:{node.port}", queue) as link:
            assert await link.run(ADD, [f"{{{queue}}}:number"], [7]) == 7
            assert await link.read({f"{{{queue}}}:feed": "$"}, 1) == {}
        assert master.call("GET", f"{{{queue}}}:number") == "7"


async def test_a_link_that_was_given_another_tag_learns_the_slot(calm: RedisCluster) -> None:
    """MOVED says where the keys are."""
    master = calm.master_of(QUEUE)
    other = next(f"q{n}" for n in range(20) if calm.master_of(f"q{n}") is not master)
    async with linked(calm.url, other) as link:
        assert await link.run(ADD, [KEY], [1]) == 1
        assert await link.run(ADD, [KEY], [1]) == 2
        assert await link.read({FEED: "$"}, 1) == {}


async def test_one_node_of_a_cluster_is_not_taken_for_a_whole_server(calm: RedisCluster) -> None:
    """Where our keys are elsewhere it says how to write the address."""
    elsewhere = next(node for node in calm.masters if node is not calm.master_of(QUEUE))
    async with linked(elsewhere.url) as link:
        with pytest.raises(StoreUnavailable, match=r"redis\+cluster://"):
            await link.run(ADD, [KEY], [1])


async def test_a_cluster_leads_to_the_replica_when_its_master_is_killed(cluster: RedisCluster) -> None:
    """With the data that it had, and back again when the old one is up."""
    async with linked(cluster.url) as link:
        old = cluster.master_of(QUEUE)
        assert await link.run(ADD, [KEY], [5]) == 5
        await link.call("WAIT", 1, 1_000)
        old.kill()

        assert await until("it writes again", adds(link)) == 6
        await asyncio.to_thread(cluster.await_master_of, QUEUE, other_than=old)
        await asyncio.to_thread(old.start)
        await asyncio.to_thread(cluster.await_health)
        old.call("CLUSTER", "FAILOVER")  # the old one again, by hand, nobody dies
        await until("the old one serves again", lambda: cluster.master_of(QUEUE) is old)

        assert await until("it writes there", adds(link)) == 7
        assert old.call("GET", KEY) == "7"


async def test_a_cluster_that_is_down_says_so(cluster: RedisCluster) -> None:
    """Slots that nobody serves stop the whole Cluster; the link waits for better times."""
    queue = next(f"q{n}" for n in range(20) if cluster.master_of(f"q{n}") is not cluster.master_of(QUEUE))
    async with linked(cluster.url) as link:
        for node in (cluster.replica_of(queue), cluster.master_of(queue)):
            node.kill()

        async def refusal() -> str:
            try:
                await link.run(ADD, [KEY], [1])
            except StoreUnavailable as error:
                return str(error)
            return ""

        assert "Cluster that is down" in await until("it is refused", refusal)
