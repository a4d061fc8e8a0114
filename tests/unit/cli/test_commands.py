"""The commands that act on jobs: what they ask of a scripted server, what they say, and how they end."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cli.answers import MISSING, OTHER, RECEIPT, one, refused
from tests.unit.cli.conftest import Run
from tests.unit.client.playing import JOB_ID, Play, Stage

from tonearm.client import following


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.0)


@pytest.mark.parametrize("command", ["show", "cancel", "retry", "pause", "resume", "remove"])
def test_what_is_no_job_id_is_said_to_be_none(tonearm: Run, command: str) -> None:
    """No server is asked, and nothing is advised that would need one."""
    ended = tonearm(command, "x", "--server", "http://127.0.0.1:1")

    assert ended.code == 2
    assert "'x' is no job id" in ended.err
    assert "tonearm list" not in ended.err


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("list --limit 0", "'0' must be a whole number from 1 to 1000000"),
        ("add album -5", "'-5' must be a whole number from 1 to 2147483647"),
        ("add album 7 -12", "'-12' must be a whole number from 1 to 2147483647"),
        ("list --limit many", "'many' must be a whole number from 1 to 1000000"),
        ("catalog serve . --port 65536", "'65536' must be a whole number from 0 to 65535"),
    ],
)
def test_a_number_out_of_range_is_refused_in_the_words_of_the_server(tonearm: Run, line: str, words: str) -> None:
    """As ids and settings are."""
    ended = tonearm(*line.split())

    assert ended.code == 2
    assert words in " ".join(ended.err.split())


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--server http://127.0.0.1:1 list", "--server belongs behind the command: tonearm COMMAND --server"),
        ("--api-key x --json list", "--json belongs behind the command"),
        ("keys --server=http://127.0.0.1:1 list", "tonearm keys COMMAND --server"),
        ("--sever x list", "No such option: --sever"),
        ("--api-key --server version", "tonearm 0"),
        ("list --api-key x", "--api-key belongs before the command: tonearm --api-key … COMMAND"),
        ("config --config=x.toml", "--config belongs before the command"),
        ("keys create ann --api-key x", "--api-key belongs before the command"),
        ("list --text --api-key --limit 0", "'0' must be a whole number"),
        ("add album -- --api-key", "'--api-key' must be a whole number"),
    ],
)
def test_an_option_on_the_wrong_side_of_its_command_is_refused_with_its_place(
    tonearm: Run, line: str, words: str
) -> None:
    """What no command has is still unknown, and the value of an option is not taken for one."""
    ended = tonearm(*line.split())

    assert words in " ".join((ended.err + ended.out).split())


@pytest.mark.parametrize(
    "answer",
    [
        Play(404, {"detail": "Not Found"}),
        Play(404, b"<html>", {"Content-Type": "text/html"}),
    ],
)
def test_another_server_than_ours_is_asked_about(tonearm: Run, stage: Stage, answer: Play) -> None:
    """The address of the catalog is the usual slip."""
    stage.plays(answer)

    ended = tonearm("list", "--server", stage.url)

    assert ended.code == 3
    assert f"{stage.url} is not a Tonearm server; is it the catalog?" in ended.err


@pytest.mark.parametrize("command", ["cancel", "retry", "pause", "resume"])
def test_an_action_is_asked_for_each_job(tonearm: Run, stage: Stage, command: str) -> None:
    """The server's words come back, a line each."""
    stage.plays(Play(200, {"success": True, "message": "Asked", "jobId": JOB_ID}))

    ended = tonearm(command, JOB_ID, OTHER, JOB_ID, "--server", stage.url)

    assert ended.code == 0
    assert ended.out.splitlines() == [f"{JOB_ID}  Asked", f"{OTHER}  Asked"]
    assert [(heard.method, heard.body) for heard in stage.heard] == [("PATCH", {"action": command})] * 2


