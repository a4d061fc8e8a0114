"""`tonearm backup`, `restore` and `prune` where no server runs: a queue as one file, and in its place again."""

from __future__ import annotations

import asyncio
import stat
from contextlib import closing, nullcontext
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.contract.steps import KEEP_NOTHING, listed, submit_track
from tests.support.mounts import leave_free, mounted, small_disk
from tests.support.spoilt import spoil
from tests.unit.cli.conftest import Run, fill, on, served

from tonearm.errors import SetupError
from tonearm.model import KeyRecord, Scope
from tonearm.store.base import LocalStore, Store
from tonearm.store.sqlite import file

BACKUP = "backup.db"
OLD = sorted((Path(__file__).parents[1] / "store").glob("version*.sql"))


async def fill_with_key(store: LocalStore) -> None:
    """Jobs in several states, and a key."""
    await fill(store)
    await store.add_key(KeyRecord("kitchen", Scope.ADMIN, "0" * 64, 1))


async def seen(store: Store) -> list[tuple[object, ...]]:
    """What is in a store, without what passes by itself."""
    jobs = [(job.id, job.state, job.created_at, job.track_count, job.error) for job in await listed(store)]
    return [*sorted(jobs), *((key.name, key.hash) for key in await store.keys())]


async def last_event(store: Store) -> str:
    """Where its feed ends."""
    return (await store.events(None)).last


def folder(database: Path) -> list[str]:
    """What lies beside a database, and itself."""
    return sorted(path.name for path in database.parent.iterdir())


