"""Archives over HTTP: the files of a finished job as one ZIP of a length that is told before."""

from __future__ import annotations

import asyncio
import io
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from tests.api.conftest import Serve
from tests.api.serving import PREFIX, WORKER, Api
from tests.contract import steps
from tests.support.descriptors import open_files
from tests.support.server import until

from tonearm.api.archives import attachment
from tonearm.model import Claim, Completed, Publication

MIB = 1024**2


@pytest.fixture
async def api(serve: Serve, tmp_path: Path) -> Api:
    """A server whose library is `music`."""
    (tmp_path / "music").mkdir()
    return await serve(DOWNLOAD_DIR=str(tmp_path / "music"))


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return tmp_path / "music"


async def brought(api: Api, library: Path, claim: Claim, content: bytes) -> str:
    """Complete a claim with a file that is really there; its name."""
    name = f"Ådá/Colours/{claim.position or 0:03} Blue.flac"
    path = library / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    await api.store.commit(claim, Publication(name, len(content), path.stat().st_ino))
    await api.store.settle(claim, Completed((name,), len(content)))
    return name


async def a_track(api: Api, library: Path, content: bytes = b"sound") -> tuple[str, str]:
    """A completed track job and its file."""
    job_id = await api.submit()
    return job_id, await brought(api, library, await steps.claim_one(api.store, WORKER), content)


async def an_album(api: Api, library: Path, tracks: int, failing: Sequence[int] = ()) -> tuple[str, list[str]]:
    """A finished album and its files, those at the positions *failing* missing."""
    job_id = await api.submit("album", 5)
    await steps.expand(api.store, await steps.claim_album(api.store, WORKER), tracks)
    names = []
    for claim in await steps.claim_all(api.store, WORKER):
        if claim.position in failing:
            await steps.fail(api.store, claim)
        else:
            names.append(await brought(api, library, claim, f"sound {claim.position}".encode()))
    return job_id, names


async def fetched(api: Api, job_id: str, base: str = "") -> tuple[aiohttp.ClientResponse, zipfile.ZipFile]:
    """The answer, which is as long as announced, and the ZIP that it is."""
    async with api.http.get(f"{api.url}{base}{PREFIX}/{job_id}/archive") as answer:
        assert answer.status == 200, await answer.text()
        body = await answer.read()
    assert answer.content_type == "application/zip"
    assert int(answer.headers["Content-Length"]) == len(body)
    opened = zipfile.ZipFile(io.BytesIO(body))
    assert opened.testzip() is None
    return answer, opened


async def test_a_track_comes_as_a_zip_of_one_file(api: Api, library: Path) -> None:
    """Under its name in the library, for a program that shows a file name to save it by."""
    job_id, name = await a_track(api, library)
    answer, opened = await fetched(api, job_id)

    assert {entry: opened.read(entry) for entry in opened.namelist()} == {name: b"sound"}
    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{job_id}.zip"')
    assert answer.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(("tracks", "failing"), [(3, ()), (3, (2,)), (450, (1, 201, 450))])
async def test_an_album_comes_in_its_order_without_what_is_missing(
    api: Api, library: Path, tracks: int, failing: tuple[int, ...]
) -> None:
    """Whole or partial, and of more tracks than the store tells of at once."""
    job_id, names = await an_album(api, library, tracks, failing)
    _, opened = await fetched(api, job_id)

    assert opened.namelist() == names
    assert len(names) == tracks - len(failing)
    assert opened.read(names[-1]) == (library / names[-1]).read_bytes()


async def test_a_cancelled_album_gives_what_it_had_published(api: Api, library: Path) -> None:
    """What is in the library stays, and can be had."""
    job_id = await api.submit("album", 5)
    await steps.expand(api.store, await steps.claim_album(api.store, WORKER), 2)
    name = await brought(api, library, await steps.claim_one(api.store, WORKER), b"sound")
    await api.store.cancel(job_id)
    _, opened = await fetched(api, job_id)

    assert opened.namelist() == [name]


async def test_head_tells_the_length_and_reads_nothing(api: Api, library: Path) -> None:
    """The same headers as GET."""
    job_id, _ = await a_track(api, library, os.urandom(3 * MIB))
    answer, _ = await fetched(api, job_id)
    head = await api.call("HEAD", f"/{job_id}/archive/")

    assert head.status == 200
    for name in ("Content-Length", "Content-Disposition", "Content-Type", "Cache-Control", "Accept-Ranges"):
        assert head.headers[name] == answer.headers[name]


