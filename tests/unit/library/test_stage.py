"""The stage: a task's bytes belong to one claim, the lock tells the living from the dead, and nothing is left over."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.support.music import Music

from tonearm.clock import SystemClock
from tonearm.errors import DiskError, SetupError
from tonearm.fetch import PART
from tonearm.library import AudioFormat, Removed, Stage, Tags, write_tags
from tonearm.model import Mark, Phase, StageRef

BOOT = SystemClock().boot_id()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A library with room for a stage."""
    return tmp_path


@contextmanager
def a_worker(root: Path, host: str = "den", boot: str = BOOT, **options: Any) -> Iterator[Stage]:
    """A stage that ends like a process that was killed: its lock is free, its files stay."""
    stage = Stage.open(root / ".tonearm", root, host, boot_id=boot, **options)
    try:
        yield stage
    finally:
        for lock in (stage._lock, *stage._dead.values()):
            lock.release()


def received(folder: Path, content: bytes = b"abc", boot: str = BOOT) -> None:
    """Bytes as a transfer leaves them."""
    (folder / PART).write_bytes(content)
    sidecar = f'{{"source":"https://a/1","checksum":null,"validator":"\\"1\\"","size":9,"boot":"{boot}"}}'
    (folder / "part.json").write_text(sidecar)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_each_process_takes_a_folder_of_its_own(root: Path) -> None:
    """The first free number of the host; a number whose process died is taken again."""
    with a_worker(root) as one, a_worker(root) as two, a_worker(root, "other") as three:
        assert [one.worker, two.worker, three.worker] == ["den-1", "den-2", "other-1"]
        assert stat.S_IMODE((one.root / "den-1").stat().st_mode) == 0o700
    with a_worker(root) as again:
        assert again.worker == "den-1"


def test_a_host_of_any_name_gives_a_plain_folder(root: Path) -> None:
    """A host may call itself anything."""
    for host, worker in (("../a b.lan", "a-b-lan-1"), ("", "worker-1"), ("ä" * 300, "worker-2")):
        stage = Stage.open(root / ".tonearm", root, host)
        assert stage.worker == worker
        assert stage.root.is_relative_to(root)


