"""How many empty tasks a queue takes from submit to settle, beside the rivals with the same Redis on the same cores.

    ./dev bench queue_rivals [--rounds 5] [--tasks 10000] [--stored 5000] [--starts 50] [--only tonearm,huey]

Every queue has one process that submits as fast as it can and one worker, each at the setting at which it was fastest
(it stands in the table), and in every round an empty redis-server of its own with the same settings. The queues take
turns. The clock runs from the first submission until the queue itself says that nothing is left. Beside it: the
worker's CPU, and how often Redis read from a socket for it (the questions of the measurement are taken off).

What a job takes of Redis' memory is measured apart, with everything kept that a queue can keep (for a day): so many
jobs waiting without a worker, then all of them finished. And how long an idle worker needs to start a task: from the
call that submits it to the first line of its body, by one clock, one task after the other with a rest before each.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.queues.roster import NODE, OURS, Installed, installed
from benchmarks.queues.sides import Submitter, submitter, worker
from benchmarks.redis_server import RedisServer, redis_server
from benchmarks.report import Figure, Report, Table, at_least, at_most, spread

WARM_UP = 200
REST_S = 0.1
QUESTIONS = 10
INFOS = 3
"""Questions about its figures that Redis reads between the two answers about its reads, the second one's included."""
CPU_GOAL = 0.3
BYTES_GOAL = 1_200
LATENCY_GOAL = 3.0


@dataclass(frozen=True, slots=True)
class Options:
    """How much is measured: rounds of *tasks* each, *stored* jobs for the memory, *starts* for the latency."""

    rounds: int = 5
    tasks: int = 10_000
    stored: int = 5_000
    starts: int = 50
    only: Sequence[str] | None = None


@dataclass(slots=True)
class Measured:
    """What was found of one queue, one value a round: tasks a second, CPU s per 1,000 tasks of the worker and of Redis,
    reads per task.
    """

    queue: Installed
    rates: list[float] = field(default_factory=list[float])
    cpu_s: list[float] = field(default_factory=list[float])
    redis_cpu_s: list[float] = field(default_factory=list[float])
    reads: list[float] = field(default_factory=list[float])
    waiting_bytes: float = 0.0
    finished_bytes: float = 0.0
    start_ms: list[float] = field(default_factory=list[float])

    def row(self) -> list[str]:
        """As a line of the table."""
        return [
            self.queue.label,
            spread(self.rates, "{:,.0f}"),
            spread(self.cpu_s, "{:.2f}"),
            spread(self.redis_cpu_s, "{:.2f}"),
            spread(self.reads, "{:.2f}"),
            f"{self.waiting_bytes:,.0f}",
            f"{self.finished_bytes:,.0f}",
            spread(self.start_ms, "{:.1f}"),
            self.queue.entry.crash,
            self.queue.entry.setting,
        ]

    def raw(self) -> dict[str, object]:
        """For JSON."""
        return {
            "per_second": self.rates,
            "cpu_s_per_1000": self.cpu_s,
            "redis_cpu_s_per_1000": self.redis_cpu_s,
            "reads_per_task": self.reads,
            "bytes_waiting": self.waiting_bytes,
            "bytes_finished": self.finished_bytes,
            "start_ms": self.start_ms,
            "setting": self.queue.entry.setting,
        }


def flow(found: Measured, folder: Path, tasks: int) -> None:
    """One round of one queue: submit, work, and wait until nothing is left."""
    queue = found.queue
    count = max(1, round(tasks * queue.entry.share))
    with (
        redis_server(folder / "redis") as server,
        worker(queue, server.url, folder) as working,
        submitter(queue, server.url, folder) as submitting,
    ):
        submitting.submit(min(WARM_UP, count))
        submitting.settled(working)
        reads, polls = server.reads(), submitting.polls
        cpu, redis_cpu = working.cpu_s(), server.cpu_s()
        begun = submitting.submit(count)
        ended = submitting.settled(working)
        found.rates.append(count / (ended - begun))
        found.cpu_s.append((working.cpu_s() - cpu) / count * 1000)
        found.redis_cpu_s.append((server.cpu_s() - redis_cpu) / count * 1000)
        reads, polls = server.reads() - reads - INFOS, submitting.polls - polls
        found.reads.append((reads - polls * _reads_of_a_question(server, submitting)) / count)


def _reads_of_a_question(server: RedisServer, submitting: Submitter) -> float:
    before = server.reads()
    for _ in range(QUESTIONS):
        submitting.left()
    return (server.reads() - before - 1) / QUESTIONS


