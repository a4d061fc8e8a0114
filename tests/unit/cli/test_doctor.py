"""`tonearm doctor` and the queue: what it finds in a file and in Redis, and how it ends."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import apsw
import pytest
from tests.contract.steps import submit, submit_track, track
from tests.support.redis_server import RedisServer
from tests.support.spoilt import spoil
from tests.unit.cli.conftest import Ended, Run, on, served

from tonearm.clock import SystemClock
from tonearm.ops.doctor import machine
from tonearm.store.base import Store
from tonearm.store.redis import open_redis
from tonearm.store.sqlite import open_sqlite


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine is looked at by tests of its own (tests/unit/ops)."""
    monkeypatch.setattr(machine, "look", lambda _: iter(()))


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file of the settings; there is none yet."""
    path = tmp_path / "data" / "queue.db"
    monkeypatch.setenv("QUEUE_DATABASE", str(path))
    return path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[RedisServer]:
    """The Redis of the settings."""
    with RedisServer(aof="always") as running:
        monkeypatch.setenv("REDIS_URL", running.url)
        yield running


async def _fill(store: Store) -> None:
    await submit_track(store)
    await store.close()


def make_queue(database: Path) -> None:
    async def make() -> None:
        await _fill(await open_sqlite(database, SystemClock()))

    asyncio.run(make())


def make_shared_queue(server: RedisServer) -> None:
    async def make() -> None:
        await _fill(await open_redis(server.url, SystemClock()))

    asyncio.run(make())


QUEUE = ("sqlite", "file", "lock", "audit", "server", "role", "memory", "disk", "user", "clock", "redis")


def verdicts(ended: Ended) -> list[tuple[str, str]]:
    """What was found of the queue."""
    found = [(document["check"], document["verdict"]) for document in ended.documents]
    return [(name, verdict) for name, verdict in found if name.removeprefix("spool ") in QUEUE]


def test_what_a_default_start_would_live_in_is_well(tonearm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every part is looked at, and no two defaults contradict each other."""
    monkeypatch.undo()
    monkeypatch.setenv("TONEARM_CONFIG", os.devnull)
    ended = tonearm("doctor", "--json")

    verdicts = {document["check"]: document["verdict"] for document in ended.documents}
    assert {name: verdict for name, verdict in verdicts.items() if verdict != "well"} == {"catalog": "warning"}
    assert {"settings", "versions", "decoder", "descriptors", "library", "locks", "library room"} <= verdicts.keys()
    assert {"database room", "database", "umask", "sqlite", "file"} <= verdicts.keys()


def test_where_nothing_is_nothing_is_made(tonearm: Run, database: Path) -> None:
    """The doctor looks; the first start makes the queue."""
    ended = tonearm("doctor")

    assert (ended.code, ended.err) == (0, "")
    assert "ok      file          There is no queue yet" in ended.out
    assert list(database.parents[1].iterdir()) == []


def test_a_sound_file_is_audited(tonearm: Run, database: Path) -> None:
    """And is the same afterwards."""
    make_queue(database)
    before = database.read_bytes()

    ended = tonearm("doctor", "--json")

    assert ended.code == 0
    assert verdicts(ended) == [("sqlite", "well"), ("file", "well"), ("lock", "well"), ("audit", "well")]
    assert database.read_bytes() == before


def damage(database: Path) -> None:
    """Let a count say something else than the records."""
    db = apsw.Connection(str(database))
    db.execute("UPDATE counter SET value = value + 3 WHERE name = (SELECT min(name) FROM counter)")
    db.close()


@pytest.mark.parametrize("sound", [True, False])
def test_a_server_that_has_the_file_open_is_asked_for_the_audit(tonearm: Run, database: Path, *, sound: bool) -> None:
    """What it finds is told as if we had found it, and it goes on."""
    make_queue(database)
    if not sound:
        damage(database)
    with served(database):
        ended = tonearm("doctor", "--json")

    assert verdicts(ended)[2:] == [("lock", "well"), ("audit", "well" if sound else "wrong")]
    assert "It was asked for the audit" in ended.out
    assert ended.code == (not sound)


def test_a_file_whose_server_does_no_errands_is_left_to_it(tonearm: Run, database: Path) -> None:
    """The audit needs the file; the server goes on."""
    make_queue(database)
    store = asyncio.run(open_sqlite(database, SystemClock()))
    try:
        ended = tonearm("doctor")
    finally:
        asyncio.run(store.close())

    assert ended.code == 0
    assert "A server has the queue open" in ended.out
    assert "audit  " not in ended.out


def test_each_difference_between_index_and_record_is_a_line(tonearm: Run, database: Path) -> None:
    """What is wrong ends the command with 1."""
    make_queue(database)
    damage(database)

    ended = tonearm("doctor")

    assert ended.code == 1
    assert ended.out.count("WRONG   audit") == 1
    assert "the records say" in ended.out


def test_a_file_that_cannot_be_read_is_no_crash(tonearm: Run, database: Path) -> None:
    """Torn pages are said like any other difference."""
    make_queue(database)
    with database.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * 20_000)

    ended = tonearm("doctor")

    assert ended.code == 1
    assert "WRONG   audit" in ended.out


