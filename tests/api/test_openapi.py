"""The OpenAPI document is true: every route is in it, and what the server answers is what it says."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance
from tests.api.catalogs import Searched
from tests.api.serving import Api, serving

from tonearm.api import create_app
from tonearm.api.keyring import hash_of
from tonearm.api.openapi import document
from tonearm.clock import SystemClock
from tonearm.errors import RefusalCode
from tonearm.model import Hit, JobType, KeyRecord, Scope
from tonearm.settings import Settings
from tonearm.store.sqlite import open_sqlite

UNDOCUMENTED = frozenset({"/", "/docs", "/openapi.json"})
"""Pages for people, and the document itself."""

KEY = "tonearm_of_the_tests"
SHOWN = {"Authorization": f"Bearer {KEY}"}
"""Keys are on, so that it does not matter which keys schemathesis makes and revokes."""

HITS = (
    Hit(JobType.ALBUM, 5, "Blue", "Ann", year=1971, track_count=10, cover_url="http://covers.example/5"),
    Hit(JobType.TRACK, 11, "Blue Too", "Ann", album="Blue"),
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """A server in a thread of its own, since schemathesis waits for its answers, with jobs to be found."""
    listening: list[str] = []
    ready, done = threading.Event(), threading.Event()

    async def serve() -> None:
        async with serving(catalog=Searched(*HITS), QUEUE_CRITICAL_SIZE="100000", QUEUE_MAX_SIZE="100000") as api:
            await _fill(api)
            listening.append(api.url)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(10)
    yield listening[0]
    done.set()
    thread.join()


async def _fill(api: Api) -> None:
    await api.store.add_key(KeyRecord("root", Scope.ADMIN, hash_of(KEY), 0))
    api.http.headers.update(SHOWN)
    await api.submit()
    await api.submit("album", 5)


OPERATIONS = [
    (path, method.upper())
    for path, operations in document("")["paths"].items()
    for method in operations
    if method != "parameters"
]
ENDLESS = frozenset({("/api/download-queue/events", "GET")})
"""A stream has no whole answer to look at."""


@pytest.fixture(scope="module")
def described(address: str) -> schemathesis.BaseSchema:
    """The document as the server serves it."""
    return schemathesis.openapi.from_url(f"{address}/openapi.json", headers=SHOWN)


@pytest.mark.parametrize(("path", "method"), [one for one in OPERATIONS if one not in ENDLESS])
def test_answers_are_what_the_document_says(described: schemathesis.BaseSchema, path: str, method: str) -> None:
    """Status, content type, headers and body of whatever schemathesis thinks of, and wrong input is refused.

    That right input is accepted it cannot know: a schema allows `5.0` as an integer, any cursor and any job's id.
    """

    @given(case=described[path][method].as_strategy())
    @settings(max_examples=15, suppress_health_check=list(HealthCheck))
    def check(case: schemathesis.Case[Any]) -> None:
        case.call_and_validate(headers=SHOWN, excluded_checks=[positive_data_acceptance])

    check()


async def test_every_route_is_described_and_every_description_is_a_route() -> None:
    """No path and no method is missing on either side."""
    store = await open_sqlite(None, SystemClock())
    app = create_app(store, Settings(), SystemClock())
    await store.close()
    routes = {
        (route.path.replace("job_id", "jobId"), method)
        for route in app.routes
        if isinstance(route, APIRoute) and route.path not in UNDOCUMENTED
        for method in set(route.methods or ()) - {"HEAD"}
    }

    assert routes == set(OPERATIONS)


def test_every_code_is_in_the_document() -> None:
    """A refusal that can be answered is described where it can happen."""
    text = str([list(operations.values()) for operations in document("")["paths"].values()])

    assert [code for code in RefusalCode if code not in text and code is not RefusalCode.METHOD_NOT_ALLOWED] == []
