"""Following jobs to their end: moving bars where the terminal can, else a line per change, or JSON Lines.

The jobs run on the server; stopping to follow changes nothing there.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType
from typing import Protocol, Self

from tonearm.cli.terminal import out
from tonearm.cli.wording import hint, outcome, title, troubles
from tonearm.client import Client, Job


class View(Protocol):
    """What shows jobs while they change."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, job: Job) -> None:
        """Show a job as it is now."""
        ...

    def removed(self, job_id: str) -> None:
        """Show that a job was removed by somebody."""
        ...


class Lines:
    """A line when a job changed its status, or a track of it arrived or failed; its troubles at the end."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, job: Job) -> None:
        words = outcome(job)
        if self._said.get(job.id) == words:
            return
        self._said[job.id] = words
        out.document({"event": "finished" if job.finished else "changed", "job": job.as_json()})
        say(job)

    def removed(self, job_id: str) -> None:
        say_removed(job_id)


def follow(client: Client, job_ids: Iterable[str], *, timeout: float | None = None) -> bool:
    """Show these jobs until all are finished; True when everything they asked for is in the library.

    Raises:
        TimeoutError: *timeout* seconds are over before that.
    """
    whole = True
    with _view() as view:
        for job_id, job in client.watch(job_ids, timeout=timeout):
            if job is None:
                whole = False
                view.removed(job_id)
            else:
                whole = whole and (job.whole or not job.finished)
                view.show(job)
    return whole


def say(job: Job) -> None:
    """Say where a job stands, and what a person can do if it waits for one, or is finished and not whole."""
    out.line(f"{job.id}  {title(job)}: {outcome(job)}")
    for advice in filter(None, (hint(job), *troubles(job))):
        out.line(f"  {advice}")


def say_removed(job_id: str) -> None:
    """Say that a job is not there any more."""
    out.document({"event": "removed", "jobId": job_id})
    out.line(f"{job_id}  was removed")


def _view() -> View:
    if not out.draws():
        return Lines()
    from tonearm.cli.bars import Bars  # noqa: PLC0415 - rich is loaded only where it draws

    return Bars()
