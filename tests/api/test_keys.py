"""Keys and sessions over HTTP: who is let in where, how far a key reaches, and how it ends."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from starlette.routing import Mount, Route
from tests.api.conftest import Serve
from tests.api.serving import PREFIX, WORKER, Answer, Api
from tests.support.clock import MINUTE, SECOND, FakeClock

from tonearm.api import ApiServer, create_app
from tonearm.api.paths import EVENTS
from tonearm.api.scopes import SCOPES
from tonearm.clock import SystemClock
from tonearm.model import ClaimRequest, Mark, Phase, Released, Scope
from tonearm.settings import Settings, load
from tonearm.store.sqlite import open_sqlite

OPEN = {("GET", "/"), ("GET", "/healthz"), ("GET", "/readyz"), ("POST", f"{PREFIX}/login")}
JOB = "job-1763900000000-k3v9x0q2ab"


def bearer(text: str) -> dict[str, str]:
    """The header that shows a key."""
    return {"Authorization": f"Bearer {text}"}


async def make(api: Api, name: str, scope: str = "admin", by: str = "", **more: Any) -> str:
    """Make a key; its text."""
    headers = bearer(by) if by else {}
    answer = await api.call("POST", "/keys", json={"name": name, "scope": scope, **more}, headers=headers)
    assert answer.status == 201, answer.body
    return str(answer.body["key"])


async def log_in(api: Api, text: str) -> str:
    """Open a session; the text in its cookie."""
    answer = await api.call("POST", "/login", json={"key": text})
    assert answer.status == 200, answer.body
    return answer.headers["Set-Cookie"].partition("tonearm_session=")[2].partition(";")[0]


async def routes() -> list[tuple[str, str]]:
    """Every method and path of the application's own router."""
    store = await open_sqlite(None, SystemClock())
    app = create_app(store, Settings(), SystemClock())
    await store.close()
    found = []
    for route in app.routes:
        if isinstance(route, Route):
            found += [(method, route.path) for method in route.methods or ()]
        else:
            assert isinstance(route, Mount)
            found.append(("GET", route.path))
    return found


@dataclass
class Keyed:
    """A server with an admin's key."""

    api: Api
    admin: str

    async def as_(self, text: str, method: str, path: str = "", **options: Any) -> Answer:
        """A call with a key."""
        return await self.api.call(method, path, headers=bearer(text), **options)


@pytest.fixture
async def keyed(api: Api) -> Keyed:
    """A server where keys are on."""
    return Keyed(api, await make(api, "root"))


@asynccontextmanager
async def beside(api: Api, **flags: str) -> AsyncIterator[Api]:
    """Another server on the same store."""
    settings = load({"PORT": "0", "QUEUE_RATE_LIMIT_PER_MIN": "0", **flags})
    server = ApiServer(create_app(api.store, settings, SystemClock()), settings)
    await server.start()
    try:
        async with aiohttp.ClientSession() as http:
            yield Api(server, api.store, http)
    finally:
        await server.stop(1_000)


async def test_every_route_has_its_scope_and_four_are_open() -> None:
    """The table is walked with the router; what is open is written here a second time."""
    found = {("GET" if method == "HEAD" else method, path) for method, path in await routes()}

    assert found - SCOPES.keys() == set()
    assert {row for row, scope in SCOPES.items() if scope is None} == OPEN


async def test_without_a_key_every_route_is_shut_but_the_open_ones(keyed: Keyed) -> None:
    """Whatever the method; the answer says how a key is shown, and nothing of what is there."""
    for method, path in await routes():
        concrete = path.replace("{job_id}", JOB).replace("{name}", "root")
        for each in {method, "OPTIONS"}:
            if (("GET" if each == "HEAD" else each), path) in OPEN:
                continue
            answer = await keyed.api.call(each, f"/{concrete}" if concrete != "/" else "//")
            assert answer.status == 401, (each, path)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            if each != "HEAD":
                assert answer.body["code"] == "UNAUTHORIZED"


@pytest.mark.parametrize(
    "path",
    [
        f"{PREFIX}/",
        f"/{PREFIX}",
        f"{PREFIX}//stats",
        f"{PREFIX}/stats/",
        f"{PREFIX}%2Fstats",
        f"{PREFIX}/%73tats",
        f"{PREFIX.upper()}/STATS",
        f"{PREFIX}/../download-queue/stats",
        f"{PREFIX}/{JOB}%2Farchive",
        f"{PREFIX}/nothing/at/all",
        "/docs",
        "/docs-assets/swagger-ui.css",
        "/openapi.json",
        "/healthz/../api/download-queue",
        "//healthz",
        "/nowhere",
    ],
)
async def test_no_spelling_of_a_path_gets_by_without_a_key(keyed: Keyed, path: str) -> None:
    """It is 401 before anything else is said about it."""
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"):
        request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert (await keyed.api.raw(request.encode())).split()[1] == b"401", method


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


