"""The servers that tests start: what the words of `tests.support` promise is what a real Redis and Valkey do."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing, suppress
from pathlib import Path

import pytest
import redis
from tests.support.mounts import leave_free, small_disk
from tests.support.redis_cluster import RedisCluster
from tests.support.redis_sentinel import RedisSentinel
from tests.support.redis_server import Program, RedisServer, await_state, by_kind, tag
from tests.support.redis_shared import shared_redis
from tests.support.tls import make_signed_certificate


@pytest.mark.parametrize(("program", "oldest"), [("redis", 7), ("valkey", 8)])
def test_each_program_is_what_it_is_called(program: Program, oldest: int) -> None:
    """Redis from 7.0 on, the oldest that we take (Debian 12 has it), and Valkey from 8 on."""
    version = shared_redis(program).figures("server")[f"{program}_version"]

    assert int(version.partition(".")[0]) >= oldest


def test_what_was_answered_survives_a_kill_where_the_log_is_written_always() -> None:
    """And the server comes back on the same port."""
    with RedisServer(aof="always") as server:
        port = server.port
        server.call("SET", "key", "value")
        server.kill()
        assert not server.running

        server.start()
        assert (server.port, server.call("GET", "key")) == (port, "value")


def test_without_a_log_a_kill_takes_everything() -> None:
    """What tests share keeps nothing on the disk."""
    with RedisServer() as server:
        server.call("SET", "key", "value")
        server.kill()

        server.start()
        assert server.call("GET", "key") is None


def test_a_frozen_server_takes_connections_and_is_silent() -> None:
    """No error, only silence, until it wakes and answers what it was asked."""
    with RedisServer() as server:
        server.freeze()
        with closing(socket.create_connection(("127.0.0.1", server.port))) as connection:
            connection.sendall(b"PING\r\n")
            connection.settimeout(0.2)
            with pytest.raises(TimeoutError):
                connection.recv(7)

            server.wake()
            connection.settimeout(10)
            assert connection.recv(7) == b"+PONG\r\n"


def test_scripts_and_keys_are_forgotten_on_request(redis_server: RedisServer, redis_queue: str) -> None:
    """SCRIPT FLUSH and FLUSHALL."""
    key = f"{tag(redis_queue)}key"
    sha = redis_server.call("SCRIPT", "LOAD", "return redis.call('SET', KEYS[1], 'value')")
    redis_server.call("EVALSHA", sha, 1, key)

    redis_server.forget_scripts()
    redis_server.forget_everything()

    with pytest.raises(redis.exceptions.NoScriptError):
        redis_server.call("EVALSHA", sha, 1, key)
    assert redis_server.call("GET", key) is None


def test_a_key_beside_the_hash_tag_is_noticed_and_removed() -> None:
    """What one test leaves is never met by the next."""
    server = shared_redis()
    server.call("MSET", "{mine}:job:1", "a", "{mine}:job:2", "b", "{mine}:meta", "c", "{other}:meta", "d")
    assert by_kind(server.all_keys(), "mine") == {"job": 2, "meta": 1}

    with pytest.raises(AssertionError, match=r"\{other\}:meta"):
        server.remove("mine")
    assert server.all_keys() == set()


def test_tls_is_signed_by_an_authority_of_its_own(tmp_path: Path) -> None:
    """Who trusts it gets in, who does not is refused by his own check; nothing is spoken in the clear."""
    certificate = make_signed_certificate(tmp_path)
    with RedisServer(certificate=certificate) as server:
        assert server.url.startswith("rediss://")
        assert server.call("PING")
        with (
            socket.create_connection(("127.0.0.1", server.port)) as connection,
            pytest.raises(ssl.SSLCertVerificationError),
        ):
            ssl.create_default_context().wrap_socket(connection, server_hostname="127.0.0.1")


def test_a_user_gets_no_further_than_the_rules_say() -> None:
    """A password, and keys of one pattern."""
    with RedisServer(password="root", users={"tonearm": "on >se:cret ~{tonearm}:* +@all"}) as server:
        with redis.Redis.from_url(server.url_of("tonearm", "se:cret")) as client:
            assert client.set("{tonearm}:key", "value")
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.set("key", "value")
        with redis.Redis.from_url(server.url_of(None, None)) as nobody, pytest.raises(redis.AuthenticationError):
            nobody.get("key")


def test_a_unix_socket_leads_to_the_same_server(redis_server: RedisServer) -> None:
    """The URL is one that redis-py knows."""
    with redis.Redis.from_url(redis_server.socket_url) as client:
        assert client.ping()


def test_a_full_memory_refuses_writes_and_evicts_nothing() -> None:
    """The policy is noeviction, as a queue needs it."""
    with RedisServer(settings={"maxmemory": "3mb"}) as server:
        kept = 0
        with suppress(redis.exceptions.OutOfMemoryError):
            while kept < 1_000:
                server.call("SET", f"key{kept}", "x" * 10_000)
                kept += 1

        assert 0 < kept < 1_000
        assert server.call("DBSIZE") == kept


def test_a_full_disk_refuses_writes_until_there_is_room(tmp_path: Path) -> None:
    """MISCONF, and no longer once somebody gives up bytes."""
    with small_disk(tmp_path / "disk", 4) as disk, RedisServer(aof="everysec", data=disk) as server:
        filler = leave_free(disk, 0)

        def refused() -> str | None:
            try:
                server.call("SET", "key", "x" * 10_000)
            except redis.ResponseError as error:
                return str(error)
            return None

        assert "MISCONF" in await_state("the log cannot be written", refused)
        filler.unlink()
        await_state("it can be written", lambda: refused() is None)


def test_a_replica_takes_the_place_of_a_master_that_sentinels_miss() -> None:
    """What was written is there."""
    with RedisSentinel(password="secret", sentinel_password="other") as sentinel:
        old = sentinel.master()
        old.call("SET", "key", "value")
        assert old.call("WAIT", 1, 5_000) == 1
        old.kill()

        new = sentinel.await_master(other_than=old)
        assert (new, new.call("GET", "key")) == (sentinel.master(), "value")
        assert sentinel.replica() is old


@pytest.mark.parametrize("program", ["redis", "valkey"])
def test_a_replica_takes_the_place_of_a_master_that_the_cluster_misses(program: Program) -> None:
    """The keys of one queue lie on one master; the Cluster is healthy again, with the old master as a replica."""
    key = f"{tag('tonearm')}key"
    with RedisCluster(program=program) as cluster:
        old, replica = cluster.master_of("tonearm"), cluster.replica_of("tonearm")
        old.call("SET", key, "value")
        assert old.call("WAIT", 1, 5_000) == 1
        old.kill()

        new = cluster.await_master_of("tonearm", other_than=old)
        assert (new, new.call("GET", key)) == (replica, "value")
        old.start()
        cluster.await_health()
        assert cluster.replica_of("tonearm") is old


def test_the_cluster_that_tests_share_has_each_queue_on_one_master(
    redis_cluster: RedisCluster, redis_queue: str
) -> None:
    """Its keys are found wherever they lie, and removed behind the test."""
    redis_cluster.master_of(redis_queue).call("SET", f"{tag(redis_queue)}key", "value")

    assert by_kind(redis_cluster.all_keys(), redis_queue) == {"key": 1}
    assert len(redis_cluster.masters) == 3
