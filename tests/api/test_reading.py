"""Reading over HTTP: lists, single jobs, and the tracks of an album."""

from __future__ import annotations

import pytest
from tests.api.serving import WORKER, Api
from tests.contract import steps

from tonearm.model import Mark, Phase, Transfer, WorkerReport


async def ids(api: Api, query: str = "") -> list[str]:
    """The ids of a list, in order."""
    answer = await api.call("GET", query)
    assert answer.status == 200, answer.body
    jobs = [job["id"] for job in answer.body["jobs"]]
    assert answer.body["count"] == len(jobs)
    return jobs


async def test_an_empty_queue_is_an_empty_list(api: Api) -> None:
    """No jobs, no cursor."""
    assert (await api.call("GET", "/")).body == {"success": True, "jobs": [], "count": 0}


async def test_pages_hold_every_job_exactly_once(api: Api) -> None:
    """Following nextCursor shows each job once; the last page has none."""
    made = [await api.submit(number=number) for number in range(1, 8)]
    seen: list[str] = []
    cursor = ""
    while True:
        answer = await api.call("GET", f"?limit=3&sort=created{cursor}")
        seen += [job["id"] for job in answer.body["jobs"]]
        if "nextCursor" not in answer.body:
            break
        cursor = f"&cursor={answer.body['nextCursor']}"

    assert seen == made


async def test_a_long_page_is_more_than_the_store_gives_at_once(api: Api) -> None:
    """`limit` up to 1000, though one call of the store has at most 200."""
    made = [await steps.submit_track(api.store) for _ in range(450)]

    answer = await api.call("GET", "?limit=401&sort=created")
    assert [job["id"] for job in answer.body["jobs"]] == made[:401]
    rest = await api.call("GET", f"?limit=1000&sort=created&cursor={answer.body['nextCursor']}")
    assert [job["id"] for job in rest.body["jobs"]] == made[401:]
    assert len(await ids(api)) == 200


async def test_filters(api: Api) -> None:
    """By status, type, client and text; an empty value counts as absent."""
    track = await api.submit(number=1)
    album = await api.submit("album", 2, priority="low")
    paused = await api.submit(number=3, startPaused=True)
    other = await steps.submit_track(api.store, client="someone else")

    assert set(await ids(api, "?status=&type=&q=&client=&limit=")) == {track, album, paused, other}
    assert await ids(api, "?type=album") == [album]
    assert await ids(api, "?status=paused") == [paused]
    assert await ids(api, "?client=someone%20else") == [other]
    assert await ids(api, f"?q={track}") == [track]
    assert await ids(api, "?q=no+such+title") == []
    assert await ids(api, "?status=queued&type=track&client=127.0.0.1") == [track]


@pytest.mark.parametrize("q", ["%25", "_", "%00", "'", "\\", "%F0%9F%92%99", "a" * 2000])
async def test_any_text_can_be_looked_for(api: Api, q: str) -> None:
    """No character of `q` means anything but itself."""
    await api.submit()

    assert await ids(api, f"?q={q}") in ([], [await _only(api)])


async def _only(api: Api) -> str:
    (job_id,) = await ids(api)
    return job_id


async def test_one_job_is_whole(api: Api) -> None:
    """The record of one id has the history; that of a list has not."""
    job_id = await api.submit()
    record = await api.job(job_id)
    (listed,) = (await api.call("GET")).body["jobs"]

    assert record["history"]
    assert {name: value for name, value in record.items() if name != "history"} == listed
    assert record["id"] == job_id
    assert (record["status"], record["progress"], record["bytesDownloaded"], record["files"]) == ("queued", 0, 0, [])
    assert not {"error", "startedAt", "trackCount", "cancellationRequested", "speedBytesPerSecond"} & set(record)


async def test_a_running_transfer_shows_speed_and_the_time_that_is_left(api: Api) -> None:
    """Progress, bytes, speed and etaSeconds follow what the worker reports."""
    job_id = await api.submit()
    claim = await steps.claim_one(api.store, WORKER)
    transfer = Transfer(claim.task_id, claim.token, Mark(Phase.TRANSFER, 2_500_000, 10_000_000), speed=1_000_000.4)
    await api.store.report(WorkerReport(WORKER, 1, 4, (transfer,)))
    record = await api.job(job_id)

    assert record["status"] == "processing"
    assert (record["bytesDownloaded"], record["bytesTotal"]) == (2_500_000, 10_000_000)
    assert (record["speedBytesPerSecond"], record["etaSeconds"]) == (1_000_000, 7.5)
    assert 0 < record["progress"] < 1


async def test_an_album_counts_its_tracks_and_names_what_is_missing(api: Api) -> None:
    """A partial album says so in outcome, error, counts and failedTracks."""
    job_id = await api.submit("album", 5)
    await steps.expand(api.store, await steps.claim_album(api.store, WORKER), 3)
    first, second, third = await steps.claim_all(api.store, WORKER)
    await steps.complete(api.store, first)
    await steps.fail(api.store, second)
    await steps.complete(api.store, third)
    record = await api.job(job_id)

    assert (record["status"], record["outcome"]) == ("completed", "partial")
    assert (record["trackCount"], record["completedTracks"], record["failedCount"]) == (3, 2, 1)
    assert record["error"].startswith("1 of 3 tracks failed: ")
    (failed,) = record["failedTracks"]
    assert (failed["code"], failed["attempts"]) == ("not_found", 1)
    assert [track["status"] for track in record["trackProgress"]] == ["completed", "failed", "completed"]
    (listed,) = (await api.call("GET")).body["jobs"]
    assert listed["failedTracks"] == record["failedTracks"]
    assert "trackProgress" not in listed


async def test_tracks_are_paged_in_the_order_of_the_album(api: Api) -> None:
    """All tracks of a long album, exactly once, in order."""
    job_id = await api.submit("album", 5)
    claim = await steps.claim_album(api.store, WORKER)
    await api.store.expand(claim, steps.info_of(claim, 250), 1, steps.album_tracks(200), last=False)
    await api.store.expand(claim, steps.info_of(claim, 250), 201, steps.album_tracks(50, 201), last=True)
    wanted = [track.id for track in steps.album_tracks(250)]

    first = (await api.call("GET", f"/{job_id}/tracks?limit=240")).body
    rest = (await api.call("GET", f"/{job_id}/tracks/?cursor={first['nextCursor']}")).body
    assert (first["count"], rest["count"]) == (240, 10)
    assert [track["trackId"] for track in first["tracks"] + rest["tracks"]] == wanted
    assert "nextCursor" not in rest
    assert set(first["tracks"][0]) == {"trackId", "trackTitle", "status", "progress"}


async def test_a_track_job_has_no_tracks(api: Api) -> None:
    """Neither has an album that the catalog has not named yet."""
    for job_id in (await api.submit(), await api.submit("album", 5)):
        assert (await api.call("GET", f"/{job_id}/tracks")).body == {"success": True, "tracks": [], "count": 0}


@pytest.mark.parametrize("path", ["", "/stats", "//healthz", "//readyz", "//docs", "//openapi.json", "//"])
async def test_head_answers_like_get_without_the_body(api: Api, path: str) -> None:
    """Every path that has GET has HEAD."""
    answer = await api.call("HEAD", path)

    assert answer.status == 200
    assert int(answer.headers["Content-Length"]) > 0
