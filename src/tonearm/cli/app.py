"""The command line: every command by its name, and what an error becomes at the end.

Modules behind the commands are loaded when a command needs them: `tonearm --help` and the commands that talk to a
server start without the server's own libraries.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tonearm import settingsfile
from tonearm.cli import actions, add, archive, keys, listing, logs, search, showing, steering, webhooks, workers
from tonearm.cli.completing import WithSettings
from tonearm.cli.exits import EPILOG, ExitCode, code_of, store_is_away
from tonearm.cli.misplaced import OfCommands, OfIds
from tonearm.cli.options import SEE_LIST, ApiKey, ConfigFile, Json, chosen, whole
from tonearm.cli.terminal import open_streams, out
from tonearm.errors import (
    CutOff,
    HolderUnreachable,
    NotFound,
    RefusalCode,
    Refused,
    ServerUnreachable,
    TonearmError,
)

app = typer.Typer(
    name="tonearm",
    cls=OfCommands,
    help="A download queue for music libraries. `tonearm demo` shows it at work.",
    epilog=EPILOG,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
catalogs = typer.Typer(help="Run a catalog that a server can download from.", epilog=EPILOG, no_args_is_help=True)


@app.callback()
def program(*, api_key: ApiKey = None, config: ConfigFile = None) -> None:
    """A download queue for music libraries. `tonearm demo` shows it at work."""
    del config  # it is named already
    chosen.api_key = api_key


app.command("search", epilog=EPILOG)(search.search)
app.command("add", cls=OfIds, epilog=EPILOG)(add.add)
app.command("list", epilog=EPILOG)(listing.list_jobs)
app.command("show", epilog=EPILOG)(showing.show)
app.command("logs", epilog=EPILOG)(logs.logs)
app.command("archive", epilog=EPILOG)(archive.archive)
app.command("cancel", epilog=EPILOG)(actions.cancel)
app.command("retry", epilog=EPILOG)(actions.retry)
app.command("pause", epilog=EPILOG)(actions.pause)
app.command("resume", epilog=EPILOG)(actions.resume)
app.command("remove", epilog=EPILOG)(actions.remove)
app.command("clear", epilog=EPILOG)(actions.clear)
app.command("control", epilog=EPILOG)(steering.control)
app.command("workers", epilog=EPILOG)(workers.workers)
app.command("webhooks", epilog=EPILOG)(webhooks.webhooks)


_AS_GIVEN = {"allow_extra_args": True, "ignore_unknown_options": True}


@app.command(cls=WithSettings, add_help_option=False, context_settings=_AS_GIVEN)
def serve(context: typer.Context) -> None:
    """Run the server: the API and a worker in one process."""
    from tonearm.cli import serving  # noqa: PLC0415 - its options are made from the settings, which load slowly

    serving.serve()(args=context.args, prog_name="tonearm serve")


@app.command(cls=WithSettings, add_help_option=False, context_settings=_AS_GIVEN)
def worker(context: typer.Context) -> None:
    """Run a worker alone, on a queue in Redis that processes share."""
    from tonearm.cli import serving  # noqa: PLC0415 - as above

    serving.work()(args=context.args, prog_name="tonearm worker")


@app.command(epilog=EPILOG)
def config(*, json: Json = False) -> None:
    """Print every setting as it is in force here.

    Value, unit and where it comes from; secrets are masked.
    """
    from tonearm.cli.serving import print_settings  # noqa: PLC0415 - as above

    out.json = json
    print_settings()


@app.command(epilog=EPILOG)
def doctor(*, json: Json = False) -> None:
    """Look at all that a server lives in, and say what is wrong.

    Settings, library, disk, queue, catalog, clocks and limits; every index is compared with the records. Changes
    nothing, and disturbs no server that runs.
    """
    from tonearm.cli.doctor import examine_everything  # noqa: PLC0415 - as above

    out.json = json
    raise typer.Exit(examine_everything())


@catalogs.command("serve", epilog=EPILOG)
def serve_catalog(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A folder of music.")],
    *,
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int,
        typer.Option(
            "--port", metavar="NUMBER", parser=whole(0, 65_535), help="Port to listen on; 0 takes a free one."
        ),
    ] = 8090,
    database: Annotated[
        Path | None, typer.Option("--database", metavar="FILE", help="Where the ids of tracks and albums are kept.")
    ] = None,
    json: Json = False,
) -> None:
    """Serve a folder of music as a catalog.

    Its address is the INTERNAL_API_URL of a server.
    """
    from tonearm.cli.catalogs import serve_folder  # noqa: PLC0415 - loads an HTTP server

    out.json = json
    serve_folder(directory, host, port, database)


app.add_typer(catalogs, name="catalog")
app.add_typer(keys.app, name="keys")


@app.command("export", epilog=EPILOG)
def export_jobs(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write them; `-` is stdout.")],
    *,
    json: Json = False,
) -> None:
    """Write all jobs of the queue to a file, for another queue.

    The queue is the one that the settings name, in the database or in Redis. A server that has the database is asked
    for them.
    """
    from tonearm.cli.moving import export_jobs  # noqa: PLC0415 - loads the store

    out.json = json
    export_jobs(file)


@app.command("import", epilog=EPILOG)
def import_jobs(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `export` wrote; `-` is stdin.")],
    *,
    json: Json = False,
) -> None:
    """Take all jobs of a file into the queue.

    Opens the queue itself; a server that has the database has to be stopped first. Can be said again: what is there
    already stays as it is.
    """
    from tonearm.cli.moving import import_jobs  # noqa: PLC0415 - as above

    out.json = json
    import_jobs(file)


@app.command("backup", epilog=EPILOG)
def back_up(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it.")],
    *,
    json: Json = False,
) -> None:
    """Write the whole queue to a file, while it works.

    Of a queue in the database: jobs, keys and all. FILE has its name only when it was read again and is sound.
    """
    from tonearm.cli.backups import back_up  # noqa: PLC0415 - loads the store

    out.json = json
    back_up(file)


@app.command("restore", epilog=EPILOG)
def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `backup` wrote.")],
    *,
    replace: Annotated[
        bool, typer.Option("--replace", help="Also in the place of a queue that has jobs; that is put aside.")
    ] = False,
    json: Json = False,
) -> None:
    """Put a backup in the place of the queue.

    No server may use the database. What was there stays beside it.
    """
    from tonearm.cli.backups import restore  # noqa: PLC0415 - as above

    out.json = json
    restore(file, replace=replace)


@app.command("prune", epilog=EPILOG)
def prune(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say how many there are.")] = False,
    json: Json = False,
) -> None:
    """Remove the records of old jobs now, and give their room back.

    Finished jobs older than the retention of the settings; a worker does it every hour by itself. Files stay.
    """
    from tonearm.cli.pruning import prune  # noqa: PLC0415 - as above

    out.json = json
    prune(dry_run=dry_run)


@app.command(epilog=EPILOG)
def demo(
    *,
    once: Annotated[
        bool, typer.Option("--once", help="End when the music has arrived, and print the library.")
    ] = False,
    folder: Annotated[
        Path | None, typer.Option("--folder", metavar="DIR", help="Where to make and keep everything.")
    ] = None,
    json: Json = False,
) -> None:
    """Show everything at work, with music made on the spot.

    Serves the music as a catalog, runs a server, and downloads an album and a track.
    """
    from tonearm.cli.demo import run  # noqa: PLC0415 - starts processes; no other command does

    out.json = json
    raise typer.Exit(run(folder, once=once))


@app.command(epilog=EPILOG)
def version(*, json: Json = False) -> None:
    """Print the version of tonearm and of Python."""
    from importlib.metadata import version as version_of  # noqa: PLC0415 - only this command asks

    out.json = json
    python = ".".join(map(str, sys.version_info[:3]))
    out.document({"tonearm": version_of("tonearm"), "python": python})
    out.line(f"tonearm {version_of('tonearm')} (Python {python})")


def main() -> int:
    """Run one command; the exit codes are those of `ExitCode`."""
    open_streams()
    try:
        app(prog_name="tonearm")
    except TonearmError as error:
        _say(error)
        return code_of(error)
    return ExitCode.OK


def _say(error: TonearmError) -> None:
    out.document({"success": False, "code": _code(error), "error": str(error)})
    out.note(f"Error: {error}")
    if isinstance(error, CutOff):
        out.note("Nothing was kept. Try again; the server's log may say more.")
    elif isinstance(error, ServerUnreachable) and not isinstance(error, HolderUnreachable):
        out.note("Start a server: tonearm serve   Or name one: --server http://host:port")
        if (folder := settingsfile.closed()) is not None:
            out.note(f"The settings in {folder}, which this user may not read, may say that a server is elsewhere.")
    elif isinstance(error, NotFound):
        out.note(SEE_LIST)
    elif isinstance(error, Refused) and error.code == RefusalCode.UNAUTHORIZED:
        out.note(
            "Commands take it from TONEARM_API_KEY or --api-key. "
            "Who runs the server makes one: tonearm keys create NAME --scope SCOPE"
        )
    elif store_is_away(error):
        out.note("The queue does not answer now. Try again in a moment.")


def _code(error: TonearmError) -> str:
    """The `code` of an error in JSON: the server's own, or one of the command line."""
    if isinstance(error, Refused):
        return error.code
    if store_is_away(error):
        return RefusalCode.STORE_UNAVAILABLE
    return "SERVER_UNREACHABLE" if isinstance(error, ServerUnreachable) else "SETUP"
