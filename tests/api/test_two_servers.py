"""Two server processes on one Redis are one server to whoever talks to them, also to all who do so at the same time.

Each test is a client of its own, by its key, so that none of them stands in the way of another.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from tests.api.listening import Listener, listening
from tests.api.serving import Answer, Json, Remote
from tests.support.redis_server import RedisServer
from tests.support.server import until
from tests.support.sharing import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")

AT_ONCE = 40
ROOM = 250
"""Unfinished jobs that the whole queue may have."""


@dataclass(frozen=True)
class Two:
    """Both servers, and what is said to both of them."""

    one: Remote
    other: Remote

    async def at_once(self, *bodies: Json, path: str = "", **headers: str) -> list[Answer]:
        """The answers to all of *bodies*, said at the same time to the one and the other by turns."""
        ways = [self.one, self.other] * len(bodies)
        calls = [way.call("POST", path, json=body, headers=headers) for way, body in zip(ways, bodies, strict=False)]
        return await asyncio.gather(*calls)

    async def client(self, name: str, *, scope: str = "admin", **limits: int) -> dict[str, str]:
        """The header of a new client, whose key the one has made."""
        wanted = {"name": name, "scope": scope, "limits": limits}
        answer = await self.one.call("POST", "/keys", json=wanted)
        assert answer.status == 201, answer.body
        return {"Authorization": f"Bearer {answer.body['key']}"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Two]:
    """The servers, with keys on. They have workers, which are told to claim nothing."""
    async with AsyncExitStack() as stack:
        redis = stack.enter_context(RedisServer())
        site = Site(tmp_path_factory.mktemp("two"), "http://127.0.0.1:9", redis.url, QUEUE_CRITICAL_SIZE=ROOM)
        servers = [site.server("one"), site.server("other")]
        await asyncio.gather(*(stack.enter_async_context(server) for server in servers))
        http = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)))
        one, other = (Remote(server.url, http) for server in servers)
        await one.call("PATCH", "/control", json={"paused": True})
        made = await one.call("POST", "/keys", json={"name": "root", "scope": "admin"})
        await until("the other asks for a key too", lambda: answers(other, 401), seconds=5)
        http.headers["Authorization"] = f"Bearer {made.body['key']}"
        yield Two(one, other)


async def answers(server: Remote, status: int) -> bool:
    """Whether the server answers with this status."""
    return (await server.call("GET", "/stats")).status == status


def track(number: int) -> Json:
    """A track, as it is submitted."""
    return {"job": {"type": "track", "trackId": number, "quality": "LOSSLESS"}}


def tracks(count: int) -> list[Json]:
    """So many different ones."""
    return [track(number) for number in range(1, count + 1)]


async def of(server: Remote, client: str) -> set[str]:
    """The ids of a client's jobs."""
    answer = await server.call("GET", f"?client={client}&limit=1000")
    return {job["id"] for job in answer.body["jobs"]}


@pytest.mark.parametrize(("limit", "code"), [("rate", "RATE_LIMITED"), ("size", "CLIENT_QUEUE_FULL")])
async def test_of_forty_at_once_exactly_ten_are_accepted(two: Two, limit: str, code: str) -> None:
    """Where ten are allowed, the others are refused, whomever they asked, and so is the next one at either."""
    client = await two.client(limit, rate=10) if limit == "rate" else await two.client(limit, size=10)
    answers = await two.at_once(*tracks(AT_ONCE), **client)
    answers += await two.at_once(track(98), track(99), **client)

    accepted = {answer.body["jobId"] for answer in answers if answer.status == 201}
    refused = Counter((answer.status, answer.body["code"]) for answer in answers if answer.status != 201)
    assert refused == {(429, code): AT_ONCE + 2 - 10}
    assert await of(two.one, limit) == await of(two.other, limit) == accepted
    assert len(accepted) == 10


async def test_of_six_batches_at_once_exactly_two_are_accepted(two: Two) -> None:
    """Fifty jobs are five of the rate; a batch is taken as a whole or not at all."""
    client = await two.client("batches", rate=10)
    batches = [{"jobs": [track(1_000 * number + each) for each in range(50)]} for number in range(1, 7)]
    answers = await two.at_once(*batches, path="/batch", **client)

    assert Counter(answer.status for answer in answers) == {200: 2, 429: 4}
    results = [result for answer in answers if answer.status == 200 for result in answer.body["results"]]
    assert await of(two.other, "batches") == {result["jobId"] for result in results}
    assert len(results) == 100


