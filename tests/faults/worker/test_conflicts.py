"""Names that are taken: what each policy makes of them, and what a folder shows while an album comes into it."""

from __future__ import annotations

import hashlib
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog, slow
from tests.support.counts import count
from tests.support.folding import folding_disk
from tests.support.music import pcm
from tests.support.server import Tonearm, tonearm

NAME = "Scripted/Scripts/01 Track 1.flac"
SECOND = "Scripted/Scripts/01 Track 1 (2).flac"
POLICIES = ("keep", "replace", "skip")


def offer(catalog: ScriptedCatalog, noise: Noise, number: int = 1) -> str:
    """Track 1 with the sound of this number; the sound's checksum."""
    catalog.add_track(1, body=noise(number).read_bytes(), trackNumber=1)
    return pcm(noise(number))


async def bring(server: Tonearm) -> dict[str, object]:
    return await server.wait_for(await server.submit("track", 1))


@pytest.mark.parametrize("policy", POLICIES)
async def test_a_file_that_is_the_same_is_taken_for_the_result(tmp_path: Path, noise: Noise, policy: str) -> None:
    """Verified as if it were to be published; no second copy and no warning."""
    async with ScriptedCatalog() as catalog:
        sound = offer(catalog, noise)
        async with tonearm(tmp_path, catalog.url, QUEUE_ON_CONFLICT=policy) as server:
            for _ in range(2):
                record = await bring(server)
                assert (record["status"], record["files"]) == ("completed", [NAME])
                assert "warnings" not in record
                assert server.files() == [NAME]
            assert pcm(server.library / NAME) == sound
            assert server.staged() == []


@pytest.mark.parametrize("kind", ["file", "link", "dangling link", "folder"])
async def test_keep_numbers_the_new_file(tmp_path: Path, noise: Noise, kind: str) -> None:
    """What has the name stays as it is, whatever it is, and is not written through; the same again finds its number."""
    async with ScriptedCatalog() as catalog:
        sound = offer(catalog, noise)
        async with tonearm(tmp_path, catalog.url) as server:
            elsewhere = occupy(server, kind)
            record = await bring(server)

            assert record["files"] == [SECOND]
            assert pcm(server.library / SECOND) == sound
            assert elsewhere.exists() is (kind == "link")
            assert kind != "link" or elsewhere.read_bytes() == b"mine"
            assert (await bring(server))["files"] == [SECOND]


def occupy(server: Tonearm, kind: str) -> Path:
    """Put something under the name; answers where a link leads."""
    there, elsewhere = server.library / NAME, server.folder / "elsewhere"
    there.parent.mkdir(parents=True)
    if kind == "folder":
        there.mkdir()
    elif kind == "file":
        there.write_bytes(b"mine")
    else:
        there.symlink_to(elsewhere)
        if kind == "link":
            elsewhere.write_bytes(b"mine")
    return elsewhere


async def test_skip_keeps_what_is_there_and_says_so(tmp_path: Path, noise: Noise) -> None:
    """The job is completed, with a warning that names the file."""
    async with ScriptedCatalog() as catalog:
        offer(catalog, noise)
        async with tonearm(tmp_path, catalog.url, QUEUE_ON_CONFLICT="skip") as server:
            occupy(server, "file")
            record = await bring(server)

            assert (record["status"], record["files"]) == ("completed", [NAME])
            assert record["warnings"] == [f"Kept the file that was there: {NAME}"]
            assert server.files() == [NAME]
            assert (server.library / NAME).read_bytes() == b"mine"


@pytest.mark.parametrize("breakage", ["commit:kill", "publish:kill"])
async def test_replace_replaces_only_after_the_commit(tmp_path: Path, noise: Noise, breakage: str) -> None:
    """Killed before, the old file is still there, whole; afterwards the new one has its place, in one step."""
    async with ScriptedCatalog() as catalog:
        old = offer(catalog, noise, 1)
        async with tonearm(tmp_path, catalog.url, QUEUE_ON_CONFLICT="replace") as server:
            await bring(server)
            new = offer(catalog, noise, 2)
            await server.kill()
            server.breakage = breakage
            await server.start()
            job = await server.submit("track", 1)
            await server.ended()
            assert pcm(server.library / NAME) == old

            server.breakage = None
            await server.start()
            record = await server.wait_for(job)
            assert record["files"] == [NAME]
            assert server.files() == [NAME]
            assert pcm(server.library / NAME) == new


class Watcher:
    """Looks at a folder again and again, and keeps what it saw under each name at first sight."""

    def __init__(self, folder: Path) -> None:
        self.seen: dict[Path, str] = {}
        self.sizes: dict[Path, set[int]] = {}
        self._folder = folder
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.0005):
            for folder, folders, names in os.walk(self._folder):
                folders[:] = [name for name in folders if not name.startswith(".")]
                for name in (name for name in names if not name.startswith(".")):
                    with suppress(FileNotFoundError):
                        self._look(Path(folder, name))

    def _look(self, path: Path) -> None:
        self.sizes.setdefault(path, set()).add(path.stat().st_size)
        if path not in self.seen:
            self.seen[path] = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


async def test_an_album_folder_never_shows_half_a_file(tmp_path: Path, noise: Noise) -> None:
    """Whatever has a name in it has it whole, from the first moment; a kill in between changes nothing in that."""
    tracks = count(12, 100)
    async with ScriptedCatalog() as catalog:
        for number in range(1, tracks + 1):
            catalog.add_track(number, body=noise(number % 8).read_bytes(), coverUrl=f"covers/{number}")
            catalog.reply(f"/media/{number}", slow(2_000_000), forever=True)
        catalog.add_album(5, range(1, tracks + 1))
        async with tonearm(tmp_path, catalog.url) as server:
            with Watcher(server.library) as watcher:
                job = await server.submit("album", 5)
                await catalog.asked(f"/media/{tracks // 2}")
                await server.kill()
                await server.start()
                await server.wait_for(job)
                names = server.files()

            assert len(names) == tracks
            for name in names:
                path = server.library / name
                content = path.read_bytes()
                assert watcher.sizes.get(path, {len(content)}) == {len(content)}
                assert watcher.seen.get(path) in (hashlib.md5(content, usedforsecurity=False).hexdigest(), None)
            assert set(watcher.seen) <= {server.library / name for name in names}
            assert len(watcher.seen) > tracks / 2


async def test_tracks_that_differ_by_case_alone_all_arrive_on_a_disk_that_folds_case(
    tmp_path: Path, noise: Noise
) -> None:
    """Each has a file of its own with its own sound, in one job or in several."""
    titles = ["A", "a", "Ärger", "ÄRGER", "a\u0308rger", "Ω", "ω"]
    async with ScriptedCatalog() as catalog:
        for number, title in enumerate(titles, 1):
            catalog.add_track(number, body=noise(number).read_bytes(), title=title)
        catalog.add_album(5, range(1, len(titles)))
        with folding_disk(tmp_path / "music"):
            async with tonearm(tmp_path, catalog.url, QUEUE_NAME_TEMPLATE="{album}/{title}.{ext}") as server:
                album = await server.wait_for(await server.submit("album", 5))
                single = await server.wait_for(await server.submit("track", len(titles)))

                assert (album["status"], single["status"]) == ("completed", "completed"), single["error"]
                names = [*album["files"], *single["files"]]
                assert len({name.casefold() for name in names}) == len(titles)
                sounds = [pcm(server.library / name) for name in names]
                assert sounds == [pcm(noise(number)) for number in range(1, len(titles) + 1)]
