"""The commands as processes against a real server."""

from __future__ import annotations

import json
import re
import signal
import urllib.error
import urllib.request
from typing import Any

import pytest
from tests.api.cli.live import Live, Terminal, live, started, tonearm
from tests.contract import steps

from tonearm.client import Client
from tonearm.model import (
    Completed,
    Control,
    Mark,
    Phase,
    Publication,
    Status,
    Transfer,
    WorkerReport,
)

EVIL = "\x1b]0;owned\x07Blue\nRed\u202e"


def added(server: Live, *arguments: str) -> str:
    """The id of the job that `add` queued."""
    ended = tonearm("add", *arguments, "--json", "--server", server.url)
    assert ended.code == 0
    job_id: str = ended.documents[0]["jobId"]
    return job_id


def refusal(server: Live, job: dict[str, Any]) -> str:
    """What the server says to a submission that it refuses."""
    request = urllib.request.Request(
        f"{server.url}/api/download-queue",
        json.dumps({"job": job}).encode(),
        {"Content-Type": "application/json"},
        method="POST",
    )
    with pytest.raises(urllib.error.HTTPError) as caught, urllib.request.urlopen(request):
        pass
    with caught.value as answer:
        return str(json.load(answer)["error"])


async def finish(server: Live, *, bad: bool = False) -> None:
    """Do all tracks that are ready; with *bad* the first one fails."""
    for number, claim in enumerate(await steps.claim_all(server.store)):
        name = f"Artist/Album/{claim.task_id}.flac"
        if bad and number == 0:
            await server.store.settle(claim, steps.NOT_FOUND)
        else:
            await server.store.commit(claim, Publication(name, 1_000, number + 1))
            await server.store.settle(claim, Completed((name,), 1_000))


def test_a_job_goes_through_its_life_by_commands(server: Live) -> None:
    """Queue, look, pause, go on, cancel, again, remove; each says what the server did."""
    at = ("--server", server.url)
    job_id = added(server, "track", "11", "--quality", "high")

    assert tonearm("add", "track", "11", "-q", "HIGH", *at).out == f"{job_id}  track 11 is in the queue already\n"
    assert tonearm("list", *at).out.split() == [job_id, "queued", "0%", "HIGH", "track", "11"]
    for command, status in (("pause", "paused"), ("resume", "queued"), ("cancel", "cancelled"), ("retry", "queued")):
        assert tonearm(command, job_id, *at).code == 0
        assert tonearm("show", job_id, "--json", *at).documents[0]["status"] == status
    assert [entry["event"] for entry in tonearm("show", job_id, "--json", *at).documents[0]["history"]]
    assert tonearm("remove", job_id, *at).out == f"{job_id}  Job cancelled\n"
    assert tonearm("show", job_id, *at).code == 1
    assert tonearm("cancel", job_id, *at).code == 1
    assert tonearm("list", "--json", *at).out == ""


def test_the_queue_is_steered_by_a_command(server: Live) -> None:
    """What was set holds in the store, and `default` takes it back."""
    at = ("--server", server.url)
    assert tonearm("control", "--pause", "--max-concurrent", "2", *at).out.startswith("queue         paused")
    assert server.run(server.store.control()) == Control(paused=True, max_concurrent=2)
    (shown,) = tonearm("control", "--json", *at).documents
    assert (shown["paused"], shown["maxConcurrent"], shown["workers"]) == (True, 2, 0)

    assert tonearm("control", "--resume", "--max-concurrent", "default", *at).code == 0
    assert server.run(server.store.control()) == Control()


def test_a_wrong_word_is_refused_locally_in_the_words_of_the_server(server: Live) -> None:
    """Id and quality are checked before anything is sent, and the message is the same."""
    number = refusal(server, {"type": "track", "trackId": 0, "quality": "LOW"})
    quality = refusal(server, {"type": "track", "trackId": 1, "quality": "FLAC"})

    assert number.removeprefix("trackId ") in tonearm("add", "track", "0").err
    assert quality.removeprefix("quality ").partition(" (")[0] in tonearm("add", "track", "1", "-q", "FLAC").err


def test_an_album_is_followed_by_lines_to_its_end(server: Live) -> None:
    """Without a terminal each change is a line; what is missing is named, and the exit code is 1."""
    with started("add", "album", "5", "--wait", "--server", server.url) as process:
        assert process.stdout is not None
        job_id = process.stdout.readline().split()[0]
        assert process.stdout.readline() == f"{job_id}  album 5: queued\n"
        server.run(steps.expand(server.store, server.run(steps.claim_album(server.store)), 3))
        assert process.stdout.readline() == f"{job_id}  The Artist - The Album: processing, 0 of 3 tracks\n"
        server.run(finish(server, bad=True))
        out, err = process.communicate(timeout=60)

    lines = out.splitlines()
    assert f"{job_id}  The Artist - The Album: completed, 2 of 3 tracks, 1 failed" in lines
    assert "  missing: Title 1: Track not found (not_found, 1 attempt)" in lines
    assert "  The catalog does not have this id. The catalog of a folder lists its ids under /albums." in lines
    assert "\x1b" not in out + err
    assert process.returncode == 1


