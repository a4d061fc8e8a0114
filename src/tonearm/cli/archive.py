"""`tonearm archive`: the files of a finished job, brought here as one ZIP."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tonearm.cli.options import JobId, Json, Server, connect
from tonearm.cli.terminal import clean, out
from tonearm.cli.wording import percent, size
from tonearm.client import Download
from tonearm.errors import SetupError

Target = Annotated[
    Path | None,
    typer.Option(
        "--output", "-o", metavar="FILE", help="Where to write it; by default here, under the name the server gives it."
    ),
]


def archive(job: JobId, *, output: Target = None, server: Server = None, json: Json = False) -> None:
    """Fetch the files of a finished job as one ZIP.

    A file that is there already is not touched; what is cut off is not kept.
    """
    out.json = json
    with connect(server) as client:
        if output is not None:
            _require_absent(output)
        download = client.archive(job)
        target = output or Path(_plain(download.name) or f"{job}.zip")
        _require_absent(target)
        try:
            _receive(download, target)
        except OSError as error:
            raise SetupError(f"{target} cannot be written: {error.strerror or error}") from error
    out.document({"jobId": job, "success": True, "file": str(target), "size": download.size})
    out.line(f"{job}  {target}, {size(download.size)}")


def _require_absent(target: Path) -> None:
    try:
        there = target.exists()
    except OSError as error:
        raise SetupError(f"{target} cannot be written: {error.strerror or error}") from error
    if there:
        raise SetupError(f"{target} is there already: choose another name with --output")


def _plain(name: str | None) -> str:
    """A name that a server gave, as one in this folder: no other folder, nothing hidden, nothing invisible."""
    return clean((name or "").replace("\\", "/").rpartition("/")[2]).lstrip(".").strip()


def _receive(download: Download, target: Path) -> None:
    def draw(arrived: int) -> None:
        out.rewrite(f"{percent(arrived / download.size)} of {size(download.size)}  {target}")

    try:
        download.save(target, draw if out.draws() else None)
    finally:
        if out.draws():
            out.rewrite("")
