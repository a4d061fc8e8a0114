"""`tonearm remove --files` and `clear` against a scripted server: what they ask first, and what they say afterwards."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.client.playing import JOB_ID, Play, Stage

from tonearm.cli import actions

OTHER = "job-1763900000000-other"
FILES: dict[str, Any] = {
    "removedFiles": ["A/1.flac"],
    "removedCount": 1,
    "keptFiles": [{"path": "A/2.flac", "reason": "it was changed\x1b[2J"}],
    "keptCount": 1_001,
    "missingCount": 2,
}


class Terminal(io.StringIO):
    """A person who has typed this."""

    def isatty(self) -> bool:
        return True


def removed(job_id: str = JOB_ID, **more: Any) -> Play:
    return Play(200, {"success": True, "message": "Job removed", "jobId": job_id} | more)


def test_files_that_went_and_stayed_are_told(tonearm: Run, stage: Stage) -> None:
    """Counted, and those that stayed by name and reason; what may still come goes to stderr."""
    stage.plays(removed(**FILES, warning="A worker is busy"), removed(OTHER, removedCount=0, keptCount=0))

    ended = tonearm("remove", JOB_ID, OTHER, "--files", "--yes", "--server", stage.url)

    assert ended.code == 0
    assert ended.out.splitlines() == [
        f"{JOB_ID}  Job removed; files: 1 removed, 1,001 kept, 2 not there any more",
        "  kept A/2.flac: it was changed\N{REPLACEMENT CHARACTER}[2J",
        "  … and 1,000 more",
        f"{OTHER}  Job removed",
    ]
    assert ended.err == "A worker is busy\n"
    assert [heard.path.partition("?")[2] for heard in stage.heard] == ["files=true"] * 2


def test_for_machines_the_files_stand_in_the_document(tonearm: Run, stage: Stage) -> None:
    """As the server named them; without --files there is no word of them."""
    stage.plays(removed(**FILES), removed())

    ended = tonearm("remove", JOB_ID, "--files", "-y", "--json", "--server", stage.url)
    plain = tonearm("remove", JOB_ID, "--json", "--server", stage.url)

    assert ended.documents == [{"jobId": JOB_ID, "success": True, "message": "Job removed"} | FILES]
    assert plain.documents == [{"jobId": JOB_ID, "success": True, "message": "Job removed"}]


@pytest.mark.parametrize(("typed", "code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_a_person_is_asked_before_files_go(
    tonearm: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch, typed: str, code: int
) -> None:
    """No, nothing and the end of the input leave all as it is."""
    stage.plays(removed(**FILES))
    monkeypatch.setattr(sys, "stdin", Terminal(typed))

    ended = tonearm("remove", JOB_ID, OTHER, JOB_ID, "--files", "--server", stage.url)

    assert ended.code == code
    assert "Remove these 2 jobs, and the music that came with them, from the library? [y/N]" in ended.err
    assert len(stage.heard) == (2 if code == 0 else 0)


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_where_nobody_can_be_asked_files_need_a_yes(
    tonearm: Run, stage: Stage, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """A script says it; nothing is asked of the server before."""
    monkeypatch.setattr(sys, "stdin", Terminal("y\n") if options else io.StringIO("y\n"))

    ended = tonearm("remove", JOB_ID, "--files", *options, "--server", stage.url)

    assert ended.code == 2
    assert "--yes" in ended.err
    assert stage.heard == []


def test_the_history_is_cleared_until_nothing_is_left(tonearm: Run, stage: Stage) -> None:
    """One request does a part of a long one; the sum is told."""
    parts = [{"success": True, "message": "", "removed": count, "more": count > 9} for count in (10_000, 3)]
    stage.plays(*(Play(200, part) for part in parts))

    assert tonearm("clear", "Failed", "--server", stage.url).out == "10,003 failed jobs removed\n"
    assert [heard.path.partition("?")[2] for heard in stage.heard] == ["status=failed"] * 2
    assert tonearm("clear", "failed", "--json", "--server", stage.url).documents == [
        {"success": True, "status": "failed", "removed": 3}
    ]


def test_what_cannot_be_cleared_is_not_asked_for_ever(tonearm: Run, stage: Stage) -> None:
    """Others may bring jobs in as fast as it looks; the command ends where nothing went, and says so."""
    stage.plays(Play(200, {"success": True, "message": "", "removed": 0, "more": True}))

    ended = tonearm("clear", "completed", "--server", stage.url)

    assert (ended.code, ended.out) == (0, "0 completed jobs removed\n")
    assert ended.err == f"{actions.MORE}\n"
    assert len(stage.heard) == 1


def test_only_what_is_finished_can_be_cleared(tonearm: Run, stage: Stage) -> None:
    """The three are named."""
    ended = tonearm("clear", "queued", "--server", stage.url)

    assert ended.code == 2
    assert "completed, failed, cancelled" in ended.err
    assert stage.heard == []
