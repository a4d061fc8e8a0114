"""The two processes of one queue at work: one that submits and answers, and one worker."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.queues.roster import ROOT, Installed

POLL_S = 0.01
PATIENCE_S = 120.0


class Side:
    """A process of a queue, its complaints kept in a file; ended by `end`."""

    def __init__(
        self, queue: Installed, side: str, url: str, folder: Path, *, keep: bool, started: Path | None
    ) -> None:
        self._log = folder / f"{side}.log"
        keeping = ["--keep"] if keep else []
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **({"STARTED": str(started)} if started else {})}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*queue.command, side, url, *keeping],
                cwd=queue.folder,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if side == "submit" else log,
                stderr=log,
                text=True,
                bufsize=1,
            )

    def complaint(self) -> str:
        """The end of what it said to its log."""
        return self._log.read_text("utf-8", "replace")[-4000:]

    def check(self) -> None:
        """Raise if it has ended by itself."""
        if self._process.poll() is not None:
            raise RuntimeError(f"a process ended by itself:\n{self.complaint()}")

    def cpu_s(self) -> float:
        """User plus system time that it has taken with all its threads, seconds; the kernel's clock of the process."""
        return time.clock_gettime(~self._process.pid << 3 | 2)

    def end(self) -> None:
        """End it at once; there is nothing that it would have to put away."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()


class Submitter(Side):
    """The process that submits, and that is asked how many tasks are left."""

    def __init__(self, queue: Installed, url: str, folder: Path, *, keep: bool, started: Path | None) -> None:
        super().__init__(queue, "submit", url, folder, keep=keep, started=started)
        self.polls = 0
        if self._answer() != "ready":
            raise RuntimeError(f"the process that submits did not start:\n{self.complaint()}")

    def _ask(self, line: str) -> float:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        answer = self._answer()
        if not answer:
            raise RuntimeError(f"the process that submits gives no answer:\n{self.complaint()}")
        return float(answer)

    def _answer(self) -> str:
        """Its next line; nothing when it has ended, or does not answer in time."""
        assert self._process.stdout is not None
        answers = select.select([self._process.stdout], [], [], PATIENCE_S)[0]
        return self._process.stdout.readline().strip() if answers else ""

    def submit(self, count: int) -> float:
        """Submit so many empty tasks; the monotonic time at which that began."""
        return self._ask(f"submit {count}")

    def latency_ms(self) -> float:
        """Submit one task; the milliseconds until its body ran."""
        return self._ask("start")

    def left(self) -> int:
        """Tasks that are not settled."""
        self.polls += 1
        return int(self._ask("left"))

    def settled(self, worker: Side) -> float:
        """Wait until nothing is left; the monotonic time at which that was seen."""
        deadline = time.monotonic() + PATIENCE_S
        while left := self.left():
            worker.check()
            if time.monotonic() > deadline:
                raise TimeoutError(f"{left} tasks are left after {PATIENCE_S:.0f} s:\n{worker.complaint()}")
            time.sleep(POLL_S)
        return time.monotonic()


@contextmanager
def submitter(
    queue: Installed, url: str, folder: Path, *, keep: bool = False, started: Path | None = None
) -> Iterator[Submitter]:
    """The process that submits."""
    side = Submitter(queue, url, folder, keep=keep, started=started)
    try:
        yield side
    finally:
        side.end()


@contextmanager
def worker(
    queue: Installed, url: str, folder: Path, *, keep: bool = False, started: Path | None = None
) -> Iterator[Side]:
    """A worker."""
    side = Side(queue, "work", url, folder, keep=keep, started=started)
    try:
        yield side
    finally:
        side.end()
