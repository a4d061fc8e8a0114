"""The disk hold: when it closes and opens, what waits, what fails, and that no two tasks wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.support.clock import FakeClock

from tonearm.errors import DiskError, DiskFull
from tonearm.library import DiskGuard, Stage, disk
from tonearm.model import Released
from tonearm.volume import MB
from tonearm.worker import diskhold
from tonearm.worker.diskhold import AGAIN_MS, LOOK_MS, DiskHold

MINIMUM, WHOLE = 100 * MB, 1_000 * MB


@dataclass
class Volume:
    """A volume of `WHOLE` bytes whose free ones the test says; what lies in the stage takes some of them."""

    stage: Stage
    free: int = 500 * MB
    gone: bool = False
    sizes: dict[str, int] = field(default_factory=dict[str, int])

    def keep(self, task: str, size: int) -> None:
        """Leave a part of a waiting task; *free* becomes less."""
        (self.stage.enter(task, 1, None) / "part").write_bytes(b"x")
        self.sizes[task] = size
        self.free -= size

    def free_bytes(self, _: Path) -> int:
        if self.gone:
            raise DiskError("gone")
        for task in [task for task in self.sizes if task not in self.kept()]:
            self.free += self.sizes.pop(task)
        return self.free

    def kept(self) -> set[str]:
        """The tasks whose parts are there."""
        return {folder.name.partition(".")[0] for folder in (self.stage.root / self.stage.worker).glob("*.1")}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    opened = Stage.open(tmp_path / ".tonearm", tmp_path, "den")
    yield opened
    opened._lock.release()


@pytest.fixture
def volume(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Volume:
    """The volume in place of the real one, also for what a stage takes on it."""
    space = Volume(stage)
    monkeypatch.setattr(disk, "free_bytes", space.free_bytes)
    monkeypatch.setattr(disk, "whole_bytes", lambda _: WHOLE)
    monkeypatch.setattr(diskhold, "free_bytes", space.free_bytes)
    kept = stage.kept

    def sized() -> list[object]:
        return [type(one)(one.task_id, one.epoch, space.sizes[one.task_id]) for one in kept()]

    monkeypatch.setattr(stage, "kept", sized)
    return space


@pytest.fixture
def guard(volume: Volume) -> DiskGuard:
    return DiskGuard(volume.stage.root, MINIMUM)


@pytest.fixture
def running() -> set[str]:
    """The tasks that the worker works on."""
    return set()


@pytest.fixture
def hold(guard: DiskGuard, stage: Stage, clock: FakeClock, running: set[str]) -> DiskHold:
    return DiskHold(guard, stage, clock, holds=True, works_on=running.__contains__)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


async def test_it_closes_below_the_minimum_and_opens_above_it(hold: DiskHold, volume: Volume, clock: FakeClock) -> None:
    """Looked at every five seconds; a little above the minimum is not yet enough to open again."""
    assert await hold.ask() is None
    volume.free = MINIMUM - 1
    assert await hold.ask() is None
    clock.advance(LOOK_MS)
    closed = await hold.ask()
    assert closed is not None
    assert (closed.reason, closed.wait_ms) == ("Waiting for disk space: 99 MB free, 125 MB needed", LOOK_MS)

    volume.free = 125 * MB - 1
    clock.advance(LOOK_MS)
    assert await hold.ask() is not None
    volume.free = 125 * MB
    clock.advance(LOOK_MS - 1)
    assert await hold.ask() is not None
    clock.advance(1)
    assert await hold.ask() is None
    volume.free = MINIMUM
    clock.advance(LOOK_MS)
    assert await hold.ask() is None


async def test_what_running_transfers_will_write_is_not_free(
    hold: DiskHold, guard: DiskGuard, volume: Volume, clock: FakeClock
) -> None:
    """Closed by what is promised, it opens when that is done."""
    volume.free = 150 * MB
    guard.reserve("a", 20 * MB)
    assert await hold.ask() is None
    guard.arrived("a", 30 * MB)
    guard.reserve("b", 10 * MB)
    volume.free = 145 * MB
    clock.advance(LOOK_MS)
    assert await hold.ask() is not None
    guard.release("a")
    guard.release("b")
    clock.advance(LOOK_MS)
    assert await hold.ask() is None


async def test_where_a_full_disk_fails_it_only_tells_the_figures(
    guard: DiskGuard, stage: Stage, volume: Volume, clock: FakeClock
) -> None:
    """And says so whenever they are others to people."""
    told: list[int | None] = []
    hold = DiskHold(guard, stage, clock, holds=False, works_on=lambda _: False)
    hold.told = lambda: told.append(hold.figures()[0])
    for volume.free in (500 * MB, 500 * MB - 1, 7 * MB):
        assert await hold.ask() is None
        clock.advance(LOOK_MS)
    assert await hold.after(DiskFull("full", free=0, needed=MINIMUM), 0) is None
    assert told == [500 * MB, 7 * MB]
    assert hold.figures() == (7 * MB, MINIMUM)


async def test_a_disk_that_does_not_answer_closes_nothing(hold: DiskHold, volume: Volume) -> None:
    """Whoever needs it finds out; the figure is not known."""
    volume.gone = True
    assert await hold.ask() is None
    assert hold.figures() == (None, MINIMUM)


async def test_a_task_that_met_a_full_disk_waits_for_the_gate(hold: DiskHold, volume: Volume) -> None:
    """The gate closes at once, without waiting for the next look."""
    assert await hold.ask() is None
    volume.free = 12 * MB
    released = await hold.after(DiskFull("The disk is full", free=12 * MB, needed=None), 30 * MB)
    assert released == Released("Waiting for disk space: 12 MB free, 125 MB needed", LOOK_MS)
    assert await hold.ask() is not None


async def test_a_task_too_large_for_now_keeps_nobody_else_waiting(hold: DiskHold) -> None:
    """The gate stays open for smaller ones; it is tried again after a while, since each time asks the catalog."""
    refusal = DiskFull("Not enough disk space", free=500 * MB, needed=600 * MB)
    assert await hold.after(refusal, 0) == Released("Not enough disk space", AGAIN_MS)
    assert await hold.ask() is None


async def test_a_quota_is_tried_again_after_a_while(hold: DiskHold) -> None:
    """The system says full and the volume says room: nothing here can know when that changes."""
    assert await hold.after(DiskFull("The disk is full", free=500 * MB, needed=None), 30 * MB) == Released(
        "The disk is full", AGAIN_MS
    )


async def test_trouble_that_is_over_already_costs_no_long_wait(hold: DiskHold) -> None:
    """Somebody freed the disk between the refusal and our look."""
    for refusal in (DiskFull("full", free=0, needed=None), DiskFull("full", free=0, needed=130 * MB)):
        assert await hold.after(refusal, 30 * MB) == Released("full", LOOK_MS)


async def test_what_can_never_fit_fails(hold: DiskHold) -> None:
    """More than the volume has in all, whether the guard found out or the system."""
    assert await hold.after(DiskFull("too much", free=0, needed=WHOLE + 1), 0) is None
    assert await hold.after(DiskFull("too much", free=0, needed=None), WHOLE - MINIMUM + 1) is None
    assert await hold.after(DiskFull("much", free=0, needed=WHOLE), 0) is not None


async def test_bytes_of_waiting_tasks_that_fill_the_disk_are_given_up(
    hold: DiskHold, volume: Volume, running: set[str]
) -> None:
    """As many as it takes to open, the most first; those of a task at work are not touched."""
    volume.keep("small", 10 * MB)
    volume.keep("large", 50 * MB)
    volume.keep("at-work", 200 * MB)
    running.add("at-work")
    volume.free = 80 * MB
    assert await hold.ask() is None
    assert volume.kept() == {"small", "at-work"}


async def test_bytes_that_would_not_make_room_are_kept(hold: DiskHold, volume: Volume, guard: DiskGuard) -> None:
    """Whoever filled the disk has to free it; and nothing is given up while a transfer may yet end and make room."""
    volume.keep("small", 10 * MB)
    volume.free = 80 * MB
    assert await hold.ask() is not None
    assert volume.kept() == {"small"}

    volume.keep("large", 50 * MB)
    volume.free = 150 * MB
    guard.reserve("busy", 20 * MB)
    volume.free = 120 * MB
    await hold.after(DiskFull("full", free=0, needed=None), 0)
    assert volume.kept() == {"small", "large"}


async def test_two_tasks_never_wait_for_each_others_bytes(hold: DiskHold, volume: Volume, running: set[str]) -> None:
    """What one needs is taken from what the other keeps, and it is tried again soon."""
    volume.keep("a", 150 * MB)
    volume.keep("b", 150 * MB)
    volume.free = 200 * MB
    running.add("a")
    for needed in (300 * MB, None):
        released = await hold.after(DiskFull("not enough", free=200 * MB, needed=needed), 200 * MB)
        assert released == Released("not enough", LOOK_MS)
    assert volume.kept() == {"a"}


async def test_a_stage_that_cannot_be_removed_leaves_the_gate_closed(
    hold: DiskHold, volume: Volume, stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is no error of the task that waits, nor of the claim loop."""

    def refuse(task_id: str, epoch: int) -> None:
        raise DiskError(f"{task_id} {epoch} stays")

    monkeypatch.setattr(stage, "remove", refuse)
    volume.keep("large", 200 * MB)
    volume.free = 50 * MB
    assert await hold.ask() is not None