def test_an_album_is_followed_by_bars_on_a_terminal(server: Live) -> None:
    """One bar for the job, one for each track on the line, and the result in plain words at the end."""
    terminal = Terminal("add", "album", "5", "--wait", "--server", server.url)
    terminal.until("queued")
    claim = server.run(steps.claim_album(server.store))
    server.run(steps.expand(server.store, claim, 2))
    first = server.run(steps.claim_one(server.store))

    terminal.until("The Artist - The Album")
    terminal.until("  Title 1")
    server.run(server.store.commit(first, steps.PUBLICATION))
    server.run(server.store.settle(first, steps.DONE))
    terminal.until("1/2")
    server.run(finish(server))

    assert terminal.end() == 0
    assert "\x1b[" in terminal.seen
    assert "completed, 2 of 2 tracks" in terminal.seen.splitlines()[-1]
    assert terminal.seen.count("\x1b[?25l") == terminal.seen.count("\x1b[?25h") > 0  # the cursor is back


@pytest.mark.parametrize("on_terminal", [False, True])
def test_ctrl_c_ends_the_waiting_and_not_the_job(server: Live, *, on_terminal: bool) -> None:
    """The message says that it goes on, and how to cancel it."""
    arguments = ("add", "track", "11", "--wait", "--server", server.url)
    if on_terminal:
        terminal = Terminal(*arguments)
        terminal.until("track 11 queued")
        terminal.until("\x1b[?25l")
        terminal.process.send_signal(signal.SIGINT)
        code, err = terminal.end(), terminal.seen
    else:
        with started(*arguments) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.stdout.readline()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=60)
            code = process.returncode

    with Client(server.url) as client:
        (job,) = client.jobs()
    assert code == 130
    assert job.status is Status.QUEUED
    assert "goes on" in err
    assert f"tonearm cancel {job.id}" in err
    assert "Traceback" not in err


def test_a_single_job_beyond_the_rate_is_told_when_to_come_again() -> None:
    """The server's own limit and its own time."""
    with live(QUEUE_RATE_LIMIT_PER_MIN="1") as server:
        added(server, "track", "1")

        ended = tonearm("add", "track", "2", "--server", server.url)

    assert ended.code == 1
    assert re.search(r"Try again in (1 min 0|\d+) s", ended.err)


def test_ctrl_c_while_the_limit_is_waited_out_says_what_is_not_queued() -> None:
    """The ids that did not get in are named; the others stay queued."""
    with (
        live(QUEUE_RATE_LIMIT_PER_MIN="1") as server,
        started("add", "track", "1", "2", "3", "--server", server.url) as process,
    ):
        assert process.stderr is not None
        assert process.stderr.readline().startswith("1 of 3 queued, next in ")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 130
    assert len(out.splitlines()) == 1
    assert "Not queued: 2, 3." in err


def test_a_table_fits_80_columns_and_shows_no_control_character_of_a_title(server: Live) -> None:
    """Long and hostile titles are cut and cleaned."""
    for title in (EVIL, "A very long title that does not end before the right edge of the terminal " * 3, "音楽" * 60):
        job = {"type": "track", "trackId": len(title), "quality": "LOSSLESS", "trackTitle": title, "artistName": "Ann"}
        request = urllib.request.Request(
            f"{server.url}/api/download-queue", json.dumps({"job": job}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request):
            pass

    terminal = Terminal("list", "--server", server.url)
    assert terminal.end() == 0

    lines = re.sub(r"\x1b\[[0-9;]*m", "", terminal.seen).replace("\r", "").splitlines()
    assert len(lines) == 4
    assert lines[0].split() == ["JOB", "STATUS", "DONE", "QUALITY", "TITLE"]
    assert all(sum(2 if char > "\u2e80" and char != "�" else 1 for char in line) <= 80 for line in lines)
    assert not {"\x1b", "\x07", "\u202e"} & set("".join(lines))


def test_workers_are_a_table_on_a_terminal(server: Live) -> None:
    """A row for each task, its worker named once; a title cannot move the cursor."""
    task = Transfer("job-1-a", "1:x", Mark(Phase.TRANSFER, 1, 4), 2_048.0, job_id="job-1-a", title=EVIL)
    other = Transfer("job-1-b", "1:y", Mark(Phase.VERIFY), job_id="job-1-b", title="Green")
    server.run(server.store.heartbeat("den-1", "den", 4))
    server.run(server.store.report(WorkerReport("den-1", 1, 4, (task, other))))
    terminal = Terminal("workers", "--server", server.url)

    assert terminal.end() == 0
    lines = [re.sub(r"\x1b\[[\d;]*m", "", line).split() for line in terminal.seen.splitlines() if line.strip()]
    assert lines[0] == ["WORKER", "SLOTS", "HEARD", "JOB", "DONE", "SPEED", "TITLE"]
    assert lines[1][:2] == ["den-1", "1/4"]
    assert lines[1][4:8] == ["job-1-a", "25%", "2.0", "KiB/s"]
    assert lines[2][:2] == ["job-1-b", "100%"]
    assert "\x1b]0" not in terminal.seen