async def test_no_key_reaches_beyond_its_scope(keyed: Keyed) -> None:
    """Every route with every scope: 403 where the table asks for more, and never where it does not."""
    texts = {scope: await make(keyed.api, f"k-{scope}", scope, keyed.admin) for scope in Scope}
    for method, path in await routes():
        wanted = SCOPES["GET" if method == "HEAD" else method, path]
        if wanted is None or path.startswith("/docs-assets") or path in ("/docs", "/openapi.json"):
            continue
        if (method, path) == ("GET", EVENTS):
            continue  # it never ends; HEAD asks for the same scope
        for scope, text in texts.items():
            concrete = path.replace("{job_id}", JOB).replace("{name}", "nobody").removeprefix(PREFIX)
            answer = await keyed.as_(text, method, concrete)
            assert (answer.status == 403) is not scope.includes(wanted), (method, path, scope)


async def test_an_event_stream_ends_with_its_key(keyed: Keyed) -> None:
    """Whoever listens with a key that is revoked is cut off, though nothing happens."""
    text = await make(keyed.api, "ann", "read", keyed.admin)
    async with keyed.api.http.get(keyed.api.url + EVENTS, headers=bearer(text)) as stream:
        assert stream.status == 200
        await stream.content.readuntil(b"\n\n")
        assert (await keyed.as_(keyed.admin, "DELETE", "/keys/ann")).status == 200
        with contextlib.suppress(aiohttp.ClientPayloadError):
            async with asyncio.timeout(15):
                await stream.content.read()


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


@pytest.mark.parametrize("by", ["logout", "revocation", "a revocation elsewhere", "time"])
async def test_a_session_ends(serve: Serve, by: str) -> None:
    """At logout, with its key wherever that is revoked, and after a day."""
    clock = FakeClock()
    api = await serve(clock)
    root = await make(api, "root")
    ann = await make(api, "ann", "read", root)
    cookie = {"Cookie": f"tonearm_session={await log_in(api, ann)}"}
    assert (await api.call("GET", "/stats", headers=cookie)).status == 200
    if by == "logout":
        answer = await api.call("POST", "/logout", headers=cookie)
        assert (answer.status, "Max-Age=0" in answer.headers["Set-Cookie"]) == (200, True)
    elif by == "revocation":
        assert (await api.call("DELETE", "/keys/ann", headers=bearer(root))).status == 200
    elif by == "time":
        clock.advance(24 * 60 * MINUTE)
    else:
        await api.store.remove_key("ann")
        clock.advance(2 * SECOND)

    assert (await api.call("GET", "/control", headers=cookie)).status == 401
    assert (await api.call("GET", "/control", headers=bearer(ann))).status == (200 if by in ("logout", "time") else 401)


async def test_a_session_opens_no_other(keyed: Keyed) -> None:
    """Else it would never have to end."""
    session = await log_in(keyed.api, keyed.admin)

    assert (await keyed.api.call("POST", "/login", json={"key": session})).status == 401


async def test_guessing_is_slowed_and_who_was_in_stays_in(serve: Serve) -> None:
    """After ten wrong keys no further one is looked at, not even a right one, for a minute."""
    clock = FakeClock()
    api = await serve(clock)
    root = await make(api, "root")
    ann = await make(api, "ann", "read", root)
    for number in range(10):
        assert (await api.call("GET", "/stats", headers=bearer(f"tonearm_{number}"))).status == 401
    for path, options in (("/stats", {"headers": bearer(ann)}), ("/stats", {"headers": bearer("tonearm_x")})):
        answer = await api.call("GET", path, **options)
        assert (answer.status, answer.body["code"], answer.headers["Retry-After"]) == (429, "RATE_LIMITED", "60")
        assert answer.body["limit"] == {"name": "guesses", "allowed": 10}
    assert (await api.call("POST", "/login", json={"key": ann})).status == 429
    assert (await api.call("GET", "/stats", headers=bearer(root))).status == 200

    clock.advance(MINUTE)
    assert (await api.call("GET", "/stats", headers=bearer(ann))).status == 200


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
