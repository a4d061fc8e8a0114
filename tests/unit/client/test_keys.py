"""The API key: where it is sent, and where it never shows."""

from __future__ import annotations

import traceback

import pytest
from tests.support.clients import Connect
from tests.unit.client.playing import JOB_ID, Play, Stage, figures, job

from tonearm.errors import Refused, ServerUnreachable

KEY = "tk_0123456789abcdef"


def test_the_key_goes_with_every_request(connect: Connect, stage: Stage) -> None:
    """It stands in `Authorization` as a bearer token; without one there is no such header."""
    stage.plays(Play(200, {"success": True, "job": job()}))

    with connect(stage.url, api_key=KEY) as client:
        client.job(JOB_ID)
    with connect(stage.url) as client:
        client.job(JOB_ID)

    assert stage.heard[0].headers["Authorization"] == f"Bearer {KEY}"
    assert "Authorization" not in stage.heard[1].headers


def test_the_key_is_not_carried_across_a_redirect(connect: Connect, stage: Stage) -> None:
    """A redirect is not followed, so that nobody but the named server hears the key."""
    stage.plays(Play(307, b"", {"Location": f"{stage.url}/stolen", "Content-Type": "text/plain"}))

    with connect(stage.url, api_key=KEY) as client, pytest.raises(ServerUnreachable):
        client.job(JOB_ID)

    assert len(stage.heard) == 1


def test_no_error_shows_the_key(connect: Connect, stage: Stage) -> None:
    """Neither its words nor its traceback."""
    stage.plays(Play(401, {"success": False, "error": "No", "code": "UNAUTHORIZED"}))

    with connect(stage.url, api_key=KEY) as client, pytest.raises(Refused) as caught:
        client.job(JOB_ID)

    assert KEY not in "".join(traceback.format_exception(caught.value))
    assert KEY not in repr(client)


@pytest.mark.parametrize("wrong", ["", "a b", "a\r\nX: y", "caf\u00e9"])
def test_what_cannot_be_a_key_is_refused_without_being_shown(connect: Connect, wrong: str) -> None:
    """A key that would break the header is an error before anything is sent."""
    with pytest.raises(ValueError, match="an API key is made of") as caught:
        connect(api_key=wrong)

    assert not wrong or wrong not in str(caught.value)


def test_figures_with_a_time_to_come_again_are_figures(connect: Connect, stage: Stage, slept: list[float]) -> None:
    """A 503 of /stats is an answer, and nobody waits for another."""
    stage.plays(Play(503, figures(running=False) | {"success": False, "error": "x"}, {"Retry-After": "1"}))

    with connect(stage.url, sleep=slept.append) as client:
        assert not client.stats().success

    assert slept == []
