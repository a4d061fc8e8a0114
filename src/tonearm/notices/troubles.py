"""Troubles: what wants a person, as far as workers and jobs that failed show it, and when it is told.

A trouble is told once, when it has lasted for a while, and not again before it has been away for longer: what flaps
is one trouble. Nothing here asks the store.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tonearm.clock import Clock
from tonearm.model import RestKind, WorkerRecord

LASTS_MS = 10_000
"""How long a trouble lasts before it is told, milliseconds."""

OVER_MS = 600_000
"""How long one has been away when it is over, milliseconds: after that it is told anew."""


class TroubleKind(StrEnum):
    """What is in trouble."""

    DISK = "disk"
    WORKER = "worker"
    CATALOG = "catalog"


@dataclass(frozen=True, slots=True)
class Trouble:
    """What is in trouble, and a sentence about it. *certain*: it need not last to be told."""

    kind: TroubleKind
    message: str
    certain: bool = False


def troubles_of(workers: Sequence[WorkerRecord], catalog: str | None) -> list[Trouble]:
    """What the workers show; *catalog* is its host and port."""
    alive = [worker for worker in workers if worker.alive]
    found: list[Trouble] = []
    if workers and not alive:
        found.append(Trouble(TroubleKind.WORKER, "No worker is running, so nothing is downloaded."))
    for worker in alive:
        free, least = worker.disk_free, worker.disk_min
        if free is not None and least is not None and free < least:
            text = f"The disk of {worker.host} has {free} bytes free; {least} have to stay so."
            found.append(Trouble(TroubleKind.DISK, text))
        resting = (host for host in worker.resting if host.kind is RestKind.UNREACHABLE)
        if any(host.host == catalog for host in resting):
            found.append(Trouble(TroubleKind.CATALOG, f"The catalog {catalog} cannot be reached."))
    return found


class Watch:
    """When troubles are told, in one process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began: dict[TroubleKind, int] = {}
        self._left: dict[TroubleKind, int] = {}

    def judge(self, seen: Iterable[Trouble], told: Iterable[str]) -> tuple[list[Trouble], tuple[str, ...]]:
        """Which of the troubles that are *seen* have to be told now, and the kinds that count as *told* from now on."""
        now = self._clock.elapsed_ms()
        present = {trouble.kind: trouble for trouble in reversed(list(seen))}
        self._began = {kind: self._began.get(kind, now) for kind in present}
        known = {kind for kind in TroubleKind if kind in set(told)}
        self._left = {kind: self._left.get(kind, now) for kind in known - present.keys()}
        over = {kind for kind, since in self._left.items() if now - since >= OVER_MS}
        due = [trouble for kind, trouble in present.items() if kind not in known and self._is_due(trouble, now)]
        return due, tuple(sorted((known - over) | {trouble.kind for trouble in due}))

    def _is_due(self, trouble: Trouble, now: int) -> bool:
        return trouble.certain or now - self._began[trouble.kind] >= LASTS_MS
