"""What workers say about themselves between commits: progress and slots, in memory, for people only.

A report may be lost and is never trusted for a decision: a transfer counts only while its token is that of the
current claim. Reports are replaced whole, so that a reader on another thread always sees a finished picture.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tonearm.model import Mark, Phase, Transfer, WorkerReport
from tonearm.store.base import PAGE
from tonearm.store.task import Task

RESTING_LIMIT = PAGE
"""The most resting hosts that are kept of one worker."""


def kept(report: WorkerReport, now: int) -> WorkerReport:
    """Return a report as it is kept: said at *now*, and all its times in store milliseconds from here on."""
    resting = tuple(replace(host, until_ms=now + host.until_ms) for host in report.resting[:RESTING_LIMIT])
    transfers = tuple(replace(transfer, since_ms=now - transfer.since_ms) for transfer in report.transfers[:PAGE])
    return replace(report, resting=resting, transfers=transfers)


class Overlay:
    """The newest report of each worker, all of them as they are `kept`."""

    def __init__(self, reports: Iterable[WorkerReport] = ()) -> None:
        self._hold({report.worker: report for report in reports})

    def put(self, report: WorkerReport, now: int) -> None:
        """Replace what this worker said before; it says it *now*, in store milliseconds."""
        self._hold(self._reports | {report.worker: kept(report, now)})

    def _hold(self, reports: dict[str, WorkerReport]) -> None:
        self._transfers = {transfer.token: transfer for one in reports.values() for transfer in one.transfers}
        self._reports = reports

    def worker(self, worker: str) -> WorkerReport | None:
        """Return what a worker said last; rests end at store milliseconds here."""
        return self._reports.get(worker)

    def transfer(self, task: Task) -> Transfer | None:
        """Return the progress of a task, if it was said by its current claim."""
        known = None if task.token is None else self._transfers.get(task.token)
        return known if known is not None and known.task_id == task.id else None


def fraction(mark: Mark) -> float:
    """How much of a file a mark says is there, 0 to 1."""
    if mark.phase > Phase.TRANSFER:
        return 1.0
    return min(1.0, mark.bytes_done / mark.bytes_total) if mark.bytes_total else 0.0
