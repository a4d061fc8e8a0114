"""What the tests of this folder share: the wheel, and environments in which it is installed."""

from __future__ import annotations

import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from tests.support.pages import ROOT

UV = ROOT / ".tools" / "uv" / "bin" / "uv"
PYENV = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
"""Where pyenv, if it is here, keeps its interpreters. Its shims on PATH start the chosen ones alone."""


def uv(*arguments: str | Path) -> str:
    """Run uv in the checkout, with pyenv's interpreters behind those on PATH; what it said."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *map(str, sorted(PYENV.glob("*/bin")))))
    environment = {**os.environ, "PATH": path, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}
    done = subprocess.run([UV, *arguments], cwd=ROOT, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source archive of this checkout, and the wheel that was built from that archive."""
    folder = tmp_path_factory.mktemp("built")
    uv("build", "--quiet", "--out-dir", folder)
    return folder


def constraints(built: Path) -> Path:
    """The versions of the lock, as `./dev build` lays them beside the wheel."""
    locked = ("--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes")
    uv("export", *locked, "--output-file", file := built / "constraints.txt")
    return file


def wheel(folder: Path) -> Path:
    """The one wheel of a folder."""
    (found,) = folder.glob("*.whl")
    return found


def contents(wheel: Path) -> dict[str, bytes]:
    """What stands in a wheel, by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
