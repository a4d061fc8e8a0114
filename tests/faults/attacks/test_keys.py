"""Attacks 11 to 14: guessing a key, outliving one, getting by without one, and reaching beyond one."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
from contextlib import AsyncExitStack

import aiohttp
import pytest
from tests.api.conftest import Serve
from tests.api.keyed import Keyed, bearer, beside, log_in, make, routes
from tests.api.serving import PREFIX, Api
from tests.support.clock import MINUTE, SECOND, FakeClock
from yarl import URL

from tonearm.api.paths import EVENTS
from tonearm.api.scopes import SCOPES
from tonearm.model import Scope

JOB = "job-1763900000000-k3v9x0q2ab"
SUBMISSION = {"job": {"type": "track", "trackId": 1, "quality": "LOW"}}
REVOKED_S = 5.0
"""Within which whatever was opened with a key has ended."""


def concrete(path: str) -> str:
    """A path of the router with names in it."""
    return path.replace("{job_id}", JOB).replace("{name}", "root")


async def test_guessing_is_slowed_and_who_was_in_stays_in(serve: Serve) -> None:
    """Attack 11: after ten wrong keys no further one is looked at, not even a right one, for a minute."""
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


async def test_guesses_of_every_form_are_counted_together(serve: Serve) -> None:
    """Attack 11: who changes from one way of showing a key to another has no more tries for it."""
    api = await serve(FakeClock())
    await make(api, "root")
    for number in range(10):
        text = f"tonearm_{number}"
        form = ({"Authorization": f"bearer {text}"}, {"X-Api-Key": text}, {"Cookie": f"tonearm_session={text}"})
        assert (await api.call("GET", "/stats", headers=form[number % 3])).status == 401
    for headers in ({"Authorization": "Bearer x"}, {"X-Api-Key": "x"}, {"Cookie": "tonearm_session=x"}):
        assert (await api.call("GET", "/stats", headers=headers)).status == 429
    assert (await api.call("POST", "/login", json={"key": "x"})).status == 429


async def test_a_near_guess_is_told_no_more_than_a_far_one(keyed: Keyed) -> None:
    """Attack 11: all but the last character, the name and the hash are answered as nonsense is."""
    (record,) = await keyed.api.store.keys()
    near = keyed.admin[:-1] + ("A" if keyed.admin[-1] != "A" else "B")
    answers = [await keyed.as_(text, "GET", "/stats") for text in (near, "root", record.hash, "nonsense")]
    differ = ("date", "x-request-id")
    heads = [{name: text for name, text in one.headers.items() if name.lower() not in differ} for one in answers]
    told = {(one.status, str(one.body), str(head)) for one, head in zip(answers, heads, strict=True)}

    assert len(told) == 1
    assert answers[0].status == 401


async def test_keys_are_compared_by_their_hashes_in_constant_time(
    keyed: Keyed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Attack 11: no comparison takes longer for having more of a key."""
    compared: list[str] = []
    compare = hmac.compare_digest

    def watched(one: str, other: str) -> bool:
        compared.extend((one, other))
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    assert (await keyed.as_(keyed.admin, "GET", "/stats")).status == 200
    (record,) = await keyed.api.store.keys()
    assert set(compared) == {record.hash}


@pytest.mark.parametrize("by", ["logout", "revocation", "a revocation elsewhere", "time"])
async def test_a_session_ends(serve: Serve, by: str) -> None:
    """Attack 12: at logout, with its key wherever that is revoked, and after a day."""
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


async def test_what_is_open_ends_soon_after_its_key(keyed: Keyed) -> None:
    """Attack 12: streams of events, by key or session, at this server or another; those of other keys go on."""
    api, admin = keyed.api, keyed.admin
    ann, bob = await make(api, "ann", "read", admin), await make(api, "bob", "read", admin)
    session = {"Cookie": f"tonearm_session={await log_in(api, ann)}"}
    other_session = {"Cookie": f"tonearm_session={await log_in(api, bob)}"}
    async with beside(api) as other, AsyncExitStack() as stack:

        async def listen(at: Api, headers: dict[str, str]) -> aiohttp.ClientResponse:
            stream = await stack.enter_async_context(at.http.get(at.url + EVENTS, headers=headers))
            assert stream.status == 200
            await stream.content.readuntil(b"\n\n")
            return stream

        ending = [await listen(at, headers) for at in (api, other) for headers in (bearer(ann), session)]
        ending.append(await listen(api, other_session))
        lasting = [await listen(api, bearer(bob)), await listen(other, bearer(admin))]
        assert (await keyed.as_(admin, "DELETE", "/keys/ann")).status == 200
        assert (await api.call("POST", "/logout", headers=other_session)).status == 200
        async with asyncio.timeout(REVOKED_S):
            await asyncio.gather(*(ended(stream) for stream in ending))
        assert not any(stream.content.at_eof() for stream in lasting)


