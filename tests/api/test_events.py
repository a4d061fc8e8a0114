"""The stream of events over HTTP: snapshot, changes, resume, bounds, and its end."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import replace

import pytest
from tests.api.conftest import Serve
from tests.api.listening import listed, listening
from tests.api.serving import WORKER, Api
from tests.contract import steps

from tonearm.api import follower, frames, streams
from tonearm.model import JobRecord, Mark, Phase, Transfer, WorkerReport


async def test_a_stream_begins_with_the_dashboard(api: Api) -> None:
    """As `/dashboard` has it, with an id; not kept by anybody on the way."""
    await api.submit()
    async with listening(api) as listener:
        told = await listener.next()

        assert (told.event, bool(told.id)) == ("snapshot", True)
        assert listener.answer.headers["Content-Type"] == "text/event-stream"
        assert listener.answer.headers["Cache-Control"] == "no-cache"
        assert listener.answer.headers["X-Accel-Buffering"] == "no"
        wanted = (await api.call("GET", "/dashboard")).body
        assert told.data == wanted


async def test_changes_are_told_as_lists_show_them(api: Api) -> None:
    """A job that is new, changes, is worked on, and goes; and the figures without an id."""
    async with listening(api) as listener:
        await listener.next()
        job_id = await api.submit()
        album = await api.submit("album", 5)
        await listener.catch_up(**{job_id: "queued", album: "queued"})
        assert listener.jobs == await listed(api)
        (claim,) = await steps.claim_all(api.store, WORKER)
        await listener.catch_up(**{job_id: "processing"})
        await steps.complete(api.store, claim)
        await listener.catch_up(**{job_id: "completed"})
        assert listener.jobs[job_id] == (await listed(api))[job_id]
        stats = await listener.until(lambda told: told.event == "stats" and told.data["queue"]["completed"] == 1)
        assert stats.id is None
        await api.call("DELETE", f"/{job_id}")
        told = await listener.until(lambda told: told.event == "removed")
        assert (told.data, bool(told.id)) == ({"id": job_id}, True)


async def test_all_who_listen_cost_the_queue_one_reading(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that changed is read once, however many hear of it."""
    read: list[str] = []
    job = api.store.job

    async def counted(job_id: str, *, whole: bool = True) -> JobRecord:
        read.append(job_id)
        return await job(job_id, whole=whole)

    monkeypatch.setattr(api.store, "job", counted)
    async with AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(listening(api)) for _ in range(8)]
        job_id = await api.submit()
        for listener in listeners:
            await listener.catch_up(**{job_id: "queued"})

    assert read == [job_id]


async def test_progress_is_told_without_an_id(api: Api) -> None:
    """How far a transfer is, when it is further than it was."""
    job_id = await api.submit()
    (claim,) = await steps.claim_all(api.store, WORKER)
    async with listening(api) as listener:
        for done in (100, 500):
            mark = Mark(Phase.TRANSFER, done, 1_000)
            transfer = Transfer(claim.task_id, claim.token, mark, 10.0, job_id)
            await api.store.report(WorkerReport(WORKER, 1, 4, (transfer,)))
            told = await listener.until(lambda told: told.event == "progress" and told.data["progress"] > 0)
            assert told.id is None
            assert told.data == {
                "id": job_id,
                "progress": done / 1_000,
                "bytesDownloaded": done,
                "speedBytesPerSecond": 10,
                "trackId": 11,
            }