def memory(found: Measured, folder: Path, count: int) -> None:
    """What a job takes of Redis' memory while it waits, and when it is finished; what comes once is in neither."""
    queue = found.queue
    with redis_server(folder / "redis") as server, submitter(queue, server.url, folder, keep=True) as submitting:
        with worker(queue, server.url, folder, keep=True) as working:
            submitting.submit(WARM_UP)
            submitting.settled(working)
        time.sleep(REST_S)  # until Redis has noticed that the worker is gone: it must not hand it a task
        empty = server.memory()
        submitting.submit(count)
        found.waiting_bytes = (server.memory() - empty) / count
        with worker(queue, server.url, folder, keep=True) as working:
            submitting.settled(working)
        time.sleep(REST_S)
        found.finished_bytes = (server.memory() - empty) / count


def latency(found: Measured, folder: Path, count: int) -> None:
    """How long after its submission a task starts where the worker has nothing to do."""
    queue = found.queue
    pipe = folder / "started"
    folder.mkdir(parents=True, exist_ok=True)
    os.mkfifo(pipe)
    with (
        redis_server(folder / "redis") as server,
        worker(queue, server.url, folder, started=pipe) as working,
        submitter(queue, server.url, folder, started=pipe) as submitting,
    ):
        submitting.submit(QUESTIONS)
        submitting.settled(working)
        for _ in range(count + 1):
            time.sleep(REST_S)
            found.start_ms.append(submitting.latency_ms())
    del found.start_ms[0]


def measure(options: Options) -> list[Measured]:
    """Install the rivals, and measure all queues in turns."""
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as name:
        folder = Path(name)
        found = [Measured(queue) for queue in installed(folder / "rivals", options.only)]
        for number in range(options.rounds):
            for one in found if number % 2 else reversed(found):
                _say(f"round {number + 1}, {one.queue.label}")
                flow(one, folder / f"flow-{number}-{one.queue.entry.module}", options.tasks)
        for one in found:
            _say(f"memory and latency, {one.queue.label}")
            memory(one, folder / f"memory-{one.queue.entry.module}", options.stored)
            latency(one, folder / f"latency-{one.queue.entry.module}", options.starts)
    return found


def _say(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)


def figures(found: Sequence[Measured]) -> list[Figure]:
    """What has a goal: ours against the best of Python's queues in each round, and our own costs."""
    by_name = {one.queue.entry.name: one for one in found}
    ours = by_name.pop(OURS, None)
    if ours is None:
        return []
    node = by_name.pop(NODE, None)
    result: list[Figure] = []
    if by_name:
        best = [max(rates) for rates in zip(*(one.rates for one in by_name.values()), strict=True)]
        ratios = [rate / other for rate, other in zip(ours.rates, best, strict=True)]
        result.append(Figure("tasks a second to the best queue for Python", ratios, "{:.2f}x", at_least(1.0)))
    if node is not None:
        ratios = [rate / other for rate, other in zip(ours.rates, node.rates, strict=True)]
        result.append(Figure(f"tasks a second to {NODE}", ratios, "{:.2f}x"))
    return [
        *result,
        Figure("worker CPU for 1,000 tasks", ours.cpu_s, "{:.2f} s", at_most(CPU_GOAL)),
        Figure("Redis memory of a waiting job", [ours.waiting_bytes], "{:,.0f} bytes", at_most(BYTES_GOAL)),
        Figure("submit to start, idle, Redis", ours.start_ms, "{:.1f} ms", at_most(LATENCY_GOAL)),
    ]


HEAD = (
    "",
    "tasks a second",
    "worker CPU s per 1,000",
    "Redis CPU s per 1,000",
    "socket reads per task",
    "bytes waiting",
    "bytes finished",
    "start when idle, ms",
    "a task at which its worker dies",
    "setting",
)
NOTE = (
    "One process submits, one works; AOF everysec. Speed, CPU and reads with results thrown away where the queue can; "
    "bytes with all kept that it keeps."
)
NO_NODE = f" {NODE} is missing: it needs the programs node and npm."


def run(options: Options) -> Report:
    """Measure and report."""
    found = measure(options)
    note = NOTE if options.only or any(one.queue.entry.name == NODE for one in found) else NOTE + NO_NODE
    table = Table("Queues: empty tasks from submit to settle", HEAD, [one.row() for one in found], note)
    return Report(figures(found), [table], {one.queue.label: one.raw() for one in found})


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of the speed")
    parser.add_argument("--tasks", type=int, default=10_000, help="tasks a round; slow queues get a part of them")
    parser.add_argument("--stored", type=int, default=5_000, help="jobs for the memory")
    parser.add_argument("--starts", type=int, default=50, help="tasks for the latency")
    parser.add_argument("--only", type=lambda text: text.split(","), help="names of queues, with commas between")
    print(run(Options(**vars(parser.parse_args()))).text())


if __name__ == "__main__":
    main()
