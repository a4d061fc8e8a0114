"""Wording: jobs and their troubles as people read them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.client.playing import JOB_ID, job

from tonearm.cli import wording
from tonearm.client import Job
from tonearm.errors import FailureCode
from tonearm.model import Quality

MISSING = {"trackId": 3, "trackTitle": "Blue", "error": "Download timeout (30s)", "code": "timeout", "attempts": 4}


def record(**changes: Any) -> Job:
    return msgspec.convert(job(**changes), Job)


@pytest.mark.parametrize(
    ("wanted", "title"),
    [
        ({"type": "album", "albumId": 5, "quality": "LOW"}, "album 5"),
        ({"type": "album", "albumId": 5, "quality": "LOW", "albumTitle": "Blue"}, "Blue"),
        ({"type": "track", "trackId": 7, "quality": "LOW", "trackTitle": "Red", "artistName": "Ann"}, "Ann - Red"),
        ({"type": "track", "trackId": 7, "quality": "LOW", "albumTitle": "Blue"}, "track 7"),
    ],
)
def test_a_job_is_called_by_what_is_known_of_it(wanted: dict[str, Any], title: str) -> None:
    """Artist and title, else type and id."""
    assert wording.title(record(job=wanted)) == title


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trackCount": 12, "completedTracks": 3, "status": "processing"}, "processing, 3 of 12 tracks"),
        ({"status": "processing", "cancellationRequested": True}, "processing, being cancelled"),
        ({"status": "processing", "pauseRequested": True}, "processing, being paused"),
        ({"status": "paused"}, "paused"),
        ({"status": "completed", "trackCount": 2, "completedTracks": 1, "failedCount": 1},
         "completed, 1 of 2 tracks, 1 failed"),
    ],
)  # fmt: skip
def test_where_a_job_stands_is_said_in_a_few_words(changes: dict[str, Any], words: str) -> None:
    """Status, tracks, and what a person asked for."""
    assert wording.outcome(record(**changes)) == words


def test_a_whole_or_unfinished_job_has_no_troubles() -> None:
    """There is nothing to do where nothing went wrong."""
    assert wording.troubles(record(status="completed")) == []
    assert wording.troubles(record(status="processing", failedTracks=[MISSING], failedCount=1)) == []


def test_a_partial_album_names_what_is_missing_and_how_to_fetch_it() -> None:
    """Every missing track with its reason, then the advice, then the command."""
    partial = record(status="completed", outcome="partial", failedTracks=[MISSING], failedCount=3, error="3 of 12")

    lines = wording.troubles(partial)

    assert lines[0] == "missing: Blue: Download timeout (30s) (timeout, 4 attempts)"
    assert lines[1] == f"missing: 2 more (tonearm show {JOB_ID})"
    assert lines[-1] == f"Fetch what is missing: tonearm retry {JOB_ID}"


def test_a_failed_job_says_why_and_what_to_do() -> None:
    """Error, code, advice, command."""
    lines = wording.troubles(record(status="failed", error="Disk full", failureCode="disk_full"))

    assert lines[0] == "error: Disk full (disk_full)"
    assert "Free space" in lines[1]
    assert lines[-1] == f"Try again: tonearm retry {JOB_ID}"


@pytest.mark.parametrize("code", list(FailureCode))
def test_every_failure_code_has_its_advice(code: FailureCode) -> None:
    """No failure leaves a person without a next step."""
    assert len(wording.troubles(record(status="failed", error="x", failureCode=code))) >= 2


@pytest.mark.parametrize("wanted", Quality)
@pytest.mark.parametrize(
    ("changes", "what"),
    [
        ({"status": "failed", "failureCode": "quality_unavailable"}, "album 5"),
        ({"status": "completed", "outcome": "partial", "failedCount": 1,
          "failedTracks": [MISSING | {"code": "quality_unavailable"}]}, "track 3"),
    ],
)  # fmt: skip
def test_a_quality_that_is_not_there_is_not_asked_for_again(
    changes: dict[str, Any], what: str, wanted: Quality
) -> None:
    """The advice is both other qualities, of all or of the missing tracks, and no retry."""
    asked = {"type": "album", "albumId": 5, "quality": wanted}
    lines = [line.strip() for line in wording.troubles(record(**changes, job=asked))]

    others = [quality for quality in (Quality.LOSSLESS, Quality.HIGH, Quality.LOW) if quality is not wanted]
    assert lines[-2:] == [f"tonearm add {what} --quality {quality}" for quality in others]
    assert not any("tonearm retry" in line for line in lines)


def test_an_id_that_is_not_there_is_not_asked_for_again() -> None:
    """The advice says where ids are found."""
    lines = wording.troubles(record(status="failed", error="x", failureCode="not_found"))

    assert "/albums" in lines[-1]
    assert not any("tonearm retry" in line for line in lines)


def test_a_retry_is_advised_when_it_can_bring_some_of_what_is_missing() -> None:
    """One track that timed out is enough."""
    missing = [MISSING, MISSING | {"trackId": 4, "code": "not_found"}]

    lines = wording.troubles(record(status="completed", outcome="partial", failedTracks=missing, failedCount=2))

    assert lines[-1] == f"Fetch what is missing: tonearm retry {JOB_ID}"


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "paused"},
        {"status": "failed", "error": "x", "failureCode": "timeout"},
        {"status": "completed", "outcome": "partial", "failedTracks": [MISSING], "failedCount": 3},
    ],
)
def test_a_command_that_is_advised_fits_a_line_of_80_columns(changes: dict[str, Any]) -> None:
    """An id that is broken over two lines cannot be copied."""
    job = record(**changes)
    lines = [line for line in (wording.hint(job), *wording.troubles(job)) if line and JOB_ID in line]

    assert lines
    assert all(len(line) < 78 for line in lines)


def test_sizes_spans_and_shares_are_short() -> None:
    """Numbers as people say them; never 100 percent before the end."""
    assert [wording.size(count) for count in (0, 1023, 1024, 5 * 2**20, 3 * 2**40)] == [
        "0 B", "1023 B", "1.0 KiB", "5.0 MiB", "3072.0 GiB",
    ]  # fmt: skip
    assert [wording.span(seconds) for seconds in (0.4, 59, 61, 7265)] == ["0 s", "59 s", "1 min 1 s", "2 h 1 min"]
    assert [wording.percent(share) for share in (0, 0.999, 1)] == ["0%", "99%", "100%"]
