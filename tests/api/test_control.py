"""Control over HTTP: what holds for the whole queue, and steering it field by field."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Serve
from tests.api.serving import WORKER, Api
from tests.contract import steps
from tests.support.clock import FakeClock

from tonearm.model import Control


async def test_control_shows_the_settings_until_somebody_steers(serve: Serve) -> None:
    """The effective values, for how many living worker processes, and that nobody set any of them."""
    api = await serve(FakeClock(), QUEUE_MAX_CONCURRENT="3", QUEUE_BANDWIDTH_LIMIT="70000")
    answer = await api.call("GET", "/control/")

    assert answer.status == 200
    assert answer.body == {
        "success": True,
        "paused": False,
        "bandwidthLimit": 70_000,
        "maxConcurrent": 3,
        "overrides": [],
        "workers": 1,
    }


async def test_what_is_set_wins_over_the_settings_until_null_takes_it_back(api: Api) -> None:
    """Field by field; the answer is what holds then, and GET says the same."""
    for change, expected in (
        ({"maxConcurrent": 2}, (False, 0, 2, ["maxConcurrent"])),
        ({"bandwidthLimit": 1_000, "paused": True}, (True, 1_000, 2, ["paused", "bandwidthLimit", "maxConcurrent"])),
        ({"bandwidthLimit": 0}, (True, 0, 2, ["paused", "bandwidthLimit", "maxConcurrent"])),
        ({}, (True, 0, 2, ["paused", "bandwidthLimit", "maxConcurrent"])),
        ({"paused": None, "maxConcurrent": None}, (False, 0, 4, ["bandwidthLimit"])),
        ({"paused": False, "bandwidthLimit": None}, (False, 0, 4, [])),
    ):
        answer = await api.call("PATCH", "/control", json=change)
        assert answer.status == 200, answer.body
        assert "warning" not in answer.body
        names = ("paused", "bandwidthLimit", "maxConcurrent", "overrides")
        assert tuple(answer.body[name] for name in names) == expected
        assert (await api.call("GET", "/control")).body == answer.body


async def test_a_paused_queue_accepts_jobs_and_hands_out_none(api: Api) -> None:
    """Until it is resumed."""
    await api.call("PATCH", "/control", json={"paused": True})
    job_id = await api.submit()
    assert await steps.claim(api.store, WORKER, tracks=1) == ()
    assert (await api.job(job_id))["status"] == "queued"

    await api.call("PATCH", "/control", json={"paused": False})
    assert [claim.job_id for claim in await steps.claim(api.store, WORKER, tracks=1)] == [job_id]


WRONG: dict[str, tuple[Any, ...]] = {
    "paused": (1, 0, "true", [], {}),
    "bandwidthLimit": (-1, 1.5, 2.0, "5", True, 10**15 + 1),
    "maxConcurrent": (0, -1, 1_001, 1.0, "4", True, 10**400),
}


@pytest.mark.parametrize(("field", "value"), [(field, value) for field, values in WRONG.items() for value in values])
async def test_a_wrong_value_is_refused_and_nothing_changes(api: Api, field: str, value: Any) -> None:
    """By the name of the field, also beside a good one."""
    good = {"paused": True} if field != "paused" else {"maxConcurrent": 2}
    answer = await api.call("PATCH", "/control", json={**good, field: value})

    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "INVALID_FIELD", field)
    assert await api.store.control() == Control()


async def test_the_largest_values_are_accepted(api: Api) -> None:
    """As documented."""
    answer = await api.call("PATCH", "/control", json={"bandwidthLimit": 10**15, "maxConcurrent": 1_000})

    assert (answer.body["bandwidthLimit"], answer.body["maxConcurrent"]) == (10**15, 1_000)


async def test_unknown_fields_of_control_are_named(api: Api) -> None:
    """As with a submission."""
    answer = await api.call("PATCH", "/control", json={"paused": True, "speed": 5})

    assert answer.body["warning"] == "Fields that are not used: speed"
    assert (await api.store.control()).paused


@pytest.mark.parametrize("body", ["[]", "{", '{"paused": true, "paused": false}'])
async def test_control_reads_bodies_as_strictly_as_all(api: Api, body: str) -> None:
    """What is no object, no JSON or ambiguous changes nothing."""
    answer = await api.call("PATCH", "/control", data=body, headers={"Content-Type": "application/json"})

    assert (answer.status, answer.body["code"]) == (400, "INVALID_JSON")
    assert await api.store.control() == Control()


@pytest.mark.parametrize("method", ["DELETE", "POST", "PUT"])
async def test_control_is_no_job(api: Api, method: str) -> None:
    """Other methods are not allowed there, and the answer says which are."""
    answer = await api.call(method, "/control", json={})

    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, PATCH")