def test_a_refused_job_does_not_keep_the_others_from_being_asked(tonearm: Run, stage: Stage) -> None:
    """All are asked; the exit code says that one was refused."""
    stage.plays(
        refused(400, "WRONG_STATE", "Could not"), Play(200, {"success": True, "message": "Job removed", "jobId": OTHER})
    )

    ended = tonearm("remove", JOB_ID, OTHER, "--json", "--server", stage.url)

    assert ended.code == 1
    assert ended.documents == [
        {"jobId": JOB_ID, "success": False, "code": "WRONG_STATE", "error": "Could not"},
        {"jobId": OTHER, "success": True, "message": "Job removed"},
    ]
    assert stage.heard[0].method == "DELETE"


def test_adding_says_the_id_of_the_job(tonearm: Run, stage: Stage) -> None:
    """A new job, and one that was there."""
    stage.plays(Play(201, RECEIPT), Play(200, RECEIPT | {"duplicate": True, "warning": "mind the gap"}))

    ended = tonearm("add", "album", "5", "6", "-q", "low", "--priority", "HIGH", "--server", stage.url)

    assert ended.code == 0
    assert ended.out.splitlines() == [f"{JOB_ID}  album 5 queued", f"{JOB_ID}  album 6 is in the queue already"]
    assert "mind the gap" in ended.err
    assert stage.heard[0].body["job"] == {"type": "album", "albumId": 5, "quality": "LOW"}
    assert stage.heard[0].body["priority"] == "high"


def test_several_ids_wait_out_the_limit_with_a_line_that_says_so(tonearm: Run, stage: Stage) -> None:
    """Without a terminal each wait is one line on stderr."""
    limited = refused(429, "RATE_LIMITED", "Too many submissions", Retry_After="1")
    stage.plays(Play(201, RECEIPT), limited, Play(201, RECEIPT))

    ended = tonearm("add", "track", "5", "6", "--json", "--server", stage.url)

    assert ended.code == 0
    assert [(document["event"], document["catalogId"]) for document in ended.documents] == [
        ("submitted", 5),
        ("submitted", 6),
    ]
    assert ended.err.splitlines() == ["1 of 2 queued, next in 1 s: Too many submissions"]


def test_one_id_is_told_when_to_come_again(tonearm: Run, stage: Stage) -> None:
    """A single submission does not wait unless it was asked to."""
    stage.plays(refused(429, "RATE_LIMITED", "Too many submissions", Retry_After="42"))

    ended = tonearm("add", "track", "5", "--server", stage.url)

    assert ended.code == 1
    assert "42 s" in ended.err
    assert "--wait" in ended.err


def test_a_full_queue_says_what_was_not_queued(tonearm: Run, stage: Stage) -> None:
    """The ids that are left are named."""
    stage.plays(Play(201, RECEIPT), refused(429, "CLIENT_QUEUE_FULL", "Your queue is full"))

    ended = tonearm("add", "track", "5", "6", "7", "--server", stage.url)

    assert ended.code == 1
    assert "Not queued: track 6, 7." in ended.err
    assert "Your queue is full" in ended.err


def test_who_has_downloaded_all_he_may_is_not_told_to_wait_for_jobs(tonearm: Run, stage: Stage) -> None:
    """The server's words say when; a wait of hours is not waited out, and the end of a job changes nothing."""
    stage.plays(refused(429, "CLIENT_BYTES_EXCEEDED", "Try again in 3 h 12 min.", Retry_After="11520"))

    ended = tonearm("add", "track", "5", "6", "--server", stage.url)

    assert ended.code == 1
    assert "Not queued: track 5, 6." in ended.err
    assert "Try again in 3 h 12 min." in ended.err
    assert "finished" not in ended.err


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("speed=1", "there are rate, size, concurrent, bytes"),
        ("rate=1,rate=2", "must be like rate=5,size=100"),
        ("bytes=many", "must be like rate=5,size=100"),
        ("size=0", "size must be from 1 to 1000000"),
        ("bytes=1000000000000001", "bytes must be from 0 to 1000000000000000"),
    ],
)
def test_a_limit_that_no_key_can_have_is_refused(tonearm: Run, limit: str, words: str) -> None:
    """Before anybody is asked."""
    ended = tonearm("keys", "create", "ann", "--scope", "submit", "--limit", limit)

    assert ended.code == 2
    assert words in " ".join(ended.err.replace("│", " ").split())