def test_a_backup_restored_elsewhere_is_the_same_queue(
    tonearm: Run, here: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With its keys; one file that only its owner can read, and readers of events begin anew there."""
    on(here, fill_with_key)
    before = on(here, seen)

    taken = tonearm("backup", BACKUP)
    assert (taken.code, taken.out.partition(" are in ")[0]) == (0, "5 jobs and 1 key")
    assert stat.S_IMODE(Path(BACKUP).stat().st_mode) == 0o600
    assert sorted(path.name for path in Path().glob(f"{BACKUP}*")) == [BACKUP]
    monkeypatch.setenv("QUEUE_DATABASE", str(elsewhere))
    restored = tonearm("restore", BACKUP)

    assert (restored.code, restored.out) == (0, f"5 jobs and 1 key are in {elsewhere}\n")
    assert "revoked" in restored.err
    assert folder(elsewhere) == ["queue.db", "queue.db.lock"]
    assert on(elsewhere, seen) == before
    assert on(elsewhere, lambda store: store.audit()) == ()
    assert on(elsewhere, last_event).partition("-")[0] != on(here, last_event).partition("-")[0]


def test_a_queue_with_jobs_is_replaced_only_when_that_is_said_and_stays_beside(tonearm: Run, here: Path) -> None:
    """Nothing is lost by a restore."""
    on(here, submit_track)
    tonearm("backup", BACKUP)
    on(here, submit_track)

    refused = tonearm("restore", BACKUP)
    assert (refused.code, len(on(here, listed))) == (4, 2)
    assert "--replace" in refused.err
    replaced = tonearm("restore", BACKUP, "--replace", "--json")

    (answer,) = replaced.documents
    assert (answer["success"], answer["jobs"], answer["keys"]) == (True, 1, 0)
    assert len(on(here, listed)) == 1
    assert len(on(Path(answer["before"]), listed)) == 2


def test_of_two_restores_in_one_second_each_keeps_what_was_there(
    tonearm: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second does not take the name that the first gave, which would be the end of the first queue."""
    monkeypatch.setattr("time.strftime", lambda *_: "20260102-030405")
    on(here, submit_track)
    tonearm("backup", BACKUP)
    on(here, submit_track)

    answers = [tonearm("restore", BACKUP, "--replace", "--json").documents[0] for _ in range(3)]

    assert [len(on(Path(answer["before"]), listed)) for answer in answers] == [2, 1, 1]


def test_a_damaged_queue_is_put_aside_with_its_log(tonearm: Run, here: Path) -> None:
    """That is when backups are wanted."""
    on(here, submit_track)
    tonearm("backup", BACKUP)
    here.write_bytes(here.read_bytes()[:100] + bytes(8_000))
    here.with_name("queue.db-wal").write_bytes(b"log")

    assert "--replace" in tonearm("restore", BACKUP).err
    (answer,) = tonearm("restore", BACKUP, "--replace", "--json").documents

    before = Path(answer["before"])
    assert before.read_bytes()[100:] == bytes(8_000)
    assert len(on(here, listed)) == 1
    assert on(here, lambda store: store.audit()) == ()


def test_what_was_put_aside_is_never_replaced_and_no_old_log_is_taken_for_a_new_one(tonearm: Run, here: Path) -> None:
    """Two restores within a second, and a log whose database somebody removed."""
    on(here, submit_track)
    tonearm("backup", BACKUP)
    for _ in range(3):
        assert tonearm("restore", BACKUP, "--replace").code == 0
    assert len(list(here.parent.glob("queue.db.before-*"))) == 3

    here.unlink()
    here.with_name("queue.db-wal").write_bytes(b"log")
    assert tonearm("restore", BACKUP).code == 0

    assert not here.with_name("queue.db-wal").exists()
    assert len(on(here, listed)) == 1


def test_a_restore_that_is_killed_between_two_renames_leaves_the_queue_its_log(
    tonearm: Run, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that is said again does not give it to another."""
    on(here, submit_track)
    tonearm("backup", BACKUP)
    here.with_name("queue.db-wal").write_bytes(b"log")
    here.with_name("queue.db-shm").mkdir()  # so that SQLite cannot bring the log into it
    rename = Path.rename

    def killed(path: Path, to: Path) -> Path:
        if path.name == "queue.db-wal":
            raise KeyboardInterrupt
        return rename(path, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        tonearm("restore", BACKUP, "--replace")
    (before,) = (path for path in here.parent.glob("queue.db.before-*") if not path.name.endswith("-wal"))
    assert not here.exists()

    with pytest.raises(SetupError, match="Restore the backup again"):
        on(here, listed)
    assert tonearm("restore", BACKUP).code == 0

    assert before.with_name(f"{before.name}-wal").read_bytes() == b"log"
    assert not here.with_name("queue.db-wal").exists()
    assert len(on(here, listed)) == 1


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_what_a_killed_process_left_beside_the_queue_goes_into_what_is_put_aside(
    tonearm: Run, here: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    """A journal is undone in it and not in the backup; a log is in it before it has its second name."""
    on(here, submit_track)
    tonearm("backup", BACKUP)
    elsewhere.parent.mkdir()
    with closing(apsw.Connection(str(here))) as db:
        db.pragma("journal_mode", mode)
        db.pragma("wal_autocheckpoint", 0)
        db.execute("BEGIN")
        db.execute("UPDATE meta SET value = 'another' WHERE key = 'instance'")
        if mode == "WAL":
            db.execute("COMMIT")
        else:
            db.cache_flush()
        for path in here.parent.glob("queue.db*"):  # as a kill at this moment leaves them
            elsewhere.with_name(path.name).write_bytes(path.read_bytes())
    monkeypatch.setenv("QUEUE_DATABASE", str(elsewhere))

    (answer,) = tonearm("restore", BACKUP, "--replace", "--json").documents

    before = Path(answer["before"])
    assert folder(elsewhere) == ["queue.db", before.name, "queue.db.lock"]
    with closing(apsw.Connection(str(before))) as db:
        ((instance,),) = db.execute("SELECT value FROM meta WHERE key = 'instance'")
        assert (instance == "another") is (mode == "WAL")
    assert on(elsewhere, lambda store: store.audit()) == ()
    assert len(on(elsewhere, listed)) == 1


def test_what_a_killed_restore_left_is_gone_at_the_next_start(tonearm: Run, here: Path) -> None:
    """The half of a database, its journal, and a second name for the queue that goes on."""
    on(here, submit_track)
    tonearm("backup", BACKUP)
    kept = tonearm("restore", BACKUP, "--replace", "--json").documents[0]["before"]
    for ending in (".restoring", ".restoring.new", ".restoring.new-journal"):
        here.with_name(f"queue.db{ending}").write_bytes(b"half")
    here.with_name("queue.db.before-20260102-030405").hardlink_to(here)

    assert len(on(here, listed)) == 1

    assert folder(here) == ["queue.db", Path(kept).name, "queue.db.lock"]
    here.unlink()
    here.symlink_to(kept)  # a queue that a person took back like this has one name of its own
    assert len(on(here, listed)) == 1


def test_what_a_killed_restore_left_and_nobody_can_remove_is_named(tonearm: Run, here: Path) -> None:
    """Without a stack."""
    on(here, submit_track)
    tonearm("backup", BACKUP)
    here.with_name("queue.db.restoring").mkdir()

    ended = tonearm("restore", BACKUP, "--replace")

    assert ended.code == 4
    assert "queue.db.restoring, cannot be removed" in ended.err


@pytest.mark.parametrize("ending", [".restoring", ".restoring.new"])
def test_no_empty_queue_is_made_where_a_restore_was_cut_off(tonearm: Run, here: Path, ending: str) -> None:
    """Where the file system has one name for a file, a kill may come between the two queues; it can be said again."""
    on(here, submit_track)
    tonearm("backup", BACKUP)
    before = here.rename(here.with_name("queue.db.before-20260102-030405"))
    here.with_name(f"queue.db{ending}").write_bytes(b"half")

    with pytest.raises(SetupError, match="Restore the backup again"):
        on(here, listed)
    assert tonearm("restore", BACKUP).code == 0

    assert len(on(here, listed)) == len(on(before, listed)) == 1


def test_a_queue_that_is_put_aside_and_cannot_be_replaced_is_not_taken_for_none(tonearm: Run, here: Path) -> None:
    """A log that is mounted cannot be renamed: the name of the queue is free by then."""
    on(here, submit_track)
    tonearm("backup", BACKUP)
    with mounted(here.with_name("queue.db-wal"), "-t", "tmpfs", "tmpfs"):
        ended = tonearm("restore", BACKUP, "--replace")
    here.with_name("queue.db-wal").rmdir()
    (before,) = here.parent.glob("queue.db.before-*")
    assert not here.exists()

    assert (ended.code, str(here) in ended.err) == (4, True)
    with pytest.raises(SetupError, match="Restore the backup again"):
        on(here, listed)
    assert tonearm("restore", BACKUP).code == 0
    assert folder(here) == ["queue.db", before.name, "queue.db.lock"]
    assert len(on(here, listed)) == len(on(before, listed)) == 1


@pytest.mark.parametrize("cut_off", [False, True])
def test_a_restore_to_a_full_disk_forgets_none_that_was_cut_off(
    tonearm: Run, here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, cut_off: bool
) -> None:
    """What that one made is emptied, so that the next has its room; where there was nothing, nothing is left."""
    on(here, submit_track)
    tonearm("backup", BACKUP)
    with small_disk(tmp_path / "disk", 1) as disk:
        database = disk / "queue.db"
        coming = disk / "queue.db.restoring"
        monkeypatch.setenv("QUEUE_DATABASE", str(database))
        if cut_off:
            coming.write_bytes(b"half")
        filler = leave_free(disk, 65_536)
        full = tonearm("restore", BACKUP)
        assert (full.code, "The disk is full" in full.err) == (4, True)
        assert {*disk.iterdir()} == {filler, disk / "queue.db.lock", *([coming] if cut_off else [])}
        filler.unlink()
        if not cut_off:
            assert on(database, listed) == []
            return

        with pytest.raises(SetupError, match="Restore the backup again"):
            on(database, listed)
        coming.write_bytes(bytes(524_288))
        leave_free(disk, 65_536)
        assert tonearm("restore", BACKUP).code == 0
        assert not coming.exists()


@pytest.mark.parametrize("dump", OLD, ids=lambda dump: dump.stem)
def test_a_backup_of_an_older_version_is_brought_to_this_one(tonearm: Run, here: Path, dump: Path) -> None:
    """And it can be taken before the upgrade: a backup changes nothing."""
    here.parent.mkdir()
    with closing(apsw.Connection(str(here))) as db:
        db.execute(dump.read_text("utf-8"))
    as_it_was = here.read_bytes()
    assert tonearm("backup", BACKUP).code == 0
    assert here.read_bytes() == as_it_was

    assert tonearm("restore", BACKUP, "--replace").code == 0

    assert file.version_of(Path(BACKUP)) == int(dump.stem.removeprefix("version"))
    assert file.version_of(here) == file.VERSION
    assert on(here, lambda store: store.audit()) == ()
    assert len(on(here, listed)) == 10


def spoilt(content: bytes) -> dict[str, bytes]:
    """Files that are no sound backup."""
    newer = content[:60] + (file.VERSION + 1).to_bytes(4, "big") + content[64:]
    middle = len(content) // 2
    return {
        "no database": b'{"format":"tonearm-jobs","version":1,"exportedAt":1}\n' * 4,
        "empty": b"",
        "of another program": content[:68] + b"Else" + content[72:],
        "newer": newer,
        "cut off": content[:middle],
        "damaged": content[:8_192] + b"\xff" * 8_192 + content[16_384:],
    }


@pytest.mark.parametrize("how", spoilt(bytes(100)))
def test_what_is_no_sound_backup_changes_nothing(tonearm: Run, here: Path, how: str) -> None:
    """It says so, whatever else was said."""
    on(here, submit_track)
    tonearm("backup", BACKUP)
    Path(BACKUP).write_bytes(spoilt(Path(BACKUP).read_bytes())[how])
    files = folder(here)

    ended = tonearm("restore", BACKUP, "--replace")

    assert ended.code == 4
    assert BACKUP in ended.err
    assert "Move it away" not in ended.err, "the advice for the queue's own file"
    assert folder(here) == files
    assert len(on(here, listed)) == 1


def test_a_backup_to_a_full_disk_says_so_and_leaves_nothing(tonearm: Run, here: Path, tmp_path: Path) -> None:
    """In words ("not an error" is what SQLite calls it)."""
    on(here, fill)
    with small_disk(tmp_path / "disk", 1) as disk:
        filler = leave_free(disk, 65_536)
        ended = tonearm("backup", str(disk / BACKUP))

        assert (ended.code, [*disk.iterdir()]) == (4, [filler])
        assert "The disk is full" in ended.err


@pytest.mark.parametrize("runs", [True, False], ids=["a server runs", "no server runs"])
@pytest.mark.parametrize("where", ["in its first page", "in a table", "cut off"])
def test_a_backup_that_is_not_sound_gets_no_name(tonearm: Run, here: Path, where: str, *, runs: bool) -> None:
    """A damaged queue is noticed when there may be time to do something, and no older backup is touched. The queue is
    to blame, and not a file that is gone by then.
    """
    on(here, submit_track)
    content = here.read_bytes()
    with served(here) if runs else nullcontext():
        if where == "in a table":
            spoil(here, "task")
        else:
            here.write_bytes(content[:100] + bytes(len(content) - 100) if where != "cut off" else content[:20_480])
        ended = tonearm("backup", BACKUP)

    assert ended.code == 4
    assert "The database" in ended.err
    assert " is damaged: " in ended.err
    assert "tonearm restore" in ended.err
    assert ("tonearm export" in ended.err) is (where == "in a table")  # of the others nothing can be read
    assert not any(word in ended.err for word in (".part", ".copy-", "not an error"))
    assert list(Path().glob(f"{BACKUP}*")) == []
    Path(BACKUP).write_text("precious")
    assert tonearm("backup", BACKUP).code == 4
    assert Path(BACKUP).read_text() == "precious"


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_who_has_the_queue_and_cannot_be_asked_has_to_be_stopped(tonearm: Run, here: Path, command: str) -> None:
    """Nothing is read behind its back, and nothing replaced under it."""
    on(here, submit_track)
    tonearm("backup", BACKUP)

    async def held(store: Store) -> Any:
        name = {"backup": "another.db"}.get(command, BACKUP)
        return await asyncio.to_thread(tonearm, command, name), len(await listed(store))

    ended, jobs = on(here, held)
    assert (ended.code, jobs) == (4, 1)
    assert "Stop it first" in ended.err
    assert sorted(path.name for path in Path().glob("*.db*")) == [BACKUP]


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_queue_in_redis_has_no_file(tonearm: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The message says what there is instead."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1")
    ended = tonearm(command, BACKUP)
    assert ended.code == 4
    assert "tonearm export FILE" in ended.err


def test_old_records_go_when_that_is_said(tonearm: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted first, then removed, by the retention of the settings."""
    on(here, fill)
    for name in ("SUCCESS", "FAILED"):
        monkeypatch.setenv(f"QUEUE_RETENTION_DAYS_{name}", "0")

    counted, removed, again = (tonearm("prune", *options, "--json") for options in (["--dry-run"], [], []))

    assert counted.documents == [{"success": True, "dryRun": True, "completed": 1, "failed": 1, "cancelled": 0}]
    assert removed.documents == [{"success": True, "dryRun": False, "completed": 1, "failed": 1, "cancelled": 0}]
    assert again.documents[0]["completed"] == 0
    assert on(here, lambda store: store.prunable(KEEP_NOTHING)).completed == 0
    assert len(on(here, listed)) == 3
    assert tonearm("prune").out == "Jobs removed: 0 completed, 0 failed, 0 cancelled\n"


@pytest.mark.parametrize("command", [("prune",), ("backup", BACKUP)])
def test_there_has_to_be_a_queue(tonearm: Run, here: Path, command: tuple[str, ...]) -> None:
    """None is made for it."""
    ended = tonearm(*command)
    assert (ended.code, here.exists()) == (4, False)
    assert str(here) in ended.err
