"""Lists of jobs, and the page of one: what they show people, and what they give to machines."""

from __future__ import annotations

import pytest
from tests.unit.cli.answers import MISSING, OTHER, RESTING, STATS, TRACK, one, page, refused
from tests.unit.cli.conftest import Run
from tests.unit.client.playing import JOB_ID, Play, Stage, figures, job


def test_a_list_is_lines_that_fit_a_terminal(tonearm: Run, stage: Stage) -> None:
    """One line a job: id, status, how far, quality, title; elsewhere than on a terminal without control codes."""
    stage.plays(
        page(job(status="processing", trackCount=12, completedTracks=3), job(id=OTHER, progress=0.42, jobType="track")),
        STATS,
    )

    ended = tonearm("list", "--server", stage.url)

    assert ended.code == 0
    assert ended.out.splitlines() == [
        f"{JOB_ID}  processing   3/12  LOSSLESS  Ann - Blue",
        f"{OTHER}  queued        42%  LOSSLESS  Ann - Blue",
    ]


def test_a_list_says_what_keeps_queued_jobs_waiting(tonearm: Run, stage: Stage) -> None:
    """Beside the jobs, not among them; asked for only where a job waits, and said once."""
    hosts = [{"host": host, "until": 1763900005000} for host in ("media.example:443", "busy.example:443")]
    stage.plays(page(job()), Play(200, figures(holding=RESTING, resting=hosts)))

    ended = tonearm("list", "--server", stage.url)

    assert len(ended.out.splitlines()) == 1
    holding, resting = ended.err.splitlines()
    assert holding == f"Nothing is begun at present. {RESTING}"
    assert resting.startswith("No request goes to busy.example:443 until ")

    stage.plays(page(job(status="completed")))
    assert tonearm("list", "--server", stage.url).err == ""


def test_a_job_that_waits_shows_what_for(tonearm: Run, stage: Stage) -> None:
    """The reason why nothing is claimed stands beside its status; of other hosts nothing."""
    stage.plays(one(status="queued"), Play(200, figures(holding=RESTING)))

    assert f"  waits     {RESTING}" in tonearm("show", JOB_ID, "--server", stage.url).out.splitlines()


def test_control_characters_of_a_title_do_not_reach_the_terminal(tonearm: Run, stage: Stage) -> None:
    """Neither in a list, nor on a page, nor in JSON."""
    wanted = {"type": "album", "albumId": 5, "quality": "LOW", "albumTitle": "\x1b]0;evil\x07\nx\u202e"}
    stage.plays(page(job(job=wanted)), STATS, one(job=wanted), STATS, page(job(job=wanted)))

    for arguments in (["list"], ["show", JOB_ID], ["list", "--json"]):
        ended = tonearm(*arguments, "--server", stage.url)
        assert ended.code == 0
        assert not set("\x1b\x07\u202e") & set(ended.out)


def test_a_list_for_machines_is_one_record_a_line(tonearm: Run, stage: Stage) -> None:
    """The records are those of the wire."""
    stage.plays(page(job(), job(id=OTHER)))

    ended = tonearm("list", "--json", "--server", stage.url)

    assert [record["id"] for record in ended.documents] == [JOB_ID, OTHER]
    assert job().items() <= ended.documents[0].items()


def test_an_empty_list_says_how_to_fill_it(tonearm: Run, stage: Stage) -> None:
    """The hint stands on stderr; stdout has no line."""
    stage.plays(page(), STATS)

    ended = tonearm("list", "--server", stage.url)

    assert (ended.code, ended.out) == (0, "")
    assert "tonearm add" in ended.err


@pytest.mark.parametrize("json", [[], ["--json"]])
def test_an_empty_list_of_a_server_without_its_queue_says_so(tonearm: Run, stage: Stage, json: list[str]) -> None:
    """The jobs are not gone: the queue is away."""
    stage.plays(page(), Play(200, {**figures(), "warning": "Redis is away"}))

    ended = tonearm("list", *json, "--server", stage.url)

    assert "Redis is away" in ended.err
    assert "tonearm add" not in ended.err


def test_a_cut_list_says_so(tonearm: Run, stage: Stage) -> None:
    """What is left out is not hidden."""
    stage.plays(page(job(), job(id=OTHER)), STATS)

    ended = tonearm("list", "--limit", "1", "--server", stage.url)

    assert len(ended.out.splitlines()) == 1
    assert "--limit" in ended.err


def test_albums_that_miss_tracks_can_be_listed_alone(tonearm: Run, stage: Stage) -> None:
    """The server is asked for them, and a word that is none of the two is refused here."""
    stage.plays(page(), STATS)

    assert tonearm("list", "--outcome", "partial", "--server", stage.url).code == 0
    assert "outcome=partial" in stage.heard[0].path
    assert "ok, partial" in tonearm("list", "--outcome", "half", "--server", stage.url).err


def test_a_page_tells_the_whole_story_of_a_job(tonearm: Run, stage: Stage) -> None:
    """Status, tracks, files, history, and what to do."""
    history = [
        {"at": 1763900000000, "event": "Recovered from crash", "attempt": 2, "code": "crashed", "message": "gone"}
    ]
    stage.plays(
        one(
            status="completed",
            outcome="partial",
            trackCount=2,
            completedTracks=1,
            failedCount=1,
            startedAt=1763900000000,
            completedAt=1763900061000,
            error="1 of 2 tracks failed: Blue",
            failedTracks=[MISSING],
            retryCount=4,
            fileSize=1 << 21,
            trackProgress=[TRACK],
            files=["Ann/Blue/01 Red.flac"],
            history=history,
        )
    )

    ended = tonearm("show", JOB_ID, "--server", stage.url)

    assert ended.code == 0
    for expected in (
        "Ann - Blue",
        JOB_ID,
        "album 5, LOSSLESS",
        "completed, 1 of 2 tracks, 1 failed",
        "2.0 MiB",
        "after 1 min 1 s",
        "failed            Blue: Download timeout (30s)",
        "Ann/Blue/01 Red.flac",
        "Recovered from crash, attempt 2: gone (crashed)",
        "missing: Blue",
        f"tonearm retry {JOB_ID}",
    ):
        assert expected in ended.out


def test_a_page_of_a_job_that_is_not_there_is_refused(tonearm: Run, stage: Stage) -> None:
    """Exit code 1, the reason on stderr, and in JSON its code."""
    stage.plays(refused(404, "NOT_FOUND", "Job not found"))

    ended = tonearm("show", JOB_ID, "--json", "--server", stage.url)

    assert ended.code == 1
    assert ended.documents == [{"success": False, "code": "NOT_FOUND", "error": "Job not found"}]
    assert "Job not found" in ended.err


def test_a_page_of_an_unknown_job_says_where_jobs_are_found(tonearm: Run, stage: Stage) -> None:
    """The same hint as that of an action."""
    stage.plays(refused(404, "NOT_FOUND", "Job not found"))

    shown = tonearm("show", JOB_ID, "--server", stage.url)
    cancelled = tonearm("cancel", JOB_ID, "--server", stage.url)

    assert "tonearm list" in shown.err
    assert shown.err.splitlines()[-1] == cancelled.err.splitlines()[-1]


def test_a_paused_job_has_the_command_that_goes_on_on_a_line_of_its_own(tonearm: Run, stage: Stage) -> None:
    """On its page, where it can be copied."""
    stage.plays(one(status="paused"))

    ended = tonearm("show", JOB_ID, "--server", stage.url)

    assert f"  Go on: tonearm resume {JOB_ID}" in ended.out.splitlines()
