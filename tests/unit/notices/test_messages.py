"""Messages: what people read of each thing that is told."""

from __future__ import annotations

from typing import Any

from tonearm.api.records import encode_short
from tonearm.errors import FailureCode
from tonearm.model import Counts, FailedTrack, JobRecord, JobSpec, JobType, Notice, Priority, Quality, State, Topic
from tonearm.notices import addresses_of, trial
from tonearm.notices.happenings import Happening, attention, drained, ended
from tonearm.notices.messages import NAMED, TEXT_LENGTH, message_of
from tonearm.notices.troubles import Trouble, TroubleKind

ADDRESS = addresses_of(["https://a.example"])
TRACK = JobSpec(JobType.TRACK, 11, Quality.HIGH, track_title="So What", artist_name="Miles Davis")
ALBUM = JobSpec(JobType.ALBUM, 5, Quality.HIGH, album_title="Blue\r\n\x1b[1mNote", artist_name="Ann")
UNNAMED = JobSpec(JobType.ALBUM, 5, Quality.HIGH)


def words(happening: Happening) -> list[str]:
    """Title and lines of what its delivery says."""
    (delivery,) = happening.deliveries(ADDRESS)
    message = message_of(delivery.body)
    return [message.title, *message.body.split("\n")]


def of(topic: Topic, spec: JobSpec, **fields: Any) -> list[str]:
    """What is said of a job that ended."""
    state = State.FAILED if topic is Topic.FAILED else State.COMPLETED
    record = JobRecord("job-1-a", spec, "192.0.2.7", state, Priority.NORMAL, 1, 2, 3, **fields)
    return words(ended(Notice(1, 2, topic, "job-1-a"), encode_short(record)))


def missing(count: int, error: str = "Track not found") -> dict[str, Any]:
    """Fields of an album that misses so many of its tracks."""
    tracks = tuple(FailedTrack(n, f"T{n}", error, FailureCode.NOT_FOUND, 1) for n in range(1, count + 1))
    return {"failed_tracks": tracks, "failed_count": count, "track_count": 12, "completed_tracks": 12 - count}


def test_what_became_of_a_job_is_said_with_what_to_do() -> None:
    """Its name stands in the title, on one line whatever the catalog wrote into it."""
    assert of(Topic.COMPLETED, TRACK) == ["Track completed: So What \u2013 Miles Davis", "Job job-1-a"]
    assert of(Topic.COMPLETED, UNNAMED, track_count=2, completed_tracks=2)[:2] == [
        "Album completed: number 5",
        "2 of 2 tracks came.",
    ]
    assert of(Topic.PARTIAL, ALBUM, **missing(1)) == [
        "Album incomplete: Blue [1mNote \u2013 Ann",
        "11 of 12 tracks came.",
        "Missing: T1 (Track not found).",
        "What to do: tonearm show job-1-a",
        "Job job-1-a",
    ]
    assert of(Topic.FAILED, TRACK, error="Not there", failure_code=FailureCode.NOT_FOUND) == [
        "Track failed: So What \u2013 Miles Davis",
        "Not there (code not_found)",
        "What to do: tonearm show job-1-a",
        "Job job-1-a",
    ]


def test_many_missing_tracks_and_long_texts_are_cut() -> None:
    """The first are named, the others counted."""
    line = of(Topic.PARTIAL, ALBUM, **missing(NAMED + 3, "x" * 2 * TEXT_LENGTH))[2]

    assert line.startswith("Missing: T1 (x")
    assert line.endswith("; and 3 more.")
    assert len(line) < NAMED * (TEXT_LENGTH + 20)


def test_what_is_not_about_a_job_is_said_too() -> None:
    """And a job that is gone has its id for a name."""
    gone = words(ended(Notice(1, 2, Topic.COMPLETED, "job-1-a"), None))

    assert gone == ["Job completed: job-1-a", "Job job-1-a"]
    assert words(drained(1, Counts(completed=3, failed=1))) == [
        "The queue is empty",
        "Nothing is left to download. Jobs on record: 3 completed, 1 failed, 0 cancelled.",
    ]
    assert words(attention(1, Trouble(TroubleKind.WORKER, "No worker is running."))) == [
        "Tonearm needs attention: worker",
        "No worker is running.",
    ]
    assert words(trial(1)) == ["A test of tonearm", "This is a test. Nothing happened."]
