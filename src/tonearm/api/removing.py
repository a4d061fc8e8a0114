"""Removing with files: a job goes, and with it what it brought into the library.

    look      the job has to be there, and so has the library; else nothing is changed
    stop      what is unfinished is cancelled, and its worker has a moment to let go of it
    remove    page by page: which files do other jobs name? the others go, on a thread, if they are still as they came
    delete    the record goes last

So a kill in between leaves a record, which names what is gone and what is not, and the request can be said again.
Why in this order, and what counts as touched: docs/adr/0016.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

import anyio.to_thread
import structlog

from tonearm.api.bodies import Object
from tonearm.clock import Clock
from tonearm.errors import NotFound, RefusalCode, Refused, WrongState
from tonearm.library import Lifetime, Removal, has_library, remove
from tonearm.model import JobRecord, Publication, State
from tonearm.settings import Settings
from tonearm.store.base import LONG_LIST, Store

STOP_MS = 5_000
"""How long a worker may take to let go of a job, milliseconds; it hears of a cancel within 2 seconds."""

LOOK_MS = 500
"""The longest wait between two looks at it, milliseconds."""

NAMED = "it may belong to another job too"
BUSY = "A worker has not let go of the job yet: a file that it is publishing stays"

log = structlog.get_logger("api.jobs")


@dataclass(slots=True)
class Removed:
    """What became of a job and its files; *let_go*: no worker was at it any more."""

    unfinished: bool
    let_go: bool
    files: Removal = field(default_factory=Removal)

    @property
    def warning(self) -> str | None:
        """What people should know of what may still come."""
        return None if self.let_go else BUSY

    def as_json(self) -> Object:
        """The files, of each kind as many as a record has at most, and all of them counted."""
        return {
            "removedFiles": self.files.removed[:LONG_LIST],
            "removedCount": len(self.files.removed),
            "keptFiles": [{"path": each.path, "reason": each.why} for each in self.files.kept[:LONG_LIST]],
            "keptCount": len(self.files.kept),
            "missingCount": self.files.missing,
        }


class Remover:
    """Removes jobs of *store* with their files in the library of *settings*."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock

    async def remove(self, job_id: str) -> Removed:
        """Remove a job in any state with what it published itself, unchanged since, and no other job names.

        Raises:
            NotFound: no such job.
            Refused: FILE_UNAVAILABLE, this machine does not have the library; nothing was changed.
            StoreUnavailable: it can be said again.
        """
        job = await self._store.job(job_id)
        await self._require_library()
        unfinished = not job.state.final
        job = await self._stop(job)
        unfinished = unfinished and job.state not in (State.COMPLETED, State.FAILED)  # it was not faster than we
        removed = Removed(unfinished, let_go=_is_let_go(job))
        try:
            await self._remove_files(job, removed.files)
            await self._store.delete(job_id, keep_ms=self._settings.delete_retention_ms)
        except NotFound:  # somebody else has deleted it just now
            if not removed.files.removed:
                raise
        return removed

    async def _require_library(self) -> None:
        root, stage_dir = self._settings.download_dir, self._settings.stage_dir
        if not await anyio.to_thread.run_sync(has_library, root, stage_dir):
            raise Refused(
                RefusalCode.FILE_UNAVAILABLE,
                f"This server does not have the library: there is no {root} (DOWNLOAD_DIR) with {stage_dir} "
                "(QUEUE_STAGE_DIR). Ask one that has, or remove the job without its files.",
            )

    async def _stop(self, job: JobRecord) -> JobRecord:
        """Cancel what is unfinished, and wait until no worker is at it; the job as it is then."""
        if not job.state.final:
            with suppress(WrongState):  # it is final now, or publishes and will be in a moment
                await self._store.cancel(job.id)
            job = await self._store.job(job.id)
        if not _is_let_go(job):
            log.info("Waiting until a worker lets go of a job", job=job.id)
        seen, until = 0, self._clock.elapsed_ms() + STOP_MS
        while not _is_let_go(job) and (left := until - self._clock.elapsed_ms()) > 0:
            seen = await self._store.changed(seen, min(left, LOOK_MS))
            job = await self._store.job(job.id)
        return job

    async def _remove_files(self, job: JobRecord, removal: Removal) -> None:
        lifetime = Lifetime(job.created_at, job.completed_at or self._clock.wall_ms())
        cursor: str | None = None
        while True:
            page = await self._store.files(job.id, cursor=cursor)
            await self._remove_page(job.id, page.files, lifetime, removal)
            cursor = page.next
            if cursor is None:
                break
        log.info(
            "Removed the files of a job",
            job=job.id,
            removed=len(removal.removed),
            kept=len(removal.kept),
            missing=removal.missing,
        )

    async def _remove_page(
        self, job_id: str, files: tuple[Publication, ...], lifetime: Lifetime, removal: Removal
    ) -> None:
        named = await self._store.named_elsewhere(job_id, [file.path for file in files]) if files else frozenset[str]()
        for file in files:
            if file.path in named:
                removal.keep(file.path, NAMED)
        alone = [file for file in files if file.path not in named]
        removal.add(await anyio.to_thread.run_sync(remove, self._settings.download_dir, alone, lifetime))


def _is_let_go(job: JobRecord) -> bool:
    """Whether no worker is at it: one that is has a speed, be it that of a track of a final album."""
    return job.state.final and job.speed is None