def test_a_child_does_not_keep_a_dead_worker_alive(root: Path) -> None:
    """The lock is closed at exec, so it is free when the process is gone though its child lives."""
    with a_worker(root), subprocess.Popen(
        [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, close_fds=False,
    ) as child:  # fmt: skip
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        with a_worker(root) as beside:
            assert beside.worker == "den-2"
        # from here on only the child could hold it
        first = Stage.open(root / ".tonearm", root, "third")
        assert first.dead() == ["third-1", "den-2"]
        child.communicate(b"")


def test_the_dead_are_those_whose_lock_is_free(root: Path) -> None:
    """The living are never named; our own name is, until `found`: our earlier incarnation is dead.

    Freeing its leases can fail, and is tried again.
    """
    with a_worker(root, "gone") as gone:
        gone.enter("t1", 1, None)
    with a_worker(root, "alive"), a_worker(root) as me:
        for _ in range(2):
            assert me.dead() == ["den-1", "gone-1"]
        me.found()
        assert me.dead() == ["gone-1"]


def test_whoever_has_entered_a_stage_is_not_dead(root: Path) -> None:
    """From the first claim on our name stands for us."""
    with a_worker(root) as me:
        me.enter("t1", 1, None)
        assert me.dead() == []


def test_nobody_comes_alive_under_the_name_of_the_dead_while_its_leases_are_freed(root: Path) -> None:
    """`dead` keeps the locks that prove it, `found` lets go of them."""
    with a_worker(root, "gone") as gone:
        gone.enter("t1", 1, None)
    with a_worker(root) as me:
        me.dead()
        with a_worker(root, "gone") as newcomer:
            assert newcomer.worker == "gone-2"
        me.found()
        with a_worker(root, "gone") as newcomer:
            assert newcomer.worker == "gone-1"


def test_marks_tell_how_far_the_dead_had_come(root: Path) -> None:
    """Phase and bytes by task; the newest claim counts, and bytes of another boot are none."""
    with a_worker(root) as before:
        received(before.enter("t1", 1, None), b"12345")
        before.note_phase(before.enter("t1", 1, None), Phase.TRANSFER)
        received(before.enter("t2", 4, None), b"123", boot="before the power cut")
        for phase in (Phase.TRANSFER, Phase.VERIFY, Phase.PUBLISH):
            before.note_phase(before.enter("t2", 4, None), phase)
        before.enter("album:1", 1, None)
    with a_worker(root) as me:
        assert me.marks("den-1") == {
            "t1": Mark(Phase.TRANSFER, 5),
            "t2": Mark(Phase.PUBLISH, 0),
            "album:1": Mark(Phase.CLAIMED, 0),
        }
        assert me.marks("never-1") == {}


def test_a_power_cut_is_told_from_a_crash_by_the_boot(root: Path) -> None:
    """Of our own folder, and of any dead one whose lock we hold."""
    with a_worker(root, boot="monday") as first:
        first.enter("t1", 1, None)
        assert not first.same_boot()
    with a_worker(root, "gone", boot="monday"), a_worker(root, boot="monday") as second:
        assert second.same_boot()
        assert not second.same_boot("gone-1")
    with a_worker(root, boot="tuesday") as third:
        assert not third.same_boot()
        third.dead()
        assert not third.same_boot("gone-1")
    with a_worker(root, "x", boot="monday") as fourth:
        fourth.dead()
        assert fourth.same_boot("gone-1")


def test_entering_keeps_the_bytes_of_our_own_earlier_claim(root: Path) -> None:
    """The folder is renamed, so that only one claim ever has the bytes; what is not theirs goes."""
    with a_worker(root) as me:
        old = me.enter("t1", 1, None)
        received(old)
        me.note_phase(old, Phase.VERIFY)
        (old / "tagged.flac").write_bytes(b"copy")

        new = me.enter("t1", 2, StageRef("den-1", 1))

        assert not old.exists()
        assert names(new) == ["part", "part.json"]
        assert me.enter("t1", 2, StageRef("den-1", 1)) == new
        assert (new / PART).read_bytes() == b"abc"


def test_entering_adopts_the_bytes_of_the_dead_but_not_of_the_living(root: Path) -> None:
    """Whoever is frozen may wake up and write on: its file is taken away, and the transfer begins anew."""
    with a_worker(root, "gone") as gone:
        received(gone.enter("t1", 1, None))
    with a_worker(root, "frozen") as frozen, a_worker(root) as me:
        theirs = frozen.enter("t2", 1, None)
        received(theirs)

        assert names(me.enter("t1", 2, StageRef("gone-1", 1))) == ["part", "part.json"]
        assert names(me.enter("t2", 2, StageRef("frozen-1", 1))) == []
        assert not theirs.exists()
        assert me.found() == [("t1", 2), ("t2", 2)] or me.found() == [("t2", 2), ("t1", 2)]


def test_bytes_are_found_though_the_claim_before_never_came_to_enter(root: Path) -> None:
    """Its worker died between claim and stage; an older one has the bytes. A late publisher loses his."""
    with a_worker(root, "gone") as gone:
        received(gone.enter("t1", 1, None))
    with a_worker(root, "frozen") as frozen, a_worker(root) as me:
        late = frozen.enter("t1", 2, None)
        assert names(me.enter("t1", 5, StageRef("never-1", 4))) == ["part", "part.json"]
        assert not late.exists()


def test_adopted_bytes_are_those_that_were_received(root: Path, music: Music) -> None:
    """A crash after tagging in place costs no byte: the header comes back."""
    with a_worker(root) as before:
        folder = before.enter("t1", 1, None)
        received(folder, music("flac").read_bytes())
        write_tags(folder / PART, folder / "tagged.flac", AudioFormat.FLAC, Tags(title="x"), None)
        assert not (folder / PART).exists()
    with a_worker(root) as me:
        assert me.marks("den-1")["t1"].bytes_done == music("flac").stat().st_size
        folder = me.enter("t1", 2, StageRef("den-1", 1))
        assert (folder / PART).read_bytes() == music("flac").read_bytes()
        assert names(folder) == ["part", "part.json"]


def test_removing_a_stage_leaves_not_a_byte(root: Path) -> None:
    """Of that claim, and of no other. Again is harmless."""
    with a_worker(root) as me:
        received(me.enter("t1", 1, None))
        kept = me.enter("t1", 2, None)
        for _ in range(2):
            me.remove("t1", 1)
        assert names(root / ".tonearm" / "den-1") == ["boot", "lock", kept.name]


def test_removing_a_stage_removes_what_earlier_claims_left(root: Path) -> None:
    """A task may end before its newest claim ever entered a folder; other tasks keep theirs."""
    with a_worker(root, "other") as other, a_worker(root) as stage:
        received(other.enter("job-1-a", 1, None))
        received(stage.enter("job-1-a", 2, None))
        kept = stage.enter("job-1-ab", 2, None)

        stage.remove("job-1-a", 3)

        assert names(other.root / other.worker) == ["boot", "lock"]
        assert names(stage.root / stage.worker) == sorted(["boot", "lock", kept.name])


def test_removing_a_stage_removes_it_from_a_dead_workers_folder(root: Path) -> None:
    """Its task was cancelled after the worker had died, and came up under another name."""
    with a_worker(root, "gone") as gone:
        received(gone.enter("t1", 3, None))
        gone.enter("t1", 4, None)
    with a_worker(root) as me:
        me.remove("t1", 3)
        assert names(root / ".tonearm" / "gone-1") == ["boot", "lock", "t1.4"]


def test_the_janitor_sees_our_stages_and_those_of_the_dead(root: Path) -> None:
    """Stages of the living are their own business; leftovers and empty folders of the dead go at once."""
    with a_worker(root, "gone") as gone:
        received(gone.enter("t1", 1, None))
        (root / ".tonearm" / "gone-1" / "aside.0123").mkdir()
        (root / ".tonearm" / "gone-1" / "stray").write_bytes(b"x")
    with a_worker(root, "empty"):
        pass
    with a_worker(root, "alive") as alive, a_worker(root) as me:
        alive.enter("t2", 1, None)
        me.enter("t3", 7, None)
        (root / ".tonearm" / "README").write_text("an operator's note")

        assert sorted(me.found()) == [("t1", 1), ("t3", 7)]
        assert names(root / ".tonearm") == ["README", "alive-1", "den-1", "gone-1"]
        assert names(root / ".tonearm" / "gone-1") == ["boot", "lock", "t1.1"]

        me.remove_all([("t1", 1), ("t3", 7), ("t2", 1), ("never", 1)])
        assert me.found() == []
        assert names(root / ".tonearm") == ["README", "alive-1", "den-1"]
        assert names(root / ".tonearm" / "alive-1") == ["boot", "lock", "t2.1"]


def test_what_the_janitor_removes_is_counted_with_its_bytes(root: Path) -> None:
    """Stages, what a removal that was cut off left, and stray files; each is told once, and what stays never."""
    with a_worker(root, "gone") as gone:
        received(gone.enter("t1", 1, None), b"x" * 100_000)
        gone.enter("t2", 1, None)
        (root / ".tonearm" / "gone-1" / "stray").write_bytes(b"x" * 10_000)
    with a_worker(root) as me:
        me.found()
        me.remove_all([("t1", 1), ("never", 1)])
        removed = me.removed()

        assert removed.entries == 2
        assert removed.size >= 110_000
        assert me.removed() == Removed()


def test_a_worker_that_leaves_in_order_leaves_nothing(root: Path) -> None:
    """A stage that a pause or a release keeps stays, with its folder."""
    busy = Stage.open(root / ".tonearm", root, "den")
    busy.enter("t1", 1, None)
    busy.close()
    assert names(root / ".tonearm") == ["den-1"]

    again = Stage.open(root / ".tonearm", root, "den")
    again.remove("t1", 1)
    again.close()
    assert names(root / ".tonearm") == []


@pytest.mark.parametrize("task", ["../t1", "a/b", ".", "", "a\0b"])
def test_a_task_id_that_is_no_folder_name_is_refused(root: Path, task: str) -> None:
    """No stage lies outside its worker's folder."""
    with a_worker(root) as me, pytest.raises(DiskError, match="Not the name of a task"):
        me.enter(task, 1, None)


def test_a_stage_on_another_volume_is_an_error_at_start(tmp_path: Path) -> None:
    """A rename into the library would not be possible."""
    elsewhere = Path("/dev/shm")  # a volume of its own on Linux
    assert elsewhere.stat().st_dev != tmp_path.stat().st_dev, "this test needs a second volume at /dev/shm"
    stage = elsewhere / f"tonearm-test-{os.getpid()}"
    try:
        with pytest.raises(SetupError, match="must lie on the same volume"):
            Stage.open(stage, tmp_path, "den")
    finally:
        stage.rmdir()


def test_a_stage_that_cannot_be_made_is_an_error_at_start(tmp_path: Path) -> None:
    """The message names the path, the setting and the reason."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SetupError, match=r"file/stage \(QUEUE_STAGE_DIR\) cannot be used: Not a directory"):
        Stage.open(tmp_path / "file" / "stage", tmp_path, "den")


def test_what_waits_in_the_stage_is_told_with_its_bytes(root: Path) -> None:
    """Our own stages alone, by what they take on the disk, so that room can be made."""
    with a_worker(root) as stage, a_worker(root, "other") as other:
        received(stage.enter("job-1", 2, None), bytes(300_000))
        stage.enter("job-2", 1, None)
        received(other.enter("job-3", 1, None), bytes(300_000))
        kept = {(one.task_id, one.epoch): one.size for one in stage.kept()}
    assert kept.keys() == {("job-1", 2), ("job-2", 1)}
    assert 300_000 <= kept["job-1", 2] < 400_000
    assert kept["job-2", 1] == 0


@pytest.fixture
def elsewhere(root: Path) -> list[str]:
    """The worker den-1 of another machine works here, whose locks are not seen by this one; the queue knows it."""
    with a_worker(root, boot="theirs", machine="another") as other:
        received(other.enter("t1", 1, None))
    return ["den-1"]


def test_a_name_that_lives_on_another_machine_is_not_taken(root: Path, elsewhere: list[str]) -> None:
    """Though its lock looks free: not every file system shares them. Without the queue's word it counts as dead."""
    with a_worker(root, alive=elsewhere) as me:
        assert me.worker == "den-2"
        assert names(me.root) == ["den-1", "den-2"]
    with a_worker(root) as me:
        assert me.worker == "den-1"


def test_a_worker_that_starts_again_has_its_name_again(root: Path) -> None:
    """The queue takes it for alive a while longer; nobody on its machine takes the proof away meanwhile."""
    with a_worker(root, machine="this one", alive=[]) as me:
        assert me.worker == "den-1"
        me.close()
    with a_worker(root, "beside", machine="this one", alive=["den-1"]) as beside:
        beside.alive = ["den-1"]
        beside.found()
    with a_worker(root, machine="this one", alive=["den-1", "beside-1"]) as me:
        assert me.worker == "den-1"


def test_what_works_on_another_machine_is_neither_freed_nor_tidied(root: Path, elsewhere: list[str]) -> None:
    """Until the queue counts it as dead."""
    with a_worker(root, alive=elsewhere) as me:
        me.alive = elsewhere
        assert me.dead() == ["den-2"]
        assert me.found() == []
        assert names(me.root / "den-1") == ["boot", "lock", "t1.1"]
        me.alive = ()
        assert me.dead() == ["den-1"]
        assert me.found() == [("t1", 1)]


def test_a_name_that_lives_with_another_stage_is_not_taken(root: Path) -> None:
    """Two machines of one name, each with a folder of its own: the queue must tell them apart."""
    with a_worker(root, alive=["den-1", "den-2"]) as me:
        assert me.worker == "den-3"
        assert names(me.root) == ["den-3"]


@pytest.mark.parametrize(
    ("boot", "machine"), [(BOOT, "whichever"), ("before the reboot", "this one")], ids=["killed", "rebooted"]
)
def test_our_own_earlier_incarnation_is_dead_at_once(root: Path, boot: str, machine: str) -> None:
    """The queue has not noticed yet; on one machine the lock is proof enough, also after a restart of all of it."""
    with a_worker(root, boot=boot, machine=machine), a_worker(root, "gone", boot=boot, machine=machine):
        pass
    with a_worker(root, machine="this one", alive=["den-1", "gone-1"]) as me:
        me.alive = ["den-1", "gone-1"]
        assert me.worker == "den-1"
        assert me.dead() == ["den-1", "gone-1"]
