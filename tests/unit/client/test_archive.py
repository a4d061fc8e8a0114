"""The client's archives: pieces as they come, refusals as errors, and an end that comes too early."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest
from tests.unit.client.playing import JOB_ID, Play, Stage, job

from tonearm.client import Client
from tonearm.client.exchange import PIECE_BYTES
from tonearm.errors import CutOff, NotFound, RefusalCode, Refused, ServerUnreachable, WrongState

ZIP = {
    "Content-Type": "application/zip",
    "Content-Disposition": "attachment; filename=\"_.zip\"; filename*=UTF-8''%C3%A9.zip",
}
CONTENT = bytes(range(256)) * (PIECE_BYTES // 100)


def test_an_archive_comes_in_pieces(client: Client, stage: Stage) -> None:
    """Its size and name are known before, and the connection serves what comes after."""
    stage.plays(Play(200, CONTENT, ZIP), Play(200, {"success": True, "job": job()}))
    download = client.archive(JOB_ID)
    pieces = list(download)

    assert (download.size, download.name) == (len(CONTENT), "é.zip")
    assert b"".join(pieces) == CONTENT
    assert max(map(len, pieces)) <= PIECE_BYTES
    assert client.job(JOB_ID).id == JOB_ID
    assert [heard.path for heard in stage.heard] == [
        f"/api/download-queue/{JOB_ID}/archive",
        f"/api/download-queue/{JOB_ID}",
    ]


def test_an_archive_that_is_given_up_leaves_the_client_usable(client: Client, stage: Stage) -> None:
    """The rest of it is not taken for the next answer."""
    stage.plays(Play(200, CONTENT, ZIP), Play(200, {"success": True, "job": job()}))
    for _ in client.archive(JOB_ID):
        break

    assert client.job(JOB_ID).id == JOB_ID


def test_an_archive_that_ends_early_is_an_error(client: Client, stage: Stage) -> None:
    """Whoever iterates to the end has the whole, or hears that it is not."""
    stage.plays(Play(200, CONTENT, ZIP, until=1000))

    with pytest.raises(CutOff, match=rf"stopped after \d+ of {len(CONTENT)} bytes"):
        list(client.archive(JOB_ID))


def test_an_archive_is_saved_as_it_comes(client: Client, stage: Stage, tmp_path: Path) -> None:
    """It takes the place of what had its name, and whoever wants to is told of every piece."""
    target = tmp_path / "music.zip"
    target.write_bytes(b"old")
    told: list[int] = []
    stage.plays(Play(200, CONTENT, ZIP))

    client.archive(JOB_ID).save(target, told.append)

    assert target.read_bytes() == CONTENT
    assert told == sorted(told)
    assert told[-1] == len(CONTENT)
    assert list(tmp_path.iterdir()) == [target]


def test_an_archive_is_saved_in_little_memory(client: Client, stage: Stage, tmp_path: Path) -> None:
    """An album may be larger than the machine's memory."""
    content = bytes(100 * PIECE_BYTES)
    stage.plays(Play(200, content, ZIP))
    download = client.archive(JOB_ID)
    tracemalloc.start()
    try:
        download.save(tmp_path / "music.zip")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert (tmp_path / "music.zip").stat().st_size == len(content)
    assert most < 8 * PIECE_BYTES


def test_of_an_archive_that_ends_early_nothing_is_kept(client: Client, stage: Stage, tmp_path: Path) -> None:
    """What was there before stays as it was."""
    target = tmp_path / "music.zip"
    target.write_bytes(b"old")
    stage.plays(Play(200, CONTENT, ZIP, until=PIECE_BYTES + 1), Play(200, {"success": True, "job": job()}))

    with pytest.raises(CutOff):
        client.archive(JOB_ID).save(target)

    assert [(path, path.read_bytes()) for path in tmp_path.iterdir()] == [(target, b"old")]
    assert client.job(JOB_ID).id == JOB_ID


def test_an_archive_that_does_not_say_how_long_it_is_is_no_archive(client: Client, stage: Stage) -> None:
    """A proxy that leaves the length out must not turn a cut ZIP, or an empty one, into a success."""
    stage.plays(Play(200, CONTENT, ZIP, unmeasured=True))

    with pytest.raises(ServerUnreachable):
        client.archive(JOB_ID)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, RefusalCode.NOT_FOUND, NotFound),
        (400, RefusalCode.WRONG_STATE, WrongState),
        (409, RefusalCode.FILE_UNAVAILABLE, Refused),
    ],
)
def test_a_refusal_is_raised_before_any_byte(
    client: Client, stage: Stage, status: int, code: RefusalCode, kind: type[Refused]
) -> None:
    """As the error that its code stands for."""
    stage.plays(Play(status, {"success": False, "error": "No", "code": code}))

    with pytest.raises(kind) as refused:
        client.archive(JOB_ID)
    assert refused.value.code is code


def test_what_is_neither_an_archive_nor_a_refusal_is_not_our_server(client: Client, stage: Stage) -> None:
    """A page of a proxy, say."""
    for play in (Play(200, b"<html>", {"Content-Type": "text/html"}), Play(404, b"{}")):
        stage.plays(play)
        with pytest.raises(ServerUnreachable):
            client.archive(JOB_ID)
