"""Debian packages, unpacked without being installed, under .cache in the checkout; nothing of them is committed.

They are fetched with the machine's own apt, from wherever it gets its packages. Where its package lists are absent (a
fresh image) or do not have the package, fresh lists of our own are fetched, with the backports of its release; the
machine's configuration is only read.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

CACHE = Path(__file__).parents[2] / ".cache" / "tonearm-tests"
_FETCH_SECONDS = 300
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


class PackageMissing(Exception):
    """A package could not be had; the message says what was tried."""


def unpack(packages: Sequence[str], pattern: str, folder: Path) -> None:
    """Fetch these packages; *folder* is then made of their files that match *pattern*, all side by side.

    Raises:
        PackageMissing: no apt-get here, or no package server within reach.
    """
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as name:
        work = Path(name)
        _download(packages, work)
        unpacked, chosen = work / "unpacked", work / "chosen"
        for file in work.glob("*.deb"):
            _run(["dpkg", "-x", str(file), str(unpacked)], work)
        chosen.mkdir()
        for file in sorted(unpacked.rglob(pattern)):
            file.rename(chosen / file.name)
        shutil.rmtree(folder, ignore_errors=True)
        chosen.rename(folder)


def _download(packages: Sequence[str], work: Path) -> None:
    try:
        _run(["apt-get", "-qq", "download", *packages], work)
    except PackageMissing:
        own = _lists_of_our_own(work)
        _run(["apt-get", "-qq", *own, "update"], work)
        _run(["apt-get", "-qq", *own, "download", *packages], work)


def _lists_of_our_own(work: Path) -> list[str]:
    """The options of apt for lists in *work*: of what the machine is configured for, and the backports beside it."""
    lists, sources = work / "lists", work / "sources"
    lists.mkdir()
    sources.mkdir()
    for folder in (Path("/etc/apt/sources.list.d"), Path("/etc/apt")):
        for file in (*folder.glob("*.list"), *folder.glob("*.sources")):
            (sources / file.name).symlink_to(file)
    if backports := _backports():
        (sources / "tonearm-backports.list").write_text(f"{backports}\n", "utf-8")
    places = {"Dir::Etc::sourcelist": "/dev/null", "Dir::Etc::sourceparts": sources, "Dir::State::lists": lists}
    settings = {**places, "Dir::Cache": work, "APT::Sandbox::User": "root"}
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _backports() -> str | None:
    """The line for the backports of this release, from where the release itself comes.

    None where this is no Debian, or the machine is configured for them: apt refuses two lines for one thing.
    """
    try:
        release = platform.freedesktop_os_release()
    except OSError:
        return None
    codename = release.get("VERSION_CODENAME", "")
    if release.get("ID") != "debian" or not codename:
        return None
    listed = ["apt-get", "indextargets", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)", "Created-By: Packages"]
    targets = [line.split() for line in _run(listed, Path("/")).splitlines()]
    configured = {(suite, component): uri for suite, component, uri in targets}
    uri = configured.get((codename, "main"))
    if uri is None or (f"{codename}-backports", "main") in configured:
        return None
    signed = f"[signed-by={_KEYRING}] " if _KEYRING.exists() else ""
    return f"deb {signed}{uri} {codename}-backports main"


def _run(command: list[str], work: Path) -> str:
    try:
        done = subprocess.run(
            command,
            cwd=work,
            check=True,
            capture_output=True,
            text=True,
            timeout=_FETCH_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError as error:
        raise PackageMissing(f"{command[0]} is not here") from error
    except subprocess.TimeoutExpired as error:
        raise PackageMissing(f"{' '.join(command)}: no end after {_FETCH_SECONDS} s") from error
    except subprocess.CalledProcessError as error:
        raise PackageMissing(f"{' '.join(command)}: {error.stderr.strip()[-300:]}") from error
    return done.stdout
