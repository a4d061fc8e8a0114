"""./dev: what it says and starts. The set-up itself is what every first run in a clone goes through."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.support.pages import ROOT

TOOLS = ("sh", "cat", "cksum", "dirname", "printf", "mkdir", "rm")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with nothing set up, in a folder whose name has spaces."""
    folder = tmp_path / "a folder with spaces"
    folder.mkdir()
    for name in ("dev", "pyproject.toml", "uv.lock"):
        shutil.copy(ROOT / name, folder)
    return folder


def stamped(checkout: Path, program: str) -> None:
    """Make the checkout look set up, with *program* as its tonearm."""
    bin_folder = checkout / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    for name, text in {"tonearm": program, "python": "#!/bin/sh\n"}.items():
        (bin_folder / name).write_text(text)
        (bin_folder / name).chmod(0o755)
    both = (checkout / "uv.lock").read_bytes() + (checkout / "pyproject.toml").read_bytes()
    sum_of_both = subprocess.run(["cksum"], input=both, check=True, capture_output=True).stdout.decode().strip()
    (checkout / ".venv" / ".stamp").write_text(f"{sum_of_both} at {checkout.resolve()}\n")


def bare_path(folder: Path) -> str:
    """A PATH with the shell's tools and a python3 that does not start, as a shim without its Python."""
    folder.mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    broken = folder / "python3"
    broken.write_text("#!/bin/sh\necho 'python3: command not found' >&2\nexit 127\n")
    broken.chmod(0o755)
    return str(folder)


def test_without_a_command_it_tells_them_all(checkout: Path) -> None:
    """Help names the commands and ends well."""
    said = subprocess.run([checkout / "dev"], check=True, capture_output=True, text=True).stdout

    assert all(f"\n  {command} " in said for command in ("demo", "serve", "test", "lint", "bench", "docs", "build"))


def test_an_unknown_command_is_an_error_that_shows_the_help(checkout: Path) -> None:
    """A slip of the finger is answered with what there is."""
    ended = subprocess.run([checkout / "dev", "tset"], check=False, capture_output=True, text=True)

    assert ended.returncode == 2
    assert "unknown command: tset" in ended.stderr
    assert "Usage: ./dev" in ended.stderr


def test_it_becomes_what_it_starts(checkout: Path, tmp_path: Path) -> None:
    """Arguments arrive as they were typed, in the caller's folder, and signals reach the program itself."""
    stamped(checkout, '#!/bin/sh\necho "$$"\npwd\nfor word; do echo "$word"; done\n')
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()

    with subprocess.Popen(
        [checkout / "dev", "serve", "--port", "80 80", ""], cwd=elsewhere, stdout=subprocess.PIPE, text=True
    ) as started:
        said, _ = started.communicate()

    assert said.splitlines() == [str(started.pid), str(elsewhere.resolve()), "serve", "--port", "80 80", ""]


def test_without_a_python_it_says_what_is_needed(checkout: Path, tmp_path: Path) -> None:
    """A shim that exists and fails counts as none."""
    path = bare_path(tmp_path / "bin")

    ended = subprocess.run(
        [checkout / "dev", "serve"], check=False, capture_output=True, text=True, env={**os.environ, "PATH": path}
    )

    assert ended.returncode == 1
    assert "Python 3.11 or newer is needed" in ended.stderr
    assert not (checkout / ".venv").exists()
