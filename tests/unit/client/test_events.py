"""Events as they are iterated: typed, taken up again after every kind of cut, and at an end where asking is no use."""

from __future__ import annotations

import json
import random
import threading
from itertools import islice
from typing import Any

import pytest
from tests.support.clients import Connect
from tests.unit.client.playing import JOB_ID, Play, Stage, figures, job

from tonearm import client as face
from tonearm.client import Client
from tonearm.client import events as feed
from tonearm.errors import RefusalCode, Refused, ServerUnreachable

DASHBOARD = figures() | {"jobs": [job()], "generatedAt": "2026-01-02T03:04:05Z"}


def said(name: str, data: Any, number: int | None = None) -> bytes:
    """An event as it stands in the stream."""
    head = "" if number is None else f"id: {number}\n"
    return f"{head}event: {name}\ndata: {json.dumps(data)}\n\n".encode()


def streams(*events: bytes, until: int | None = None) -> Play:
    return Play(200, b"".join(events), {"Content-Type": "text/event-stream"}, unmeasured=True, until=until)


def asked_behind(stage: Stage) -> list[str | None]:
    return [heard.headers.get("Last-Event-ID") for heard in stage.heard]


def test_each_event_has_its_type(stage: Stage, client: Client) -> None:
    """An event that this version does not know is passed over, and one without an id keeps the last."""
    stage.plays(
        streams(
            b": hello\n\n",
            said("snapshot", DASHBOARD, 1),
            said("job", job(status="processing"), 2),
            said("progress", {"id": JOB_ID, "progress": 0.5, "bytesDownloaded": 7, "speedBytesPerSecond": 2.5}),
            said("from_the_future", {}),
            said("stats", figures(), 3),
            said("removed", {"id": JOB_ID}, 4),
        )
    )

    snapshot, changed, progress, stats, removed = islice(client.events(), 5)

    assert isinstance(snapshot, face.Snapshot)
    assert [job.id for job in snapshot.dashboard.jobs] == [JOB_ID]
    assert isinstance(changed, face.JobChanged)
    assert changed.job.status == "processing"
    assert progress == face.Progress(
        event_id="2", job_id=JOB_ID, progress=0.5, bytes_downloaded=7, speed_bytes_per_second=2.5, track_id=None
    )
    assert isinstance(stats, face.StatsChanged)
    assert removed == face.Removed(event_id="4", job_id=JOB_ID)
    assert stage.heard[0].path == "/api/download-queue/events"


@pytest.mark.parametrize("seed", range(8))
def test_a_stream_cut_anywhere_loses_nothing(stage: Stage, client: Client, seed: int) -> None:
    """Each event comes once and in order, for the next stream is asked for behind the last that was complete."""
    events = [said("removed", {"id": f"job-1-{number}"}, number) for number in range(1, 9)]
    cut = random.Random(seed).randrange(sum(map(len, events)))
    arrived = next(n for n in range(8, -1, -1) if sum(map(len, events[:n])) <= cut)
    stage.plays(streams(*events, until=cut), streams(*events[arrived:]))

    found = [event.event_id for event in islice(client.events(), 8)]

    assert found == [str(number) for number in range(1, 9)]
    assert asked_behind(stage) == [None, str(arrived) if arrived else None]


def test_a_stream_goes_on_behind_the_event_that_is_named(stage: Stage, client: Client) -> None:
    """A program that was restarted goes on where it was; an id is whatever the server chose, in UTF-8."""
    stage.plays(streams(said("removed", {"id": JOB_ID}, 8)))

    assert next(client.events(after="7\u00e9")).event_id == "8"
    assert [place.encode("latin-1").decode() for place in asked_behind(stage) if place] == ["7\u00e9"]


def test_after_a_resync_comes_a_snapshot(stage: Stage, client: Client) -> None:
    """The place that the server does not know any more is given up."""
    stage.plays(streams(said("resync", {})), streams(said("snapshot", DASHBOARD, 20)))

    resync, snapshot = islice(client.events(after="7"), 2)

    assert isinstance(resync, face.Resync)
    assert isinstance(snapshot, face.Snapshot)
    assert asked_behind(stage) == ["7", None]


def test_waits_grow_until_an_event_arrives(stage: Stage, client: Client, slept: list[float]) -> None:
    """A server that stays away is asked more and more seldom; its own wish is where that begins."""
    first = streams(b"retry: 2000\n", said("removed", {"id": JOB_ID}, 1))
    stage.plays(first, *[Play(cut=True)] * 5, streams(said("removed", {"id": JOB_ID}, 2)))

    list(islice(client.events(), 2))

    expected = [2, 4, 8, 16, 30, 30]
    assert all(most / 2 <= wait <= most for wait, most in zip(slept, expected, strict=True))


