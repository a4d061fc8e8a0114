"""`tonearm archive` against a scripted server: a whole file under its name, or none."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.cli.conftest import Run
from tests.unit.client.playing import JOB_ID, Play, Stage

CONTENT = b"PK" * 1_000


def named(name: str, **more: int) -> Play:
    headers = {"Content-Type": "application/zip", "Content-Disposition": f'attachment; filename="{name}"'}
    return Play(200, CONTENT, headers, until=more.get("until"))


def files() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path().iterdir()}


def test_the_archive_lies_under_the_name_that_the_server_gave(tonearm: Run, stage: Stage) -> None:
    """In the current folder; the line says where and how much."""
    stage.plays(named("Ann - Blue.zip"))
    ended = tonearm("archive", JOB_ID, "--server", stage.url)

    assert ended.code == 0
    assert ended.out == f"{JOB_ID}  Ann - Blue.zip, 2.0 KiB\n"
    assert files() == {"Ann - Blue.zip": CONTENT}


def test_json_names_the_file(tonearm: Run, stage: Stage, tmp_path: Path) -> None:
    """One document."""
    stage.plays(named("Ann - Blue.zip"))
    target = tmp_path / "sub" / "x.zip"
    target.parent.mkdir()
    ended = tonearm("archive", JOB_ID, "-o", str(target), "--json", "--server", stage.url)

    assert ended.documents == [{"jobId": JOB_ID, "success": True, "file": str(target), "size": len(CONTENT)}]
    assert target.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "passwd"),
        ("a\\b.zip", "b.zip"),
        (".profile", "profile"),
        ("..", f"{JOB_ID}.zip"),
        ("x\u202ezip.exe".encode().decode("latin-1"), "xâ\ufffd®zip.exe"),
        ("", f"{JOB_ID}.zip"),
    ],
)
def test_no_name_of_a_server_leads_elsewhere(tonearm: Run, stage: Stage, name: str, expected: str) -> None:
    """Only a plain name counts, and the file lies here."""
    stage.plays(named(name))
    assert tonearm("archive", JOB_ID, "--server", stage.url).code == 0
    assert list(files()) == [expected]


@pytest.mark.parametrize("options", [[], ["-o", "Ann - Blue.zip"]])
def test_a_file_that_is_there_is_not_touched(tonearm: Run, stage: Stage, options: list[str]) -> None:
    """The command says so and ends with 4."""
    Path("Ann - Blue.zip").write_bytes(b"mine")
    stage.plays(named("Ann - Blue.zip"))
    ended = tonearm("archive", JOB_ID, *options, "--server", stage.url)

    assert ended.code == 4
    assert "Ann - Blue.zip is there already" in ended.err
    assert files() == {"Ann - Blue.zip": b"mine"}


def test_what_is_cut_off_is_not_kept(tonearm: Run, stage: Stage) -> None:
    """Neither under its name nor as a part of it."""
    stage.plays(named("Ann - Blue.zip", until=100))
    ended = tonearm("archive", JOB_ID, "--server", stage.url)

    assert ended.code == 3
    assert ended.err.splitlines() == [
        "Error: The server stopped after 100 of 2000 bytes",
        "Nothing was kept. Try again; the server's log may say more.",
    ]
    assert files() == {}


def test_a_refusal_ends_the_command_with_its_reason(tonearm: Run, stage: Stage) -> None:
    """And writes nothing."""
    stage.plays(Play(409, {"success": False, "error": "a.flac is gone", "code": "FILE_UNAVAILABLE"}))
    ended = tonearm("archive", JOB_ID, "--server", stage.url)

    assert (ended.code, ended.err) == (1, "Error: a.flac is gone\n")
    assert files() == {}


def test_a_place_that_cannot_be_written_is_named(tonearm: Run, stage: Stage) -> None:
    """With the reason."""
    stage.plays(named("Ann - Blue.zip"))
    ended = tonearm("archive", JOB_ID, "-o", "none/x.zip", "--server", stage.url)

    assert ended.code == 4
    assert "none/x.zip cannot be written: No such file or directory" in ended.err