async def test_progress_of_an_albums_tracks_is_told_by_track(api: Api) -> None:
    """Each that is on its way with its own figures and its id in the catalog, and the album's own behind them."""
    job_id = await steps.open_album(api.store, 4, worker=WORKER)
    claims = await steps.claim(api.store, WORKER, tracks=2)
    transfers = tuple(
        Transfer(
            *(claim.task_id, claim.token, Mark(Phase.TRANSFER, done, 1_000), 10.0, job_id),
            catalog_id=claim.spec.catalog_id,
        )
        for claim, done in zip(claims, (200, 400), strict=True)
    )
    async with listening(api) as listener:
        await listener.next()
        await api.store.report(WorkerReport(WORKER, 2, 4, transfers))
        await listener.until(lambda told: told.event == "progress" and "trackId" not in told.data)
        told = [told.data for told in listener.told if told.event == "progress"]

        own = {"id": job_id, "speedBytesPerSecond": 10}
        assert told[-3:-1] == [
            {**own, "progress": 0.2, "bytesDownloaded": 200, "trackId": claims[0].spec.catalog_id},
            {**own, "progress": 0.4, "bytesDownloaded": 400, "trackId": claims[1].spec.catalog_id},
        ]
        assert told[-1] == {"id": job_id, "progress": 0.15, "bytesDownloaded": 600, "speedBytesPerSecond": 20}

        further = replace(transfers[1], mark=Mark(Phase.TRANSFER, 800, 1_000))
        await api.store.report(WorkerReport(WORKER, 2, 4, (transfers[0], further)))
        before = len(listener.told)
        await listener.until(lambda told: told.event == "progress" and "trackId" not in told.data)
        told = [told.data for told in listener.told[before:] if told.event == "progress"]
        assert [(one.get("trackId"), one["progress"]) for one in told] == [
            (claims[1].spec.catalog_id, 0.8),
            (None, 0.25),
        ]


