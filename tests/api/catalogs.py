"""Catalogs as another package would write them, for tests of who asks one."""

from __future__ import annotations

from collections.abc import AsyncIterator

from tonearm.model import AlbumPage, Hit, JobType, Quality, Track


class TwoQuestions:
    """It cannot search, and here nobody asks it anything else."""

    def album(self, album_id: int, quality: Quality) -> AsyncIterator[AlbumPage]:
        raise AssertionError(album_id, quality)

    async def track(self, track_id: int, quality: Quality) -> Track:
        raise AssertionError(track_id, quality)

    async def close(self) -> None:
        """Nothing is open."""


class Searched(TwoQuestions):
    """It finds the same hits whatever is searched for, however few are wanted, and remembers the question."""

    def __init__(self, *hits: Hit) -> None:
        self.asked: list[tuple[str, JobType | None, int]] = []
        self._hits = hits

    async def search(self, words: str, job_type: JobType | None, limit: int) -> tuple[Hit, ...]:
        self.asked.append((words, job_type, limit))
        return self._hits
