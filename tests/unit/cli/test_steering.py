"""`tonearm control` against a scripted server: what it asks, what it shows, and what it refuses by itself."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.client.playing import Play, Stage


def holds(**changes: Any) -> Play:
    """The server's answer."""
    plain = {"paused": False, "bandwidthLimit": 0, "maxConcurrent": 4, "overrides": [], "workers": 1}
    return Play(200, {"success": True, **plain, **changes})


def test_without_options_it_shows_what_holds(tonearm: Run, stage: Stage) -> None:
    """Nothing is changed; what the settings say is marked."""
    stage.plays(holds())

    ended = tonearm("control", "--server", stage.url)

    assert ended.code == 0
    assert ended.out.splitlines() == [
        "queue         running",
        "bandwidth     no limit (as the settings say)",
        "transfers     4 at a time (as the settings say)",
        "workers       1",
    ]
    assert [request.method for request in stage.heard] == ["GET"]


def test_what_was_set_is_shown_with_the_way_back(tonearm: Run, stage: Stage) -> None:
    """A paused queue says how to go on; limits hold for each worker."""
    stage.plays(
        holds(paused=True, bandwidthLimit=2_097_152, overrides=["paused", "bandwidthLimit"], workers=3, maxConcurrent=2)
    )

    lines = tonearm("control", "--server", stage.url).out.splitlines()

    assert lines[:2] == ["queue         paused; go on: tonearm control --resume", "bandwidth     2.0 MiB/s"]
    assert lines[3] == "workers       3, each with these limits"


@pytest.mark.parametrize(
    ("options", "asked"),
    [
        (["--pause"], {"paused": True}),
        (["--resume", "--max-concurrent", "2"], {"paused": False, "maxConcurrent": 2}),
        (["--bandwidth-limit", "0"], {"bandwidthLimit": 0}),
        (
            ["--bandwidth-limit", "default", "--max-concurrent", "Default"],
            {"bandwidthLimit": None, "maxConcurrent": None},
        ),
    ],
    ids=str,
)
def test_only_what_was_named_is_asked(tonearm: Run, stage: Stage, options: list[str], asked: dict[str, Any]) -> None:
    """`default` goes back to the settings."""
    stage.plays(holds())

    ended = tonearm("control", *options, "--server", stage.url)

    assert ended.code == 0
    assert [(request.method, request.body) for request in stage.heard] == [("PATCH", asked)]


@pytest.mark.parametrize(
    "options",
    [
        ["--pause", "--resume"],
        ["--bandwidth-limit", "-1"],
        ["--bandwidth-limit", "fast"],
        ["--max-concurrent", "0"],
        ["--max-concurrent", "1001"],
    ],
    ids=str,
)
def test_what_makes_no_sense_is_a_usage_error(tonearm: Run, stage: Stage, options: list[str]) -> None:
    """The server is not asked."""
    assert tonearm("control", *options, "--server", stage.url).code == 2
    assert stage.heard == []


def test_machines_get_the_answer_of_the_api(tonearm: Run, stage: Stage) -> None:
    """One document."""
    stage.plays(holds(maxConcurrent=2, overrides=["maxConcurrent"]))

    (document,) = tonearm("control", "--max-concurrent", "2", "--json", "--server", stage.url).documents

    assert document["maxConcurrent"] == 2
    assert document["overrides"] == ["maxConcurrent"]
