"""What the tests of this folder share: the wheel, and environments in which it is installed."""

from __future__ import annotations

import os
import subprocess
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


def install(built: Path, python: str, environment: Path) -> Path:
    """Make an environment of the wheel and what it needs, in the versions of the lock, and nothing else; its bin.

    It may be moved. Versions are those of `constraints.txt`, which `./dev build` makes in the same way.
    """
    constraints = built / "constraints.txt"
    locked = ("--quiet", "--frozen", "--no-dev", "--no-emit-project", "--no-hashes")
    uv("export", *locked, "--output-file", constraints)
    uv("venv", "--quiet", "--relocatable", "--python", python, environment)
    (wheel,) = built.glob("*.whl")
    uv("pip", "install", "--quiet", "--python", environment, "--constraint", constraints, wheel)
    return environment / "bin"
