"""What the tests of the folder catalog share: real music, and a real server process over a folder of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.api.catalog.collection import Collection, FolderServer
from tests.support.music import Music, music

__all__ = ["music"]

Serve = Callable[[], FolderServer]


@pytest.fixture
def collection(tmp_path: Path, music: Music) -> Collection:
    """An empty folder that can be filled with tagged music."""
    folder = tmp_path / "collection"
    folder.mkdir()
    return Collection(folder, music)


@pytest.fixture
def serve(tmp_path: Path, collection: Collection) -> Iterator[Serve]:
    """Starts a server over the collection; one index for all that a test starts."""
    with ExitStack() as stack:

        def start() -> FolderServer:
            return stack.enter_context(FolderServer(collection.folder, tmp_path / "ids.sqlite3"))

        yield start
