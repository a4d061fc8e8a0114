"""What happened to jobs, told when it is in the store for good: a line of the log for each thing, with the time that
the store wrote down, and the turns in their lives to the metrics (`counting`).

An engine says what happened when it is done: after the commit, or when the script was answered. So the log never tells
of what did not happen, and its `at` is the `at` of the history. What a process wrote and could not tell any more,
because it died or the answer was lost, stands in the history alone. The words are those of `tonearm.model.story`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from tonearm.clock import iso
from tonearm.model import TROUBLES, job_of, sentence
from tonearm.store import counting
from tonearm.store.counting import Turn

SET_ASIDE = "A record could not be read and was set aside"
"""The event of a record that is broken, in each engine."""

log = structlog.get_logger("jobs")


@dataclass(frozen=True, slots=True)
class Happened:
    """One thing that happened to a task: the word of the history, and *at* which wall time, milliseconds."""

    task_id: str
    epoch: int
    client: str
    attempt: int
    at: int
    word: str
    message: str | None = None
    code: str | None = None
    worker: str | None = None


Entry = Happened | Turn


def tell(entries: Iterable[Entry]) -> None:
    """Count the turns, and write a line for each of the rest; none in a program that has set up no log."""
    logs = structlog.is_configured()
    for entry in entries:
        if isinstance(entry, Turn):
            counting.count(entry)
        elif logs:
            _write(entry)


def _write(one: Happened) -> None:
    details = {"message": one.message, "code": one.code, "worker": one.worker}
    say = log.warning if one.word in TROUBLES else log.info
    say(
        sentence(one.word),
        job=job_of(one.task_id),
        task=one.task_id,
        epoch=one.epoch,
        client=one.client,
        attempt=one.attempt,
        at=iso(one.at),
        **{name: value for name, value in details.items() if value is not None},
    )
