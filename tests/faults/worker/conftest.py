"""What the tests of the whole server share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.breakages import Hold
from tests.support.filed_catalog import FiledCatalog
from tests.support.music import Music, music
from tests.support.nginx import nginx
from tests.support.real_album import RealTrack, make_real_album

__all__ = ["music"]  # a fixture

Offer = Callable[..., FiledCatalog]
Noise = Callable[[int], Path]


@pytest.fixture(scope="session")
def real_album(tmp_path_factory: pytest.TempPathFactory) -> list[RealTrack]:
    """Twelve tracks of free music in three qualities."""
    return make_real_album(tmp_path_factory.mktemp("real-album"))


@pytest.fixture
def offer(tmp_path: Path) -> Iterator[Offer]:
    """Starts an nginx with a catalog in front; the text given holds directives for the media (`limit_rate 200k;`)."""
    with ExitStack() as stack:
        yield lambda media="": FiledCatalog(stack.enter_context(nginx(tmp_path / "web", FiledCatalog.server(media))))


@pytest.fixture
def hold(tmp_path: Path) -> Hold:
    """A place where breakages can hold tasks."""
    (tmp_path / "hold").mkdir()
    return Hold(tmp_path / "hold")


@pytest.fixture
def noise(music: Music) -> Noise:
    """FLAC files of white noise, about 500 kB each, every number another one."""
    return lambda number: music("flac", seconds=3.0, seed=number)
