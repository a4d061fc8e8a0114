"""`DELETE …/{jobId}?files=true` over HTTP: what goes with a job, what stays and why, and who may ask."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any, cast

import pytest
from structlog.testing import capture_logs
from tests.api.conftest import Serve
from tests.api.keyed import bearer, beside, make
from tests.api.serving import WORKER, Answer, Api
from tests.contract import steps
from tests.support.counts import count
from tests.support.server import until
from tests.support.switched import Line, Switch

from tonearm.api import removing
from tonearm.model import Claim, Completed, Publication
from tonearm.store.base import LONG_LIST, Store

BLUE = "Ådá/Colours/000 Blue.flac"
NOTHING = {"removedFiles": [], "removedCount": 0, "keptFiles": [], "keptCount": 0, "missingCount": 0}


@pytest.fixture
def library(tmp_path: Path) -> Path:
    path = tmp_path / "music"
    (path / ".tonearm").mkdir(parents=True)
    return path


@pytest.fixture
async def api(serve: Serve, library: Path) -> Api:
    """A server whose library is `music`."""
    return await serve(DOWNLOAD_DIR=str(library))


async def committed(api: Api, library: Path, claim: Claim, *, content: bytes = b"sound") -> str:
    """Publish a file for a claim as a worker does, or find that it is there; its name."""
    name = f"Ådá/Colours/{claim.position or 0:03} Blue.flac"
    staged = library / ".tonearm" / claim.task_id
    staged.write_bytes(content)
    await api.store.commit(claim, Publication(name, len(content), staged.stat().st_ino))
    path = library / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        os.link(staged, path)
    return name


async def brought(api: Api, library: Path, claim: Claim) -> str:
    """Complete a claim with a file; its name."""
    name = await committed(api, library, claim)
    await api.store.settle(claim, Completed((name,), len(b"sound")))
    return name


async def a_track(api: Api, library: Path, number: int = 11) -> str:
    """A completed track job."""
    job_id = await api.submit(number=number)
    await brought(api, library, await steps.claim_one(api.store, WORKER))
    return job_id


async def an_album(api: Api, library: Path, tracks: int, *, bring: int | None = None) -> tuple[str, list[Claim]]:
    """An album of which the first *bring* tracks arrived; the claims of the others."""
    job_id = await api.submit("album", 5)
    await steps.expand(api.store, await steps.claim_album(api.store, WORKER), tracks)
    claims = await steps.claim_all(api.store, WORKER)
    for claim in claims[:bring]:
        await brought(api, library, claim)
    return job_id, claims[bring:] if bring is not None else []


def music(library: Path) -> list[str]:
    """Everything in the library but the stage."""
    return sorted(str(path.relative_to(library)) for path in library.rglob("[!.]*") if ".tonearm" not in path.parts)


async def remove(api: Api, job_id: str, **options: object) -> Answer:
    return await api.call("DELETE", f"/{job_id}?files=true", **options)


async def test_a_track_goes_with_its_file_and_its_empty_folders(api: Api, library: Path) -> None:
    """The answer names it; then there is no such job."""
    job_id = await a_track(api, library)
    answer = await remove(api, job_id)

    assert (answer.status, answer.body) == (
        200,
        {
            **NOTHING,
            "success": True,
            "message": "Job removed",
            "jobId": job_id,
            "removedFiles": [BLUE],
            "removedCount": 1,
        },
    )
    assert music(library) == []
    assert (await api.call("GET", f"/{job_id}")).status == 404
    assert (await remove(api, job_id)).status == 404


@pytest.mark.parametrize("query", ["", "?files=false", "?files="])
async def test_without_that_word_files_stay(api: Api, library: Path, query: str) -> None:
    """And the answer does not speak of them."""
    job_id = await a_track(api, library)
    answer = await api.call("DELETE", f"/{job_id}{query}")

    assert answer.body == {"success": True, "message": "Job removed", "jobId": job_id}
    assert BLUE in music(library)


@pytest.mark.parametrize("value", ["yes", "True", "1", "true,false", "true%00"])
async def test_any_other_word_is_refused_and_nothing_happens(api: Api, library: Path, value: str) -> None:
    """400, naming the field."""
    job_id = await a_track(api, library)
    answer = await api.call("DELETE", f"/{job_id}?files={value}")

    assert (answer.status, answer.body["code"], answer.body["field"]) == (400, "INVALID_FIELD", "files")
    assert (await api.job(job_id))["status"] == "completed"
    assert BLUE in music(library)


@pytest.mark.parametrize(
    ("scope", "query", "status"),
    [
        ("submit", "", 200),
        ("submit", "?files=false", 200),
        ("submit", "?files=true", 403),
        ("submit", "?files=true&files=false", 403),
        ("submit", "?files=false&files=true", 403),
        ("submit", "?%66iles=true", 403),
        ("control", "?files=true", 200),
    ],
)
async def test_files_need_the_scope_control(api: Api, library: Path, scope: str, query: str, status: int) -> None:
    """However it is written; a key that may submit removes its job alone."""
    job_id = await a_track(api, library)
    key = await make(api, "ann", scope, by=await make(api, "root"))
    answer = await api.call("DELETE", f"/{job_id}{query}", headers=bearer(key))

    assert answer.status == status
    if status == 403:
        assert answer.body["code"] == "FORBIDDEN"
        assert "scope control" in answer.body["error"]
        assert (await api.store.job(job_id)).file_count == 1
    assert (music(library) == []) is (scope == "control")


@pytest.mark.parametrize("tracks", [3, count(450, 10_000)])
async def test_an_album_goes_page_by_page(api: Api, library: Path, tracks: int) -> None:
    """More files than the store tells of at once; the answer counts all and names a thousand."""
    job_id, _ = await an_album(api, library, tracks)
    answer = await remove(api, job_id)

    assert (answer.body["removedCount"], answer.body["keptCount"], answer.body["missingCount"]) == (tracks, 0, 0)
    assert answer.body["removedFiles"][0] == "Ådá/Colours/001 Blue.flac"
    assert len(answer.body["removedFiles"]) == min(tracks, LONG_LIST)
    assert music(library) == []


async def test_what_stays_is_named_with_its_reason(api: Api, library: Path, tmp_path: Path) -> None:
    """Changed, replaced by another inode, swapped for a link, or gone already: each by itself."""
    job_id, _ = await an_album(api, library, 5)
    files = [library / f"Ådá/Colours/00{number} Blue.flac" for number in range(1, 6)]
    secret = tmp_path / "secret"
    secret.write_bytes(b"sound")
    os.truncate(files[0], 3)
    files[1].rename(files[1].with_suffix(".old"))
    files[1].write_bytes(b"sound")
    files[2].unlink()
    files[2].symlink_to(secret)
    files[3].unlink()
    answer = await remove(api, job_id)

    assert answer.body["removedFiles"] == ["Ådá/Colours/005 Blue.flac"]
    assert answer.body["keptFiles"] == [
        {"path": "Ådá/Colours/001 Blue.flac", "reason": "it was changed since it was published"},
        {"path": "Ådá/Colours/002 Blue.flac", "reason": "it is not the file that this job published"},
        {"path": "Ådá/Colours/003 Blue.flac", "reason": "it is not a file any more"},
    ]
    assert (answer.body["keptCount"], answer.body["missingCount"]) == (3, 1)
    assert secret.read_bytes() == b"sound"
    assert (await api.call("GET", f"/{job_id}")).status == 404


async def test_a_folder_that_became_a_link_leads_nowhere(api: Api, library: Path, tmp_path: Path) -> None:
    """What lies behind it stays, although it is the very file."""
    job_id = await a_track(api, library)
    (library / "Ådá").rename(tmp_path / "moved")
    (library / "Ådá").symlink_to(tmp_path / "moved")
    answer = await remove(api, job_id)

    assert (answer.body["removedCount"], answer.body["keptCount"]) == (0, 1)
    assert "a link or a file where a folder is needed" in answer.body["keptFiles"][0]["reason"]
    assert (tmp_path / "moved/Colours/000 Blue.flac").read_bytes() == b"sound"


async def test_a_file_that_another_job_names_stays_with_it(api: Api, library: Path) -> None:
    """Both found it there; the one that published it takes it along when it is alone."""
    first, second = await a_track(api, library, 11), await a_track(api, library, 12)
    kept = await remove(api, second)
    again = await a_track(api, library, 13)
    shared = await remove(api, first)

    assert kept.body["keptFiles"] == [{"path": BLUE, "reason": removing.NAMED}]
    assert shared.body["keptFiles"] == [{"path": BLUE, "reason": removing.NAMED}]
    assert (await remove(api, again)).body["keptFiles"] == [
        {"path": BLUE, "reason": "it is not the file that this job published"}
    ]
    assert BLUE in music(library)


async def test_the_last_job_that_names_its_own_file_takes_it_along(api: Api, library: Path) -> None:
    """The other one was removed without files."""
    first, second = await a_track(api, library, 11), await a_track(api, library, 12)
    await api.call("DELETE", f"/{second}")

    assert (await remove(api, first)).body["removedFiles"] == [BLUE]
    assert music(library) == []


async def test_a_job_without_files_is_removed_all_the_same(api: Api) -> None:
    """Queued or failed."""
    queued = await api.submit(number=1)
    answer = await remove(api, queued)
    failed = await api.submit(number=2)
    await steps.fail(api.store, await steps.claim_one(api.store, WORKER))

    assert answer.body == {**NOTHING, "success": True, "message": "Job cancelled", "jobId": queued}
    assert (await remove(api, failed)).body["message"] == "Job removed"


async def test_a_running_album_is_cancelled_first_and_its_workers_are_awaited(api: Api, library: Path) -> None:
    """What was past its commit point arrives, and goes with the rest."""
    job_id, (publishing, running) = await an_album(api, library, 4, bring=2)
    await committed(api, library, publishing)
    removing_ = asyncio.create_task(remove(api, job_id))
    await until("it is cancelled", lambda: _has_status(api, job_id, "cancelled"))
    flags = await api.store.poll(WORKER, [publishing.token, running.token])
    await steps.fail(api.store, running)
    assert len(music(library)) == 5
    await api.store.settle(publishing, Completed(("Ådá/Colours/003 Blue.flac",), 5))
    answer = await removing_

    assert flags.cancel == {running.task_id}
    assert (answer.body["message"], answer.body["removedCount"]) == ("Job cancelled", 3)
    assert "warning" not in answer.body
    assert music(library) == []


async def test_a_track_that_was_faster_than_the_cancel_was_not_cancelled(api: Api, library: Path) -> None:
    """It was past its commit point, and completes; the answer says that it was removed."""
    job_id = await api.submit()
    publishing = await steps.claim_one(api.store, WORKER)
    name = await committed(api, library, publishing)
    with capture_logs() as lines:
        removing_ = asyncio.create_task(remove(api, job_id))
        await until("it waits", lambda: any(line["event"].startswith("Waiting until a worker") for line in lines))
    await api.store.settle(publishing, Completed((name,), len(b"sound")))
    answer = await removing_

    assert (answer.body["message"], answer.body["removedFiles"]) == ("Job removed", [name])
    assert music(library) == []


async def _has_status(api: Api, job_id: str, status: str) -> bool:
    return bool((await api.job(job_id))["status"] == status)


async def test_a_worker_that_does_not_let_go_is_not_awaited_for_ever(
    api: Api, library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it still publishes stays, and the answer says so."""
    monkeypatch.setattr(removing, "STOP_MS", 100)
    job_id, (frozen,) = await an_album(api, library, 2, bring=1)
    await committed(api, library, frozen)
    answer = await remove(api, job_id)

    assert answer.body["removedFiles"] == ["Ådá/Colours/001 Blue.flac"]
    assert answer.body["warning"] == removing.BUSY
    assert music(library) == ["Ådá", "Ådá/Colours", "Ådá/Colours/002 Blue.flac"]
    assert (await api.call("GET", f"/{job_id}")).status == 404


