"""`tonearm logs`: the story of one job, told from its history in the form of the log.

So it is there also when the logs are not: on another machine, rotated away, or lost with a process that died before it
could write. What the log has beside it (transfers, checks, requests) is not in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tonearm.cli.options import JobId, Json, Server, connect
from tonearm.cli.terminal import out
from tonearm.client import HistoryEntry, Job
from tonearm.clock import iso
from tonearm.model import HISTORY_LIMIT, TROUBLES, sentence


def logs(job: JobId, *, server: Server = None, json: Json = False) -> None:
    """Print what happened to one job, in the form of the log.

    It is told from the history that the queue keeps of it, so no log is needed.
    """
    from tonearm.ops.lines import text_line  # noqa: PLC0415 - nothing else here is of the server

    out.json = json
    with connect(server) as client:
        record = client.job(job)
    entries = record.history or ()
    for event in (_event(record, entry) for entry in entries):
        out.document(event)
        out.line(text_line(event))
    if len(entries) == HISTORY_LIMIT:
        out.note(
            f"The queue keeps the newest {HISTORY_LIMIT} events of a job; what was before stands in the logs alone."
        )


def _event(job: Job, entry: HistoryEntry) -> dict[str, Any]:
    return {
        "time": iso(entry.at),
        "job": job.id,
        "level": "warning" if entry.event in TROUBLES else "info",
        "logger": "jobs",
        "event": sentence(entry.event),
        "client": job.client,
        **dict(_details(entry)),
    }


def _details(entry: HistoryEntry) -> Iterator[tuple[str, Any]]:
    for name in ("attempt", "message", "code", "worker"):
        value = getattr(entry, name)
        if value is not None:
            yield name, value
