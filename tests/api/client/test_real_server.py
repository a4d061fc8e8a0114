"""Both clients against a real server, whose worker is the test."""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from tests.api.cli.live import Live, live
from tests.contract import steps
from tests.support.clients import Connect, connect

from tonearm.client import Action, Client, JobChanged, Removed, Snapshot, Submission
from tonearm.errors import Invalid, NotFound, WrongState
from tonearm.model import (
    AlbumOutcome,
    Completed,
    JobOrder,
    JobType,
    KeyLimits,
    Publication,
    Quality,
    Scope,
    Status,
)

__all__ = ["connect"]

ALBUM = Submission(job_type=JobType.ALBUM, catalog_id=5, quality=Quality.LOSSLESS)
TRACKS = [Submission(job_type=JobType.TRACK, catalog_id=number, quality=Quality.LOW) for number in (6, 7)]
TITLES = ["Title 1", "Title 2", "Title 3"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Live]:
    with live(QUEUE_RATE_LIMIT_PER_MIN="0", DOWNLOAD_DIR=str(tmp_path)) as server:
        yield server


@pytest.fixture
def client(connect: Connect, server: Live) -> Iterator[Client]:
    with connect(server.url) as client:
        yield client


async def bring(server: Live, library: Path) -> None:
    """Complete every track that is ready with a file that is really there, but for the first, which is not found."""
    first, *others = await steps.claim_all(server.store)
    await server.store.settle(first, steps.NOT_FOUND)
    for claim in others:
        path = library / f"{claim.task_id}.flac"
        path.write_bytes(claim.task_id.encode())
        await server.store.commit(claim, Publication(path.name, path.stat().st_size, path.stat().st_ino))
        await server.store.settle(claim, Completed((path.name,), path.stat().st_size))


def test_an_album_is_followed_to_its_archive(server: Live, client: Client, tmp_path: Path) -> None:
    """Every record of a real server fits the client's types, and nothing of a job is lost on the way."""
    job_id = client.submit(JobType.ALBUM, 5, Quality.LOSSLESS).job_id
    server.run(steps.expand(server.store, server.run(steps.claim_album(server.store)), len(TITLES)))
    assert [row.track_title for row in client.tracks(job_id, page_size=2)] == TITLES
    with pytest.raises(WrongState):
        client.archive(job_id)
    server.run(bring(server, tmp_path))

    done = client.wait(job_id, timeout=60)
    with urllib.request.urlopen(f"{server.url}/api/download-queue/{job_id}") as answer:
        assert done.as_json() == json.load(answer)["job"]
    download = client.archive(job_id)
    pieces = b"".join(download)
    client.archive(job_id).save(tmp_path / "music.zip")

    assert (done.outcome, done.completed_tracks, len(done.failed_tracks or ())) == ("partial", 2, 1)
    with zipfile.ZipFile(io.BytesIO(pieces)) as archive:
        assert sorted(archive.namelist()) == sorted(Path(file).name for file in done.files)
    assert download.size == len(pieces) == (tmp_path / "music.zip").stat().st_size


def test_jobs_are_submitted_listed_and_acted_upon(client: Client) -> None:
    """One by one and many at once."""
    outcomes = client.submit_batch([ALBUM, *TRACKS]).results
    album, track, other = (str(outcome.job_id) for outcome in outcomes)

    assert client.submit(JobType.TRACK, 6, Quality.LOW).duplicate
    assert [job.id for job in client.jobs(order=JobOrder.CREATED, page_size=1)] == [album, track, other]
    assert [outcome.success for outcome in client.act_many(Action.PAUSE, [track, other]).results] == [True, True]
    assert {job.id for job in client.jobs(status=Status.PAUSED)} == {track, other}
    assert list(client.jobs(outcome=AlbumOutcome.PARTIAL)) == []
    assert client.act(track, Action.RESUME) == "Resume requested"
    assert client.act(track, Action.CANCEL) == "Cancellation requested"
    assert client.clear(Status.CANCELLED).removed == 1
    assert client.delete(other).message == "Job cancelled"
    with pytest.raises(NotFound):
        client.job(other)
    with pytest.raises(Invalid) as wrong:
        client.submit(JobType.TRACK, 0, Quality.LOW)
    assert (wrong.value.field, client.stats().queue.total) == ("trackId", 1)


def test_the_whole_queue_is_looked_at_and_steered(server: Live, client: Client) -> None:
    """Figures, health, workers, control and keys."""
    server.run(server.store.heartbeat("den-1", "den", 4))
    client.submit(JobType.TRACK, 6, Quality.LOW)

    assert (client.stats().queue.queued, client.metrics().metrics["queued"]) == (1, 1)
    assert [job.job.catalog_id for job in client.dashboard().jobs] == [6]
    assert client.health().store.reachable
    assert [worker.id for worker in client.workers().workers] == ["den-1"]
    assert client.steer(paused=True, max_concurrent=2).overrides
    assert (client.control().paused, client.control().max_concurrent) == (True, 2)


def test_keys_are_made_and_revoked(server: Live, connect: Connect) -> None:
    """The first is an admin's, and from then on the others are made with it."""
    with connect(server.url) as client:
        root = client.create_key("root", Scope.ADMIN, KeyLimits())
    with connect(server.url, api_key=root) as client:
        client.create_key("ann", Scope.READ, KeyLimits(rate=5))
        before = client.keys()
        client.revoke_key("ann")
        after = client.keys()

    assert {key.name: key.limits for key in before} == {"root": {}, "ann": {"rate": 5}}
    assert [key.name for key in after] == ["root"]


def test_what_happens_is_heard_as_it_happens(client: Client) -> None:
    """A snapshot, then a job, then its end; and from there on again."""
    events = client.events()
    snapshot = next(events)
    job_id = client.submit(JobType.TRACK, 6, Quality.LOW).job_id
    changed = next(event for event in events if isinstance(event, JobChanged))
    client.delete(job_id)
    removed = next(event for event in events if isinstance(event, Removed))

    assert isinstance(snapshot, Snapshot)
    assert (changed.job.id, removed.job_id) == (job_id, job_id)
    again = islice(client.events(after=changed.event_id), 20)
    assert next(event for event in again if isinstance(event, Removed)) == removed
