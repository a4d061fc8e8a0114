"""The page of the reference: its examples run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.unit.client.playing import JOB_ID, Play, Stage, figures, job

from tonearm.client import Client

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "client.md"
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
EXAMPLE = "http://127.0.0.1:8080"


def test_the_first_example_runs(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """An album is submitted and awaited."""
    receipt = {"success": True, "jobId": JOB_ID}
    stage.plays(Play(201, receipt), Play(200, {"success": True, "job": job(status="completed", files=["a.flac"])}))

    exec(EXAMPLES[0].replace(EXAMPLE, stage.url), {})

    assert capsys.readouterr().out == "completed ('a.flac',)\n"


def test_the_asynchronous_example_runs(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An album is submitted and awaited, and its archive saved."""
    monkeypatch.chdir(tmp_path)
    done = {"success": True, "job": job(status="completed")}
    archive = Play(200, b"a zip", {"Content-Type": "application/zip"})
    stage.plays(Play(201, {"success": True, "jobId": JOB_ID}), Play(200, done), archive)

    exec(EXAMPLES[1].replace(EXAMPLE, stage.url), {})

    assert (tmp_path / f"{JOB_ID}.zip").read_bytes() == b"a zip"


def test_the_example_of_events_runs(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    """A snapshot is shown, then a job; the end of the example is a refusal."""
    body = (
        'event: snapshot\ndata: {"jobs": [], "generatedAt": "x", '
        + str(figures()).replace("'", '"').replace("True", "true").removeprefix("{")
        + "\n\n"
    )
    refusal = {"success": False, "error": "No", "code": "FORBIDDEN"}
    stage.plays(Play(200, body.encode(), {"Content-Type": "text/event-stream"}, unmeasured=True), Play(403, refusal))

    with pytest.raises(Exception, match="No"):
        exec(EXAMPLES[2].replace("Client()", f"Client('{stage.url}')"), {})

    assert capsys.readouterr().out == "0 jobs\n"


def test_every_call_is_on_the_page() -> None:
    """A call without a line would not be found."""
    shown = set(re.findall(r"`(\w+)`", PAGE.read_text("utf-8")))
    public = {name for name in vars(Client) if not name.startswith("_")}

    assert public - shown == set()