async def test_below_a_base_path_the_archive_is_there_too(serve: Serve, tmp_path: Path) -> None:
    """As everything is."""
    library = tmp_path / "music"
    api = await serve(DOWNLOAD_DIR=str(library), BASE_PATH="/music")
    job_id, name = await a_track(api, library)
    for base in ("", "/music"):
        _, opened = await fetched(api, job_id, base)
        assert opened.namelist() == [name]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_has_no_archive_says_why(api: Api, method: str) -> None:
    """An unknown job, one that goes on, and one that brought nothing."""
    failed = await api.submit(number=1)
    await steps.fail(api.store, await steps.claim_one(api.store, WORKER))
    cases: list[tuple[str, int, str, str]] = [
        (steps.new_id(), 404, "NOT_FOUND", "Job not found"),
        ("stats", 404, "NOT_FOUND", "Job not found"),
        (await api.submit(number=2), 400, "WRONG_STATE", "not finished"),
        (failed, 400, "WRONG_STATE", "brought no files"),
    ]
    for job_id, status, code, words in cases:
        answer = await api.call(method, f"/{job_id}/archive")
        assert answer.status == status
        if method == "GET":
            assert answer.body["code"] == code
            assert words in answer.body["error"]


async def test_a_file_that_is_gone_is_an_error_before_the_first_byte(api: Api, library: Path) -> None:
    """It is named, also when it is the last one."""
    job_id, names = await an_album(api, library, 250)
    (library / names[-1]).unlink()
    answer = await api.call("GET", f"/{job_id}/archive")

    assert (answer.status, answer.body["code"]) == (409, "FILE_UNAVAILABLE")
    assert answer.body["error"] == f"A file of this job cannot be given out: {names[-1]}: it is not there any more"


async def test_a_file_that_changes_while_it_is_sent_cuts_the_connection(api: Api, library: Path) -> None:
    """The client sees that the ZIP is not whole, and the next request is answered."""
    job_id, name = await a_track(api, library, bytes(64 * MIB))
    async with api.http.get(f"{api.url}{PREFIX}/{job_id}/archive") as answer:
        assert answer.status == 200
        await answer.content.readexactly(1024)
        os.utime(library / name)
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()

    await fetched(api, job_id)


async def test_a_client_that_leaves_ends_the_reading(api: Api, library: Path) -> None:
    """The file is closed, without a word from the client and without being read to its end."""
    job_id, _ = await a_track(api, library, bytes(64 * MIB))
    async with api.http.get(f"{api.url}{PREFIX}/{job_id}/archive") as answer:
        await answer.content.readexactly(1024)
        assert open_files(library)
        answer.close()

    await until("the file is closed", lambda: not open_files(library))


async def test_a_client_that_does_not_read_holds_no_more_than_a_piece(api: Api, library: Path) -> None:
    """The server reads on when the client does, and several at once are served."""
    job_id, _ = await a_track(api, library, bytes(64 * MIB))
    async with api.http.get(f"{api.url}{PREFIX}/{job_id}/archive") as idle:
        await idle.content.readexactly(1024)
        await asyncio.gather(*(fetched(api, job_id) for _ in range(3)))
        (position,) = open_files(library)
        assert position < 16 * MIB
        assert len(await idle.read()) == int(idle.headers["Content-Length"]) - 1024


@pytest.mark.parametrize(
    ("titles", "plain", "full"),
    [
        (("Ann", "Blue"), "Ann - Blue.zip", "Ann - Blue.zip"),
        (("Ådá", '前奏曲 "x"'), "_d_ - ___ _x_.zip", "Ådá - 前奏曲 _x_.zip"),
        (
            ("a\r\nSet-Cookie: b=c", "../../etc"),
            "a Set-Cookie_ b=c - .._.._etc.zip",
            "a Set-Cookie_ b=c - .._.._etc.zip",
        ),
        (("100%", "a\\b;c"), "100_ - a_b;c.zip", "100% - a_b;c.zip"),
    ],
)
async def test_the_name_to_save_it_by_is_safe(
    api: Api, library: Path, titles: tuple[str, str], plain: str, full: str
) -> None:
    """One line, in ASCII and in full; whatever the titles are, a file name."""
    job: dict[str, Any] = {"type": "track", "trackId": 11, "quality": "LOSSLESS"}
    submitted = await api.call("POST", json={"job": job | dict(zip(("artistName", "trackTitle"), titles, strict=True))})
    await brought(api, library, await steps.claim_one(api.store, WORKER), b"sound")
    answer, _ = await fetched(api, submitted.body["jobId"])

    assert answer.headers["Content-Disposition"].startswith(f'attachment; filename="{plain}"; ')
    assert answer.content_disposition is not None
    assert answer.content_disposition.filename == full
    assert "Set-Cookie" not in answer.headers


def test_the_extended_name_is_written_as_rfc_8187_says() -> None:
    """Everything but letters, digits and a few signs is percent-encoded UTF-8."""
    assert attachment("é (1)*'.zip") == (
        "attachment; filename=\"_ (1)*'.zip\"; filename*=UTF-8''%C3%A9%20%281%29%2A%27.zip"
    )
