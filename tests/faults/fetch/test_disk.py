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

from tonearm.errors import DiskError, DiskFull, FetchError

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


async def test_without_descriptors_it_is_not_the_host_that_failed(stage: Stage) -> None:
    """EMFILE while connecting is ours: the error does not count towards a rest of the host."""
    async with Origin(answer(200, SONG)) as origin:
        highest = max(map(int, os.listdir("/dev/fd")))  # noqa: PTH208 - descriptors are no paths
        fillers = [os.open("/dev/null", os.O_RDONLY)]
        while fillers[-1] < highest:
            fillers.append(os.open("/dev/null", os.O_RDONLY))
        with (
            limited(resource.RLIMIT_NOFILE, fillers[-1] + 1),
            pytest.raises(FetchError, match="Too many open files") as failed,
        ):
            await stage.download(f"{origin.url}/song.flac")
        for filler in fillers:
            os.close(filler)
        assert not getattr(failed.value, "connecting", False)
