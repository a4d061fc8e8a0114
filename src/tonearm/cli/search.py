"""`tonearm search`: what the catalog has, by words, with the ids that `tonearm add` takes."""

from __future__ import annotations

from typing import Annotated

import typer

from tonearm.cli.options import Json, OfType, Server, connect, whole
from tonearm.cli.terminal import clean, out
from tonearm.client import Hit


def search(
    words: Annotated[list[str], typer.Argument(metavar="QUERY", help="Words of title, artist or album.")],
    *,
    job_type: OfType = None,
    limit: Annotated[
        int, typer.Option("--limit", metavar="NUMBER", parser=whole(1, 100), help="At most so many results.")
    ] = 50,
    server: Server = None,
    json: Json = False,
) -> None:
    """Search the catalog of the server for tracks and albums.

    What is found is queued by its id: tonearm add album ID.
    """
    out.json = json
    with connect(server) as client:
        found = client.search(" ".join(words), job_type=job_type, limit=limit)
    for hit in found:
        out.document(hit.as_json())
    if not json:
        _show(found)
    if not found:
        out.note("Nothing found.")
    elif not json:
        out.note(f"Queue one: tonearm add {found[0].type} {found[0].id}")


def _show(found: tuple[Hit, ...]) -> None:
    if out.tabulates():
        _draw(found)
        return
    for hit in found:
        out.line("  ".join((f"{hit.id:>10}", hit.type, " / ".join(filter(None, (hit.title, _by(hit)))))))


def _by(hit: Hit) -> str:
    """Whose it is, and where a track belongs."""
    return " / ".join(filter(None, (hit.artist, hit.album)))


def _draw(found: tuple[Hit, ...]) -> None:
    if not found:
        return
    from rich.console import Console  # noqa: PLC0415 - rich is loaded only where it draws
    from rich.table import Table  # noqa: PLC0415 - as above
    from rich.text import Text  # noqa: PLC0415 - as above

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("ID", justify="right", no_wrap=True)
    table.add_column("TYPE", no_wrap=True)
    table.add_column("TITLE")  # these two give way; their cells are cut, not wrapped
    table.add_column("ARTIST")
    for hit in found:
        texts = (Text(clean(text), no_wrap=True, overflow="ellipsis") for text in (hit.title, _by(hit)))
        table.add_row(str(hit.id), hit.type, *texts)
    Console().print(table)
