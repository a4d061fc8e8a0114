"""How much memory a very long album takes: the server while it brings it home, against the same server idle before.

    ./dev bench album_memory [--tracks 10000]

The album has that many tracks in pages of 500, each a FLAC file of a fifth of a second, from nginx on loopback. The
resident memory of the process is read four times a second: its largest value from the submission until the job is
completed, less what it was when the server had started and done nothing yet. Half of the difference is there after a
short album already (loaded once, kept for ever); the second figure starts from there, and shows what the length costs.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.album import make_files
from benchmarks.report import Figure, Report, Table, at_most
from benchmarks.served import Served, served
from tests.support.filed_catalog import FiledCatalog
from tests.support.nginx import nginx

SHORT, LONG = 1, 2
"""Catalog ids of the two albums."""

SHORT_TRACKS = 50
PAGE = 500
FILE_MIB = 0.035
EVERY_S = 0.25
MB = 1_000_000


def resident(pid: int) -> int:
    """Bytes of memory that the process has at the moment."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


@contextmanager
def watched(pid: int, seen: list[int]) -> Iterator[None]:
    """Note the memory of the process again and again while the block runs."""
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(EVERY_S):
            seen.append(resident(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _offer(catalog: FiledCatalog, album: int, tracks: int, files: list[Path]) -> None:
    lines = [
        catalog.track(
            100_000 * album + number,
            f"Track {number}",
            {"LOSSLESS": files[number % len(files)]},
            artist="Noise",
            album=f"Album {album}",
            trackNumber=number,
            trackCount=tracks,
        )
        for number in range(1, tracks + 1)
    ]
    catalog.album(album, f"Album {album}", "Noise", lines, page=PAGE)


def _bring_home(server: Served, album: int, tracks: int) -> tuple[list[int], float]:
    """The memory while the album is brought home, and the seconds that it took."""
    seen: list[int] = []
    begun = time.perf_counter()
    with watched(server.pid, seen):
        job = server.final(server.submit("album", album), every_s=0.5)
    assert job["completedTracks"] == tracks, job["error"]
    return seen, time.perf_counter() - begun


def run(tracks: int = 10_000) -> Report:
    """Measure and report."""
    with tempfile.TemporaryDirectory(prefix="tonearm-bench-") as name:
        folder = Path(name)
        with nginx(folder / "web", FiledCatalog.server()) as web:
            catalog = FiledCatalog(web)
            files = make_files(folder / "music", 20, FILE_MIB)
            _offer(catalog, SHORT, SHORT_TRACKS, files)
            _offer(catalog, LONG, tracks, files)
            (folder / "server").mkdir()
            with served(folder / "server", catalog.url, QUEUE_MAX_SIZE=100_000) as server:
                time.sleep(2)  # what a start leaves to do is done by then
                idle = resident(server.pid)
                _bring_home(server, SHORT, SHORT_TRACKS)
                warm = resident(server.pid)
                seen, seconds = _bring_home(server, LONG, tracks)
    above = [(max(seen) - idle) / MB]
    figures = [
        Figure(f"memory of an album of {tracks:,} tracks above the idle server", above, "{:.1f} MB", at_most(20.0)),
        Figure(f"the same above the server after {SHORT_TRACKS} tracks", [(max(seen) - warm) / MB], "{:.1f} MB"),
    ]
    table = Table(
        f"Memory of an album of {tracks:,} tracks",
        ("idle", "after a short album", "largest meanwhile", "at the end", "time"),
        [[f"{size / MB:.1f} MB" for size in (idle, warm, max(seen), seen[-1])] + [f"{seconds:.0f} s"]],
        "Resident memory of the process.",
    )
    return Report(figures, [table], {"idle": idle, "warm": warm, "seen": seen[:: max(1, len(seen) // 500)]})


def main() -> None:
    """Measure by itself."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tracks", type=int, default=10_000)
    print(run(parser.parse_args().tracks).text())


if __name__ == "__main__":
    main()
