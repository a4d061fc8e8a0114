"""Connecting: every kind of server and user, and what is said where it cannot be."""

from __future__ import annotations

import re
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.contract.steps import claim_one, complete, submit_track
from tests.support.redis_server import RedisServer
from tests.support.server import until
from tests.support.tls import Certificate, make_certificate

from tonearm.clock import SystemClock
from tonearm.errors import SetupError, StoreUnavailable
from tonearm.store.base import Store
from tonearm.store.redis import open_redis
from tonearm.store.redis.failures import mendable
from tonearm.store.redis.link import Link, connect
from tonearm.store.redis.scripts import make

KEY = "{tonearm}:key"
PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "redis.md"
RULES = re.compile(r"^ACL SETUSER (\w+) (.*)$", re.MULTILINE)
PUT = make("put", "#!lua\nreturn redis.call('SET', KEYS[1], ARGV[1])")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return make_certificate(tmp_path_factory.mktemp("tls"))


@asynccontextmanager
async def linked(url: str) -> AsyncIterator[Link]:
    link = await connect(url, limit_s=5)
    try:
        yield link
    finally:
        await link.close()


async def serves(url: str) -> bool:
    """Whether a queue could live there: scripts, plain commands and waiting reads."""
    async with linked(url) as link:
        await link.run(PUT, [KEY], ["x"])
        assert await link.read({"{tonearm}:feed": "$"}, 1) == {}
        return bool(await link.call("GET", KEY) == "x")


async def link_answers(link: Link) -> bool:
    try:
        return bool(await link.call("PING"))
    except StoreUnavailable:
        return False


async def refusal_of(url: str) -> str:
    """What is said to a person who starts with this address."""
    with pytest.raises(SetupError) as caught:
        await connect(url, limit_s=5)
    assert "hunter2" not in str(caught.value)
    return str(caught.value)


async def test_a_server_is_reached_by_its_port_its_socket_and_a_number_of_a_database() -> None:
    """Databases are apart."""
    with RedisServer() as server:
        assert await serves(server.url)
        assert await serves(f"{server.url}/3")
        assert await serves(f"{server.socket_url}?db=4")
        assert server.call("INFO", "keyspace").count("keys=1") == 3

        assert "no database of that number" in await refusal_of(f"{server.url}/99")


async def test_a_password_is_asked_for_in_words_that_help() -> None:
    """None, a wrong one and one too many."""
    with RedisServer(password="open-sésame/@:#") as server:
        assert await serves(server.url)
        assert "wants a password" in await refusal_of(f"redis://127.0.0.1:{server.port}")
        assert "refuses the user or the password" in await refusal_of(f"redis://:hunter2@127.0.0.1:{server.port}")
    with RedisServer() as server:
        assert "no password set" in await refusal_of(f"redis://:hunter2@127.0.0.1:{server.port}")


async def test_a_user_needs_no_more_than_the_documents_say() -> None:
    """With their rules a queue is opened, worked on and audited; with less it is said what is missing."""
    (name, rules) = RULES.search(PAGE.read_text("utf-8")).groups()  # type: ignore[union-attr]  # the page has them
    with RedisServer(users={name: rules, "reader": "on >password ~* +@read", "nobody": "off >password"}) as server:
        store = await open_redis(server.url_of(name, "password"), SystemClock())
        try:
            await submit_track(store)
            await settle_one(store)
            assert await store.audit() == ()
        finally:
            await store.close()
        assert "refuses the user" in await refusal_of(server.url_of("nobody", "password"))
        async with linked(server.url_of("reader", "password")) as link:
            with pytest.raises(StoreUnavailable, match="does not let this user"):
                await link.run(PUT, [KEY], ["x"])
        async with linked(server.url_of(name, "password")) as link:
            with pytest.raises(StoreUnavailable, match="does not let this user"):
                await link.call("SET", "another key", "x")


async def settle_one(store: Store) -> None:
    await complete(store, await claim_one(store))


async def test_a_password_that_changes_later_stops_the_queue_until_it_is_given_again() -> None:
    """A running process waits for people to mend it; it does not crash."""
    with RedisServer(users={"queue": "on >first ~* +@all"}) as server:
        async with linked(server.url_of("queue", "first")) as link:
            server.call("ACL", "SETUSER", "queue", "resetpass", ">second")
            server.call("CLIENT", "KILL", "USER", "queue")
            seen = set[str]()

            async def refused() -> bool:
                try:
                    return not await link.call("PING")
                except StoreUnavailable as error:
                    seen.add(str(error))
                    return any("refuses the user or the password" in text for text in seen)

            await until("it says why", refused)
            server.call("ACL", "SETUSER", "queue", ">first")
            await until("it works again", lambda: link_answers(link))

            assert all("first" not in text and "second" not in text for text in seen)  # no password in its words


