"""What the scripts answer becomes tasks, records and claims, or is told to be unreadable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from tonearm.errors import FailureCode
from tonearm.model import (
    HISTORY_LIMIT,
    AlbumInfo,
    FailedTrack,
    HistoryEntry,
    JobSpec,
    JobType,
    Mark,
    Phase,
    Priority,
    Publication,
    Quality,
    RestingHost,
    RestKind,
    StageRef,
    State,
    Submission,
    TaskKind,
    Transfer,
    WorkerReport,
)
from tonearm.store.overlay import Overlay
from tonearm.store.records import file_page, record, track_page
from tonearm.store.redis.reading import Snapshot, fields_of, handed_out, overlay_of, task_of, tombstone_of
from tonearm.store.task import Task, Unreadable, new_job

NOW = 1_700_000_000_000
JOB = Submission(
    "job-1-abc",
    "ann",
    JobSpec(JobType.TRACK, 7, Quality.HIGH, track_title="Blue"),
    priority=Priority.LOW,
    max_retries=5,
)
FILE = Publication("Joni/Blue/03 Blue.flac", 5_000, 99)


def job(**values: Any) -> Task:
    """A track job as it was submitted, with some fields changed."""
    return replace(new_job(JOB, NOW), **({"seq": 12} | values))


def album(**values: Any) -> Task:
    """An album with a list of three tracks, waiting for them."""
    resolved = {"track_count": 3, "entered": 3, "state": "waiting", "started_at": NOW}
    return job(**({"type": "album"} | resolved | values))


def track(position: int, **values: Any) -> Task:
    """A track of that album."""
    return job(
        **({"seq": 12 + position, "id": f"job-1-abc.{position}", "parent": 12, "position": position} | values),
    )


def flat(task: Task, **further: str) -> list[str]:
    """A task as a script answers it."""
    kept = {name: str(value) for name, value in fields_of(task).items()} | further
    return [part for pair in kept.items() for part in pair]


def without(name: str) -> list[str]:
    kept = flat(job())
    place = kept.index(name)
    return kept[:place] + kept[place + 2 :]


ACTIVE = {"state": "active", "token": "2:aa", "worker": "w", "lease_until": NOW + 60_000, "epoch": 2, "started_at": NOW}
DONE = {
    "state": "completed",
    "finished_at": NOW + 5,
    "started_at": NOW,
    "publication": msgspec.json.encode(FILE).decode(),
    "files": '["Joni/Blue/03 Blue.flac"]',
    "file_count": 1,
    "size": 5_000,
    "warnings": '["no cover"]',
}
FAILED = {"state": "failed", "finished_at": NOW + 9, "error": "gone", "failure_code": "not_found", "retry_count": 2}


@pytest.mark.parametrize("task", [job(), job(**ACTIVE), job(**DONE), job(**FAILED), album(), track(3, **DONE)])
def test_a_task_reads_as_it_was_kept(task: Task) -> None:
    """With what has its usual value left out."""
    assert task_of(flat(task)) == task
    assert len(fields_of(task)) < 25


def test_what_only_scripts_need_is_passed_over() -> None:
    """And so is what a newer version may add."""
    assert task_of(flat(job(), reserved="a/b", previous_stage="w1 3")) == job()


@pytest.mark.parametrize(
    "broken",
    [
        flat(job(), size="many"),
        flat(job(), size="1_000"),
        flat(job(), size=""),
        flat(job(), size="9" * 30),
        flat(job(), state="asleep"),
        flat(job(), type="book"),
        flat(job(), failure_code="bad luck"),
        flat(job(), priority="3"),
        flat(job(), state="completed"),
        flat(job(), finished_at=str(NOW)),
        flat(job(), track_title="\udce9"),
        [*flat(job()), "size"],
        without("client"),
        without("created_at"),
    ],
)
def test_garbage_is_unreadable_by_the_number_of_its_task(broken: list[str]) -> None:
    """So that the engine can set it aside."""
    with pytest.raises(Unreadable) as caught:
        task_of(broken)

    assert caught.value.seq == 12


@pytest.mark.parametrize("broken", [[], ["seq"], flat(job(), seq="x"), without("seq")])
def test_a_record_that_does_not_say_whose_it_is_is_nobody_s(broken: list[str]) -> None:
    with pytest.raises(Unreadable) as caught:
        task_of(broken)

    assert caught.value.seq == 0


def test_a_track_job_becomes_a_record() -> None:
    """Times are shown as wall time, the history in its order, a broken line of it left out."""
    lines = [
        f'{{"at": {NOW}, "event": "submitted"}}',
        "{",
        f'{{"at": {NOW + 9}, "event": "failed", "code": "timeout"}}',
    ]
    snapshot = Snapshot([flat(job(**FAILED)), [], [], [], [], lines], shift=1_000)

    shown = record(snapshot, Overlay(), snapshot.task, 20, whole=True)

    assert (shown.id, shown.client, shown.state, shown.priority) == ("job-1-abc", "ann", State.FAILED, Priority.LOW)
    assert (shown.created_at, shown.completed_at) == (NOW + 1_000, NOW + 1_009)
    assert (shown.error, shown.failure_code) == ("gone", FailureCode.NOT_FOUND)
    assert shown.history == (
        HistoryEntry(NOW + 1_000, "submitted"),
        HistoryEntry(NOW + 1_009, "failed", code=FailureCode.TIMEOUT),
    )


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ([], [("submitted", NOW)]),
        (["started"], [("submitted", NOW), ("started", NOW + 9)]),
        (["submitted", "moved"], [("submitted", NOW + 9), ("moved", NOW + 9)]),
        (["released"] * HISTORY_LIMIT, [("released", NOW + 9)] * HISTORY_LIMIT),
    ],
    ids=["waiting", "begun", "from another store", "full"],
)
def test_a_history_begins_with_the_submission_that_the_record_tells(
    kept: list[str], told: list[tuple[str, int]]
) -> None:
    """Unless that line came along, or has made room for newer ones."""
    lines = [f'{{"at": {NOW + 9}, "event": "{event}"}}' for event in kept]
    snapshot = Snapshot([flat(job()), [], [], [], [], lines], shift=0)

    assert [(line.event, line.at) for line in snapshot.history(snapshot.task)] == told


def test_an_album_becomes_a_record_with_its_tracks() -> None:
    """What has arrived, what has not, and how far the one that runs has come."""
    tracks = [track(1, **DONE), track(2, **FAILED), track(3, **ACTIVE)]
    arrived, gone, running = ([flat(one)] for one in tracks)
    said = WorkerReport("w", 1, 4, (Transfer("job-1-abc.3", "2:aa", Mark(Phase.TRANSFER, 50, 100), 10.0),))
    seen = [
        flat(album(completed_tracks=1, failed_tracks=1, file_count=1, size=5_000)),
        *(arrived, gone, running, [flat(one) for one in tracks]),
    ]
    snapshot = Snapshot(seen, shift=0)

    shown = record(snapshot, Overlay([said]), snapshot.task, 20, whole=True)

    assert shown.files == ("Joni/Blue/03 Blue.flac",)
    assert shown.warnings == ("01 Blue: no cover",)
    assert shown.failed_tracks == (FailedTrack(7, "Blue", "gone", FailureCode.NOT_FOUND, 3),)
    assert (shown.progress, shown.speed, shown.bytes_downloaded) == (0.5, 10.0, 5_050)
    assert [one.status for one in shown.track_progress] == ["completed", "failed", "downloading"]


def test_a_track_that_cannot_be_read_is_named_itself() -> None:
    """And not its album."""
    snapshot = Snapshot([flat(album(completed_tracks=1, file_count=1)), [flat(track(2, **DONE), size="?")]], shift=0)

    with pytest.raises(Unreadable) as caught:
        record(snapshot, Overlay(), snapshot.task, 20)

    assert caught.value.seq == 14


def test_pages_of_an_album_are_made_of_what_was_asked_for() -> None:
    """Tracks and files go on behind a position."""
    listed = Snapshot([flat(album()), [], [], [], [flat(track(1)), flat(track(2))]], shift=0)
    arrived = Snapshot([flat(album(completed_tracks=1)), [flat(track(2, **DONE))]], shift=0)

    page = track_page(listed, Overlay(), listed.task, None, 2)

    assert (len(page.tracks), page.next is None) == (2, False)
    assert track_page(Snapshot([flat(album())], shift=0), Overlay(), album(), page.next, 2).tracks == ()
    assert file_page(arrived, arrived.task, None).files == (FILE,)
    assert file_page(arrived, arrived.task, page.next).files == ()


def test_reports_are_read_with_the_time_at_which_they_were_said() -> None:
    """A rest ends in store time; what cannot be read is no report."""
    said = WorkerReport("w", 1, 4, resting=(RestingHost("h:443", 500, RestKind.RETRY_AFTER),))
    text = f"{NOW} {msgspec.json.encode(said).decode()}"

    overlay = overlay_of([text, f"{NOW} {{", text.replace(" ", ""), ""])

    assert overlay.worker("w") == replace(said, resting=(RestingHost("h:443", NOW + 500, RestKind.RETRY_AFTER),))


def test_a_deleted_job_reads_as_cancelled() -> None:
    """As Lua writes JSON, where an empty list is an object."""
    seen = [flat(job(**FAILED)), {}, {}, {}, {}, [f'{{"at": {NOW + 20}, "event": "deleted"}}']]
    text = msgspec.json.encode({"at": NOW + 20, "seen": seen}).decode()

    shown = tombstone_of(text, shift=5)

    assert shown is not None
    assert (shown.state, shown.error, shown.completed_at) == (State.CANCELLED, None, NOW + 25)
    assert [line.event for line in shown.history] == ["submitted", "deleted"]
    assert shown.history[-1] == HistoryEntry(NOW + 25, "deleted")


@pytest.mark.parametrize("text", ["", "[]", '{"at": 5}', '{"at": 5, "seen": [["seq"], {}, {}, {}, {}, {}]}'])
def test_a_picture_of_another_version_is_none(text: str) -> None:
    assert tombstone_of(text, shift=0) is None


def test_a_track_is_handed_out_with_its_album() -> None:
    """The stage of the claim before, the name it had reserved, and what it had committed go with it."""
    about = AlbumInfo(id=70, title="Blue", artist="Joni")
    text = msgspec.json.encode(about).decode()
    held = track(3, **ACTIVE, publication=DONE["publication"], stalls=2, retry_count=1)

    claim = handed_out(["old host 1", text, flat(held, reserved="Joni/Blue/03 Blue")])

    assert (claim.task_id, claim.job_id, claim.kind) == ("job-1-abc.3", "job-1-abc", TaskKind.TRACK)
    assert (claim.token, claim.epoch, claim.worker, claim.client) == ("2:aa", 2, "w", "ann")
    assert (claim.previous, claim.reserved) == (StageRef("old host", 1), "Joni/Blue/03 Blue")
    assert (claim.publication, claim.album, claim.position) == (FILE, about, 3)
    assert (claim.retry_count, claim.suspect) == (1, True)


def test_an_album_is_handed_out_to_be_resolved() -> None:
    claim = handed_out(["", "", flat(job(type="album", **ACTIVE))])

    assert (claim.kind, claim.previous, claim.album, claim.reserved) == (TaskKind.RESOLVE, None, None, None)


def test_a_broken_album_is_named_where_its_track_is_handed_out() -> None:
    """It is the record of the album that is set aside."""
    with pytest.raises(Unreadable) as caught:
        handed_out(["", "{", flat(track(3, **ACTIVE))])

    assert caught.value.seq == 12
