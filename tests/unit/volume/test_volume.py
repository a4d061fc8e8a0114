"""The volume: its room, and the two names of what a file system refuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tonearm.errors import DiskError, DiskFull
from tonearm.volume import disk_failures, free_bytes, whole_bytes


@pytest.mark.parametrize(("code", "expected"), [("ENOSPC", DiskFull), ("EDQUOT", DiskFull), ("EIO", DiskError)])
def test_what_the_system_refuses_has_one_of_two_names(tmp_path: Path, code: str, expected: type[Exception]) -> None:
    """Full, or broken; the message says while doing what."""
    number = getattr(errno, code)
    with pytest.raises(expected, match="while publishing"), disk_failures("publishing", tmp_path):
        raise OSError(number, os.strerror(number))


def test_a_full_disk_says_how_much_is_free(tmp_path: Path) -> None:
    """Also where the volume has room and only a quota, or the last name, is used up."""
    with (
        pytest.raises(DiskFull, match=r"The disk is full while publishing: .* MB free") as caught,
        disk_failures("publishing", tmp_path),
    ):
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
    assert caught.value.free > 0


def test_free_room_is_a_part_of_the_whole(tmp_path: Path) -> None:
    """As the system tells it."""
    assert 0 < free_bytes(tmp_path) < whole_bytes(tmp_path)


def test_a_volume_that_is_gone_is_an_error_of_the_disk(tmp_path: Path) -> None:
    """And not a full one."""
    for asked in (free_bytes, whole_bytes):
        with pytest.raises(DiskError, match="cannot be read"):
            asked(tmp_path / "gone")