def test_a_full_server_is_asked_again_when_it_said(stage: Stage, client: Client, slept: list[float]) -> None:
    """A refusal in the middle that names its end is waited out."""
    full = {"success": False, "error": "Too many", "code": "STORE_UNAVAILABLE"}
    stage.plays(
        streams(said("removed", {"id": JOB_ID}, 1)),
        Play(503, full, {"Retry-After": "7"}),
        streams(said("removed", {"id": JOB_ID}, 2)),
    )

    assert [event.event_id for event in islice(client.events(), 2)] == ["1", "2"]
    assert slept[1] == 7


def test_a_server_that_restarts_is_found_again(connect: Connect, stage: Stage) -> None:
    """While it is down connections are refused; then the stream goes on."""
    stage.plays(streams(said("removed", {"id": JOB_ID}, 1)))
    again: list[Stage] = []
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            stage.server.shutdown()
            stage.server.server_close()
        if len(waits) == 3:
            again.append(Stage(stage.server.server_address[1]))
            again[0].plays(streams(said("removed", {"id": JOB_ID}, 2)))
            threading.Thread(target=again[0].server.serve_forever, args=(0.01,), daemon=True).start()

    with connect(stage.url, timeout=5, sleep=sleep) as client:
        found = [event.event_id for event in islice(client.events(), 2)]
    again[0].server.shutdown()
    again[0].server.server_close()

    assert found == ["1", "2"]
    assert asked_behind(again[0]) == ["1"]


def test_a_silent_line_is_dead(connect: Connect, stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not a byte for longer than three heartbeats: another stream is opened, whatever the time limit of a call is."""
    monkeypatch.setattr(feed, "SILENCE_SECONDS", 0.05)
    body = said("removed", {"id": JOB_ID}, 1)
    hanging = Play(200, body, {"Content-Type": "text/event-stream"}, hang=True)
    stage.plays(hanging, streams(said("removed", {"id": JOB_ID}, 2)))

    with connect(stage.url, timeout=1_000, sleep=lambda _: None) as client:
        assert [event.event_id for event in islice(client.events(), 2)] == ["1", "2"]


def test_a_server_that_does_not_begin_to_answer_runs_into_the_timeout(
    connect: Connect, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That of a call; silence is for streams that were opened."""
    monkeypatch.setattr(feed, "SILENCE_SECONDS", 1_000)
    stage.plays(Play(mute=True))

    with connect(stage.url, timeout=0.1) as client, pytest.raises(ServerUnreachable, match="timed out"):
        next(client.events())


def test_an_outage_has_an_end_on_request(stage: Stage, client: Client) -> None:
    """Who says how long a server may be away hears of it after that."""
    stage.plays(streams(said("removed", {"id": JOB_ID}, 1)), Play(cut=True))
    events = client.events(outage=0)
    next(events)

    with pytest.raises(ServerUnreachable):
        next(events)


@pytest.mark.parametrize(
    "play",
    [Play(cut=True), Play(200, b"<html>", {"Content-Type": "text/html"}), streams(b"event: job\ndata: {}\n\n")],
)
def test_what_is_not_our_stream_is_an_error_at_once(stage: Stage, client: Client, play: Play) -> None:
    """A wrong address is not asked for ever."""
    stage.plays(play)

    with pytest.raises(ServerUnreachable):
        next(client.events())

    assert len(stage.heard) == 1


def test_a_refusal_to_listen_is_raised(stage: Stage, client: Client, slept: list[float]) -> None:
    """Asking again would not help."""
    refusal = {"success": False, "error": "No", "code": "FORBIDDEN"}
    stage.plays(streams(said("removed", {"id": JOB_ID}, 1)), Play(403, refusal))
    events = client.events()
    next(events)

    with pytest.raises(Refused) as caught:
        next(events)

    assert caught.value.code is RefusalCode.FORBIDDEN
    assert len(slept) == 1
    assert slept[0] <= feed.RETRY_SECONDS


def test_other_calls_go_on_beside_a_stream(stage: Stage, client: Client) -> None:
    """The stream has a connection of its own."""
    stage.plays(
        streams(*(said("removed", {"id": JOB_ID}, n) for n in (1, 2))), Play(200, {"success": True, "job": job()})
    )
    events = client.events()

    assert next(events).event_id == "1"
    assert client.job(JOB_ID).id == JOB_ID
    assert next(events).event_id == "2"
