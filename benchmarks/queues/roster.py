"""The queues that are compared, each with the setting at which it was fastest, and how its processes are started.

Each rival is installed at the versions of the file beside its module into an environment of its own, which is thrown
away: they do not agree about the version of redis-py, and the project's own environment is none of their business.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OURS = "tonearm"
NODE = "BullMQ for Node"
INSTALL_S = 300
PACKAGES = {"taskiq": "taskiq-redis"}
"""What the version is of, where it is not the package that is named like the module."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One queue. *setting*: how it runs; *crash*: what becomes of a task at which its worker dies, with this setting;
    *share*: its part of the tasks, less for a slow one.
    """

    name: str
    module: str
    setting: str
    crash: str
    share: float = 1.0


ENTRIES: Sequence[Entry] = (
    Entry(OURS, "tonearm", "two loops, each claims, commits and settles 50 at a time", "again"),
    Entry("SAQ", "saq", "concurrency 10", "failed"),
    Entry("arq", "arq", "max_jobs 100, poll_delay 10 ms (latency: its own 500 ms)", "again", 0.2),
    Entry("RQ", "rq", "SimpleWorker: one at a time, without a fork", "failed", 0.2),
    Entry("Dramatiq", "dramatiq", "8 threads, prefetch 200, no middleware but retries", "again"),
    Entry("Celery", "celery", "solo pool, prefetch 100, results ignored", "lost", 0.5),
    Entry("huey", "huey", "2 threads", "lost"),
    Entry("taskiq-redis", "taskiq", "streams, max_async_tasks 100, prefetch 100", "again"),
    Entry("BullMQ for Python", "bullmq", "concurrency 20, addBulk", "again"),
    Entry(NODE, "bullmq.mjs", "concurrency 100, addBulk", "again"),
)


@dataclass(frozen=True, slots=True)
class Installed:
    """A queue that can be started: its *command*, to which the side and the address are added, run in *folder*."""

    entry: Entry
    version: str
    command: Sequence[str]
    folder: Path

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.entry.name} {self.version}".strip()


def installed(folder: Path, names: Sequence[str] | None = None) -> Iterator[Installed]:
    """Install what is compared (or only those of these *names*) below *folder*; no Node on the machine: no row."""
    for entry in ENTRIES:
        if names and entry.name not in names:
            continue
        if entry.name == OURS:
            yield Installed(entry, "", _child(sys.executable, entry), ROOT)
        elif entry.name != NODE:
            yield _python(entry, folder / entry.module)
        elif shutil.which("node") and shutil.which("npm"):
            yield _node(entry, folder / "node")


def _child(python: str, entry: Entry) -> list[str]:
    return [python, "-m", "benchmarks.queues.child", entry.module]


def _python(entry: Entry, place: Path) -> Installed:
    pinned = HERE / f"{entry.module}.txt"
    _uv("venv", "--python", sys.executable, str(place))
    python = str(place / "bin" / "python")
    _uv("pip", "install", "--python", python, "--requirement", str(pinned))
    versions = dict(line.split("==") for line in pinned.read_text("ascii").split())
    return Installed(entry, versions[PACKAGES.get(entry.module, entry.module)], _child(python, entry), ROOT)


def _uv(*arguments: str) -> None:
    uv = ROOT / ".tools" / "uv" / "bin" / "uv"
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never", "VIRTUAL_ENV": ""}
    if certificates := os.environ.get("PIP_CERT"):  # uv does not read pip's settings
        environment.setdefault("SSL_CERT_FILE", certificates)
    _run([str(uv) if uv.exists() else "uv", "--quiet", *arguments], environment, ROOT)


def _node(entry: Entry, place: Path) -> Installed:
    place.mkdir(parents=True)
    shutil.copy(HERE / "bullmq.json", place / "package.json")
    _run(["npm", "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"], dict(os.environ), place)
    bullmq = json.loads((place / "package.json").read_text("utf-8"))["dependencies"]["bullmq"]
    node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip("v\n")
    return Installed(entry, f"{bullmq} (Node {node})", ["node", str(HERE / entry.module)], place)


def _run(command: Sequence[str], environment: dict[str, str], folder: Path) -> None:
    done = subprocess.run(
        command, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=INSTALL_S
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]} could not install a rival:\n{done.stderr}")
