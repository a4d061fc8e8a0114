"""The client's search: what it asks, and what it makes of the answers."""

from __future__ import annotations

import pytest
from tests.unit.client.playing import Play, Stage

from tonearm.client import Client, Hit
from tonearm.errors import CannotSearch, CatalogUnavailable, FailureCode, Invalid
from tonearm.model import JobType

AWAY = {"success": False, "error": "No", "code": "CATALOG_UNAVAILABLE"}


def test_what_was_found_comes_as_records(stage: Stage) -> None:
    """Fields that the server left out are None."""
    hit = {"type": "album", "id": 5, "title": "Blue", "trackCount": 10}
    stage.plays(Play(200, {"success": True, "results": [hit], "count": 1}))

    with Client(stage.url) as client:
        found = client.search("blü e", job_type=JobType.ALBUM, limit=3)

    assert found == (Hit(type=JobType.ALBUM, id=5, title="Blue", track_count=10),)
    assert stage.heard[0].path == "/api/download-queue/search?q=bl%C3%BC+e&limit=3&type=album"


@pytest.mark.parametrize(("code", "failure"), [("auth", FailureCode.AUTH), ("newer", FailureCode.INTERNAL)])
def test_a_catalog_that_is_away_says_why(stage: Stage, code: str, failure: FailureCode) -> None:
    """A code that this version does not know is told as internal."""
    stage.plays(Play(503, AWAY | {"failureCode": code}, {"Retry-After": "60"}))

    with Client(stage.url) as client, pytest.raises(CatalogUnavailable) as caught:
        client.search("blue")

    assert (caught.value.failure, caught.value.retry_after_ms) == (failure, 60_000)


def test_a_search_is_said_again_as_the_server_wishes(stage: Stage) -> None:
    """It changes nothing, so a short wait is waited out."""
    slept: list[float] = []
    stage.plays(Play(503, AWAY, {"Retry-After": "2"}), Play(200, {"success": True, "results": [], "count": 0}))

    with Client(stage.url, sleep=slept.append) as client:
        assert client.search("blue") == ()

    assert sum(slept) == 2


def test_refusals_are_the_errors_of_their_codes(stage: Stage) -> None:
    """No search at all, and words that are none."""
    for status, code, error in ((501, "NOT_IMPLEMENTED", CannotSearch), (400, "INVALID_FIELD", Invalid)):
        stage.plays(Play(status, {"success": False, "error": "No", "code": code}))
        with Client(stage.url) as client, pytest.raises(error):
            client.search("blue")
