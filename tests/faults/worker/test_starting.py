"""What a server finds at its start and cannot work with: a clear word, and nothing is harmed."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.faults.worker.conftest import Noise
from tests.support.catalog import ScriptedCatalog
from tests.support.programs import find
from tests.support.server import free_port, tonearm

NOWHERE = "http://127.0.0.1:9"
SETUP_ERROR = 4


def start(folder: Path, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run `tonearm serve`, which is expected to end by itself."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        "INTERNAL_API_URL": NOWHERE,
        "QUEUE_DATABASE": str(folder / "queue.db"),
        "DOWNLOAD_DIR": str(folder / "music"),
        "PORT": str(free_port()),
        **{name: str(value) for name, value in settings.items()},
    }
    command = [sys.executable, "-m", "tonearm", "serve"]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


async def test_a_second_server_on_one_database_is_told_and_the_first_goes_on(tmp_path: Path, noise: Noise) -> None:
    """The second says which file and ends; the first completes its job."""
    async with ScriptedCatalog() as catalog:
        catalog.add_track(1, body=noise(1).read_bytes())
        async with tonearm(tmp_path / "first", catalog.url) as server:
            second = start(tmp_path, QUEUE_DATABASE=server.folder / "queue.db")

            assert second.returncode == SETUP_ERROR
            assert "queue.db" in second.stderr
            assert "Traceback" not in second.stderr
            assert (await server.wait_for(await server.submit("track", 1)))["status"] == "completed"


@pytest.mark.parametrize("content", [b"this is not a database\n" * 500, b"SQLite format 3\0" + b"\xff" * 8_000])
def test_a_database_that_is_garbage_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    """Not a byte of it changes, and nothing appears beside it but the lock."""
    database = tmp_path / "queue.db"
    database.write_bytes(content)

    ended = start(tmp_path)

    assert ended.returncode == SETUP_ERROR
    assert "queue.db" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert database.read_bytes() == content
    assert {path.name for path in tmp_path.glob("queue.db*")} <= {"queue.db", "queue.db.lock"}


def test_a_read_only_library_is_refused(tmp_path: Path) -> None:
    """The message names the folder, its setting and the reason."""
    library = tmp_path / "music"
    library.mkdir()
    subprocess.run([find("mount"), "-t", "tmpfs", "-o", "ro", "tmpfs", str(library)], check=True)
    try:
        ended = start(tmp_path)
    finally:
        subprocess.run([find("umount"), str(library)], check=True)

    assert ended.returncode == SETUP_ERROR
    assert str(library) in ended.stderr
    assert "DOWNLOAD_DIR" in ended.stderr or "QUEUE_STAGE_DIR" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    """And what to do about it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = start(tmp_path, PORT=port)

    assert ended.returncode == SETUP_ERROR
    assert str(port) in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_catalog_is_an_error_that_says_how_to_get_one(tmp_path: Path) -> None:
    """`tonearm catalog serve` is named."""
    ended = start(tmp_path, INTERNAL_API_URL="")

    assert ended.returncode == SETUP_ERROR
    assert "tonearm catalog serve" in ended.stderr


def test_a_worker_alone_says_why_it_cannot(tmp_path: Path) -> None:
    """Without Redis one process does everything."""
    ended = subprocess.run(
        [sys.executable, "-m", "tonearm", "worker"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == SETUP_ERROR
    assert "Redis" in ended.stderr
    assert "tonearm serve" in ended.stderr
