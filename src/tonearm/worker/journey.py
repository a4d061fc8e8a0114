"""A track's journey: ask the catalog, transfer, verify, tag, decode, pass the commit point, publish.

Each attempt asks the catalog anew, because signed URLs change. Everything up to the commit point happens in the task's
stage, may be stopped at any moment and costs the library nothing. From the commit point on a cancel is too late, and
whoever holds the task next finds the recorded file and adopts it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from tonearm import metrics
from tonearm.errors import DiskError, DiskFull, FetchError, LeaseEnded
from tonearm.fetch import Progress, Received, mark_of
from tonearm.library import (
    Audio,
    Candidate,
    Name,
    NameTaken,
    Picture,
    Tags,
    add_cover,
    has_twin,
    identical,
    numbered,
    prepare,
    publish,
    published,
    resolve,
    verify,
    write_tags,
)
from tonearm.model import Completed, Mark, Phase, Publication, Reserved, Track
from tonearm.traces import Step
from tonearm.worker.held import Held
from tonearm.worker.insisting import insist
from tonearm.worker.leases import Leases
from tonearm.worker.steps import step
from tonearm.worker.threads import in_thread
from tonearm.worker.timelimit import TimeLimit, time_limit
from tonearm.worker.tools import WorkerTools

TWINS = 99
"""Numbers tried for a name that is taken."""

LEAVING_S = 0.2
"""Seconds between two questions for a name under which a task that is over still publishes."""

log = structlog.get_logger("worker.transfer")

T = TypeVar("T")


class Journey:
    """One attempt at one track."""

    def __init__(self, held: Held, tools: WorkerTools, leases: Leases) -> None:
        self._held = held
        self._claim = held.claim
        self._tools = tools
        self._leases = leases
        self._root: Path = tools.settings.download_dir
        self._warnings: list[str] = []
        self._folder_cover: Picture | None = None
        self._download_ms = 0
        self._asked_at_s: float | None = None

    async def run(self) -> Completed:
        """Bring the track into the library.

        Raises:
            FetchError: this attempt ended; its code says why.
            LeaseLost: the claim is not current any more, or a cancel or pause came before the commit point.
        """
        folder = await self._take_over_stage()
        if (found := await self._find_published()) is not None:
            return found
        async with time_limit(self._tools.settings.processing_timeout_ms, self._how_far) as limit:
            track = await self._begin()
            async with self._naming(track) as reserved:
                received = await self._transfer(track, folder, limit)
                with limit.standing():
                    await self._leave_slot()
                audio = await self._verify(track, received, folder)
                staged = await self._tag(track, received, audio, folder)
                with limit.standing():
                    await self._decode(staged, track, audio)
                log.info("Verified", format=audio.format.extension, check=self._tools.settings.verify)
                number = await reserved
            self._tools.disk.release(self._claim.task_id)
            umask = self._tools.umask
            size, inode = await self._enter(Phase.PUBLISH, folder, lambda: prepare(staged, umask=umask))
        name = self._name(track)
        return await self._file(staged, name, number, audio.format.extension, size=size, inode=inode)

    async def _take_over_stage(self) -> Path:
        """First of all, so that whoever held the task before has no file to publish any more."""
        claim = self._claim
        return await in_thread(self._tools.stage.enter, claim.task_id, claim.epoch, claim.previous)

    async def _find_published(self) -> Completed | None:
        """Adopt the file that an earlier attempt published. If there is none, nobody can publish it any more."""
        earlier = self._claim.publication
        if earlier is None:
            return None
        if await in_thread(published, self._root, earlier):
            log.info("Found the file that an earlier attempt had published", path=earlier.path)
            return Completed((earlier.path,), earlier.size)
        await insist(lambda: self._tools.store.retract(self._claim), self._held, self._leases)
        return None

    async def _begin(self) -> Track:
        """See that there is room on the disk at all, and ask the catalog."""
        await in_thread(self._tools.disk.check)
        with step(Step.RESOLVE, self._claim):
            track = await self._tools.catalog.track(self._claim.spec.catalog_id, self._claim.spec.quality)
        self._held.title, self._held.album = track.title, track.album
        log.debug("The catalog answered", title=track.title, album=track.album, artist=track.artist)
        return track

    async def _enter(self, phase: Phase, folder: Path, work: Callable[[], T]) -> T:
        """Begin a phase with *work*, on a thread, and answer what it gives.

        A note in the stage outlives this process, so that a crash is charged where it happened.
        """
        self._held.mark = replace(self._held.mark, phase=phase)

        def noted() -> T:
            self._tools.stage.note_phase(folder, phase)
            return work()

        return await in_thread(noted)

    async def _transfer(self, track: Track, folder: Path, limit: TimeLimit) -> Received:
        """Set room aside on the disk, and bring the bytes into the stage."""
        disk, task_id, size = self._tools.disk, self._claim.task_id, track.media.size_bytes
        await self._enter(Phase.TRANSFER, folder, lambda: disk.reserve(task_id, size, mark_of(folder)))
        began_ms = self._tools.clock.elapsed_ms()
        self._asked_at_s = time.perf_counter()
        with step(Step.TRANSFER, self._claim):
            received = await self._tools.fetcher.download(
                track.media,
                folder,
                progress=self._on_progress,
                room=partial(disk.advance, task_id),
                standing=limit.standing,
            )
        disk.arrived(task_id, received.size)
        self._download_ms = self._tools.clock.elapsed_ms() - began_ms
        log.info("Transferred", size=received.size, ms=self._download_ms)
        return received

    def _on_progress(self, progress: Progress) -> None:
        if self._asked_at_s is not None:
            metrics.FIRST_BYTE_SECONDS.observe(time.perf_counter() - self._asked_at_s)
            self._asked_at_s = None
        metrics.RECEIVED_BYTES.inc(max(0, progress.received - self._held.mark.received))
        self._held.mark = Mark(Phase.TRANSFER, progress.bytes_done, progress.bytes_total, progress.received)
        self._held.speed = progress.speed
        self._leases.moved()

    @asynccontextmanager
    async def _naming(self, track: Track) -> AsyncIterator[asyncio.Task[int]]:
        """Fill in the titles and reserve the target name beside the transfer; gives the number of the name."""
        task = asyncio.create_task(self._reserve(track))
        try:
            yield task
        finally:
            if not task.done():
                task.cancel()
                await asyncio.wait([task])
            if not task.cancelled():
                task.exception()

    async def _reserve(self, track: Track) -> int:
        claim, store = self._claim, self._tools.store
        spec = claim.spec
        if claim.position is None and None in (spec.track_title, spec.album_title, spec.artist_name):
            await insist(
                lambda: store.describe(claim, title=track.title, artist=track.artist, album=track.album),
                self._held,
                self._leases,
            )
        return await self._next_free(self._name(track), 1)

    def _name(self, track: Track) -> Name:
        claim = self._claim
        return self._tools.template.name(track, claim.album, claim.position, claim.spec.quality)

    async def _next_free(self, name: Name, number: int) -> int:
        """Reserve the first free name from *number* on; answers its number."""
        for twin in range(number, TWINS + 1):
            if await self._reserves(numbered(name, twin)):
                return twin
        raise DiskError(f"More than {TWINS} files would be named {name.stem!r}")

    async def _reserves(self, name: Name) -> bool:
        """Reserve a name; False when it is another task's. One that is over may still have a file to publish there."""
        while True:
            answer = await insist(
                lambda: self._tools.store.reserve(self._claim, name.stem, name.key), self._held, self._leases
            )
            if answer is not Reserved.LEAVING:
                return answer is Reserved.OWN
            await asyncio.sleep(LEAVING_S)

    async def _leave_slot(self) -> None:
        """The last byte has arrived: make room on the line for the next task."""
        await self._held.seat.last_byte_arrived()
        self._leases.moved(urgent=True)

    async def _verify(self, track: Track, received: Received, folder: Path) -> Audio:
        """Whether the bytes are the file that was promised."""
        with step(Step.VERIFY, self._claim):
            return await self._enter(
                Phase.VERIFY, folder, lambda: verify(received.path, track, received.size, received.checksum)
            )

    async def _tag(self, track: Track, received: Received, audio: Audio, folder: Path) -> Path:
        """Make the file that will be published; one that cannot be tagged stays as it came, with a warning."""
        picture = await self._pictures(track)
        target = folder / f"tagged.{audio.format.extension}"
        wanted = Tags.of(track, self._claim.album)
        with step(Step.TAG, self._claim):
            self._warnings += await in_thread(write_tags, received.path, target, audio.format, wanted, picture)
        return target

    async def _decode(self, staged: Path, track: Track, audio: Audio) -> None:
        """Whether the file that will be published is sound to its last sample. It has a time limit of its own."""
        if self._tools.settings.verify == "quick":
            return
        with ExitStack() as open_files:
            candidate = await in_thread(lambda: open_files.enter_context(Candidate.open(staged, audio)))
            order = candidate.order(track)
            with step(Step.DECODE, self._claim):
                decoded = await self._tools.decoder.decode(candidate.descriptor, order, candidate.limit_seconds)
        candidate.judge(decoded, track)

    async def _pictures(self, track: Track) -> Picture | None:
        """The cover to embed: the track's own, else the album's. The album's, else the track's, is for the folder."""
        of_album = self._claim.album.cover_url if self._claim.album else None
        picture = await self._picture(track.cover_url or of_album)
        self._folder_cover = picture
        if of_album and track.cover_url and of_album != track.cover_url:
            self._folder_cover = await self._picture(of_album)
        return picture

    async def _picture(self, url: str | None) -> Picture | None:
        if url is None:
            return None
        try:
            return await self._tools.covers.get(url)
        except FetchError as error:
            self._warnings.append(f"The cover could not be had: {error.message}")
            return None

    async def _file(self, staged: Path, name: Name, number: int, extension: str, *, size: int, inode: int) -> Completed:
        """Pass the commit point and publish, under the first name that no other file has."""
        self._held.unstoppable = True
        while True:
            path = f"{numbered(name, number).stem}.{extension}"
            if await in_thread(has_twin, self._root, path):
                number = await self._next_free(name, number + 1)
                continue
            publication = Publication(path, size, inode)
            await self._commit(publication)
            try:
                await self._publish(staged, path)
            except NameTaken:
                if await self._keeps(staged, path):
                    break
                number = await self._next_free(name, number + 1)
            except DiskFull:
                await self._take_back(publication)
                raise
            else:
                log.info("Published", path=path, size=size)
                await self._add_cover(staged.parent, path)
                break
        return Completed((path,), size, self._download_ms, tuple(self._warnings))

    async def _add_cover(self, stage: Path, beside: str) -> None:
        """Put the album's cover beside its music, where albums have folders; what goes wrong costs the cover alone."""
        if self._folder_cover is None or not self._tools.template.by_album:
            return
        try:
            await in_thread(add_cover, stage, self._root, beside, self._folder_cover, umask=self._tools.umask)
        except FetchError as error:
            self._warnings.append(f"The cover could not be put beside the music: {error.message}")

    async def _commit(self, publication: Publication) -> None:
        await insist(lambda: self._tools.store.commit(self._claim, publication), self._held, self._leases)

    async def _take_back(self, publication: Publication) -> None:
        """The task may wait for room, and whoever waits can be cancelled; not if the file has its name already."""
        if not await in_thread(published, self._root, publication):
            await insist(lambda: self._tools.store.retract(self._claim), self._held, self._leases)

    async def _publish(self, staged: Path, path: str) -> None:
        """Move the file into the library, unless the lease ended meanwhile."""
        if not self._leases.trusted(self._held):
            raise LeaseEnded
        replace_old = self._tools.settings.on_conflict == "replace"
        with step(Step.PUBLISH, self._claim):
            await in_thread(publish, staged, self._root, path, umask=self._tools.umask, replace=replace_old)

    async def _keeps(self, staged: Path, path: str) -> bool:
        """Whether the file that has the name already serves: because it is the same, or by `QUEUE_ON_CONFLICT=skip`."""
        existing = resolve(self._root, path)
        if await in_thread(identical, existing, staged):
            log.info("The library has this very file already", path=path)
            return True
        if self._tools.settings.on_conflict == "skip":
            self._warnings.append(f"Kept the file that was there: {path}")
            return True
        return False

    def _how_far(self) -> str:
        mark = self._held.mark
        total = f" of {_megabytes(mark.bytes_total)}" if mark.bytes_total else ""
        return f"{_megabytes(mark.bytes_done)}{total} MB at {self._held.speed / 1_000:.0f} kB/s"


def _megabytes(count: int) -> str:
    return f"{count / 1_000_000:.1f}"
