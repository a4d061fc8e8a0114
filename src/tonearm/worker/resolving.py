"""Resolving: an album's track list goes from the catalog into the store, a page at a time, in flat memory."""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.model import AlbumInfo, AlbumTrack
from tonearm.store.base import PAGE
from tonearm.worker.held import Held
from tonearm.worker.insisting import insist
from tonearm.worker.leases import Leases
from tonearm.worker.timelimit import time_limit
from tonearm.worker.tools import WorkerTools


async def resolve(held: Held, tools: WorkerTools, leases: Leases) -> None:
    """Bring the tracks of the album of *held* into the store; the claim has ended when this returns.

    Raises:
        FetchError: the catalog did not answer as it should.
        LeaseLost: the claim is not current, or the album was cancelled meanwhile.
    """
    claim = held.claim
    album: AlbumInfo | None = None
    start, tracks = 1, list[AlbumTrack]()

    async def enter(page: Sequence[AlbumTrack], *, last: bool) -> None:
        info = album or AlbumInfo(claim.spec.catalog_id, claim.spec.album_title or "", claim.spec.artist_name or "")
        await insist(lambda: tools.store.expand(claim, info, start, page, last=last), held, leases)

    async with time_limit(tools.settings.processing_timeout_ms, lambda: f"{start - 1 + len(tracks)} tracks listed"):
        async for answer in tools.catalog.album(claim.spec.catalog_id, claim.spec.quality):
            album = album or answer.album
            tracks.extend(answer.tracks)
            while len(tracks) > PAGE:
                await enter(tracks[:PAGE], last=False)
                start += PAGE
                del tracks[:PAGE]
    await enter(tracks, last=True)
