"""The stage: where tasks keep the bytes that are not in the library yet.

    <stage>/<host>-<n>/              a worker's folder, held by a lock for the life of its process
        lock  boot                   who holds the lock is alive; the boot under which the folder was last used
        <task>.<epoch>/              the private folder of one claim: part, part.json, the tagged copy, phase

The lock is the one proof of death: a folder whose lock is free belonged to a process that is gone, so its bytes may be
adopted and its leases freed. Across machines it proves nothing against the queue's word that a worker lives (`alive`),
for their file system may not share locks, and two of them may have one name. The folder of the claim before is renamed
before anything else happens to a task, so a holder who wakes up late has no file to publish any more. What a stage
means to the queue is the store's business.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

import structlog

from tonearm.clock import SystemClock
from tonearm.errors import SetupError
from tonearm.fetch import PART, mark_of
from tonearm.library import flacheader, workfolder
from tonearm.library.workfolder import Staged, entries, leftovers, remove_entries, size_of, stage_name, staged
from tonearm.library.worklock import WorkLock, machine_id
from tonearm.model import Mark, Phase, StageRef
from tonearm.volume import disk_failures

log = structlog.get_logger("library.stage")

_MOST_WORKERS = 1_000


@dataclass(frozen=True, slots=True)
class Kept:
    """A stage and its *size*, bytes on the disk."""

    task_id: str
    epoch: int
    size: int


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed from the stage of all workers: how many folders and stray files, and the *size* of them all."""

    entries: int = 0
    size: int = 0
    """Bytes on the disk."""


