"""The units of systemd: it takes them as they are, lets them do little, and what they need is not among the rest."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from tests.support.programs import find

from tonearm.settings import load

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = ("tonearm.service", "tonearm-worker@.service")
EXPOSURE = 2.0


def analyzed(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [find("systemd-analyze"), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, env={"SYSTEMD_COLORS": "0"})


def directives(unit: str) -> list[str]:
    """The lines of a unit, without comments."""
    lines = (FOLDER / unit).read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("unit", UNITS)
def test_systemd_takes_the_unit(unit: str, tmp_path: Path) -> None:
    """No word in it is unknown or in the wrong section; the program that it starts is a stand-in here."""
    program = tmp_path / "tonearm"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    copy = tmp_path / unit
    copy.write_text((FOLDER / unit).read_text("utf-8").replace("/opt/tonearm/bin/tonearm", str(program)), "utf-8")

    verified = analyzed("verify", "--man=no", copy)

    assert (verified.returncode, verified.stderr) == (0, "")


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_is_exposed_to_little(unit: str) -> None:
    """`systemd-analyze security` gives at most 2.0 of 10."""
    rated = analyzed("security", "--offline=true", f"--threshold={int(EXPOSURE * 10)}", FOLDER / unit)

    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", rated.stdout)
    assert found is not None, rated.stderr
    assert float(found[1]) < EXPOSURE
    assert rated.returncode == 0


def test_the_units_differ_in_what_they_are_alone() -> None:
    """A restriction that one of them gets is meant for both."""
    server, worker = (set(directives(unit)) for unit in UNITS)
    differing = {line.partition("=")[0] for line in server ^ worker}

    assert differing == {"Description", "ExecStart"}


def test_the_file_of_settings_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is, and with what is commented out in it."""
    text = (FOLDER / "tonearm.toml").read_text("utf-8")
    file = tmp_path / "tonearm.toml"
    monkeypatch.setenv("TONEARM_CONFIG", str(file))
    for shown in (text, re.sub(r"^# ([A-Z_]+ = )", r"\1", text, flags=re.MULTILINE)):
        file.write_text(shown, "utf-8")
        settings = load()
        assert str(settings.download_dir) in (FOLDER / UNITS[0]).read_text("utf-8")
    assert settings.shared_queue() is not None


def test_systemd_takes_the_user_and_the_folders(tmp_path: Path) -> None:
    """In an empty root the files make a user and, for him, the library and the place of the settings."""
    (tmp_path / "etc").mkdir()
    for kind, program in (("sysusers", "systemd-sysusers"), ("tmpfiles", "systemd-tmpfiles")):
        further = ("--create",) if kind == "tmpfiles" else ()
        made = subprocess.run(
            [find(program), f"--root={tmp_path}", *further, FOLDER / f"tonearm.{kind}"],
            check=False,
            capture_output=True,
            text=True,
        )
        assert made.returncode == 0, made.stderr
    (user,) = (tmp_path / "etc/passwd").read_text("utf-8").splitlines()
    uid, gid = map(int, user.split(":")[2:4])
    library, settings = (tmp_path / name for name in ("srv/music", "etc/tonearm"))

    assert user.startswith("tonearm:")
    assert (library.stat().st_uid, library.stat().st_gid, library.stat().st_mode & 0o7777) == (uid, gid, 0o2775)
    assert (settings.stat().st_uid, settings.stat().st_gid, settings.stat().st_mode & 0o7777) == (0, gid, 0o750)