def test_waiting_shows_a_line_a_change_and_ends_well(tonearm: Run, stage: Stage) -> None:
    """Progress alone is no line; no control code is written to a pipe."""
    steps = [
        one(),
        one(status="processing", progress=0.1, trackCount=2, completedTracks=0),
        one(status="processing", progress=0.4, trackCount=2, completedTracks=0),
        one(status="processing", progress=0.5, trackCount=2, completedTracks=1),
        one(status="completed", progress=1, trackCount=2, completedTracks=2, outcome="ok"),
    ]
    stage.plays(Play(201, RECEIPT), *steps)

    ended = tonearm("add", "album", "5", "--wait", "--server", stage.url)

    assert ended.code == 0
    assert ended.out.splitlines()[1:] == [
        f"{JOB_ID}  Ann - Blue: queued",
        f"{JOB_ID}  Ann - Blue: processing, 0 of 2 tracks",
        f"{JOB_ID}  Ann - Blue: processing, 1 of 2 tracks",
        f"{JOB_ID}  Ann - Blue: completed, 2 of 2 tracks",
    ]
    assert "\x1b" not in ended.out + ended.err


def test_waiting_for_a_partial_album_fails_and_lists_what_is_missing(tonearm: Run, stage: Stage) -> None:
    """Half an album is not a success."""
    partial = one(
        status="completed", outcome="partial", trackCount=2, completedTracks=1, failedCount=1, failedTracks=[MISSING]
    )
    stage.plays(Play(201, RECEIPT), partial)

    ended = tonearm("add", "album", "5", "--wait", "--server", stage.url)

    assert ended.code == 1
    assert "  missing: Blue: Download timeout (30s) (timeout, 4 attempts)" in ended.out.splitlines()


@pytest.mark.parametrize(
    "end", [one(status="failed", error="x", failureCode="network"), one(status="cancelled"), refused(404, "NOT_FOUND")]
)
def test_waiting_for_what_does_not_arrive_fails(tonearm: Run, stage: Stage, end: Play) -> None:
    """Failed, cancelled and removed jobs end with exit code 1."""
    stage.plays(Play(201, RECEIPT), one(), end)

    assert tonearm("add", "album", "5", "--wait", "--server", stage.url).code == 1


def test_waiting_gives_machines_every_change(tonearm: Run, stage: Stage) -> None:
    """Submitted, changed, finished, each a document with the record."""
    stage.plays(Play(201, RECEIPT), one(), one(status="completed"))

    ended = tonearm("add", "album", "5", "--wait", "--json", "--server", stage.url)

    assert [document["event"] for document in ended.documents] == ["submitted", "changed", "finished"]
    assert ended.documents[-1]["job"]["status"] == "completed"


@pytest.mark.parametrize("number", ["0", "-1", "2147483648", "1.5", "x", "٣", "9" * 5000])
def test_a_wrong_id_is_refused_before_anything_is_sent(tonearm: Run, stage: Stage, number: str) -> None:
    """Usage errors end with 2 and name the range."""
    stage.plays(Play(201, RECEIPT))

    ended = tonearm("add", "track", "--server", stage.url, "--", number)

    assert ended.code == 2
    assert "must be a whole number from 1 to 2147483647" in ended.err
    assert stage.heard == []


def test_a_file_is_no_folder_of_music(tonearm: Run, tmp_path: Path) -> None:
    """It is there, so it is not told that there is none."""
    (tmp_path / "song.flac").touch()

    ended = tonearm("catalog", "serve", str(tmp_path / "song.flac"))

    assert (ended.code, ended.err) == (4, f"Error: {tmp_path / 'song.flac'} is no folder\n")
