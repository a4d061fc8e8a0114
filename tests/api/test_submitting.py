"""Submitting jobs over HTTP: what is accepted, and how it is answered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.api.conftest import Serve
from tests.api.serving import Api

from tonearm.model import JOB_ID

TRACK = {"type": "track", "trackId": 11, "quality": "LOSSLESS"}
ALBUM = {"type": "album", "albumId": 5, "quality": "HIGH"}


@pytest.mark.parametrize("job", [TRACK, ALBUM], ids=["track", "album"])
async def test_a_job_is_accepted(api: Api, job: dict[str, Any]) -> None:
    """201 with the id, where to look, a message and the kind of queue."""
    answer = await api.call("POST", json={"job": job})
    job_id = answer.body["jobId"]

    assert answer.status == 201
    assert JOB_ID.fullmatch(job_id)
    assert answer.headers["Location"] == f"/api/download-queue/{job_id}"
    assert answer.body == {
        "success": True,
        "jobId": job_id,
        "message": f"{job['type']} job queued successfully",
        "queueSource": "memory",
    }
    assert (await api.job(job_id))["job"] == job


async def test_what_a_client_asks_beside_the_job_is_kept(api: Api) -> None:
    """Priority, retries, a paused start and titles are in the record."""
    job = {**TRACK, "trackTitle": "Blue 💙", "albumTitle": "Album", "artistName": "Someone"}
    answer = await api.call("POST", json={"job": job, "priority": "high", "maxRetries": 0, "startPaused": True})
    record = await api.job(answer.body["jobId"])

    assert (record["priority"], record["maxRetries"], record["status"]) == ("high", 0, "paused")
    assert record["job"] == job
    assert record["client"] == "127.0.0.1"


async def test_an_unfinished_duplicate_is_answered_with_the_job_that_is_there(api: Api) -> None:
    """200, the first one's id, and `duplicate`."""
    first = await api.submit()
    answer = await api.call("POST", json={"job": TRACK})

    assert answer.status == 200
    assert (answer.body["jobId"], answer.body["duplicate"]) == (first, True)
    assert (await api.call("GET")).body["count"] == 1


async def test_a_duplicate_that_is_wanted_is_another_job(api: Api) -> None:
    """`checkDuplicate: false` adds one whatever is there; another quality is no duplicate."""
    first = await api.submit()
    second = await api.submit(checkDuplicate=False)
    third = await api.call("POST", json={"job": {**TRACK, "quality": "LOW"}})

    assert first != second
    assert third.status == 201


async def test_null_counts_as_absent(api: Api) -> None:
    """A client that writes every field may write null."""
    answer = await api.call("POST", json={"job": {**TRACK, "trackTitle": None}, "priority": None, "maxRetries": None})

    assert answer.status == 201
    assert (await api.job(answer.body["jobId"]))["maxRetries"] == 3


async def test_quality_aliases_map_other_words(serve: Serve) -> None:
    """QUEUE_QUALITY_ALIASES lets a client keep its own words; the record says what it means."""
    api = await serve(QUEUE_QUALITY_ALIASES="HI_RES_LOSSLESS=LOSSLESS")
    answer = await api.call("POST", json={"job": {**TRACK, "quality": "HI_RES_LOSSLESS"}})

    assert answer.status == 201
    assert (await api.job(answer.body["jobId"]))["job"]["quality"] == "LOSSLESS"


async def test_the_location_lies_below_the_base_path(serve: Serve) -> None:
    """A client behind a proxy finds its job."""
    api = await serve(BASE_PATH="/music")
    answer = await api.call("POST", json={"job": TRACK})

    assert answer.headers["Location"].startswith("/music/api/download-queue/job-")
    assert (await api.call("GET", f"/{answer.headers['Location']}")).status == 200


async def test_content_types_of_json_are_accepted(api: Api) -> None:
    """Case and an explicit UTF-8 do not matter."""
    for number, content_type in enumerate(("application/json; charset=utf-8", "Application/JSON;charset=UTF-8"), 1):
        body = f'{{"job": {{"type": "track", "trackId": {number}, "quality": "LOW"}}}}'.encode()
        answer = await api.call("POST", data=body, headers={"Content-Type": content_type})
        assert answer.status == 201


async def test_ids_are_different_in_one_millisecond(api: Api) -> None:
    """Many at once, each with its own id."""
    ids = await asyncio.gather(*(api.submit(number=number) for number in range(1, 31)))

    assert len(set(ids)) == 30
