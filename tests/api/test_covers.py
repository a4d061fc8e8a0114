"""Covers over HTTP: the picture beside what a job brought, and nothing else that lies under its name."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from tests.api.conftest import Serve
from tests.api.serving import PREFIX, WORKER, Api
from tests.contract import steps
from tests.support.music import jpeg, png

from tonearm.api import covers
from tonearm.library.pictures import MAX_PICTURE_BYTES
from tonearm.model import Completed, Publication

NAME = "Ådá/Colours/03 Blue.flac"


@pytest.fixture
async def api(serve: Serve, tmp_path: Path) -> Api:
    """A server whose library is `music`."""
    (tmp_path / "music" / "Ådá" / "Colours").mkdir(parents=True)
    return await serve(DOWNLOAD_DIR=str(tmp_path / "music"))


@pytest.fixture
def album(tmp_path: Path) -> Path:
    return tmp_path / "music" / "Ådá" / "Colours"


async def a_track(api: Api) -> str:
    """A completed track job."""
    job_id = await api.submit()
    claim = await steps.claim_one(api.store, WORKER)
    await api.store.commit(claim, Publication(NAME, 5, 1))
    await api.store.settle(claim, Completed((NAME,), 5))
    return job_id


async def bare(api: Api, job_id: str) -> None:
    """There is no cover, which is said without a body, and asked again by who looks again."""
    async with api.http.get(f"{api.url}{PREFIX}/{job_id}/cover") as answer:
        assert (answer.status, await answer.read(), answer.headers["Cache-Control"]) == (204, b"", "no-cache")


@pytest.mark.parametrize(("name", "mime"), [("cover.jpg", "image/jpeg"), ("cover.png", "image/png")])
async def test_a_cover_is_sent_once(api: Api, album: Path, name: str, mime: str) -> None:
    """By its content's type; whoever has it is told so."""
    content = jpeg() if mime == "image/jpeg" else png()
    (album / name).write_bytes(content)
    url = f"{api.url}{PREFIX}/{await a_track(api)}/cover"

    async with api.http.get(url) as answer:
        assert (answer.status, answer.content_type, await answer.read()) == (200, mime, content)
        tag = answer.headers["ETag"]
    for known in (tag, f'"other", W/{tag}'):
        async with api.http.get(url, headers={"If-None-Match": known}) as answer:
            assert (answer.status, answer.headers["ETag"], await answer.read()) == (304, tag, b"")


async def test_what_has_the_name_of_a_cover_and_is_none_is_not_sent(api: Api, album: Path, tmp_path: Path) -> None:
    """A link out of the library, an error page, a folder, a pipe."""
    (tmp_path / "secret.jpg").write_bytes(jpeg())
    job_id = await a_track(api)
    cover = album / "cover.jpg"

    cover.symlink_to(tmp_path / "secret.jpg")
    await bare(api, job_id)
    cover.unlink()
    cover.write_bytes(b"<html>no picture</html>")
    await bare(api, job_id)
    cover.unlink()
    cover.mkdir()
    await bare(api, job_id)
    cover.rmdir()
    os.mkfifo(cover)
    await bare(api, job_id)


async def test_a_job_without_files_or_that_is_not_there_has_no_cover(api: Api) -> None:
    """An empty answer and a refusal: nothing is wrong with a job that brought no picture."""
    await bare(api, await api.submit())
    for job_id in ("job-1-a", "nothing"):
        answer = await api.call("GET", f"/{job_id}/cover")
        assert (answer.status, answer.body["code"], answer.body["error"]) == (404, "NOT_FOUND", "Job not found")


@pytest.mark.usefixtures("api")
async def test_covers_that_nobody_reads_do_not_fill_the_memory(
    serve: Serve, album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many are read and sent at a time; the next one comes when one of those is gone."""
    monkeypatch.setattr(covers, "TURNS", 1)
    api = await serve(DOWNLOAD_DIR=str(tmp_path / "music"))
    (album / "cover.png").write_bytes(png(size=MAX_PICTURE_BYTES - 1_000))
    job_id = await a_track(api)
    reader, writer = await asyncio.open_connection(api.host, api.port)
    writer.write(f"GET {PREFIX}/{job_id}/cover HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    assert b" 200 OK" in await reader.readline()  # and reads no more

    async with asyncio.TaskGroup() as group:
        second = group.create_task(api.http.head(f"{api.url}{PREFIX}/{job_id}/cover"))
        for _ in range(3):
            assert (await api.call("GET", f"/{job_id}")).status == 200
        assert not second.done()
        writer.transport.abort()
        assert (await second).status == 200