async def ended(stream: aiohttp.ClientResponse) -> None:
    """Read a stream to its end, whole or cut off."""
    with contextlib.suppress(aiohttp.ClientPayloadError):
        await stream.content.read()


async def test_without_a_key_every_route_is_shut_in_every_spelling(keyed: Keyed) -> None:
    """Attack 13: by its own method, HEAD and OPTIONS; the answer says nothing of what is there, and nothing is done."""
    job_id = (await keyed.as_(keyed.admin, "POST", json=SUBMISSION)).body["jobId"]
    for method, path in await routes():
        if SCOPES["GET" if method == "HEAD" else method, path] is None:
            asked = [("OPTIONS", path), ("DELETE", path), ("PUT", path)]
        else:
            plain = concrete(path).replace(JOB, job_id)
            asked = [(each, form) for form in spellings(plain) for each in {method, "HEAD", "OPTIONS"}]
        for each, form in asked:
            url = URL(keyed.api.url + form, encoded=True)
            async with keyed.api.http.request(each, url, allow_redirects=False) as answer:
                assert answer.status == 401, (each, form)
                assert answer.headers["WWW-Authenticate"] == "Bearer"
                assert job_id not in await answer.text()

    assert (await keyed.as_(keyed.admin, "GET", f"/{job_id}")).body["job"]["status"] == "queued"
    assert [key.name for key in await keyed.api.store.keys()] == ["root"]


def spellings(path: str) -> set[str]:
    """Other forms of a path, of which some server somewhere thinks that they are the same."""
    before, _, last = path.rpartition("/")
    return {
        *(
            path,
            f"/{path}",
            f"{path}/",
            f"{path}//",
            f"{before}//{last}",
            f"{before}/./{last}",
            f"{before}/x/../{last}",
        ),
        *(path.upper(), f"{path};a=b", f"{path}%00", f"{path}?key=root", f"{before}/%{ord(last[0]):02x}{last[1:]}"),
        *(
            f"/healthz/..{path}",
            f"/healthz%2F..{path}",
            f"/healthz%2f..%2f{path[1:]}",
            f"/{path[1:].replace('/', '%2F')}",
        ),
    }


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
    """Attack 13: it is 401 before anything else is said about it."""
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE"):
        request = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert (await keyed.api.raw(request.encode())).split()[1] == b"401", method


async def test_a_key_in_an_address_is_none(keyed: Keyed) -> None:
    """Attack 13: addresses are logged, kept and handed on, so nobody gets used to it."""
    for name in ("key", "token", "api_key", "access_token", "x-api-key", "tonearm_session"):
        assert (await keyed.api.call("GET", f"/stats?{name}={keyed.admin}")).status == 401


async def test_no_key_reaches_beyond_its_scope(keyed: Keyed) -> None:
    """Attack 14: every route with every scope: 403 where the table asks for more, and never where it does not."""
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


async def test_a_session_reaches_as_far_as_its_key(keyed: Keyed) -> None:
    """Attack 14: nor does a header that asks for another method, or a wider key beside it, widen it."""
    ann = await make(keyed.api, "ann", "read", keyed.admin)
    cookie = {"Cookie": f"tonearm_session={await log_in(keyed.api, ann)}"}
    for headers in (cookie, {**cookie, "X-Api-Key": ann}):
        assert (await keyed.api.call("POST", json=SUBMISSION, headers=headers)).status == 403
        assert (await keyed.api.call("PATCH", "/control", json={"paused": True}, headers=headers)).status == 403
        assert (
            await keyed.api.call("POST", "/keys", json={"name": "x", "scope": "admin"}, headers=headers)
        ).status == 403
    override = {**bearer(ann), "X-HTTP-Method-Override": "PATCH"}
    assert (
        await keyed.api.call("GET", "/control?_method=PATCH", json={"paused": True}, headers=override)
    ).status == 200
    assert not (await keyed.api.store.control()).paused
    assert len(await keyed.api.store.keys()) == 3
