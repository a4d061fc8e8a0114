"""`POST /batch`: many jobs in one request, each answered by itself."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.conftest import Serve
from tests.api.serving import Answer, Api

from tonearm.model import JOB_ID

TRACK = {"type": "track", "trackId": 11, "quality": "LOSSLESS"}
ALBUM = {"type": "album", "albumId": 5, "quality": "HIGH"}


def tracks(count: int, first: int = 1) -> list[dict[str, Any]]:
    """So many different tracks, as they are submitted."""
    return [{"job": {**TRACK, "trackId": number}} for number in range(first, first + count)]


async def send(api: Api, jobs: Any, **headers: str) -> Answer:
    """Submit a batch."""
    return await api.call("POST", "/batch", json={"jobs": jobs}, headers=headers)


async def test_every_job_of_a_batch_gets_its_id_in_order(api: Api) -> None:
    """200 with a result for each, and the records say what was asked."""
    answer = await send(api, [{"job": TRACK, "priority": "high"}, {"job": ALBUM, "startPaused": True}])

    assert (answer.status, answer.body["success"], answer.body["queueSource"]) == (200, True, "memory")
    first, second = answer.body["results"]
    assert first.keys() == second.keys() == {"success", "jobId"}
    assert JOB_ID.fullmatch(first["jobId"])
    track, album = await api.job(first["jobId"]), await api.job(second["jobId"])
    assert (track["job"], track["priority"], track["client"]) == (TRACK, "high", "127.0.0.1")
    assert (album["job"], album["status"]) == (ALBUM, "paused")


async def test_jobs_that_are_written_wrong_do_not_stop_the_others(api: Api) -> None:
    """Each is refused in its place with code, text and field."""
    wrong = [
        7,
        {},
        {"job": {**TRACK, "trackId": 0}},
        {"job": {**TRACK, "quality": "MP3"}},
        {"job": TRACK, "maxRetries": -1},
    ]
    answer = await send(api, [*wrong, {"job": TRACK}, {"job": ALBUM, "color": "red"}])

    results = answer.body["results"]
    assert [each.get("code") for each in results] == [
        "INVALID_JOB", "INVALID_JOB", "INVALID_ID", "INVALID_QUALITY", "INVALID_FIELD", None, None,
    ]  # fmt: skip
    assert [each.get("field") for each in results[:5]] == [None, "job", "trackId", "quality", "maxRetries"]
    assert all(each["error"] for each in results[:5])
    assert results[6]["warning"] == "Fields that are not used: color"
    assert (await api.call("GET")).body["count"] == 2


async def test_a_batch_in_which_all_is_wrong_adds_nothing(api: Api) -> None:
    """It is answered like any other."""
    answer = await send(api, [None, {"job": "x"}])

    assert (answer.status, [each["code"] for each in answer.body["results"]]) == (200, ["INVALID_JOB"] * 2)


@pytest.mark.parametrize("jobs", [None, {}, [], tracks(101)], ids=["none", "an object", "empty", "101"])
async def test_what_is_no_batch_is_refused(api: Api, jobs: Any) -> None:
    """400 INVALID_FIELD that names `jobs`."""
    answer = await send(api, jobs)

    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "INVALID_FIELD", "jobs")


async def test_a_hundred_jobs_are_one_batch_and_cost_ten_of_the_rate(serve: Serve) -> None:
    """With the usual ten a minute the next one has to wait, and is told for how long."""
    api = await serve(QUEUE_RATE_LIMIT_PER_MIN="10")
    assert all(each["success"] for each in (await send(api, tracks(100))).body["results"])

    refused = await send(api, tracks(1, first=200))

    assert (refused.status, refused.body["code"]) == (429, "RATE_LIMITED")
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert (await send(api, tracks(100))).status == 200  # they are all there already


async def test_a_duplicate_in_a_batch_is_named(api: Api) -> None:
    """Of a job that is there, and of one before it."""
    there = await api.submit()
    answer = await send(api, [{"job": TRACK}, {"job": ALBUM}, {"job": ALBUM}])

    first, second, third = answer.body["results"]
    assert (first["jobId"], first["duplicate"]) == (there, True)
    assert (third["jobId"], third["duplicate"]) == (second["jobId"], True)


async def test_a_job_that_finds_no_room_says_which_limit(serve: Serve) -> None:
    """CLIENT_QUEUE_FULL and its number; those before it are in."""
    api = await serve(QUEUE_MAX_SIZE="2")
    answer = await send(api, tracks(3))

    refused = answer.body["results"][2]
    assert [each["success"] for each in answer.body["results"]] == [True, True, False]
    assert (refused["code"], refused["limit"]) == ("CLIENT_QUEUE_FULL", {"name": "size", "allowed": 2})


async def test_a_batch_under_a_key_is_answered_as_before(api: Api) -> None:
    """The whole of it, with what was refused; another batch under the key is a mismatch."""
    jobs = [{"job": TRACK, "checkDuplicate": False}, {"job": {**TRACK, "trackId": 0}}, {"job": ALBUM}]
    first = await send(api, jobs, **{"Idempotency-Key": "k"})
    again = await send(api, jobs, **{"Idempotency-Key": "k"})

    assert again.body == first.body
    assert (await api.call("GET")).body["count"] == 2
    other = await send(api, jobs[:1], **{"Idempotency-Key": "k"})
    assert (other.status, other.body["code"]) == (422, "IDEMPOTENCY_MISMATCH")
    single = await api.call("POST", json=jobs[0], headers={"Idempotency-Key": "k"})
    assert single.status == 422


async def test_a_batch_may_be_as_long_as_a_hundred_bodies(serve: Serve) -> None:
    """What is longer is refused with 413."""
    api = await serve(QUEUE_MAX_BODY_BYTES="100")
    titled = [{"job": {**TRACK, "trackTitle": "x" * 5_000}}]

    assert (await send(api, titled)).status == 200
    assert (await send(api, titled * 2)).status == 413


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_batch_is_a_name_and_no_job(api: Api, method: str) -> None:
    """405 with what is allowed."""
    answer = await api.call(method, "/batch", **({"json": {"action": "cancel"}} if method == "PATCH" else {}))

    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