class Stage:
    """This process' worker folder and its view of the others. Made by `open`. All calls block, from any thread."""

    def __init__(self, root: Path, lock: WorkLock, boot: str, machine: str, *, asked: bool = False) -> None:
        self.root = root
        """The stage of all workers."""
        self.worker = lock.worker
        """The name under which this process holds claims, such as `host-1`."""
        self.alive: Container[str] = ()
        """Workers that live by what the queue knows; said anew before `dead` and `found`. None: the locks decide."""
        self._own = root / lock.worker
        self._lock = lock
        self._boot = boot
        self._machine = machine
        self._asked = asked
        self._dead: dict[str, WorkLock] = {}
        self._begun = False
        self._removed = Removed()
        self._alone = threading.RLock()

    @staticmethod
    def open(
        stage_dir: Path,
        library: Path,
        host: str,
        *,
        alive: Container[str] | None = None,
        boot_id: str | None = None,
        machine: str | None = None,
    ) -> Stage:
        """Take the first free worker folder of *host* below *stage_dir*, which is made (0700) if it is not there.

        A name that is *alive* by what the queue knows is free only where it was this machine's, whose lock proves that
        the process is gone. None: nobody asks the queue, and the locks decide.

        Raises:
            SetupError: it cannot be written, or does not lie on the volume of *library*, which must exist.
        """
        prefix = re.sub(r"[^A-Za-z0-9_-]+", "-", host).strip("-")[:64] or "worker"
        boot = boot_id or SystemClock().boot_id()
        machine = machine_id() if machine is None else machine
        try:
            stage_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            if stage_dir.stat().st_dev != library.stat().st_dev:
                raise SetupError(
                    f"The stage {stage_dir} (QUEUE_STAGE_DIR) must lie on the same volume as the library {library}"
                )
            for number in range(1, _MOST_WORKERS):
                lock = WorkLock.take(stage_dir, f"{prefix}-{number}", make=True)
                if lock is None:
                    continue
                if lock.worker not in (alive or ()) or _used_here(lock, boot, machine):
                    lock.note_use(boot, machine)
                    return Stage(stage_dir.absolute(), lock, boot, machine, asked=alive is not None)
                if not lock.boot:
                    lock.discard()  # made by us just now
                lock.release()
        except OSError as error:
            reason = error.strerror or error
            raise SetupError(f"The stage {stage_dir} (QUEUE_STAGE_DIR) cannot be used: {reason}") from error
        raise SetupError(f"The stage {stage_dir} has {_MOST_WORKERS} workers of {host} already")

    def dead(self) -> list[str]:
        """Workers whose process is gone. Before `enter` and `found` also our own name: our earlier incarnation is dead.

        Their locks are held from now on, so that nobody comes alive under such a name while its leases are freed;
        `found` lets go of them. Said again, because freeing them failed, it answers the same.
        """
        with self._failures("reading the stage"):
            names = [] if self._begun else [self.worker]
            return names + [name for name in self._other_workers() if self._hold(name)]

    def marks(self, worker: str) -> dict[str, Mark]:
        """How far each task had come that *worker* left behind, by task id. The worker is dead: `dead` said so.

        A stage that cannot be read has no mark.
        """
        marks: dict[str, Mark] = {}
        with self._failures("reading the stage"):
            for folder, task, _ in sorted(self._readable(worker), key=attrgetter("epoch")):
                with _passed_over(folder):
                    flacheader.restore(folder)
                    marks[task] = Mark(workfolder.phase_of(folder), mark_of(folder))
        return marks

    def same_boot(self, worker: str | None = None) -> bool:
        """Whether the folder of *worker* (ours by default: before we took it) was last used under this boot.

        If not, what happened to its tasks was a power cut or a restart of the machine, which is no task's fault.
        """
        lock = self._lock if worker in (None, self.worker) else self._dead.get(worker or "")
        return lock is not None and lock.boot == self._boot

    def enter(self, task_id: str, epoch: int, previous: StageRef | None) -> Path:
        """The folder of this claim. What earlier claims of the task left is taken away from them by a rename.

        Their bytes are kept if they were ours or their worker is dead. Otherwise they are removed and the folder begins
        empty. Saying it again is harmless and keeps what is there.

        Raises:
            DiskFull, DiskError: the disk refused.
        """
        folder = self._own / stage_name(task_id, epoch)
        with self._failures("opening the stage"):
            self._begun = True
            if previous is not None and not folder.is_dir():
                self._take_over(task_id, folder, epoch, previous.worker)
            folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def note_phase(self, folder: Path, phase: Phase) -> None:
        """Leave a note in a stage folder that outlives this process: the claim has come as far as *phase*."""
        with disk_failures("noting a phase", folder):
            workfolder.note_phase(folder, phase)

    def remove(self, task_id: str, epoch: int) -> None:
        """Remove the stage of a claim and those of the claims before it, with whatever worker they lie.

        Not a byte of them is left when this returns; again is harmless.

        Raises:
            DiskError: the disk refused.
        """
        stage_name(task_id, epoch)  # refuses what is none
        with self._failures("emptying the stage"):
            for folder, _, _ in self._earlier(task_id, epoch + 1):
                self._remove(folder)

    def found(self) -> list[tuple[str, int]]:
        """Every stage (task id, epoch) in our folder and in those of dead workers. Removes what belongs to no task.

        Folders of dead workers that are empty go as well. Locks that `dead` took are free again afterwards. What cannot
        be read or removed is passed over, with a warning.
        """
        stages: list[tuple[str, int]] = []
        with self._failures("reading the stage"):
            for worker in self._reachable():
                with _passed_over(self.root / worker):
                    for leftover in leftovers(self.root / worker):
                        with _passed_over(leftover):
                            size = size_of(leftover)
                            remove_entries([leftover])
                            self._count(size)
                    stages += [(task, epoch) for _, task, epoch in staged(self.root / worker)]
            self._let_go()
            self._begun = True
        return stages

    def kept(self) -> list[Kept]:
        """The stages in our own folder, with the bytes that they take on the disk.

        Raises:
            DiskError: the folder cannot be read. A stage that cannot, or that is gone meanwhile, is passed over.
        """
        kept: list[Kept] = []
        with self._failures("reading the stage"):
            for folder, task, epoch in staged(self._own):
                with _passed_over(folder):
                    kept.append(Kept(task, epoch, size_of(folder)))
        return kept

    def remove_all(self, stages: Iterable[tuple[str, int]]) -> None:
        """Remove stages that `found` gave and that belong to no live task, wherever they lie.

        One that cannot be removed is passed over, with a warning.
        """
        names = [stage_name(task, epoch) for task, epoch in stages]
        with self._failures("emptying the stage"):
            for worker in self._reachable():
                for name in names:
                    folder = self.root / worker / name
                    with _passed_over(folder):
                        if os.path.lexists(folder):
                            size = size_of(folder)
                            self._remove(folder)
                            self._count(size)
            self._let_go()

    def removed(self) -> Removed:
        """What `found` and `remove_all` have removed since this was asked last."""
        with self._alone:
            removed, self._removed = self._removed, Removed()
        return removed

    def close(self) -> None:
        """Give the folder back, and remove it if no stage is left in it. No call may follow.

        Where the queue is asked who is alive, the folder stays: it takes us for alive a while longer, and the folder
        proves to who starts here meanwhile that the name was this machine's. Others remove it when that while is over.
        """
        with self._failures("leaving the stage"):
            self._let_go()
            if not any(staged(self._own)):
                remove_entries(leftovers(self._own))
                if not self._asked:
                    self._lock.discard()
            self._lock.release()

    def _count(self, size: int) -> None:
        self._removed = Removed(self._removed.entries + 1, self._removed.size + size)

    @contextmanager
    def _failures(self, doing: str) -> Iterator[None]:
        with self._alone, disk_failures(doing, self.root):
            yield

    def _take_over(self, task_id: str, folder: Path, epoch: int, worker: str) -> None:
        """Rename the newest earlier stage that may be adopted to *folder*, and remove all others."""
        earlier = self._earlier(task_id, epoch, worker)
        held_before = set(self._dead)
        for old, _, _ in sorted(earlier, key=attrgetter("epoch"), reverse=True):
            ours = old.parent == self._own or self._hold(old.parent.name)
            if ours and not folder.exists():
                if workfolder.moved(old, folder):
                    flacheader.restore(folder)
                    remove_entries(entry for entry in folder.iterdir() if not entry.name.startswith(PART))
            else:
                self._remove(old)
        for taken in set(self._dead) - held_before:
            self._dead.pop(taken).release()

    def _earlier(self, task_id: str, epoch: int, *needed: str) -> list[Staged]:
        """The stages that claims of the task before *epoch* left, with any worker.

        Our own folder and those of *needed* have to be readable; another one that is not is passed over.
        """
        needed = (self.worker, *needed)
        claims = [claim for worker in needed for claim in staged(self.root / worker)]
        others = [worker for worker in self._other_workers() if worker not in needed]
        claims += [claim for worker in others for claim in self._readable(worker)]
        return sorted({claim for claim in claims if claim.task_id == task_id and claim.epoch < epoch})

    def _remove(self, folder: Path) -> None:
        """Take *folder* away from everybody in one step, then remove it."""
        aside = workfolder.aside(self._own)
        if workfolder.moved(folder, aside):
            remove_entries([aside])

    def _readable(self, worker: str) -> list[Staged]:
        """The stages in the folder of *worker*; none if it cannot be read."""
        with _passed_over(self.root / worker):
            return list(staged(self.root / worker))
        return []

    def _other_workers(self) -> list[str]:
        return [entry.name for entry in entries(self.root) if entry.name != self.worker]

    def _reachable(self) -> list[str]:
        """Our own folder and those of the dead, whose locks are held from now on."""
        return [self.worker, *filter(self._hold, self._other_workers())]

    def _hold(self, worker: str) -> bool:
        """Whether *worker* is dead; its lock is ours from now on."""
        if worker not in self._dead:
            with _passed_over(self.root / worker):
                lock = WorkLock.take(self.root, worker, make=False)
                if lock is None:
                    return False
                if worker in self.alive and not _used_here(lock, self._boot, self._machine):
                    lock.release()
                    return False
                self._dead[worker] = lock
        return worker in self._dead

    def _let_go(self) -> None:
        """Free the locks of dead workers. Folders of those that left nothing go once the queue has given them up."""
        for worker, lock in self._dead.items():
            with _passed_over(self.root / worker):
                if worker not in self.alive and not any(staged(self.root / worker)):
                    lock.discard()
            lock.release()
        self._dead.clear()


@contextmanager
def _passed_over(folder: Path) -> Iterator[None]:
    """Let what the disk refuses at *folder* stop nothing but itself."""
    try:
        yield
    except OSError as error:
        log.warning("A folder of the stage is passed over", folder=str(folder), error=error.strerror or str(error))


def _used_here(lock: WorkLock, boot: str, machine: str) -> bool:
    """Whether the folder was last used on this machine, so that its lock is one that we see."""
    return lock.boot == boot or (machine != "" and lock.machine == machine)
