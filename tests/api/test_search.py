"""`GET /api/download-queue/search`: what a catalog finds, and what becomes of a search that cannot be answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.api.catalogs import Searched, TwoQuestions
from tests.api.conftest import Serve
from tests.api.serving import Api
from tests.support import catalog as scripts
from tests.support.catalog import Reply, ScriptedCatalog
from tests.support.server import until

from tonearm.api import search
from tonearm.catalog import HttpCatalog
from tonearm.fetch import Fetcher, FetchLimits, HostPort
from tonearm.model import Hit, JobType, Quality

ALBUM = {"type": "album", "id": 5, "title": "Blue", "artist": "Ann", "year": 1971, "trackCount": 10}
TRACK = {"type": "track", "id": 11, "title": "Blue too", "artist": "Ann", "album": "Blue"}
FOUND = scripts.answer({"results": [ALBUM, TRACK]})


@pytest.fixture
async def catalog() -> AsyncIterator[ScriptedCatalog]:
    async with ScriptedCatalog() as catalog:
        catalog.add_track(11)
        yield catalog


@pytest.fixture
async def fetcher(catalog: ScriptedCatalog) -> AsyncIterator[Fetcher]:
    """The client that a worker beside the server would share."""
    async with Fetcher(FetchLimits(), allow=[HostPort.parse(catalog.netloc)]) as fetcher:
        yield fetcher


@pytest.fixture
async def api(serve: Serve, catalog: ScriptedCatalog, fetcher: Fetcher) -> Api:
    return await serve(catalog=HttpCatalog(fetcher, catalog.url))


async def test_what_the_catalog_finds_is_answered(api: Api, catalog: ScriptedCatalog) -> None:
    """In its order; the words without the blanks around them, and URLs absolute."""
    catalog.reply("/search", scripts.answer({"results": [ALBUM | {"coverUrl": "covers/5"}, TRACK], "more": "ignored"}))

    answer = await api.call("GET", "/search?q=%20Bl%C3%BCe%26x%20&type=&limit=7")

    cover = {"coverUrl": f"{catalog.url}/covers/5"}
    assert (answer.status, answer.body) == (200, {"success": True, "results": [ALBUM | cover, TRACK], "count": 2})
    assert catalog.requests[-1].query == {"q": "Blüe&x", "limit": "7"}


async def test_only_what_was_asked_for_is_answered(api: Api, catalog: ScriptedCatalog) -> None:
    """A type, and a number of results, also where the catalog minds neither."""
    catalog.reply("/search", FOUND, forever=True)

    for query, results in (("&type=track", [TRACK]), ("&type=album", [ALBUM]), ("&limit=1", [ALBUM])):
        answer = await api.call("GET", f"/search?q=blue{query}")
        assert answer.body["results"] == results
    assert [seen.query.get("type") for seen in catalog.requests] == ["track", "album", None]


async def test_blanks_are_no_words_and_find_nothing(api: Api, catalog: ScriptedCatalog) -> None:
    """And the catalog is not asked for them."""
    answer = await api.call("GET", "/search?q=%20%09%1C")

    assert (answer.status, answer.body) == (200, {"success": True, "results": [], "count": 0})
    assert catalog.requests == []


async def test_texts_of_the_catalog_stay_texts(api: Api, catalog: ScriptedCatalog) -> None:
    """Markup, marks of direction and control characters are text in JSON, and nothing else."""
    title = '<img src=x onerror="alert(1)">\x1b[31m\u202e\x00\r\n</script>'
    catalog.reply("/search", scripts.answer({"results": [TRACK | {"title": title, "album": " "}]}))

    answer = await api.call("GET", "/search?q=x")

    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body["results"][0]["title"] == title
    assert "album" not in answer.body["results"][0]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("", "q"),
        ("?q=", "q"),
        ("?q=" + "x" * 201, "q"),
        ("?q=x&type=disc", "type"),
        ("?q=x&limit=0", "limit"),
        ("?q=x&limit=101", "limit"),
        ("?q=x&limit=ten", "limit"),
    ],
)
async def test_a_search_that_is_none_is_refused(api: Api, catalog: ScriptedCatalog, query: str, field: str) -> None:
    """Naming the field, and the catalog is not asked."""
    answer = await api.call("GET", f"/search{query}")

    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "INVALID_FIELD", field)
    assert catalog.requests == []


@pytest.mark.parametrize("catalog", [None, TwoQuestions()], ids=["none", "without search"])
async def test_without_a_catalog_that_can_search_the_answer_says_what_to_do(serve: Serve, catalog: Any) -> None:
    """501; a server that has no catalog at all names the setting."""
    answer = await (await serve(catalog=catalog)).call("GET", "/search?q=x")

    assert (answer.status, answer.body["code"]) == (501, "NOT_IMPLEMENTED")
    assert "tonearm catalog serve DIR" in answer.body["error"]
    assert ("INTERNAL_API_URL" in answer.body["error"]) == (catalog is None)


@pytest.mark.parametrize("status", [404, 501])
async def test_a_catalog_with_two_questions_is_not_asked_the_third_again(
    api: Api, catalog: ScriptedCatalog, status: int
) -> None:
    """It says 404 or 501 once, and then every search is answered without it."""
    catalog.reply("/search", scripts.status(status), FOUND)

    for _ in range(3):
        answer = await api.call("GET", "/search?q=x")
        assert (answer.status, answer.body["code"]) == (501, "NOT_IMPLEMENTED")
    assert catalog.count("/search") == 1


async def test_a_catalog_of_another_package_is_held_to_the_limit(serve: Serve) -> None:
    """Whatever it answers."""

    catalog = Searched(*(Hit(JobType.TRACK, number, "T") for number in range(1, 10)))

    answer = await (await serve(catalog=catalog)).call("GET", "/search?q=x&limit=2")

    assert [hit["id"] for hit in answer.body["results"]] == [1, 2]
    assert catalog.asked == [("x", None, 2)]


TROUBLE: list[tuple[str, Reply, str, str]] = [
    ("auth", scripts.status(401), "auth", "INTERNAL_API_TOKEN"),
    ("too many", scripts.status(429, retry_after=7), "rate_limit", "slow down"),
    ("in trouble", scripts.status(503), "server_error", "HTTP 503 for a search"),
    ("not JSON", scripts.body(b"<html>", "text/html"), "api_error", "sent a page"),
    ("no results", scripts.answer({"albums": []}), "api_error", "results"),
    ("wrong list", scripts.answer({"results": {}}), "api_error", "results"),
    ("wrong type", scripts.answer({"results": [TRACK | {"type": "disc"}]}), "api_error", "results[0].type"),
    ("wrong id", scripts.answer({"results": [ALBUM, TRACK | {"id": "11"}]}), "api_error", "results[1].id"),
    ("wrong title", scripts.answer({"results": [TRACK | {"title": 7}]}), "api_error", "results[0].title"),
    ("wrong URL", scripts.answer({"results": [TRACK | {"coverUrl": "file:///x"}]}), "api_error", "coverUrl"),
    ("long title", scripts.answer({"results": [TRACK | {"title": "x" * 1_001}]}), "api_error", "1,001"),
    ("10 MB", scripts.answer({"results": [], "x": "y" * 10_000_000}), "api_error", "more than 1 MiB"),
    ("reset", scripts.cut(), "network", "closed the connection"),
]


@pytest.mark.parametrize(("reply", "failure", "text"), [row[1:] for row in TROUBLE], ids=[row[0] for row in TROUBLE])
async def test_a_catalog_in_trouble_is_a_refusal_that_says_why(
    api: Api, catalog: ScriptedCatalog, reply: Reply, failure: str, text: str
) -> None:
    """503 with the code of the failure and `Retry-After`; the next search is answered as if nothing had been."""
    catalog.reply("/search", reply)

    answer = await api.call("GET", "/search?q=x")

    assert (answer.status, answer.body["code"]) == (503, "CATALOG_UNAVAILABLE")
    assert (answer.body["failureCode"], text in answer.body["error"]) == (failure, True), answer.body
    assert int(answer.headers["Retry-After"]) >= (7 if failure == "rate_limit" else 5)
    if failure != "rate_limit":
        catalog.reply("/search", FOUND)
        assert (await api.call("GET", "/search?q=x")).body["count"] == 2


async def test_a_wish_to_be_left_alone_is_for_searches_alone(
    api: Api, catalog: ScriptedCatalog, fetcher: Fetcher
) -> None:
    """`Retry-After` after a search holds back the next searches, and not a single download."""
    catalog.reply("/search", scripts.status(429, retry_after=60), FOUND)

    answers = [await api.call("GET", "/search?q=x") for _ in range(3)]

    assert [answer.body["failureCode"] for answer in answers] == ["rate_limit"] * 3
    assert all(55 <= int(answer.headers["Retry-After"]) <= 60 for answer in answers)
    assert (catalog.count("/search"), fetcher.courtesy.resting()) == (1, ())
    assert (await HttpCatalog(fetcher, catalog.url).track(11, Quality.LOSSLESS)).id == 11


async def test_a_host_that_is_left_alone_is_not_searched(api: Api, catalog: ScriptedCatalog, fetcher: Fetcher) -> None:
    """What it said to a download holds for searches too, and the answer says how long."""
    fetcher.courtesy.hold(HostPort.parse(catalog.netloc), 40_000)

    answer = await api.call("GET", "/search?q=x")

    assert (answer.status, answer.body["failureCode"]) == (503, "rate_limit")
    assert 35 <= int(answer.headers["Retry-After"]) <= 41
    assert catalog.requests == []


async def test_connections_that_fail_count_whoever_asked(api: Api, catalog: ScriptedCatalog, fetcher: Fetcher) -> None:
    """Five in a row, and the host rests: nobody can reach it, so nobody has to try."""
    await catalog.down()

    answers = [await api.call("GET", "/search?q=x") for _ in range(6)]

    assert {(answer.status, answer.body["failureCode"]) for answer in answers} == {(503, "network")}
    assert "No connection" in answers[0].body["error"]
    assert "resting" in answers[5].body["error"]
    assert [host.host for host in fetcher.courtesy.resting()] == [catalog.netloc]


async def test_a_silent_catalog_is_given_up_and_does_not_rest(
    api: Api, catalog: ScriptedCatalog, fetcher: Fetcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search ends after its own time, however many there are, and its connection is cut."""
    monkeypatch.setattr(search, "SECONDS", 0.2)
    catalog.reply("/search", scripts.silent(), forever=True)

    answers = await asyncio.gather(*(api.call("GET", "/search?q=x") for _ in range(9)))

    assert {(answer.status, answer.body["failureCode"]) for answer in answers} == {(503, "timeout")}
    assert fetcher.courtesy.resting() == ()
    await until("no connection is left", lambda: not catalog.open)


async def test_few_searches_run_at_a_time(serve: Serve) -> None:
    """The others wait for their turn, and get it."""

    class Slow(TwoQuestions):
        def __init__(self) -> None:
            self.running = self.most = 0
            self.full, self.gate = asyncio.Event(), asyncio.Event()

        async def search(self, *_: object) -> tuple[Hit, ...]:
            self.running += 1
            self.most = max(self.most, self.running)
            if self.running == search.AT_A_TIME:
                self.full.set()
            await self.gate.wait()
            self.running -= 1
            return ()

    catalog = Slow()
    api = await serve(catalog=catalog)
    asked = [asyncio.create_task(api.call("GET", "/search?q=x")) for _ in range(search.AT_A_TIME + 3)]
    await catalog.full.wait()
    await asyncio.gather(*(api.call("GET", "/stats") for _ in asked))  # the server has time to take up the others
    catalog.gate.set()

    assert {(await one).status for one in asked} == {200}
    assert catalog.most == search.AT_A_TIME