async def test_where_the_library_is_not_nothing_is_removed_or_cancelled(serve: Serve, tmp_path: Path) -> None:
    """A machine that only answers, and has an empty mount point; it says which settings it speaks of."""
    (tmp_path / "mount").mkdir()
    api = await serve(DOWNLOAD_DIR=str(tmp_path / "mount"))
    job_id = await api.submit()
    answer = await remove(api, job_id)

    assert (answer.status, answer.body["code"]) == (409, "FILE_UNAVAILABLE")
    assert f"{tmp_path / 'mount'} (DOWNLOAD_DIR)" in answer.body["error"]
    assert (await api.job(job_id))["status"] == "queued"
    assert (await api.call("DELETE", f"/{job_id}")).status == 200


@pytest.mark.parametrize(
    ("call", "line", "files", "record"),
    [
        ("job", Line.DOWN, True, True),
        ("files", Line.DOWN, True, True),
        ("named_elsewhere", Line.DOWN, True, True),
        ("delete", Line.DOWN, False, True),
        ("delete", Line.DEAF, False, False),
    ],
)
async def test_where_the_queue_goes_away_in_between_nothing_is_lost(
    api: Api, library: Path, call: str, line: Line, *, files: bool, record: bool
) -> None:
    """503; the record is there as long as anything is, and the request said again does the rest."""
    job_id = await a_track(api, library)
    switch = Switch(api.store)
    switched = Api(api.server, cast("Store", switch), api.http)
    async with beside(switched, DOWNLOAD_DIR=str(library)) as other:
        switch.set(line, call)
        away = await remove(other, job_id)
        switch.set(Line.UP)

        assert (away.status, away.body["code"]) == (503, "STORE_UNAVAILABLE")
        assert (BLUE in music(library), (await api.call("GET", f"/{job_id}")).status == 200) == (files, record)
        assert (await remove(other, job_id)).status == (200 if record else 404)
        assert music(library) == []


