"""The commands against a scripted server: what they show, what they give to machines, and how they end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.client.playing import JOB_ID, Play, Stage, figures, job

from tonearm.client import following

OTHER = "job-1763900000001-zzzzzzzzzz"
RECEIPT = {"success": True, "jobId": JOB_ID, "message": "queued", "queueSource": "sqlite"}
MISSING = {"trackId": 3, "trackTitle": "Blue", "error": "Download timeout (30s)", "code": "timeout", "attempts": 4}
TRACK = {"trackId": 3, "trackTitle": "Blue", "status": "failed", "progress": 0, "error": "Download timeout (30s)"}
STATS = Play(200, figures())
RESTING = "The catalog media.example:443 is resting until 12:13:25 UTC: No connection to media.example:443"


def one(**changes: Any) -> Play:
    return Play(200, {"success": True, "job": job(**changes)})


def page(*jobs: dict[str, Any]) -> Play:
    return Play(200, {"success": True, "jobs": list(jobs), "count": len(jobs)})


def refused(status: int, code: str, words: str = "No", **headers: str) -> Play:
    return Play(
        status, {"success": False, "error": words, "code": code}, {k.replace("_", "-"): v for k, v in headers.items()}
    )


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "POLL_SECONDS", 0.0)


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


def test_a_server_that_is_not_there_ends_with_3_and_the_way_out(tonearm: Run) -> None:
    """The message says how to start one; JSON says it in a code."""
    ended = tonearm("list", "--json", "--server", "http://127.0.0.1:1")

    assert ended.code == 3
    assert ended.documents[0]["code"] == "SERVER_UNREACHABLE"
    assert "tonearm serve" in ended.err


def test_a_wrong_setting_ends_with_4_and_without_a_traceback(tonearm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One clear message that names the setting."""
    monkeypatch.setenv("PORT", "eighty")

    for command in ("list", "config"):
        ended = tonearm(command)
        assert ended.code == 4
        assert "PORT" in ended.err
        assert "Traceback" not in ended.err


@pytest.mark.parametrize("disabled", [False, True])
def test_a_worker_without_redis_says_why_and_what_to_do(
    tonearm: Run, monkeypatch: pytest.MonkeyPatch, *, disabled: bool
) -> None:
    """It cannot share a file; `serve` does everything in one process. Nothing of the server is loaded for it."""
    monkeypatch.setitem(sys.modules, "tonearm.cli.serve", None)
    if disabled:
        monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:6379")
        monkeypatch.setenv("REDIS_DISABLED", "1")

    ended = tonearm("worker", "--json")

    assert ended.code == 4
    assert ended.documents[0]["code"] == "SETUP"
    assert "REDIS_URL" in ended.err
    assert "tonearm serve" in ended.err


@pytest.mark.parametrize(
    ("setting", "line", "words"),
    [
        ("", "serve", "tonearm catalog serve"),
        ("REDIS_URL", "worker", "tonearm catalog serve"),
    ],
)
def test_a_server_that_cannot_start_says_so_before_it_loads(
    tonearm: Run, monkeypatch: pytest.MonkeyPatch, setting: str, line: str, words: str
) -> None:
    """An error of set-up is a document with `--json`, and nothing of the server is loaded for it."""
    monkeypatch.setitem(sys.modules, "tonearm.cli.serve", None)
    if setting:
        monkeypatch.setenv(setting, "redis://127.0.0.1:6379")

    ended = tonearm(*line.split(), "--json")

    assert ended.code == 4
    assert [document["code"] for document in ended.documents] == ["SETUP"]
    assert words in ended.documents[0]["error"]


def test_config_shows_value_unit_and_source_without_secrets(tonearm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line for every setting."""
    monkeypatch.setenv("QUEUE_MAX_CONCURRENT", "7")
    monkeypatch.setenv("INTERNAL_API_TOKEN", "planted-secret")

    people = tonearm("config")
    machines = tonearm("config", "--json")

    assert "QUEUE_MAX_CONCURRENT=7  (environment)" in people.out.splitlines()
    assert "QUEUE_JOB_TIMEOUT_MS=30000 ms  (default)" in people.out.splitlines()
    assert "QUEUE_MAX_STREAMS=1000  (default)" in people.out.splitlines()
    assert "PORT=8080  (default, restart)" in people.out.splitlines()
    assert "planted-secret" not in people.out + machines.out
    assert {"name": "PORT", "value": "8080", "source": "default"}.items() <= {
        key: value for document in machines.documents if document["name"] == "PORT" for key, value in document.items()
    }.items()


def test_config_says_which_file_was_read(tonearm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or where one was looked for; and that everybody can read a secret in it. Before or behind the command."""
    Path("own.toml").write_text("INTERNAL_API_TOKEN = 'planted-secret'\nPORT = 81\n", "utf-8")
    Path("own.toml").chmod(0o644)
    named = tonearm("--config", "own.toml", "config")
    monkeypatch.setenv("TONEARM_CONFIG", "")
    none = tonearm("config")

    assert "PORT=81  (own.toml, restart)" in named.out.splitlines()
    assert named.err.splitlines() == [
        "Settings file: own.toml",
        "Warning: Every user of this machine can read INTERNAL_API_TOKEN in own.toml: chmod o-r own.toml",
    ]
    assert none.err.startswith("Settings file: none; looked for tonearm.toml, ")


@pytest.mark.parametrize("line", ["--config own.toml serve", "serve --config own.toml", "--config own.toml worker"])
def test_every_command_reads_the_file_that_is_named(tonearm: Run, line: str) -> None:
    """What is wrong in it is told with its name."""
    Path("own.toml").write_text("PORT = 'http'\n", "utf-8")
    ended = tonearm(*line.split())

    assert ended.code == 4
    assert "PORT=http (own.toml): must be a whole number from 0 to 65535" in ended.err


def test_version_is_one_line_or_one_document(tonearm: Run) -> None:
    """For people and for machines."""
    assert tonearm("version").out.startswith("tonearm 0.")
    assert set(tonearm("version", "--json").documents[0]) == {"tonearm", "python"}


def test_a_folder_that_is_not_there_cannot_be_served(tonearm: Run) -> None:
    """An error at once, not an empty catalog."""
    ended = tonearm("catalog", "serve", "nowhere")

    assert ended.code == 4
    assert "nowhere" in ended.err
