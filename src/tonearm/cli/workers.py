"""`tonearm workers`: who works on the queue and at what, as a table on a terminal, as lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator

import typer

from tonearm.cli.exits import ExitCode
from tonearm.cli.options import Json, Server, connect
from tonearm.cli.terminal import clean, out
from tonearm.cli.wording import percent, size, span
from tonearm.client import Worker, Workers, WorkerTask

AWAY = "The queue is away, so the server cannot know who works on it. Workers that live go on when it is back."
AWAY_ALIVE = "The queue is away: there may be workers on other machines, of which the server cannot know."

SILENT_MS = 35_000
"""Silence of a worker after which its tasks are told as of then: it beats every 30 s, or as it is set."""


def workers(*, server: Server = None, json: Json = False) -> None:
    """Show the workers of the queue, and what each is working on.

    Those that live come first; one that is silent for too long counts as dead, and is forgotten after a day.
    """
    out.json = json
    with connect(server) as client:
        found = client.workers()
    for worker in found.workers:
        out.document(worker.as_json())
    if not out.json:
        _show(found)
    alive = any(worker.alive for worker in found.workers)
    if found.away:
        out.note(AWAY_ALIVE if alive else AWAY)
        if not alive:
            raise typer.Exit(ExitCode.UNREACHABLE)
    elif not alive:
        out.note("No worker is running, so nothing is downloaded. Start one: tonearm serve, or tonearm worker")


def _show(found: Workers) -> None:
    if found.workers and out.tabulates():
        _draw(found)
        return
    for worker in found.workers:
        out.line("  ".join((worker.id, *_facts(worker, found.timestamp))))
        silent = _is_silent(worker, found.timestamp)
        for task in worker.tasks:
            out.line(
                "  " + "  ".join((task.job_id, f"{_done(task):>4}", f"{_speed(task):>11}", _about(task, silent=silent)))
            )


def _facts(worker: Worker, now: int) -> Iterator[str]:
    """What a line says of a worker after its name."""
    heard = f"heard {_ago(worker.last_heartbeat, now)} ago"
    if not worker.alive:
        yield from ("dead", heard, f"on {worker.host}")
        return
    yield f"{worker.active_downloads} of {worker.slots} transfers"
    yield from (heard, f"up {_ago(worker.started_at, now)}", f"on {worker.host}")
    if worker.holding is not None:
        yield worker.holding


def _draw(found: Workers) -> None:
    from rich.console import Console  # noqa: PLC0415 - rich is loaded only where it draws
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in ("WORKER", "SLOTS", "HEARD", "JOB", "DONE", "SPEED"):
        table.add_column(name, no_wrap=True)
    table.add_column("TITLE")  # the one that gives way; its cells are cut, not wrapped
    for worker in found.workers:
        own = [
            clean(worker.id),
            f"{worker.active_downloads}/{worker.slots}" if worker.alive else "dead",
            _ago(worker.last_heartbeat, found.timestamp),
        ]
        silent = _is_silent(worker, found.timestamp)
        rows = [(task.job_id, _done(task), _speed(task), _about(task, silent=silent)) for task in worker.tasks]
        for *cells, words in rows or [("", "", "", worker.holding or "")]:
            title = Text(clean(words), no_wrap=True, overflow="ellipsis")
            table.add_row(*own, *cells, title, style="" if worker.alive else "dim")
            own = [""] * len(own)  # a worker is named once
    Console().print(table)


def _ago(at_ms: int, now_ms: int) -> str:
    return span(max(0, now_ms - at_ms) / 1_000)


def _is_silent(worker: Worker, now_ms: int) -> bool:
    """Whether what a worker was at may be over, since it should have been heard of meanwhile."""
    return now_ms - worker.last_heartbeat > SILENT_MS


def _about(task: WorkerTask, *, silent: bool) -> str:
    """What a task is about: the track and its album as far as they are known, else what is done for it."""
    titles = [title for title in (task.track_title, task.album_title) if title]
    doing = f"{task.doing} when last heard of" if silent else task.doing
    return " / ".join(titles) + f" ({doing})" if titles else doing


def _done(task: WorkerTask) -> str:
    return percent(task.progress)


def _speed(task: WorkerTask) -> str:
    return "" if task.speed_bytes_per_second is None else f"{size(task.speed_bytes_per_second)}/s"
