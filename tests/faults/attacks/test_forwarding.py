"""Attack 15: forged forwarding headers, to be somebody else and so to escape a limit or to fill another's."""

from __future__ import annotations

import pytest
from tests.api.conftest import Serve
from tests.api.serving import Api

FORGED = ("X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "Client-IP")


async def client_of(api: Api, number: int, headers: dict[str, str]) -> str:
    """The client for whom a submission with these headers counted."""
    job = {"type": "track", "trackId": number, "quality": "LOW"}
    answer = await api.call("POST", json={"job": job}, headers=headers)
    assert answer.status == 201, answer.body
    return str((await api.job(answer.body["jobId"]))["client"])


@pytest.mark.parametrize("trusted", ["", "10.0.0.0/8", "::1", "127.0.0.2"])
async def test_a_client_that_is_no_trusted_proxy_stays_who_it_is(serve: Serve, trusted: str) -> None:
    """Whatever header it invents, the address of its socket is its name."""
    api = await serve(QUEUE_TRUSTED_PROXIES=trusted)

    for number, name in enumerate(FORGED, 1):
        value = "for=10.1.1.1" if name == "Forwarded" else "10.1.1.1"
        assert await client_of(api, number, {name: value}) == "127.0.0.1"


async def test_what_a_client_invents_stands_left_of_what_the_proxy_saw(serve: Serve) -> None:
    """The proxy adds the address it sees at the right end; a client can choose what it likes before that."""
    api = await serve(QUEUE_TRUSTED_PROXIES="127.0.0.0/8,10.0.0.0/8")

    for number, invented in enumerate(("192.0.2.1", "127.0.0.1", "10.0.0.1", "unknown", "", "a" * 4_000), 1):
        assert await client_of(api, number, {"X-Forwarded-For": f"{invented}, 203.0.113.9"}) == "203.0.113.9"
    only_others = {name: "192.0.2.1" for name in FORGED if name != "X-Forwarded-For"}
    assert await client_of(api, 99, only_others) == "127.0.0.1"


async def test_a_limit_is_not_escaped_by_another_name_at_each_request(serve: Serve) -> None:
    """The second submission of one socket is over the rate, whoever it says it is."""
    api = await serve(QUEUE_RATE_LIMIT_PER_MIN="1")
    statuses: list[int] = []
    for number in (1, 2, 3):
        job = {"type": "track", "trackId": number, "quality": "LOW"}
        forged = {"X-Forwarded-For": f"192.0.2.{number}"}
        statuses.append((await api.call("POST", json={"job": job}, headers=forged)).status)

    assert statuses == [201, 429, 429]


async def test_one_household_has_one_name_behind_a_proxy_too(serve: Serve) -> None:
    """Whoever has a /64 of IPv6 addresses does not have as many limits."""
    api = await serve(QUEUE_TRUSTED_PROXIES="127.0.0.1")
    names = {await client_of(api, number, {"X-Forwarded-For": f"2001:db8:1:2::{number:x}"}) for number in range(1, 9)}

    assert names == {"2001:db8:1:2::/64"}