async def test_a_change_of_an_album_is_told_in_its_short_form(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its thousand tracks nor its history are read for it."""
    job_id = await steps.open_album(api.store, 1_000, worker=WORKER)
    read: list[JobRecord] = []
    job = api.store.job

    async def watched(job_id: str, *, whole: bool = True) -> JobRecord:
        read.append(await job(job_id, whole=whole))
        return read[-1]

    monkeypatch.setattr(api.store, "job", watched)
    async with listening(api) as listener:
        await listener.next()
        await api.store.pause(job_id)
        await listener.catch_up(**{job_id: "paused"})

        assert listener.jobs == await listed(api)
    assert [(len(record.track_progress), len(record.history)) for record in read] == [(0, 0)] * len(read)
    assert read


async def test_a_worker_that_begins_to_live_is_told(serve: Serve) -> None:
    """No job changes with it, and the figures do."""
    api = await serve()
    async with listening(api) as listener:
        await listener.next()
        await api.store.heartbeat("worker-2", "there", 8)
        told = await listener.until(lambda told: told.event == "stats" and told.data["worker"]["maxConcurrent"] != 4)
    assert told.data["worker"]["maxConcurrent"] == 12


async def test_last_event_id_goes_on_without_a_snapshot(api: Api) -> None:
    """What came after it is told, and then what comes."""
    async with listening(api) as listener:
        await listener.next()
    missed = await api.submit()
    async with listening(api, listener.last) as again:
        told = await again.next()
        assert (told.event, told.data["id"]) == ("job", missed)
        later = await api.submit(number=12)
        await again.catch_up(**{later: "queued"})
        assert "snapshot" not in {told.event for told in again.told}


@pytest.mark.parametrize("after", ["", "x", "no-such-1", "9" * 5_000, "~", "a-b-c-99999999999999999999"])
async def test_an_unknown_id_is_a_resync(api: Api, after: str) -> None:
    """Then a snapshot follows, and all goes on from there."""
    job_id = await api.submit()
    async with listening(api, after) as listener:
        assert [(await listener.next()).event for _ in range(2)] == ["resync", "snapshot"]
        assert list(listener.jobs) == [job_id]
        later = await api.submit(number=12)
        await listener.catch_up(**{later: "queued"})


async def test_too_many_missed_events_are_a_resync(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the bound they are told, and beyond it a snapshot is less."""
    monkeypatch.setattr(follower, "RESUMED", 3)
    async with listening(api) as listener:
        await listener.next()
    for number in range(1, 4):
        await api.submit(number=number)
    async with listening(api, listener.last) as again:
        assert (await again.next()).event == "job"
    await api.submit(number=4)
    async with listening(api, listener.last) as again:
        assert (await again.next()).event == "resync"


async def test_who_falls_behind_is_told_so(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ring has moved on: a resync and a snapshot take the place of what was missed."""
    monkeypatch.setattr(frames, "RING_FRAMES", 1)
    monkeypatch.setattr(follower, "PAUSE_S", 0.5)
    async with listening(api) as listener:
        await listener.next()
        jobs = await asyncio.gather(*(api.submit(number=number) for number in range(1, 20)))
        await listener.until(lambda told: told.event == "resync")
        assert (await listener.next()).event == "snapshot"
        await listener.catch_up(**dict.fromkeys(jobs, "queued"))


async def test_who_does_not_read_is_cut_off(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps no place among the streams, and nobody else waits for it."""
    monkeypatch.setattr(streams, "SEND_S", 0.3)
    api = await serve(QUEUE_MAX_STREAMS="1")
    monkeypatch.setattr(frames, "HEARTBEAT", b":" + b"x" * 400_000 + b"\n\n")
    monkeypatch.setattr(streams, "HEARTBEAT", frames.HEARTBEAT)
    monkeypatch.setattr(streams, "CHECK_S", 0.01)
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.01)
    reader, writer = await asyncio.open_connection(api.host, api.port, limit=1_024)
    writer.write(b"GET /api/download-queue/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b"200" in await reader.readline()
    async with asyncio.timeout(10):
        while await refused(api):  # each question is a request
            pass
    writer.close()


async def refused(api: Api) -> bool:
    """Whether there is no room for another stream."""
    async with api.http.get(f"{api.url}/api/download-queue/events") as answer:
        return answer.status == 503


async def test_silence_is_broken_by_a_comment(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that no proxy takes the stream for dead."""
    monkeypatch.setattr(streams, "CHECK_S", 0.05)
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.1)
    async with listening(api) as listener, asyncio.timeout(10):
        await listener.next()
        assert [await listener.answer.content.readline() for _ in range(2)] == [b":\n", b"\n"]


async def test_too_many_streams_are_refused(serve: Serve) -> None:
    """In all; a place is free again when its listener has gone."""
    api = await serve(QUEUE_MAX_STREAMS="1")
    async with listening(api) as listener:
        await listener.next()
        answer = await api.call("GET", "/events")
        assert (answer.status, answer.body["code"]) == (503, "TOO_MANY_STREAMS")
        assert answer.body["limit"] == {"name": "streams", "allowed": 1}
        assert int(answer.headers["Retry-After"]) >= 1
    async with asyncio.timeout(10):
        while await refused(api):  # each question is a request
            pass


async def test_one_client_cannot_have_all_streams(serve: Serve) -> None:
    """A tenth of them, or 10 if that is more."""
    api = await serve(QUEUE_MAX_STREAMS="50")
    async with AsyncExitStack() as stack:
        for _ in range(10):
            await stack.enter_async_context(listening(api))
        answer = await api.call("GET", "/events")
        assert (answer.body["code"], answer.body["limit"]) == ("TOO_MANY_STREAMS", {"name": "streams", "allowed": 10})


async def test_a_stop_ends_streams_at_once(api: Api) -> None:
    """The server does not wait its grace for them, and what was sent arrives whole."""
    async with listening(api) as listener:
        await listener.next()
        async with asyncio.timeout(10):
            stopping = asyncio.create_task(api.server.stop(60_000))
            with pytest.raises(EOFError):
                await listener.until(lambda _: False)
            await stopping


async def test_head_has_the_headers_alone(api: Api) -> None:
    """And ends."""
    answer = await api.call("HEAD", "/events")

    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/event-stream")
