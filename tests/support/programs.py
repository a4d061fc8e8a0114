"""System programs: what the tests and benchmarks start beside Python, and how to get what is missing.

`./dev test` and `./dev bench` run this first. As root on Debian or a relative of it the missing packages are installed,
without any of their services being started or enabled; anybody else is told the one line to type. Nothing is skipped:
without its programs a test run does not begin.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.free_music import FreeMusicMissing, free_music
from tests.support.valkey import ValkeyMissing, valkey_server


@dataclass(frozen=True)
class Program:
    """One program, the Debian package that carries it, what it is for, and the service that the package would start."""

    name: str
    package: str
    purpose: str
    service: str | None = None


NGINX = Program("nginx", "nginx-light", "a real origin server", service="nginx")
OPENSSL = Program("openssl", "openssl", "certificates for origins with TLS")
FFMPEG = Program("ffmpeg", "ffmpeg", "makes music, and decodes it independently of us")
FLAC = Program("flac", "flac", "the reference encoder and decoder")
REDIS = Program("redis-server", "redis-server", "a queue that many machines share", service="redis-server")

NEEDED = {
    "test": (
        NGINX,
        OPENSSL,
        FFMPEG,
        FLAC,
        Program("caddy", "caddy", "another origin server, with tags of its own kind", service="caddy"),
        Program("lighttpd", "lighttpd", "another one", service="lighttpd"),
        Program("apache2", "apache2", "another one, with weak tags for new files", service="apache2"),
        Program("redis-server", "redis-server", "a queue that many machines share", service="redis-server"),
        Program("chromium", "chromium", "a real browser for the page"),
        Program("prometheus", "prometheus", "what our metrics and alerts are for", service="prometheus"),
        Program("promtool", "prometheus", "judges metrics and rules"),
        Program("strace", "strace", "injects a failing or fatal system call exactly there"),
        Program("mkfs.ext4", "e2fsprogs", "the disk whose power is cut"),
        Program("mount", "mount", "small, full and read-only disks"),
        Program("ip", "iproute2", "a network that a test has to itself"),
        Program("unshare", "util-linux", "a network that a test has to itself"),
        Program("setpriv", "util-linux", "a second user"),
        Program("lowntfs-3g", "ntfs-3g", "a disk that takes upper and lower case for the same"),
        Program("mkfs.ntfs", "ntfs-3g", "makes it"),
        Program("groff", "groff-base", "sets the man page, and says what is wrong with it"),
        Program("unzip", "unzip", "reads archives independently of us"),
        Program("systemd-analyze", "systemd", "judges the units"),
        Program("bash", "bash", "the shell into which people type what the documents say"),
        Program("curl", "curl", "types what the documents say"),
        Program("bsdtar", "libarchive-tools", "another reader of archives, that reads them as a stream"),
    ),
    "bench": (
        NGINX,
        OPENSSL,
        FFMPEG,
        FLAC,
        REDIS,
        Program("curl", "curl", "a download program to compare with"),
        Program("aria2c", "aria2", "another one, that writes several files at a time"),
    ),
}

_SEARCHED = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"))
_POLICY = Path("/usr/sbin/policy-rc.d")
_INSTALL_SECONDS = 900


def find(name: str) -> str:
    """The full path of a program, also of those that stand in sbin; FileNotFoundError says how to get it."""
    path = shutil.which(name, path=_SEARCHED)
    if path is None:
        raise FileNotFoundError(f"{name} is not installed; ./dev test gets it or says how")
    return path


def missing(group: str) -> list[Program]:
    """What is not there of a group of NEEDED."""
    return [program for program in NEEDED[group] if shutil.which(program.name, path=_SEARCHED) is None]


def install(programs: list[Program]) -> None:
    """Install packages with apt-get, as root; CalledProcessError if that fails.

    The package lists may be absent (a fresh image) or old: they are fetched when the first attempt fails.
    """
    packages = _packages(programs)
    with _no_service_starts():
        try:
            _apt_get("install", *packages)
        except subprocess.CalledProcessError:
            _apt_get("update")
            _apt_get("install", *packages)
    if Path("/run/systemd/system").exists():
        for service in {program.service for program in programs if program.service}:
            subprocess.run(["systemctl", "disable", "--quiet", service], check=False)


def _apt_get(*arguments: str) -> None:
    subprocess.run(
        ["apt-get", "-qq", "--yes", "--no-install-recommends", *arguments],
        check=True,
        capture_output=True,
        text=True,
        timeout=_INSTALL_SECONDS,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"},
    )


def _packages(programs: list[Program]) -> list[str]:
    return sorted({program.package for program in programs})


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Debian asks policy-rc.d before a package starts its service; 101 forbids it. One that is there is left alone."""
    if _POLICY.exists():
        yield
        return
    _POLICY.write_text("#!/bin/sh\nexit 101\n", "ascii")
    _POLICY.chmod(0o755)
    try:
        yield
    finally:
        _POLICY.unlink()


def _advice(programs: list[Program]) -> str:
    lines = [f"  {program.name}: {program.purpose}" for program in programs]
    command = f"  sudo apt-get install --yes {' '.join(_packages(programs))}"
    return "\n".join(["These programs are missing:", *lines, "Type:", command])


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def main(group: str) -> int:
    """Make a group of programs available; 0 when all are there."""
    absent = missing(group)
    if absent and os.geteuid() == 0 and shutil.which("apt-get"):
        _say(f"dev: installing {' '.join(_packages(absent))} ...")
        try:
            install(absent)
        except subprocess.TimeoutExpired as error:
            _say(f"dev: {error}")
        except subprocess.CalledProcessError as error:
            _say(f"dev: apt-get: {error.stderr.strip()}")
        absent = missing(group)
    if absent:
        _say(_advice(absent))
        return 1
    if group == "test":
        try:
            free_music()
            valkey_server()
        except (FreeMusicMissing, ValkeyMissing) as error:
            _say(f"dev: {error}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
