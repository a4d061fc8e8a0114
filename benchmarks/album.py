"""The album that is downloaded: FLAC files of noise, made anew for each run, and the catalog that offers them.

Noise does not compress, so the length of the sound decides the size of the file, and no two files are alike. They carry
the tags and the padding that the encoder of the field leaves. The catalog is files too, served by the same nginx.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tests.support.filed_catalog import FiledCatalog
from tests.support.nginx import Nginx
from tests.support.programs import find

PLAIN, PICTURED = 1, 2
"""Catalog ids: the same files without a picture, and with one."""

RATE, FRAME_BYTES = 44_100, 4
PICTURE_BYTES = 300_000
ARTIST = "Noise"
TITLES = {PLAIN: "Plain", PICTURED: "Pictured"}


def make_files(folder: Path, count: int, megabytes: float) -> list[Path]:
    """Encode *count* files of about *megabytes* MiB, all cores at work."""
    folder.mkdir()
    paths = [folder / f"{number:03}.flac" for number in range(1, count + 1)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda path: _encode(path, round(megabytes * 1024 * 1024) & ~3), paths))
    return paths


def _encode(path: Path, size: int) -> None:
    shape = ["--force-raw-format", "--endian=little", "--sign=signed", "--channels=2", "--bps=16"]
    tags = [f"--tag={text}" for text in (f"TITLE=Track {path.stem}", "ARTIST=Somebody", "ENCODER=flac")]
    command = [find("flac"), "--silent", *shape, f"--sample-rate={RATE}", *tags, "-o", str(path), "-"]
    subprocess.run(command, input=os.urandom(size), check=True)


def offer(web: Nginx, files: Sequence[Path], cover: bytes) -> FiledCatalog:
    """Write the catalog of both albums; track n of album a has the id 1000 * a + n."""
    catalog = FiledCatalog(web)
    (web.root / "media" / "cover.jpg").write_bytes(cover)
    for album, title in TITLES.items():
        picture: dict[str, Any] = {"coverUrl": "/media/cover.jpg"} if album == PICTURED else {}
        lines = [
            catalog.track(
                1000 * album + number,
                f"Track {number}",
                {"LOSSLESS": path},
                artist=ARTIST,
                album=title,
                trackNumber=number,
                trackCount=len(files),
                year=2024,
                durationSeconds=path.stat().st_size / FRAME_BYTES / RATE,
                **picture,
            )
            for number, path in enumerate(files, 1)
        ]
        catalog.album(album, title, ARTIST, lines, year=2024, **picture)
    return catalog


def make_cover() -> bytes:
    """A JPEG of noise of about `PICTURE_BYTES`."""
    source = "nullsrc=s=600x600,geq=random(1)*255:128:128"
    command = [find("ffmpeg"), "-v", "error", "-f", "lavfi", "-i", source, "-frames:v", "1", "-q:v", "2"]
    done = subprocess.run([*command, "-c:v", "mjpeg", "-f", "image2pipe", "-"], check=True, capture_output=True)
    return done.stdout
