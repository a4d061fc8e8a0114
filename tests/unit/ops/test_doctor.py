"""What the doctor looks at beside the queue: settings, places, the machine, and the catalog."""

from __future__ import annotations

import errno
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from tests.support.origin import Origin, Script, answer, redirect

from tonearm.cli.outside import fetching
from tonearm.clock import SystemClock
from tonearm.ops.doctor import contradictions, machine, places, queue, wire
from tonearm.settings import Settings, load
from tonearm.store.checks import Check, Verdict

Look = Callable[[Settings], Iterator[Check]]


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def found(look: Look, name: str, **settings: str) -> Check:
    """The check of this name, with these settings."""
    (check,) = [check for check in look(load({"QUEUE_DATABASE": "queue/queue.db", **settings})) if check.name == name]
    return check


@pytest.mark.parametrize(
    ("settings", "verdict", "words"),
    [
        ({}, Verdict.WELL, "All values are allowed"),
        ({"QUEUE_MAX_SIZE": "501"}, Verdict.WARNING, "QUEUE_MAX_SIZE=501 is above QUEUE_CRITICAL_SIZE=500"),
        ({"QUEUE_WARN_SIZE": "501"}, Verdict.WARNING, "QUEUE_WARN_SIZE=501 is above QUEUE_CRITICAL_SIZE=500"),
        ({"QUEUE_JOB_TIMEOUT_MS": "400000"}, Verdict.WARNING, "QUEUE_PROCESSING_TIMEOUT_MS=300000"),
        ({"QUEUE_HEARTBEAT_MS": "200000"}, Verdict.WARNING, "QUEUE_WORKER_DEAD_MS=120000"),
        ({"UNIX_SOCKET": "/run/t.sock", "PORT": "1"}, Verdict.WARNING, "PORT has no effect beside UNIX_SOCKET"),
        ({"INTERNAL_API_TOKEN": "hunter2"}, Verdict.WARNING, "INTERNAL_API_URL names none"),
        ({"QUEUE_NAME_TEMPLATE": "{title}"}, Verdict.WRONG, "must end in .{ext}"),
        ({"TLS_KEY": "key.pem"}, Verdict.WRONG, "set TLS_CERT"),
        ({"TLS_CERT": "nowhere.pem"}, Verdict.WRONG, "nowhere.pem cannot be used: No such file"),
    ],
)
def test_values_that_contradict_each_other_are_told(settings: dict[str, str], verdict: Verdict, words: str) -> None:
    """Each is allowed by itself; what the start would refuse is wrong, the rest is for people to weigh."""
    check = found(contradictions.look, "settings", **settings)

    assert check.verdict is verdict
    assert words in check.text
    assert "hunter2" not in check.text


async def test_a_redis_that_is_away_is_told_as_a_person_would() -> None:
    """Whole sentences, and none of the words of the libraries between."""
    settings = load({"REDIS_URL": "redis://127.0.0.1:9", "QUEUE_DATABASE": "queue.db"})
    (check,) = [check async for check in queue.look(settings, SystemClock())]

    assert check.text == (
        "Redis at 127.0.0.1:9 cannot be reached: Connection refused. Look whether it runs, and at REDIS_URL."
    )