async def test_the_whole_queue_has_no_place_more_than_it_has(two: Two) -> None:
    """Ten are left, and ten of forty get one; when jobs go there is room again at both."""
    client = await two.client("all")
    unfinished = (await two.one.call("GET", "/stats")).body["queue"]["queued"]
    fill = tracks(ROOM - unfinished - 10)
    for start in range(0, len(fill), 100):
        answer = await two.one.call("POST", "/batch", json={"jobs": fill[start : start + 100]}, headers=client)
        assert all(result["success"] for result in answer.body["results"])
    answers = await two.at_once(*(track(1_000 + number) for number in range(AT_ONCE)), **client)

    refused = [answer for answer in answers if answer.status != 201]
    assert {(answer.status, answer.body["code"]) for answer in refused} == {(503, "QUEUE_FULL")}
    assert (len(refused), (await two.other.call("GET", "/stats")).body["queue"]["queued"]) == (AT_ONCE - 10, ROOM)
    await two.other.call("POST", "/actions", json={"action": "cancel", "status": "queued"})
    assert {answer.status for answer in await two.at_once(track(1), track(2), **client)} == {201}


async def test_of_forty_who_want_the_same_one_adds_it(two: Two) -> None:
    """The others hear of that job, and so does who asks later."""
    client = await two.client("same")
    answers = await two.at_once(*[track(7)] * AT_ONCE, **client)

    assert Counter((answer.status, answer.body.get("duplicate")) for answer in answers) == {
        (201, None): 1,
        (200, True): AT_ONCE - 1,
    }
    assert {answer.body["jobId"] for answer in answers} == await of(two.one, "same")
    assert len(await of(two.one, "same")) == 1


async def test_forty_with_one_idempotency_key_are_one(two: Two) -> None:
    """All get the same answer; of two bodies that are said at the same time, one wins and the other is refused."""
    client = await two.client("again", rate=2)
    body = {**track(7), "checkDuplicate": False}
    answers = await two.at_once(*[body] * AT_ONCE, **client, **{"Idempotency-Key": "k"})

    assert {answer.status for answer in answers} == {201}
    assert {answer.body["jobId"] for answer in answers} == await of(two.other, "again")
    answers = await two.at_once(*[track(8), track(9), track(9), track(8)] * 10, **client, **{"Idempotency-Key": "l"})
    assert Counter((answer.status, answer.body.get("code")) for answer in answers) == {
        (201, None): AT_ONCE // 2,
        (422, "IDEMPOTENCY_MISMATCH"): AT_ONCE // 2,
    }
    assert len(await of(two.one, "again")) == 2


async def heard(listener: Listener, jobs: set[str]) -> None:
    """Wait until the listener has been told of all of *jobs*."""
    await listener.catch_up(**dict.fromkeys(jobs, "queued"))


async def test_each_tells_the_others_events(two: Two) -> None:
    """Whatever comes through either is told by both, and an event of one is one to resume after at the other."""
    client = await two.client("events")
    async with listening(two.one) as here, listening(two.other) as there:
        await here.next()
        await there.next()
        jobs = {answer.body["jobId"] for answer in await two.at_once(*tracks(20), **client)}
        await asyncio.gather(heard(here, jobs), heard(there, jobs))
        assert {job: here.jobs[job] for job in jobs} == {job: there.jobs[job] for job in jobs}
    missed = {answer.body["jobId"] for answer in await two.at_once(track(98), track(99), **client)}
    for server, last in ((two.one, there.last), (two.other, here.last)):
        async with listening(server, last) as again:
            await heard(again, missed)
            assert {told.event for told in again.told} <= {"job", "stats"}


@pytest.mark.parametrize("path", ["", "?status=queued", "/stats", "/dashboard"])
async def test_each_knows_the_others_changes(two: Two, path: str) -> None:
    """A tag holds at both while nothing changes, and at neither after a change through either."""
    client = await two.client(f"tags{len(path)}")

    async def asked(server: Remote, known: str = "") -> tuple[int, str]:
        async with server.http.get(
            f"{server.url}/api/download-queue{path}", headers={"If-None-Match": known}
        ) as answer:
            return answer.status, answer.headers["ETag"]

    _, known = await asked(two.one)
    assert await asked(two.other, known) == (304, known)
    await two.at_once(track(7), **client)
    assert {(await asked(server, known))[0] for server in (two.one, two.other)} == {200}


@pytest.mark.parametrize("shown", ["key", "session"])
async def test_keys_and_sessions_hold_at_both(two: Two, shown: str) -> None:
    """Within two seconds, and until they are ended at either; a stream at the other ends with them."""
    headers: dict[str, Any] = await two.client(shown, scope="read")
    if shown == "session":
        answer = await two.one.call("POST", "/login", json={"key": headers["Authorization"].removeprefix("Bearer ")})
        headers = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
    async with aiohttp.ClientSession(headers=headers, cookie_jar=aiohttp.DummyCookieJar()) as http:
        mine = Remote(two.other.url, http)
        await until("the other lets it in", lambda: answers(mine, 200), seconds=5)
        async with listening(mine) as listener:
            await listener.next()
            await two.one.call("DELETE", f"/keys/{shown}")
            with contextlib.suppress(aiohttp.ClientPayloadError):
                await listener.answer.content.read()
        await until("the other does not let it in any more", lambda: answers(mine, 401), seconds=5)
