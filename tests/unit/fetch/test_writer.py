"""When gathered bytes are on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.server import until

from tonearm.fetch.part import PartFile, Sidecar
from tonearm.fetch.writer import GATHER, Writer

KIB = bytes(1024)
SOURCE = Sidecar(source="http://host:80/song", checksum=None, validator=None, size=None, boot="boot")


@pytest.fixture
async def file(tmp_path: Path) -> AsyncIterator[PartFile]:
    """An empty part."""
    opened = PartFile(tmp_path, None)
    opened.open(0, SOURCE)
    yield opened
    opened.close()


async def test_a_megabyte_is_written_as_soon_as_it_is_there(file: PartFile) -> None:
    """Without anybody asking for it; one byte less waits for company."""
    with ThreadPoolExecutor(1) as threads:
        writer = Writer(file, threads)
        for _ in range(GATHER // len(KIB) - 1):
            await writer.add(KIB)
        assert file.path.stat().st_size == 0
        await writer.add(KIB)
        await until("the megabyte is on disk", lambda: file.written == GATHER)


async def test_what_has_gathered_is_written_at_a_nudge(file: PartFile) -> None:
    """A slow line fills no megabyte, so the clock has to ask."""
    with ThreadPoolExecutor(1) as threads:
        writer = Writer(file, threads)
        await writer.add(KIB)
        writer.nudge()
        await until("the bytes are on disk", lambda: file.written == len(KIB))
