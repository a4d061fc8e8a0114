"""`tonearm catalog serve`: a folder of music under the catalog contract, for servers that download from it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import uvloop

from tonearm.catalog.folder import serve
from tonearm.cli.terminal import out


def serve_folder(directory: Path, host: str, port: int, database: Path | None) -> None:
    """Serve *directory* until a signal. *database* keeps the ids; by default it lies in the user's data folder.

    Raises:
        SetupError: the folder, the database or the port cannot be used.
    """
    progress = out.rewrite if out.draws() else None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(directory, host, port, database, say=_say, progress=progress))


def _say(line: str) -> None:
    out.document({"event": "message", "text": line})
    out.line(line)
