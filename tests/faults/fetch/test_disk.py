"""A disk that does not take the bytes: a clear error, and nothing of the system's shows."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.faults.fetch.conftest import Stage
from tests.support.origin import Origin, answer

from tonearm.errors import ConnectionFailed, DiskError, DiskFull, FetchError

SONG = os.urandom(3_000_000)


@contextmanager
def limited(kind: int, amount: int) -> Iterator[None]:
    """Let the system refuse more than *amount* of *kind* to this process."""
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (amount, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(kind, before)


async def test_a_file_that_may_not_grow_is_a_disk_error(stage: Stage) -> None:
    """The system takes some of the bytes and then refuses; the next attempt, with room, is whole."""
    async with Origin(answer(200, SONG)) as origin:
        with limited(resource.RLIMIT_FSIZE, 1_500_000), pytest.raises(DiskError, match="File too large"):
            await stage.download(f"{origin.url}/song.flac")
        assert (await stage.download(f"{origin.url}/song.flac")).size == len(SONG)
    assert stage.body() == SONG


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (errno.ENOSPC, DiskFull),
        (errno.EDQUOT, DiskFull),
        (errno.EIO, DiskError),
        (errno.EROFS, DiskError),
    ],
)
async def test_each_refusal_of_the_disk_has_its_error(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, code: int, error: type[FetchError]
) -> None:
    """Full is told with what is free, everything else by its reason; none of them is tried again."""

    def refuse(_descriptor: int, _pieces: object) -> int:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "writev", refuse)
    async with Origin(answer(200, SONG)) as origin:
        with pytest.raises(error) as refused:
            await stage.download(f"{origin.url}/song.flac")
    assert not refused.value.retryable
    if isinstance(refused.value, DiskFull):
        assert refused.value.free > 0
    else:
        assert os.strerror(code) in refused.value.message


async def test_a_folder_that_is_gone_is_a_disk_error(stage: Stage) -> None:
    """The stage was removed under us."""
    stage.folder.rmdir()
    async with Origin(answer(200, SONG)) as origin:
        with pytest.raises(DiskError, match="No such file or directory"):
            await stage.download(f"{origin.url}/song.flac")


@contextmanager
def without_descriptors() -> Iterator[None]:
    """Let this process open nothing more."""
    highest = max(map(int, os.listdir("/dev/fd")))  # noqa: PTH208 - descriptors are no paths
    fillers = [os.open("/dev/null", os.O_RDONLY)]
    while fillers[-1] < highest:
        fillers.append(os.open("/dev/null", os.O_RDONLY))
    try:
        with limited(resource.RLIMIT_NOFILE, fillers[-1] + 1):
            yield
    finally:
        for filler in fillers:
            os.close(filler)


@pytest.mark.parametrize("host", ["127.0.0.1", "nowhere.invalid"])
async def test_without_descriptors_it_is_not_the_host_that_failed(stage: Stage, host: str) -> None:
    """EMFILE while looking up or connecting is ours: it names no host, and counts towards no rest."""
    async with Origin(answer(200, b"{}")) as origin:
        with (
            without_descriptors(),
            pytest.raises(ConnectionFailed, match=r"^This machine could not open a connection: Too many") as failed,
        ):
            await stage.fetcher.json(origin.url.replace("127.0.0.1", host))
        assert failed.value.retryable
        assert not failed.value.connecting
        assert await stage.fetcher.json(origin.url) == {}


async def test_without_descriptors_no_file_is_begun(stage: Stage) -> None:
    """EMFILE at the part is an error of the disk; with descriptors the same download works."""
    async with Origin(answer(200, SONG)) as origin:
        with without_descriptors(), pytest.raises(DiskError, match="Too many open files while writing the download"):
            await stage.download(f"{origin.url}/song.flac")
        assert (await stage.download(f"{origin.url}/song.flac")).size == len(SONG)