def test_a_secret_that_everybody_can_read_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to type."""
    Path("own.toml").write_text("REDIS_URL = 'redis://:hunter2@nas'\n", "utf-8")
    Path("own.toml").chmod(0o644)
    monkeypatch.setenv("TONEARM_CONFIG", "own.toml")

    check = found(contradictions.look, "settings")
    assert check.verdict is Verdict.WARNING
    assert check.text == "Every user of this machine can read REDIS_URL in own.toml: chmod o-r own.toml."


def test_stage_and_library_are_used_as_a_download_would_and_left_as_they_were() -> None:
    """A file is written, synced and moved, and is gone; what is not there is not made."""
    assert found(places.look, "library").verdict is Verdict.WELL
    assert list(Path().iterdir()) == []

    Path("music/.tonearm").mkdir(parents=True)
    assert "can be written, synced and moved" in found(places.look, "library").text
    assert [path.name for path in Path("music").rglob("*")] == [".tonearm"]


@pytest.mark.parametrize(("owner", "name"), [(os, "fsync"), (Path, "rename")])
def test_what_fails_in_the_middle_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, owner: object, name: str
) -> None:
    """And says which place it was, why, and what to do."""
    Path("music/.tonearm").mkdir(parents=True)

    def refuse(*_: Any) -> NoReturn:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(owner, name, refuse)
    check = found(places.look, "library")

    assert check.verdict is Verdict.WRONG
    assert "cannot be written: Input/output error. Let the user " in check.text
    assert [path.name for path in Path("music").rglob("*")] == [".tonearm"]


@pytest.mark.parametrize(
    ("settings", "name", "words"),
    [
        ({"QUEUE_STAGE_DIR": "/dev/shm/tonearm-of-another-volume"}, "library", "must lie on the same volume"),
        ({"QUEUE_STAGE_DIR": "music/stage"}, "library", "its name there must start with a dot"),
        ({"DOWNLOAD_DIR": "/proc/music"}, "library", "Let the user "),
        ({"QUEUE_DATABASE": "/proc/queue.db"}, "database", "Let the user "),
        ({"QUEUE_DISK_SPACE_MIN_MB": "1000000000"}, "library room", "(QUEUE_DISK_SPACE_MIN_MB). Make room."),
        ({"QUEUE_UMASK": "777"}, "umask", "Set QUEUE_UMASK=022."),
    ],
)
def test_a_place_that_cannot_be_used_is_wrong(settings: dict[str, str], name: str, words: str) -> None:
    """With the reason and what to do; nothing is made."""
    check = found(places.look, name, **settings)

    assert check.verdict is Verdict.WRONG
    assert words in check.text
    assert list(Path().iterdir()) == []


def test_files_that_nobody_else_can_play_and_a_queue_that_everybody_can_read_are_warned_of() -> None:
    """Both may be wanted."""
    Path("queue").mkdir(mode=0o755)
    Path("queue/queue.db").touch(mode=0o644)

    assert found(places.look, "umask", QUEUE_UMASK="077").verdict is Verdict.WARNING
    assert found(places.look, "database").verdict is Verdict.WARNING
    assert "chmod o-r " in found(places.look, "database").text


def test_few_descriptors_are_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd of streams would use them up."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 1_024))
    monkeypatch.setattr(machine, "LOADING", "print(0)")

    assert found(machine.look, "descriptors").verdict is Verdict.WARNING


def test_a_decoder_that_does_not_load_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing could be verified."""
    monkeypatch.setattr(machine, "LOADING", "raise ImportError('libavcodec is gone')")
    check = found(machine.look, "decoder")

    assert check.verdict is Verdict.WRONG
    assert "libavcodec is gone" in check.text


async def ask(script: Script, **settings: str) -> dict[str, Check]:
    """What is found of a catalog that answers so."""
    async with Origin(script) as origin:
        loaded = load({"INTERNAL_API_URL": origin.url, **settings})
        async with fetching(loaded) as fetcher:
            return {check.name: check async for check in wire.look(loaded, SystemClock(), fetcher)}


@pytest.mark.parametrize(
    ("script", "verdict", "words"),
    [
        (answer(404), Verdict.WELL, "answers."),
        (answer(401), Verdict.WRONG, "INTERNAL_API_TOKEN may be missing or wrong"),
        (answer(200, b"<html>"), Verdict.WRONG, "the address below which /albums and /tracks are"),
        (answer(503), Verdict.WARNING, "The catalog is in trouble"),
        (redirect("http://127.0.0.9:9/"), Verdict.WRONG, "name it in QUEUE_FETCH_ALLOW"),
    ],
)
async def test_the_catalog_is_asked_as_a_download_would_ask(script: Script, verdict: Verdict, words: str) -> None:
    """Whether it has the track does not matter; what stands in the way is said, and what to do."""
    check = (await ask(script))["catalog"]

    assert check.verdict is verdict
    assert words in check.text


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://catalog.invalid", "The name catalog.invalid could not be resolved. Look whether it runs"),
        ("http://127.0.0.1:9", "Connection refused. Look whether it runs, and at INTERNAL_API_URL."),
    ],
)
async def test_a_catalog_that_cannot_be_reached_is_wrong(url: str, words: str) -> None:
    """The name, or the connection; and nothing is said about its clock."""
    check = await ask(answer(404), INTERNAL_API_URL=url)

    assert set(check) == {"catalog"}
    assert check["catalog"].verdict is Verdict.WRONG
    assert words in check["catalog"].text


@pytest.mark.parametrize(
    ("date", "verdict", "words"),
    [
        ({}, Verdict.WELL, "does not say what time"),
        ({"Date": "Thu, 01 Jan 2026 00:00:00 GMT"}, Verdict.WARNING, "behind this machine's"),
        ({"Date": "Fri, 01 Jan 2100 00:00:00 GMT"}, Verdict.WARNING, "ahead of this machine's"),
    ],
)
async def test_the_clock_of_the_catalog_is_compared_with_ours(
    date: dict[str, str], verdict: Verdict, words: str
) -> None:
    """By the Date of its answer, if it has one."""
    check = (await ask(answer(404, headers=date)))["catalog clock"]

    assert check.verdict is verdict
    assert words in check.text


async def test_without_a_catalog_it_is_said_how_to_get_one() -> None:
    """A warning: a server may only answer."""
    (check,) = [check async for check in wire.look(load(), SystemClock(), None)]

    assert check.verdict is Verdict.WARNING
    assert "tonearm catalog serve" in check.text
