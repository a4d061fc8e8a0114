"""The demo's music: real files in three qualities, the same on every run, with the ids that the demo asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tonearm.catalog.folder import index_folder
from tonearm.catalog.folder.index import MusicIndex
from tonearm.cli import demo_music
from tonearm.cli.demo_music import ALBUM, ALBUM_ID, ARTIST, SINGLE, SINGLE_ID, make_music
from tonearm.model import Quality


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    told: list[tuple[str, int, int]] = []
    make_music(folder, lambda title, done, of: told.append((title, done, of)))
    assert [done for _, done, _ in told] == [1, 2, 3, 4, 5, 6, 7]
    assert {of for _, _, of in told} == {7}
    return folder


@pytest.fixture
def index(made: Path, tmp_path: Path) -> MusicIndex:
    return index_folder(made, tmp_path / "ids.sqlite3")


@pytest.mark.parametrize("quality", Quality)
def test_an_album_and_a_single_are_there_in_every_quality(index: MusicIndex, quality: Quality) -> None:
    """Under the ids that the demo queues."""
    album = index.album(ALBUM_ID, quality)
    assert (album["title"], album["artist"], album["trackCount"]) == (ALBUM, ARTIST, 6)
    single = index.track(SINGLE_ID, quality)
    assert (single["album"], single["artist"]) == (SINGLE, ARTIST)
    for track in [*album["tracks"], single]:
        assert 10 <= track["durationSeconds"] <= 20
    assert "coverUrl" in album
    assert single["license"].startswith("https://creativecommons.org/publicdomain/zero/")
    assert index.totals().by_quality[quality] == 7
    index.close()


def test_it_is_the_same_on_every_run(made: Path, tmp_path: Path) -> None:
    """Byte for byte, with the same encoders; one piece stands for all."""
    demo_music._make(demo_music._PIECES[0], tmp_path, demo_music._cover())
    again = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(again) == 3
    assert all(path.read_bytes() == (made / path.relative_to(tmp_path)).read_bytes() for path in again)
