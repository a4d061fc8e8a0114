"""`tonearm cancel`, `retry`, `pause`, `resume`, `remove` and `clear`: ask something of jobs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from tonearm.cli.completing import among
from tonearm.cli.exits import ExitCode
from tonearm.cli.options import SEE_LIST, JobIds, Json, Server, connect
from tonearm.cli.terminal import out
from tonearm.client import Action, Client, Deleted
from tonearm.errors import Refused
from tonearm.model import FINISHED, Status

MORE = "There are more, and none of them could be removed; say it again in a moment."


def cancel(jobs: JobIds, *, server: Server = None, json: Json = False) -> None:
    """Cancel jobs.

    Running downloads stop within seconds; what an album has brought stays.
    """
    out.json = json
    _each(jobs, server, lambda client, job_id: client.act(job_id, Action.CANCEL))


def retry(jobs: JobIds, *, server: Server = None, json: Json = False) -> None:
    """Start failed or cancelled jobs again.

    Of an album, the tracks that are missing.
    """
    out.json = json
    _each(jobs, server, lambda client, job_id: client.act(job_id, Action.RETRY))


def pause(jobs: JobIds, *, server: Server = None, json: Json = False) -> None:
    """Pause jobs; what was downloaded so far is kept."""
    out.json = json
    _each(jobs, server, lambda client, job_id: client.act(job_id, Action.PAUSE))


def resume(jobs: JobIds, *, server: Server = None, json: Json = False) -> None:
    """Let paused jobs go on."""
    out.json = json
    _each(jobs, server, lambda client, job_id: client.act(job_id, Action.RESUME))


def remove(
    jobs: JobIds,
    *,
    files: Annotated[
        bool, typer.Option("--files", help="Their files in the library too, where nobody changed them since.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before files are removed.")] = False,
    server: Server = None,
    json: Json = False,
) -> None:
    """Remove jobs from the list; those that run are cancelled.

    Files in the library stay, unless --files is said: then those go that the jobs brought, and no other job names.
    """
    out.json = json
    if files and not yes:
        _ask_before(len(set(jobs)))
    if files:
        _each(jobs, server, lambda client, job_id: client.delete(job_id, files=True))
    else:
        _each(jobs, server, lambda client, job_id: client.delete(job_id).message)


def _finished(text: str) -> Status:
    for status in FINISHED:
        if text.casefold() == status:
            return status
    raise typer.BadParameter(f"'{text}' must be one of {', '.join(FINISHED)}")


def clear(
    status: Annotated[
        Status,
        typer.Argument(
            metavar="|".join(FINISHED), parser=_finished, autocompletion=among(FINISHED), help="Which jobs."
        ),
    ],
    *,
    server: Server = None,
    json: Json = False,
) -> None:
    """Remove all finished jobs of one status from the list.

    Files in the library stay.
    """
    out.json = json
    removed = 0
    with connect(server) as client:
        while True:
            cleared = client.clear(status)
            removed += cleared.removed
            if not cleared.more or not cleared.removed:
                break
    out.document({"success": True, "status": status, "removed": removed, **({"more": True} if cleared.more else {})})
    out.line(f"{removed:,} {status} {'job' if removed == 1 else 'jobs'} removed")
    if cleared.more:
        out.note(MORE)


def _ask_before(count: int) -> None:
    """Let a person say whether files of so many jobs may go.

    Raises:
        BadParameter: there is nobody to ask.
        Abort: the answer is no.
    """
    if out.json or not sys.stdin.isatty():
        raise typer.BadParameter("--files removes music from the library: say --yes too where nobody can be asked")
    whose, them = ("this job", "it") if count == 1 else (f"these {count} jobs", "them")
    typer.confirm(f"Remove {whose}, and the music that came with {them}, from the library?", abort=True, err=True)


def _each(jobs: list[str], server: str | None, ask: Callable[[Client, str], str | Deleted]) -> None:
    """Ask for each job; a refused one does not keep the others from being asked, but the command fails."""
    refused = False
    with connect(server) as client:
        for job_id in dict.fromkeys(jobs):
            try:
                told = ask(client, job_id)
            except Refused as refusal:
                refused = True
                out.document({"jobId": job_id, "success": False, "code": refusal.code, "error": refusal.message})
                out.note(f"{job_id}  {refusal.message}")
            else:
                _tell(job_id, told)
    if refused:
        out.note(SEE_LIST)
        raise typer.Exit(ExitCode.FAILED)


def _tell(job_id: str, told: str | Deleted) -> None:
    """Say what the server did."""
    if isinstance(told, str):
        out.document({"jobId": job_id, "success": True, "message": told})
        out.line(f"{job_id}  {told}")
        return
    out.document({"jobId": job_id, "success": True, **told.as_json()})
    counted = ((told.removed_count, "removed"), (told.kept_count, "kept"), (told.missing_count, "not there any more"))
    counts = ", ".join(f"{count:,} {what}" for count, what in counted if count)
    out.line(f"{job_id}  {told.message}" + (f"; files: {counts}" if counts else ""))
    for file in told.kept_files:
        out.line(f"  kept {file.path}: {file.reason}")
    if told.kept_count > len(told.kept_files):
        out.line(f"  … and {told.kept_count - len(told.kept_files):,} more")
    if told.warning:
        out.note(told.warning)
