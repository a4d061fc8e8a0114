"""`tonearm cancel`, `retry`, `pause`, `resume` and `remove`: ask something of jobs, one after the other."""

from __future__ import annotations

from collections.abc import Callable

import typer

from tonearm.cli.exits import ExitCode
from tonearm.cli.options import SEE_LIST, JobIds, Json, Server, connect
from tonearm.cli.terminal import out
from tonearm.client import Action, Client
from tonearm.errors import Refused


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


def remove(jobs: JobIds, *, server: Server = None, json: Json = False) -> None:
    """Remove jobs from the list; those that run are cancelled.

    Files in the library stay.
    """
    out.json = json
    _each(jobs, server, lambda client, job_id: client.delete(job_id))


def _each(jobs: list[str], server: str | None, ask: Callable[[Client, str], str]) -> None:
    """Ask for each job; a refused one does not keep the others from being asked, but the command fails."""
    refused = False
    with connect(server) as client:
        for job_id in dict.fromkeys(jobs):
            try:
                message = ask(client, job_id)
            except Refused as refusal:
                refused = True
                out.document({"jobId": job_id, "success": False, "code": refusal.code, "error": refusal.message})
                out.note(f"{job_id}  {refusal.message}")
            else:
                out.document({"jobId": job_id, "success": True, "message": message})
                out.line(f"{job_id}  {message}")
    if refused:
        out.note(SEE_LIST)
        raise typer.Exit(ExitCode.FAILED)
