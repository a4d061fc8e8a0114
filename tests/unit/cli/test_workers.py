"""`tonearm workers` against a scripted server: what is shown of each worker and its tasks."""

from __future__ import annotations

from typing import Any

from tests.unit.cli.conftest import Run
from tests.unit.client.playing import JOB_ID, Play, Stage

NOW = 1_763_900_000_000


def worker(**changes: Any) -> dict[str, Any]:
    """A worker that lives and does nothing."""
    times = {"startedAt": NOW - 3_600_000, "lastHeartbeat": NOW - 3_000}
    return {
        "id": "den-1",
        "host": "den",
        "alive": True,
        "slots": 4,
        "activeDownloads": 0,
        "tasks": [],
        **times,
        **changes,
    }


def task(**changes: Any) -> dict[str, Any]:
    """A track on its way."""
    return {"jobId": JOB_ID, "doing": "transferring", "progress": 0.42, "since": NOW - 1_000, **changes}


def answer(*workers: dict[str, Any], **members: Any) -> Play:
    """What the server says."""
    return Play(200, {"success": True, "workers": list(workers), "timestamp": NOW, "queueSource": "redis", **members})


def test_each_worker_is_a_line_and_its_tasks_stand_below(tonearm: Run, stage: Stage) -> None:
    """Titles where they are known; the dead without tasks."""
    speed = {"trackTitle": "Red", "albumTitle": "Blue", "speedBytesPerSecond": 2_097_152}
    working = worker(activeDownloads=1, tasks=[task(**speed), task(doing="resolving", progress=0)])
    stage.plays(answer(working, worker(id="loft-1", host="loft", alive=False, lastHeartbeat=NOW - 600_000)))

    ended = tonearm("workers", "--server", stage.url)

    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines() == [
        "den-1  1 of 4 transfers  heard 3 s ago  up 1 h 0 min  on den",
        f"  {JOB_ID}   42%    2.0 MiB/s  Red / Blue (transferring)",
        f"  {JOB_ID}    0%               resolving",
        "loft-1  dead  heard 10 min 0 s ago  on loft",
    ]


def test_a_worker_says_why_it_begins_nothing(tonearm: Run, stage: Stage) -> None:
    """At the end of its line."""
    stage.plays(answer(worker(holding="Waiting for disk space")))

    assert tonearm("workers", "--server", stage.url).out.endswith("on den  Waiting for disk space\n")


def test_where_nobody_works_a_note_says_how_to_change_that(tonearm: Run, stage: Stage) -> None:
    """No worker at all, or none that lives; that is no failure of the command."""
    for workers in ((), (worker(alive=False),)):
        stage.plays(answer(*workers))
        ended = tonearm("workers", "--server", stage.url)
        assert ended.code == 0
        assert "tonearm serve" in ended.err


def test_while_the_queue_is_away_nobody_is_said_to_be_missing(tonearm: Run, stage: Stage) -> None:
    """Without a worker that is known the question has no answer, code 3; with one, that there may be more."""
    away = {"queueSource": "local", "warning": "The queue is away"}
    stage.plays(answer(**away), answer(worker(), **away))

    ended = tonearm("workers", "--server", stage.url)
    assert ended.code == 3
    assert "The queue is away" in ended.err
    assert "No worker is running" not in ended.err
    ended = tonearm("workers", "--server", stage.url)
    assert (ended.code, ended.out.startswith("den-1")) == (0, True)
    assert "other machines" in ended.err


def test_what_a_silent_worker_was_at_is_told_as_of_then(tonearm: Run, stage: Stage) -> None:
    """It may have been killed, and counts as alive for a while."""
    working = {"tasks": [task(doing="publishing")]}
    stage.plays(answer(worker(**working), worker(lastHeartbeat=NOW - 40_000, **working)))

    *_, living, _, silent = tonearm("workers", "--server", stage.url).out.splitlines()
    assert living.endswith(" publishing")
    assert silent.endswith(" publishing when last heard of")


def test_machines_get_a_document_a_worker(tonearm: Run, stage: Stage) -> None:
    """As it stood in the answer."""
    stage.plays(answer(worker(tasks=[task()]), worker(id="den-2")))

    documents = tonearm("workers", "--json", "--server", stage.url).documents

    assert [document["id"] for document in documents] == ["den-1", "den-2"]
    assert documents[0]["tasks"] == [task()]
