"""`tonearm export` and `import`: a queue in a file, whole or not at all, and in another queue, once."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import stat
import sys
from pathlib import Path
from typing import Any

import apsw
import pytest
from tests.contract.steps import claim, listed, open_album, submit, submit_track, track
from tests.support.exposition import Rise
from tests.unit.cli.conftest import Run, fill, on

from tonearm.cli import moving
from tonearm.model import ClaimRequest, JobRecord, State
from tonearm.store.base import PAGE, LocalStore, Store

EXPORT = "jobs.jsonl"


async def states(store: Store) -> list[tuple[str, str, int]]:
    """What is in a store: ids, states, numbers of tracks."""
    return sorted((job.id, job.state.value, job.track_count) for job in await listed(store))


def switch(monkeypatch: pytest.MonkeyPatch, database: Path) -> None:
    monkeypatch.setenv("QUEUE_DATABASE", str(database))


def test_a_queue_goes_through_a_file_into_another_one(
    tonearm: Run, here: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every job with its state; what was active is ready there, and said again nothing changes."""
    on(here, fill)
    exported = tonearm("export", EXPORT)
    assert (exported.code, exported.out) == (0, f"5 jobs are in {EXPORT}\n")
    assert stat.S_IMODE(Path(EXPORT).stat().st_mode) == 0o600

    switch(monkeypatch, elsewhere)
    first, second = tonearm("import", EXPORT), tonearm("import", EXPORT)

    assert (first.code, first.out) == (0, "5 jobs are in the queue\n")
    assert second.out.splitlines() == ["0 jobs are in the queue", "5 were in it already"]
    before = [(job, "ready" if state == "active" else state, count) for job, state, count in on(here, states)]
    assert on(elsewhere, states) == before
    assert on(elsewhere, lambda store: store.audit()) == ()


