"""`tonearm logs` against a scripted server: the history of a job in the form of the log."""

from __future__ import annotations

from typing import Any

from tests.unit.cli.conftest import Run
from tests.unit.client.playing import JOB_ID, Play, Stage, job

NOW = 1_763_900_000_000
HISTORY: list[dict[str, Any]] = [
    {"at": NOW, "event": "submitted"},
    {"at": NOW + 5, "event": "started", "attempt": 1, "worker": "den-1"},
    {"at": NOW + 905, "event": "delayed", "attempt": 1, "code": "timeout", "message": "Down\x1b[31m\nload \u202ex"},
    {"at": NOW + 2_000, "event": "recovered", "attempt": 2, "worker": "den-1", "message": "Recovered from crash"},
    {"at": NOW + 3_000, "event": "sent_to_the_moon"},
]


def answer(history: list[dict[str, Any]]) -> Play:
    """What the server says."""
    return Play(200, {"success": True, "job": job(client="192.0.2.7", history=history)})


def test_each_event_of_the_history_is_a_line_of_the_log(tonearm: Run, stage: Stage) -> None:
    """With its time, and nothing in it begins a line or turns the text; a newer server's word is its own sentence."""
    stage.plays(answer(HISTORY))

    ended = tonearm("logs", JOB_ID, "--server", stage.url)

    assert (ended.code, ended.err) == (0, "")
    head = f"[Queue] [{JOB_ID}]"
    second = r'client=192.0.2.7 attempt=1 message="Down\u001b[31m\nload \u202ex"'
    third = 'client=192.0.2.7 attempt=2 message="Recovered from crash"'
    assert ended.out.splitlines() == [
        f"2025-11-23T12:13:20.000Z {head} [info] [jobs] Submitted client=192.0.2.7",
        f"2025-11-23T12:13:20.005Z {head} [info] [jobs] Started client=192.0.2.7 attempt=1 worker=den-1",
        f"2025-11-23T12:13:20.905Z {head} [info] [jobs] Will try again {second} code=timeout",
        f"2025-11-23T12:13:22.000Z {head} [warning] [jobs] Recovered from crash {third} worker=den-1",
        f"2025-11-23T12:13:23.000Z {head} [info] [jobs] Sent to the moon client=192.0.2.7",
    ]


def test_json_has_the_fields_of_the_log_as_json(tonearm: Run, stage: Stage) -> None:
    """One document a line."""
    stage.plays(answer(HISTORY[1:2]))

    assert tonearm("logs", JOB_ID, "--json", "--server", stage.url).documents == [
        {
            "time": "2025-11-23T12:13:20.005Z",
            "job": JOB_ID,
            "level": "info",
            "logger": "jobs",
            "event": "Started",
            "client": "192.0.2.7",
            "attempt": 1,
            "worker": "den-1",
        }
    ]


def test_a_story_that_is_longer_than_what_is_kept_says_so(tonearm: Run, stage: Stage) -> None:
    """On stderr, so that it is no line of the log."""
    stage.plays(answer(HISTORY[:1] * 50))

    ended = tonearm("logs", JOB_ID, "--server", stage.url)

    assert len(ended.out.splitlines()) == 50
    assert "newest 50 events" in ended.err


def test_an_unknown_job_is_an_error_that_says_where_to_look(tonearm: Run, stage: Stage) -> None:
    """And what is no job id at all does not reach the server."""
    stage.plays(Play(404, {"success": False, "code": "NOT_FOUND", "error": "Job not found"}))

    ended = tonearm("logs", JOB_ID, "--server", stage.url)

    assert (ended.code, ended.out) == (1, "")
    assert "tonearm list" in ended.err
    assert tonearm("logs", "job", "--server", stage.url).code == 2