async def test_tls_is_spoken_and_a_certificate_has_to_be_trusted(certificate: Certificate) -> None:
    """By its authority, by its name, or by nobody if people say so."""
    with RedisServer(certificate=certificate, password="secret") as server:
        url = server.url_of(None, "secret")
        assert await serves(f"{url}?ssl_ca_certs={certificate.authority}")
        assert await serves(f"{url}?ssl_cert_reqs=none")
        assert "ssl_ca_certs" in await refusal_of(url)


async def test_a_certificate_of_another_name_is_refused_unless_people_say_otherwise(certificate: Certificate) -> None:
    """It is for 127.0.0.1; the same server has another address."""
    with RedisServer(certificate=certificate, settings={"bind": "127.0.0.1 127.0.0.2"}) as server:
        url = f"rediss://127.0.0.2:{server.port}?ssl_ca_certs={certificate.authority}"
        refused = await refusal_of(url)
        assert "not trusted" in refused
        assert "ssl_check_hostname=false" in refused
        assert await serves(f"{url}&ssl_check_hostname=false")


@pytest.mark.parametrize(("code", "advice"), [(9, "clock of this machine"), (10, "Renew it"), (19, "ssl_ca_certs")])
def test_a_certificate_of_another_time_is_no_question_of_trust(code: int, advice: str) -> None:
    """A machine whose clock is slow finds each certificate too new: another file of authorities would mend nothing."""
    refused = ssl.SSLCertVerificationError(1, "certificate verify failed")
    refused.verify_code, refused.verify_message = code, "what OpenSSL says"
    error = ConnectionError()
    error.__cause__ = refused
    told = str(mendable(error, "Redis at nas:6379"))
    assert told.startswith("The certificate of Redis at nas:6379 is not trusted: what OpenSSL says. ")
    assert advice in told
    assert ("ssl_ca_certs" in told) == (code == 19)


async def test_a_server_may_ask_for_our_certificate(certificate: Certificate) -> None:
    """With it we are let in, and without it it is said that there is no TLS like this."""
    with RedisServer(certificate=certificate) as server:
        server.call("CONFIG", "SET", "tls-auth-clients", "yes")
        url = f"{server.url}?ssl_ca_certs={certificate.authority}"
        ours = f"&ssl_certfile={certificate.certificate}&ssl_keyfile={certificate.key}"
        assert await serves(url + ours)
        with pytest.raises((SetupError, StoreUnavailable)):
            await connect(url, limit_s=5)


async def test_tls_and_none_are_told_apart(certificate: Certificate) -> None:
    """Each way round it is said what is wrong."""
    with RedisServer() as server, pytest.raises(StoreUnavailable, match="over TLS"):
        await connect(f"rediss://127.0.0.1:{server.port}", limit_s=0.5)
    with RedisServer(certificate=certificate) as server, pytest.raises(StoreUnavailable):
        await connect(f"redis://127.0.0.1:{server.port}", limit_s=5)


async def test_a_file_of_trust_that_is_not_there_is_named(certificate: Certificate, tmp_path: Path) -> None:
    """Before anything is sent."""
    with RedisServer(certificate=certificate) as server:
        missing = tmp_path / "ca.pem"
        assert str(missing) in await refusal_of(f"{server.url}?ssl_ca_certs={missing}")


async def test_nobody_there_is_not_a_mistake_of_the_set_up() -> None:
    """Redis may come later: its absence is for the queue to bridge."""
    with RedisServer() as server:
        server.kill()
        for url in (server.url, server.socket_url, "redis://no-such-host.invalid"):
            with pytest.raises(StoreUnavailable, match=r"cannot be reached: [A-Z][^()\[\]]*[a-z]\.$") as caught:
                await connect(url, limit_s=5)
            assert "connecting" not in str(caught.value)


@pytest.mark.parametrize("url", ["", "redis://", "http://hunter2@nas", "redis://ann:hunter2@c@nas", "redis://nas/x"])
async def test_what_is_no_address_is_refused_before_anything_is_sent(url: str) -> None:
    """With the reason, and without the secret."""
    assert "REDIS_URL is not the address of a Redis: " in await refusal_of(url)


async def test_the_wrong_kind_of_server_is_named() -> None:
    """A Cluster that is none, and Sentinels that are none."""
    with RedisServer() as server:
        assert "not part of a Cluster" in await refusal_of(f"redis+cluster://127.0.0.1:{server.port}")
        assert "no Sentinel" in await refusal_of(f"redis+sentinel://127.0.0.1:{server.port}/tonearm")