@pytest.mark.parametrize(("before", "status"), [("files", 404), ("named_elsewhere", 200), ("delete", 200)])
async def test_somebody_else_may_delete_it_at_the_same_time(api: Api, library: Path, before: str, status: int) -> None:
    """Who took the files away says so; who came too late finds no job."""
    job_id = await a_track(api, library)
    switched = Api(api.server, cast("Store", Deleting(api.store, job_id, before)), api.http)
    async with beside(switched, DOWNLOAD_DIR=str(library)) as other:
        answer = await remove(other, job_id)

        assert answer.status == status
        if status == 200:
            assert answer.body["removedFiles"] == [BLUE]
        assert await api.store.audit() == ()


class Deleting(Switch):
    """A store where somebody deletes the job just before a call."""

    def __init__(self, store: Store, job_id: str, before: str) -> None:
        super().__init__(store)
        self._job_id = job_id
        self._before = before

    def __getattr__(self, name: str) -> Any:
        call = super().__getattr__(name)
        if name != self._before:
            return call

        async def deleted_and_called(*arguments: Any, **named: Any) -> Any:
            await self.store.delete(self._job_id)
            return await call(*arguments, **named)

        return deleted_and_called


async def test_what_a_kill_left_between_files_and_record_is_removed_by_saying_it_again(api: Api, library: Path) -> None:
    """The record is still there, and what is gone counts as missing."""
    job_id, _ = await an_album(api, library, 3)
    (library / "Ådá/Colours/001 Blue.flac").unlink()
    (library / "Ådá/Colours/002 Blue.flac").unlink()
    answer = await remove(api, job_id)

    assert (answer.body["removedCount"], answer.body["missingCount"]) == (1, 2)
    assert music(library) == []


async def test_a_job_that_is_remembered_for_a_while_names_no_file_any_more(serve: Serve, library: Path) -> None:
    """`QUEUE_DELETE_RETENTION_MS` keeps its record for readers; the next job of the name is alone with its file."""
    api = await serve(DOWNLOAD_DIR=str(library), QUEUE_DELETE_RETENTION_MS="60000")
    first = await a_track(api, library, 11)
    assert (await remove(api, first)).body["removedFiles"] == [BLUE]
    assert (await api.job(first))["status"] == "cancelled"
    assert (await remove(api, first)).status == 404
    second = await a_track(api, library, 12)

    assert (await remove(api, second)).body["removedFiles"] == [BLUE]
