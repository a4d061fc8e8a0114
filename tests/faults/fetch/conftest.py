"""The fetcher under test: short limits, and loopback allowed, because every server of these tests stands there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.tls import Certificate, make_certificate

from tonearm.fetch import Fetcher, FetchLimits, HostPort, Progress, Received, mark_of
from tonearm.model import Media

LOOPBACK = HostPort("127.0.0.1")
LIMITS = FetchLimits(
    connect_ms=5_000, silence_ms=5_000, json_bytes=256 * 1024, file_bytes=32 << 20, picture_bytes=1_000
)


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    """A fetcher that may reach 127.0.0.1 at any port."""
    async with Fetcher(LIMITS, allow=[LOOPBACK]) as opened:
        yield opened


@dataclass
class Stage:
    """The folder of one task, and what the downloads into it told."""

    folder: Path
    fetcher: Fetcher
    told: list[Progress] = field(default_factory=list)
    moved: asyncio.Event = field(default_factory=asyncio.Event)

    async def download(self, media: Media | str) -> Received:
        media = Media(media) if isinstance(media, str) else media
        return await self.fetcher.download(media, self.folder, progress=self.note)

    def note(self, progress: Progress) -> None:
        self.told.append(progress)
        self.moved.set()

    async def interrupt(self, url: str) -> None:
        """Begin to download *url*, and cancel as soon as new bytes are on disk."""
        before = mark_of(self.folder)
        self.told.clear()
        task = asyncio.create_task(self.download(url))
        await self.has(before + 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def has(self, size: int) -> None:
        """Wait until a download has told that it has *size* bytes on disk, or that it has begun for 0."""
        while not self.told or self.told[-1].bytes_done < size:
            self.moved.clear()
            await self.moved.wait()

    def names(self) -> set[str]:
        """What lies in the folder."""
        return {path.name for path in self.folder.iterdir()}

    def body(self) -> bytes:
        """The bytes of the part."""
        return (self.folder / "part").read_bytes()


@pytest.fixture
def stage(tmp_path: Path, fetcher: Fetcher) -> Stage:
    """An empty folder for one task."""
    folder = tmp_path / "stage"
    folder.mkdir()
    return Stage(folder, fetcher)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """One certificate for all TLS servers of the run."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(autouse=True)
def _no_thread_stays() -> Iterator[None]:
    """Whatever happened, no thread of the fetcher outlives it."""
    yield
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("tonearm-fetch")]
