"""The disk guard: what is promised to running transfers is not free."""

from __future__ import annotations

from pathlib import Path

import pytest

from tonearm.errors import DiskError, DiskFull
from tonearm.library import DiskGuard, disk
from tonearm.library.disk import LOOK_S, UNKNOWN_BYTES
from tonearm.volume import MB, whole_bytes

MINIMUM = 100 * MB


@pytest.fixture
def volume(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A volume whose free bytes the test says."""
    space = {"free": 1000 * MB}
    monkeypatch.setattr(disk, "free_bytes", lambda _: space["free"])
    return space


@pytest.fixture
def guard(volume: dict[str, int]) -> DiskGuard:
    assert volume
    return DiskGuard(Path("/library"), MINIMUM)


def test_the_bare_minimum_is_checked_without_a_size(guard: DiskGuard, volume: dict[str, int]) -> None:
    """Before the claim nobody knows how large a file is."""
    guard.check()
    volume["free"] = MINIMUM
    guard.check(None)
    volume["free"] = MINIMUM - 1
    with pytest.raises(DiskFull):
        guard.check(None)


def test_a_refusal_says_how_much_was_free_and_needed(guard: DiskGuard, volume: dict[str, int]) -> None:
    """In bytes for the program, in MB for people; a file counts twice, for a rewrite of its tags."""
    volume["free"] = 130 * MB
    guard.check(15 * MB)
    with pytest.raises(DiskFull) as caught:
        guard.check(16 * MB)
    assert (caught.value.free, caught.value.needed) == (130 * MB, 132 * MB)
    assert str(caught.value) == (
        "Not enough disk space: 130 MB free, 132 MB needed (32 MB for this file, 100 MB always kept free)"
    )


def test_bytes_are_said_in_the_unit_of_the_setting(guard: DiskGuard, volume: dict[str, int]) -> None:
    """QUEUE_DISK_SPACE_MIN_MB=100 keeps 100,000,000 bytes free, and the message says 100 MB."""
    volume["free"] = 9_940_000
    with pytest.raises(DiskFull, match=r"9\.9 MB free, 100 MB needed \(100 MB always kept free\)"):
        guard.check()


def test_what_running_transfers_will_write_is_not_free(guard: DiskGuard) -> None:
    """It becomes less as their bytes arrive, and is given back at the end."""
    guard.reserve("a", 200 * MB)
    assert guard.free() == 600 * MB
    guard.advance("a", 200 * MB, 150 * MB)
    assert guard.free() == 750 * MB
    with pytest.raises(DiskFull):
        guard.reserve("b", 326 * MB)
    guard.reserve("b", 325 * MB)
    guard.release("a")
    guard.release("a")
    assert guard.free() == 350 * MB


def test_a_reservation_that_is_said_again_replaces_the_first(guard: DiskGuard) -> None:
    """The second attempt may know the size, and has bytes already. A refused one leaves nothing behind."""
    guard.reserve("a", None)
    guard.reserve("a", 100 * MB, done=60 * MB)
    assert guard.free() == 860 * MB
    with pytest.raises(DiskFull):
        guard.reserve("a", 500 * MB)
    assert guard.free() == 1000 * MB


def test_an_unknown_size_counts_in_steps(guard: DiskGuard, volume: dict[str, int]) -> None:
    """64 MiB at first; when it grows beyond, a further step must have room."""
    guard.reserve("a", None)
    assert guard.free() == 1000 * MB - 2 * UNKNOWN_BYTES
    guard.advance("a", None, UNKNOWN_BYTES - 1)
    assert guard.free() == 1000 * MB - UNKNOWN_BYTES - 1

    volume["free"] = 250 * MB
    with pytest.raises(DiskFull, match="301 MB needed"):
        guard.advance("a", None, UNKNOWN_BYTES)
    guard.advance("of nobody", None, UNKNOWN_BYTES)


def test_a_size_that_the_media_server_tells_is_checked_as_soon_as_it_is_known(guard: DiskGuard) -> None:
    """The catalog gave none; before the first byte the transfer ends, and nothing is set aside for it any more."""
    guard.reserve("a", None)
    with pytest.raises(DiskFull, match="1000 MB free, 1100 MB needed"):
        guard.advance("a", 500 * MB, 0)
    assert guard.free() == 1000 * MB

    guard.reserve("a", None)
    guard.advance("a", 10 * MB, 0)
    assert guard.free() == 980 * MB


def test_whoever_fills_the_disk_meanwhile_ends_one_transfer_at_a_time(volume: dict[str, int]) -> None:
    """A look every second is enough for all transfers; the one that looks ends, and its part makes room for others."""
    assert volume
    now = [0.0]
    guard = DiskGuard(Path("/library"), MINIMUM, lambda: now[0])
    for task in ("a", "b"):
        guard.reserve(task, 20 * MB)
        guard.advance(task, 20 * MB, 1 * MB)

    volume["free"] = MINIMUM - 1
    guard.advance("a", 20 * MB, 2 * MB)
    now[0] += LOOK_S
    with pytest.raises(DiskFull, match="99 MB free, 100 MB needed"):
        guard.advance("b", 20 * MB, 2 * MB)
    guard.advance("a", 20 * MB, 3 * MB)
    volume["free"] = MINIMUM
    now[0] += LOOK_S
    guard.advance("a", 20 * MB, 4 * MB)


def test_a_fast_transfer_is_looked_at_by_its_bytes(guard: DiskGuard, volume: dict[str, int]) -> None:
    """Before a quarter of the minimum has come unseen."""
    guard.reserve("a", 200 * MB)
    guard.advance("a", 200 * MB, 1 * MB)
    volume["free"] = MINIMUM - 1
    guard.advance("a", 200 * MB, 25 * MB)
    with pytest.raises(DiskFull):
        guard.advance("a", 200 * MB, 27 * MB)


def test_what_has_arrived_counts_once_more_for_its_tags(guard: DiskGuard) -> None:
    """Of a file of unknown size no step is set aside any longer than it is unknown."""
    guard.reserve("a", None)
    guard.arrived("a", 5 * MB)
    assert guard.free() == 995 * MB
    guard.release("a")
    guard.arrived("a", 5 * MB)
    assert guard.free() == 1000 * MB


def test_a_file_larger_than_the_volume_never_fits(tmp_path: Path) -> None:
    """However much is removed."""
    guard = DiskGuard(tmp_path, MINIMUM)
    assert guard.fits(whole_bytes(tmp_path))
    assert not guard.fits(whole_bytes(tmp_path) + 1)


def test_a_volume_that_is_gone_is_an_error_of_the_disk(tmp_path: Path) -> None:
    """Not a full one."""
    with pytest.raises(DiskError, match="cannot be read"):
        DiskGuard(tmp_path / "gone", 0).free()