@pytest.mark.parametrize("runs", [True, False], ids=["a server runs", "no server runs"])
@pytest.mark.parametrize("begins", [100, 4_096])
def test_damage_is_wrong_whoever_finds_it(tonearm: Run, database: Path, begins: int, *, runs: bool) -> None:
    """That a server runs changes nothing of it."""
    make_queue(database)
    with served(database) if runs else nullcontext():
        with database.open("r+b") as file:
            file.seek(begins)
            file.write(bytes(database.stat().st_size - begins))
        ended = tonearm("doctor")

    assert ended.code == 1
    assert "WRONG   audit         The database" in ended.out
    assert "tonearm restore" in ended.out


@pytest.mark.parametrize("runs", [True, False], ids=["a server runs", "no server runs"])
def test_where_the_file_is_damaged_is_told(tonearm: Run, database: Path, *, runs: bool) -> None:
    """It is not lost to the first record that cannot be read for it."""
    on(database, lambda store: submit(store, *[track() for _ in range(200)]))
    spoil(database, "task")
    with served(database) if runs else nullcontext():
        ended = tonearm("doctor")

    assert ended.code == 1
    assert "WRONG   audit         The database file is damaged: *** in database main *** Tree" in ended.out
    assert "tonearm restore" in ended.out


@pytest.mark.parametrize("content", [b"x" * 200, b"SQLite format 3\0" + b"\0" * 200])
def test_a_file_of_somebody_else_is_named(tonearm: Run, database: Path, content: bytes) -> None:
    """It is not touched."""
    database.parent.mkdir()
    database.write_bytes(content)

    ended = tonearm("doctor")

    assert ended.code == 1
    assert "WRONG   file" in ended.out
    assert database.read_bytes() == content


def test_a_server_where_nothing_is_stays_empty(tonearm: Run, server: RedisServer, database: Path) -> None:
    """It is looked at, and no queue is made in it."""
    ended = tonearm("doctor", "--json")

    assert ended.code == 0
    assert {verdict for _, verdict in verdicts(ended)} == {"well"}
    assert [name for name, _ in verdicts(ended)][-2:] == ["clock", "audit"]
    assert server.all_keys() == set()
    assert not database.exists()


def test_a_sound_queue_in_redis_is_audited(tonearm: Run, server: RedisServer) -> None:
    """And so is the file in which submissions wait, where there is one."""
    make_shared_queue(server)

    ended = tonearm("doctor")

    assert ended.code == 0
    assert "Every index and count agrees" in ended.out


def test_the_file_in_which_submissions_wait_is_looked_at_too(tonearm: Run, server: RedisServer, database: Path) -> None:
    """It may hold jobs that are not in Redis yet."""
    make_shared_queue(server)
    make_queue(database)

    assert [name for name, _ in verdicts(tonearm("doctor", "--json"))][-3:] == [
        "spool file",
        "spool lock",
        "spool audit",
    ]


def test_a_key_that_is_lost_is_found(tonearm: Run, server: RedisServer) -> None:
    """Somebody deleted an index by hand."""
    make_shared_queue(server)
    indexes = [key for key in server.all_keys() if server.call("TYPE", key) == "zset"]
    server.call("DEL", *indexes)

    ended = tonearm("doctor")

    assert ended.code == 1
    assert "WRONG   audit" in ended.out


def test_a_server_that_may_lose_jobs_is_warned_of_and_one_that_must_is_wrong(
    tonearm: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A warning alone ends with 0."""
    with RedisServer() as server:
        monkeypatch.setenv("REDIS_URL", server.url)
        warned = tonearm("doctor")
        server.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        refused = tonearm("doctor")

    assert (warned.code, refused.code) == (0, 1)
    assert "warning disk" in warned.out
    assert "WRONG   memory" in refused.out
    assert "  audit " not in refused.out


@pytest.mark.parametrize("how", ["away", "password"])
def test_a_redis_that_does_not_let_us_in_is_wrong_and_the_rest_is_looked_at(
    tonearm: Run, monkeypatch: pytest.MonkeyPatch, database: Path, how: str
) -> None:
    """Each says what to do about it, and no secret. The file in which submissions wait meanwhile follows."""
    make_queue(database)
    with RedisServer(password="secret") as server:
        monkeypatch.setenv("REDIS_URL", server.url_of(None, "hunter2"))
        if how == "away":
            server.kill()
        ended = tonearm("doctor", "--json")

    assert ended.code == 1
    assert verdicts(ended)[0] == ("redis", "wrong")
    assert verdicts(ended)[-1] == ("spool audit", "well")
    assert ("REDIS_URL" if how == "away" else "refuses the user or the password") in ended.out
    assert "hunter2" not in ended.out + ended.err


def test_wrong_settings_are_findings(tonearm: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by itself, without secrets; without settings that hold there is nothing else to look at."""
    monkeypatch.setenv("REDIS_URL", "redis://ann:hunter2@")
    monkeypatch.setenv("PORT", "http")
    ended = tonearm("doctor", "--json")

    assert ended.code == 1
    assert [(document["check"], document["verdict"]) for document in ended.documents] == [("settings", "wrong")] * 2
    assert "names no host" in ended.out
    assert "hunter2" not in ended.out + ended.err
