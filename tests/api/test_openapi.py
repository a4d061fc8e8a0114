"""The OpenAPI document is whole: every route, every code, and links that lead somewhere.

That the server answers as it says is shown by `test_conformance`.
"""

from __future__ import annotations

import pytest
from fastapi.routing import APIRoute
from tests.api.serving import PREFIX, Api

from tonearm.api import create_app
from tonearm.api.links import LINKS
from tonearm.api.openapi import document
from tonearm.clock import SystemClock
from tonearm.errors import RefusalCode
from tonearm.settings import Settings
from tonearm.store.sqlite import open_sqlite

UNDOCUMENTED = frozenset({"/", "/docs", "/openapi.json"})
"""Pages for people, and the document itself."""

PATHS = document("")["paths"]
OPERATIONS = [
    (path, method.upper()) for path, operations in PATHS.items() for method in operations if method != "parameters"
]


@pytest.fixture
async def routes() -> list[APIRoute]:
    """The routes of the application."""
    store = await open_sqlite(None, SystemClock())
    app = create_app(store, Settings(), SystemClock())
    await store.close()
    return [route for route in app.routes if isinstance(route, APIRoute)]


async def test_every_route_is_described_and_every_description_is_a_route(routes: list[APIRoute]) -> None:
    """No path and no method is missing on either side."""
    made = {
        (route.path.replace("job_id", "jobId"), method)
        for route in routes
        if route.path not in UNDOCUMENTED
        for method in set(route.methods or ()) - {"HEAD"}
    }

    assert made == set(OPERATIONS)


async def test_no_route_has_its_parameters_read_for_it(routes: list[APIRoute]) -> None:
    """Each takes them from the request: FastAPI would load all of pydantic.v1 at the start to look at their types."""
    read = {route.path: route.dependant.path_params + route.dependant.query_params for route in routes}

    assert {path: parameters for path, parameters in read.items() if parameters} == {}


def test_every_code_is_in_the_document() -> None:
    """A refusal that can be answered is described where it can happen."""
    text = str([list(operations.values()) for operations in PATHS.values()])

    assert [code for code in RefusalCode if code not in text and code is not RefusalCode.METHOD_NOT_ALLOWED] == []


def test_links_follow_what_there_is_and_lead_to_it() -> None:
    """Both ends of a link are operations of the document."""
    names = {operations[method.lower()]["operationId"] for path, method in OPERATIONS if (operations := PATHS[path])}

    assert set(LINKS) <= names
    assert {link["operationId"] for links in LINKS.values() for link in links.values()} <= names


def test_the_next_page_of_a_list_is_of_what_was_asked_for() -> None:
    """Every parameter of the list is handed on; the cursor comes from the answer."""
    for name, path in (("listJobs", PREFIX), ("listTracks", f"{PREFIX}/{{jobId}}/tracks")):
        asked = {f"query.{one['name']}" for one in PATHS[path]["get"]["parameters"]}
        handed = LINKS[name]["nextPage"]["parameters"]

        assert asked == {parameter for parameter in handed if parameter.startswith("query.")}


async def test_the_document_is_what_the_server_serves(api: Api) -> None:
    """At /openapi.json, as JSON."""
    answer = await api.call("GET", "//openapi.json")

    assert answer.body == document("")
    assert answer.body["openapi"].startswith("3.1")
