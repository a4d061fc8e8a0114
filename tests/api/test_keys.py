"""Keys and sessions over HTTP: how one is made, shown, listed and revoked, and what it is worth.

What somebody tries who has none, or a narrow one, or one that was revoked, is in `tests/faults/attacks/test_keys.py`.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.api.conftest import Serve
from tests.api.keyed import Keyed, bearer, beside, log_in, make, routes
from tests.api.serving import PREFIX, WORKER, Api

from tonearm.api.scopes import SCOPES
from tonearm.model import ClaimRequest, Mark, Phase, Released

OPEN = {("GET", "/"), ("GET", "/web"), ("GET", "/healthz"), ("GET", "/readyz"), ("POST", f"{PREFIX}/login")}


async def test_every_route_has_its_scope_and_few_are_open() -> None:
    """The table is walked with the router; what is open is written here a second time."""
    found = {("GET" if method == "HEAD" else method, path) for method, path in await routes()}

    assert found - SCOPES.keys() == set()
    assert {row for row, scope in SCOPES.items() if scope is None} == OPEN


async def test_the_open_routes_answer_without_a_key(keyed: Keyed) -> None:
    """The page and the probes."""
    for path in ("/healthz", "/readyz"):
        assert (await keyed.api.call("GET", f"/{path}")).status == 200
    async with keyed.api.http.get(keyed.api.url + "/") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("form", ["bearer", "header", "cookie"])
async def test_a_key_is_shown_in_any_of_three_ways(keyed: Keyed, form: str) -> None:
    """As a bearer's, in a header of its own, or as a session's cookie."""
    headers = {
        "bearer": {"authorization": f"bEARER {keyed.admin}"},
        "header": {"X-Api-Key": keyed.admin},
        "cookie": {"Cookie": f"other=1; tonearm_session={await log_in(keyed.api, keyed.admin)}"},
    }[form]

    assert (await keyed.api.call("GET", "/stats", headers=headers)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer tonearm_" + "A" * 32},
        {"Authorization": "Basic cm9vdDpyb290"},
        {"X-Api-Key": "root"},
        {"X-Api-Key": ""},
        {"Cookie": "tonearm_session="},
        {"Authorization": "Bearer " + "x" * 20_000},
    ],
)
async def test_a_wrong_key_is_none(keyed: Keyed, headers: dict[str, str]) -> None:
    """Nor does a good one behind it help, where two are shown in one way."""
    assert (await keyed.api.call("GET", "/stats", headers=headers)).status == 401


async def test_two_keys_of_one_form_are_none(keyed: Keyed) -> None:
    """Nobody could say which of them counts."""
    request = (
        f"GET {PREFIX}/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"X-Api-Key: {keyed.admin}\r\nX-Api-Key: {keyed.admin}\r\n\r\n"
    )
    assert (await keyed.api.raw(request.encode())).split()[1] == b"401"


async def test_the_hash_of_a_key_is_no_key(keyed: Keyed) -> None:
    """What lies in the store lets nobody in."""
    (record,) = await keyed.api.store.keys()

    assert keyed.admin not in str(record)
    assert (await keyed.as_(record.hash, "GET", "/stats")).status == 401


async def test_where_nothing_is_a_key_hears_so(keyed: Keyed) -> None:
    """404 and 405 as ever."""
    reader = await make(keyed.api, "reader", "submit", keyed.admin)
    assert (await keyed.as_(reader, "GET", "//nowhere")).status == 404
    assert (await keyed.as_(reader, "PUT", "/stats")).status == 405
    assert (await keyed.as_(reader, "DELETE", "/keys")).status == 405


async def test_the_text_of_a_key_is_shown_once(keyed: Keyed) -> None:
    """The list has names, scopes and limits."""
    await make(keyed.api, "ann", "submit", keyed.admin, limits={"rate": 3})
    answer = await keyed.as_(keyed.admin, "GET", "/keys")
    keys = [{name: key[name] for name in ("name", "scope", "limits", "sessions")} for key in answer.body["keys"]]

    assert keys == [
        {"name": "ann", "scope": "submit", "limits": {"rate": 3}, "sessions": 0},
        {"name": "root", "scope": "admin", "limits": {}, "sessions": 0},
    ]
    assert "tonearm_" not in str(answer.body)


@pytest.mark.parametrize("name", ["", "local", "Ann", "1ann", "ann/1", "127.0.0.1", "fe80::1", "a" * 33, "ann\n", 5])
async def test_a_key_is_never_called_like_an_address(api: Api, name: Any) -> None:
    """So no limit and no record takes one for the other."""
    answer = await api.call("POST", "/keys", json={"name": name, "scope": "admin"})

    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "INVALID_FIELD", "name")
    assert await api.store.keys() == ()


async def test_the_first_key_is_an_admins_and_no_name_is_given_twice(api: Api) -> None:
    """Else nobody could make another, or one would stand for two."""
    answer = await api.call("POST", "/keys", json={"name": "ann", "scope": "read"})
    assert (answer.status, answer.body["field"]) == (400, "scope")
    root = await make(api, "root")
    answer = await api.call("POST", "/keys", json={"name": "root", "scope": "read"}, headers=bearer(root))
    assert (answer.status, answer.body["field"]) == (400, "name")


@pytest.mark.parametrize(
    "limits",
    [
        [],
        "x",
        {"speed": 1},
        {"rate": -1},
        {"size": 0},
        {"rate": True},
        {"size": 1.5},
        {"bytes": -1},
        {"concurrent": "2"},
    ],
)
async def test_wrong_limits_make_no_key(api: Api, limits: Any) -> None:
    """The answer names the field."""
    answer = await api.call("POST", "/keys", json={"name": "root", "scope": "admin", "limits": limits})

    assert (answer.status, answer.body["code"]) == (400, "INVALID_FIELD")


async def test_jobs_are_those_of_the_key_and_under_its_limits(keyed: Keyed) -> None:
    """A session submits in the name of its key."""
    ann = await make(keyed.api, "ann", "submit", keyed.admin, limits={"rate": 2})
    cookie = {"Cookie": f"tonearm_session={await log_in(keyed.api, ann)}"}
    answers = []
    for number, headers in ((1, bearer(ann)), (2, cookie), (3, cookie)):
        job = {"type": "track", "trackId": number, "quality": "LOSSLESS"}
        answers.append(await keyed.api.call("POST", json={"job": job}, headers=headers))

    assert [answer.status for answer in answers] == [201, 201, 429]
    listed = await keyed.as_(keyed.admin, "GET", "?client=ann")
    assert [job["client"] for job in listed.body["jobs"]] == ["ann", "ann"]


async def test_what_a_key_may_receive_holds_for_its_jobs_alone(keyed: Keyed) -> None:
    """For those that it submits, and for those of its that wait."""
    limits = {"bytes": 1_000, "concurrent": 1}
    ann = await make(keyed.api, "ann", "submit", keyed.admin, limits=limits)
    jobs = [{"type": "track", "trackId": number, "quality": "LOSSLESS"} for number in range(1, 5)]
    for job in jobs[:3]:
        assert (await keyed.api.call("POST", json={"job": job}, headers=bearer(ann))).status == 201
    assert (await keyed.api.call("POST", json={"job": jobs[0]}, headers=bearer(keyed.admin))).status == 201

    claims = (await keyed.api.store.claim(ClaimRequest(WORKER, 9, 0, 60_000))).claims
    assert sorted(claim.client for claim in claims) == ["ann", "root"]
    for claim in claims:
        await keyed.api.store.settle(claim, Released("stop"), Mark(Phase.TRANSFER, 1_000, 8_000, received=1_000))
    answers = [await keyed.api.call("POST", json={"job": jobs[3]}, headers=bearer(each)) for each in (ann, keyed.admin)]

    assert [answer.status for answer in answers] == [429, 201]
    assert answers[0].body["limit"] == {"name": "bytes", "allowed": 1_000}
    claims = (await keyed.api.store.claim(ClaimRequest(WORKER, 9, 0, 60_000))).claims
    assert {claim.client for claim in claims} == {"root"}
    listed = await keyed.as_(keyed.admin, "GET", "/keys")
    assert [key["limits"] for key in listed.body["keys"]] == [limits, {}]


async def test_a_key_without_limits_has_those_of_the_settings(serve: Serve) -> None:
    """As an address has."""
    api = await serve(QUEUE_RATE_LIMIT_PER_MIN="1")
    root = await make(api, "root")
    for number, status in ((1, 201), (2, 429)):
        job = {"type": "track", "trackId": number, "quality": "LOSSLESS"}
        assert (await api.call("POST", json={"job": job}, headers=bearer(root))).status == status


@pytest.mark.parametrize(
    ("settings", "headers", "expected"),
    [
        ({}, {}, {"Path=/"}),
        ({"BASE_PATH": "/music"}, {}, {"Path=/music"}),
        ({"QUEUE_TRUSTED_PROXIES": "127.0.0.1"}, {"X-Forwarded-Proto": "https"}, {"Path=/", "Secure"}),
        ({}, {"X-Forwarded-Proto": "https"}, {"Path=/"}),
    ],
)
async def test_the_cookie_of_a_session_is_kept_to_this_server(
    serve: Serve, settings: dict[str, str], headers: dict[str, str], expected: set[str]
) -> None:
    """No script reads it, no other site sends it, and where TLS is, by a proxy that is trusted, it needs TLS."""
    api = await serve(**settings)
    root = await make(api, "root")
    answer = await api.call("POST", "/login", json={"key": root}, headers=headers)

    assert set(answer.headers["Set-Cookie"].split("; ")[1:]) == expected | {
        "HttpOnly",
        "SameSite=strict",
        "Max-Age=86400",
    }
    assert root not in answer.headers["Set-Cookie"]


async def test_a_session_opens_no_other(keyed: Keyed) -> None:
    """Else it would never have to end."""
    session = await log_in(keyed.api, keyed.admin)

    assert (await keyed.api.call("POST", "/login", json={"key": session})).status == 401


async def test_one_wrong_key_again_and_again_is_no_guessing(keyed: Keyed) -> None:
    """A page that was left open goes on asking with its old cookie."""
    stale = {"Cookie": "tonearm_session=tonearm_old"}
    for _ in range(15):
        assert (await keyed.api.call("GET", "/stats", headers=stale)).status == 401


async def test_two_servers_on_one_store_know_each_others_keys(keyed: Keyed) -> None:
    """A new key at once, a revoked one within two seconds, and that there are keys at all."""
    async with beside(keyed.api) as other:
        assert (await other.call("GET", "/stats")).status == 401
        ann = await make(keyed.api, "ann", "read", keyed.admin)
        assert (await other.call("GET", "/stats", headers=bearer(ann))).status == 200
        await keyed.as_(keyed.admin, "DELETE", "/keys/ann")
        async with asyncio.timeout(10):
            while (await other.call("GET", "/stats", headers=bearer(ann))).status == 200:
                pass


async def test_a_server_that_had_keys_is_not_open_when_they_are_gone(keyed: Keyed) -> None:
    """Neither when the last one is revoked nor when the store loses them."""
    assert (await keyed.as_(keyed.admin, "DELETE", "/keys/root")).status == 200

    assert (await keyed.api.call("GET", "/stats")).status == 401


async def test_a_server_that_others_reach_is_shut_without_keys(api: Api) -> None:
    """Even if it was started in spite of that, or lost its keys before it ever read them."""
    async with beside(api, HOST="0.0.0.0") as other:
        assert (await other.call("GET", "/stats")).status == 401


async def test_garbage_among_the_keys_lets_nobody_in(api: Api) -> None:
    """A record that cannot be read is a key that nobody has."""
    store: Any = api.store
    await store._write(lambda unit: unit.run("INSERT INTO api_key VALUES ('x', NULL, '{')"))

    assert (await api.call("GET", "/stats")).status == 401