def test_a_long_album_is_whole_when_the_import_has_ended(
    tonearm: Run, here: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody has to start a server for that."""
    on(here, lambda store: open_album(store, 3 * PAGE))
    tonearm("export", EXPORT)
    switch(monkeypatch, elsewhere)
    tonearm("import", EXPORT)

    assert len(on(elsewhere, lambda store: claim(store, tracks=4 * PAGE))) == 3 * PAGE


JOBS = 200


@pytest.mark.parametrize("name", ["task", "job_created", "sqlite_autoindex_task_1", "history"])
def test_a_database_that_is_damaged_in_the_middle_gives_what_can_be_read(tonearm: Run, here: Path, name: str) -> None:
    """Whichever page of it is lost: never fewer jobs in silence, and the file is good for an import."""
    on(here, lambda store: submit(store, *[track() for _ in range(JOBS)]))
    with contextlib.closing(apsw.Connection(str(here))) as db:
        size = int(db.pragma("page_size"))
        found = db.execute("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path", (name,))
        pages = [int(number) for (number,) in found]
    middle = pages[len(pages) // 2]
    with here.open("r+b") as file:
        file.seek((middle - 1) * size)
        file.write(bytes(size))

    ended = tonearm("export", EXPORT)

    lines = Path(EXPORT).read_text().splitlines()
    jobs = {json.loads(line)["id"] for line in lines[1:-1]}
    assert ended.code == 1
    assert "Cannot be read, and is not in it: " in ended.err
    assert "tonearm restore" in ended.err
    assert len(jobs) == len(lines) - 2 == json.loads(lines[-1])["jobs"] < JOBS
    assert jobs or len(pages) == 1


def test_a_job_that_its_index_has_lost_is_named(tonearm: Run, here: Path) -> None:
    """It was taken for one that is deleted meanwhile."""
    on(here, lambda store: submit(store, *[track() for _ in range(3)]))
    lost = on(here, listed)[1].id
    content = here.read_bytes()
    here.write_bytes(content.replace(lost.encode(), lost[:-1].encode() + b"!", 1))

    ended = tonearm("export", EXPORT)

    assert ended.code == 1
    assert ended.out.startswith("2 jobs are in")
    assert "Cannot be read, and is not in it: job-" in ended.err


def test_a_queue_in_redis_that_is_away_is_no_servers_fault(tonearm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command reaches it by itself, and says so of nobody else."""
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9")
    ended = tonearm("export", EXPORT)

    assert ended.code == 3
    assert "cannot be reached: Connection refused.\n" in ended.err
    assert "server" not in ended.err


def test_an_import_tells_what_it_frees_on_its_way(
    tonearm: Run, here: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's lease had run out where it came to."""

    async def silent(store: Store) -> None:
        await submit_track(store)
        await store.claim(ClaimRequest("w1", tracks=1, albums=0, lease_ms=1))

    on(here, fill)
    tonearm("export", EXPORT)
    on(elsewhere, silent)
    switch(monkeypatch, elsewhere)
    rise = Rise("tonearm_tasks_recovered")
    assert tonearm("import", EXPORT).code == 0

    assert rise.so_far() == {("tonearm_tasks_recovered_total",): 1}


def test_who_exports_or_imports_leaves_alone_what_is_being_handed_over(tonearm: Run, here: Path) -> None:
    """Redis may have it: it is not free to be worked on here because somebody looked into the database."""

    async def hand_over(store: LocalStore) -> str:
        job = await submit_track(store)
        assert await store.begin_move(job)
        return job

    job = on(here, hand_over)

    assert tonearm("export", EXPORT).code == 0
    assert tonearm("import", EXPORT).out.splitlines()[-1] == "1 were in it already"

    assert on(here, lambda store: store.moving()) == (job,)


def test_pipes_do_as_well(
    here: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`-` is stdout and stdin; what is said goes to stderr then."""
    on(here, fill)
    piped = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", piped)
    moving.export_jobs(Path("-"))
    written = piped.buffer.getvalue()
    assert capsys.readouterr().err == "5 jobs\n"
    assert len(written.splitlines()) == 1 + 6 + 1

    switch(monkeypatch, elsewhere)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(written)))
    moving.import_jobs(Path("-"))
    assert len(on(elsewhere, states)) == 5


def test_json_says_how_many(tonearm: Run, here: Path) -> None:
    """One document each."""
    on(here, submit_track)
    assert tonearm("export", EXPORT, "--json").documents == [{"success": True, "file": EXPORT, "jobs": 1}]
    assert tonearm("import", EXPORT, "--json").documents == [{"success": True, "taken": 0, "known": 1, "deleted": 0}]


def test_what_was_deleted_lately_stays_away(tonearm: Run, here: Path) -> None:
    """A copy is no way around a deletion."""
    job_id = on(here, submit_track)
    tonearm("export", EXPORT)
    on(here, lambda store: store.delete(job_id))

    ended = tonearm("import", EXPORT)

    assert ended.out.splitlines() == ["0 jobs are in the queue", "1 were deleted from it lately, and stay away"]
    assert on(here, states) == []


def test_the_time_in_the_file_counts(
    tonearm: Run, here: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job is as old as it is, however long the file lay."""
    on(here, submit_track)
    tonearm("export", EXPORT)
    lines = Path(EXPORT).read_text().splitlines()
    dump = json.loads(lines[1])
    dump["at"] -= 3_600_000
    Path(EXPORT).write_text("\n".join([lines[0], json.dumps(dump), lines[2], ""]))

    switch(monkeypatch, elsewhere)
    tonearm("import", EXPORT)

    (before,), (after,) = on(here, listed), on(elsewhere, listed)
    assert isinstance(before, JobRecord)
    assert isinstance(after, JobRecord)
    assert abs(before.created_at - after.created_at - 3_600_000) < 60_000
    assert after.state is State.READY


@pytest.mark.parametrize("command", ["export", "import"])
def test_who_has_the_database_and_cannot_be_asked_has_to_be_stopped(tonearm: Run, here: Path, command: str) -> None:
    """The message says so, and no file is left."""
    on(here, submit_track)
    assert tonearm("export", EXPORT).code == 0

    async def held(_: Store) -> Any:
        return await asyncio.to_thread(tonearm, command, {"export": "jobs2.jsonl"}.get(command, EXPORT))

    ended = on(here, held)
    assert ended.code == 4
    assert "Stop it first" in ended.err
    assert ("in a moment" in ended.err) == (command == "export"), "an import is never asked for"
    assert list(Path().glob("jobs*")) == [Path(EXPORT)]


def test_there_has_to_be_a_queue(tonearm: Run, here: Path) -> None:
    """An export does not make an empty one."""
    ended = tonearm("export", EXPORT)
    assert ended.code == 4
    assert str(here) in ended.err
    assert not here.exists()


def test_a_file_that_is_there_is_not_touched(tonearm: Run, here: Path) -> None:
    """It may be the only copy."""
    on(here, submit_track)
    Path(EXPORT).write_text("precious")
    assert tonearm("export", EXPORT).code == 4
    assert Path(EXPORT).read_text() == "precious"
    assert tonearm("export", "no/such/folder/x").code == 4


def breakages(lines: list[str]) -> dict[str, tuple[list[str], str]]:
    """Files that were not written like this, and what is said of them."""
    job = json.loads(lines[1])
    return {
        "no file of ours": (["{}"], "was not written by"),
        "empty": ([], "was not written by"),
        "another version": ([lines[0].replace('"version":1', '"version":2')], "version 2"),
        "cut off": (lines[:-1], "line 3: the end is missing"),
        "cut in a line": ([lines[0], lines[1][:50]], "line 2: "),
        "not JSON": ([lines[0], "nonsense", lines[2]], "line 2: "),
        "a job that cannot be": (
            [lines[0], json.dumps(job | {"id": "x"}), lines[2]],
            "line 2: x: this is no job id",
        ),
        "an unknown word": ([lines[0], lines[1].replace('"ready"', '"napping"'), lines[2]], "line 2: "),
        "another count": ([lines[0], lines[2]], "line 2: there should be 1 jobs before it, not 0"),
    }


@pytest.mark.parametrize("broken", breakages(["", '{"id":"a"}', ""]))
def test_a_file_that_is_broken_is_named_with_its_line(tonearm: Run, here: Path, broken: str) -> None:
    """It ends with 4, and with the reason."""
    on(here, submit_track)
    tonearm("export", EXPORT)
    lines, words = breakages(Path(EXPORT).read_text().splitlines())[broken]
    Path(EXPORT).write_text("".join(f"{line}\n" for line in lines))

    ended = tonearm("import", EXPORT)

    assert ended.code == 4
    assert words in ended.err


def test_what_stood_before_a_broken_line_is_in_the_queue(
    tonearm: Run, here: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the message says; the rest follows when the file is mended."""
    on(here, fill)
    tonearm("export", EXPORT)
    lines = Path(EXPORT).read_text().splitlines()
    Path(EXPORT).write_text("".join(f"{line}\n" for line in lines[:4]))

    switch(monkeypatch, elsewhere)
    assert tonearm("import", EXPORT).code == 4

    assert len(on(elsewhere, states)) == 3


def test_a_file_that_is_not_there_is_named(tonearm: Run, here: Path) -> None:
    """And no queue is made for it."""
    ended = tonearm("import", "nowhere.jsonl")
    assert (ended.code, here.exists()) == (4, False)
    assert "nowhere.jsonl" in ended.err


def test_the_settings_choose_the_queue(tonearm: Run, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Redis where there is a REDIS_URL, and the database with REDIS_DISABLED, whatever that says."""
    on(here, submit_track)
    monkeypatch.setenv("REDIS_URL", "unix:///nowhere/redis.sock")
    refused = tonearm("export", EXPORT)
    assert (refused.code, list(Path().glob("jobs*"))) == (3, [])
    assert "nowhere" in refused.err
    monkeypatch.setenv("REDIS_DISABLED", "1")
    assert tonearm("export", EXPORT).code == 0
