"""Free music: two real albums, from a Debian package, for the tests that need what people listen to.

The package is singularity-music (CC BY-SA 3.0, 16 OGG files). It is fetched once, unpacked without being installed,
and kept under .cache in the checkout; nothing of it is committed. This knows nothing of catalogs or qualities.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

PACKAGE = "singularity-music"
TRACKS = 16

CACHE = Path(__file__).parents[2] / ".cache" / "tonearm-tests"
_FETCH_SECONDS = 300


class FreeMusicMissing(Exception):
    """The package could not be had; the message says what was tried and what to do."""


def free_music() -> Path:
    """The folder with the package's OGG files, fetched on the first call.

    Raises:
        FreeMusicMissing: no apt-get here, or no package server within reach.
    """
    folder = CACHE / PACKAGE
    if len(list(folder.rglob("*.ogg"))) < TRACKS:
        _fetch(folder)
    return folder


def _fetch(folder: Path) -> None:
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        work = Path(name)
        _download(work)
        unpacked = work / "unpacked"
        _run(["dpkg", "-x", str(next(work.glob("*.deb"))), str(unpacked)], work)
        music = work / PACKAGE
        music.mkdir()
        for file in sorted(unpacked.rglob("*.ogg")):
            shutil.move(file, music / file.name)
        shutil.rmtree(folder, ignore_errors=True)
        music.rename(folder)


def _download(work: Path) -> None:
    """Fetch the .deb into *work*, with the machine's package lists, or with fresh ones of our own where it has none."""
    try:
        _run(["apt-get", "download", PACKAGE], work)
    except FreeMusicMissing:
        lists = work / "lists"
        lists.mkdir()
        own = ["-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={work}", "-o", "APT::Sandbox::User=root"]
        _run(["apt-get", "-qq", *own, "update"], work)
        _run(["apt-get", *own, "download", PACKAGE], work)


def _run(command: list[str], work: Path) -> None:
    try:
        subprocess.run(
            command,
            cwd=work,
            check=True,
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError as error:
        raise FreeMusicMissing(_advice(f"{command[0]} is not here")) from error
    except subprocess.TimeoutExpired as error:
        raise FreeMusicMissing(_advice(f"{' '.join(command)}: no end after {_FETCH_SECONDS} s")) from error
    except subprocess.CalledProcessError as error:
        raise FreeMusicMissing(_advice(f"{' '.join(command)}: {error.stderr.strip()[-300:]}")) from error


def _advice(reason: str) -> str:
    return (
        f"the free music for the tests could not be had ({reason}). "
        f"Put the {TRACKS} OGG files of Debian's package {PACKAGE} into {CACHE / PACKAGE}"
    )
