"""`tonearm add`: queue tracks or albums, wait out the limits, and follow the jobs on request."""

from __future__ import annotations

from types import TracebackType
from typing import Annotated, Self

import typer

from tonearm.cli.completing import among
from tonearm.cli.exits import ExitCode
from tonearm.cli.following import follow
from tonearm.cli.misplaced import NO_ID
from tonearm.cli.options import Json, Server, choice, connect, one_of
from tonearm.cli.terminal import out
from tonearm.cli.wording import span
from tonearm.client import Client, Receipt
from tonearm.errors import LimitName, QuotaExceeded, RateLimited, Refused
from tonearm.model import MAX_CATALOG_ID, JobType, Priority, Quality


def _check_ids(ids: list[str]) -> list[str]:
    for text in ids:
        if not (text.isascii() and text.isdecimal() and 1 <= int(text[:11]) <= MAX_CATALOG_ID):
            raise typer.BadParameter(f"'{text}' {NO_ID}")
    return list(dict.fromkeys(ids))


def add(
    job_type: Annotated[
        JobType,
        typer.Argument(
            metavar="track|album", parser=choice(JobType), autocompletion=among(JobType), help="What the ids are."
        ),
    ],
    ids: Annotated[list[str], typer.Argument(metavar="ID", help="Ids in the catalog.", callback=_check_ids)],
    *,
    quality: Annotated[Quality, one_of(Quality, "--quality", "-q", says="What to bring.")] = Quality.LOSSLESS,
    priority: Annotated[
        Priority, one_of(Priority, "--priority", says="The place among your own jobs.")
    ] = Priority.NORMAL,
    wait: Annotated[
        bool, typer.Option("--wait", "-w", help="Follow the jobs until they are finished; wait out limits.")
    ] = False,
    server: Server = None,
    json: Json = False,
) -> None:
    """Queue tracks or albums by their ids in the catalog.

    `tonearm search` finds ids. Several wait until the server's limits let them in. What is unfinished already is not
    queued twice.
    """
    out.json = json
    with connect(server) as client:
        numbers = [int(text) for text in ids]
        job_ids = _submit_all(client, job_type, numbers, quality, priority, patient=wait or len(numbers) > 1)
        if wait:
            _follow(client, job_ids)


def _submit_all(
    client: Client,
    job_type: JobType,
    ids: list[int],
    quality: Quality,
    priority: Priority,
    *,
    patient: bool,
) -> list[str]:
    job_ids: list[str] = []
    with _WaitLine(len(ids)) as line:
        for number, catalog_id in enumerate(ids):
            try:
                receipt = client.submit(
                    job_type, catalog_id, quality, priority=priority, wait=patient, on_wait=line.waiting
                )
            except Refused as refusal:
                _give_up(refusal, job_type, ids[number:])
                raise
            except KeyboardInterrupt:
                out.note(f"Stopped. Not queued: {_listed(ids[number:])}. What was queued before goes on.")
                raise typer.Exit(ExitCode.INTERRUPTED) from None
            line.submitted()
            _say(receipt, job_type, catalog_id)
            job_ids.append(receipt.job_id)
    return job_ids


def _say(receipt: Receipt, job_type: JobType, catalog_id: int) -> None:
    out.document(
        {"event": "submitted", "success": True, "type": job_type, "catalogId": catalog_id} | receipt.as_json(),
    )
    words = "is in the queue already" if receipt.duplicate else "queued"
    out.line(f"{receipt.job_id}  {job_type} {catalog_id} {words}")
    if receipt.warning:
        out.note(f"Warning: {receipt.warning}")


def _give_up(refusal: Refused, job_type: JobType, left: list[int]) -> None:
    """Say what was not queued, and when to come again."""
    out.note(f"Not queued: {job_type} {_listed(left)}.")
    if isinstance(refusal, QuotaExceeded) and refusal.name is LimitName.BYTES:
        return  # the server's words say when, and no wait of ours is so long
    if isinstance(refusal, RateLimited):
        out.note(f"Try again in {span(refusal.retry_after_ms / 1000)}, or let --wait do that.")
    elif isinstance(refusal, QuotaExceeded):
        out.note("Wait until jobs are finished (tonearm list), or remove some (tonearm remove JOB).")


def _listed(ids: list[int]) -> str:
    shown = ", ".join(map(str, ids[:10]))
    return shown if len(ids) <= 10 else f"{shown} and {len(ids) - 10} more"


def _follow(client: Client, job_ids: list[str]) -> None:
    try:
        whole = follow(client, job_ids)
    except KeyboardInterrupt:
        names = " ".join(job_ids)
        out.note("The download goes on at the server.")
        out.note(f"See it: tonearm show {job_ids[0]}")
        out.note(f"Stop it: tonearm cancel {names}")
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    if not whole:
        raise typer.Exit(ExitCode.FAILED)


class _WaitLine:
    """Says on stderr that a submission waits: a line that counts down where the terminal can, else one line a wait."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._last_left = 0.0
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._clear()

    def waiting(self, left: float, reason: str) -> None:
        """Say how long the next submission waits; told once a second."""
        began = left > self._last_left
        self._last_left = left
        words = f"{self._done} of {self._total} queued, next in {span(left)}: {reason}"
        if out.draws():
            out.rewrite(words)
            self._open = True
        elif began:
            out.note(words)

    def submitted(self) -> None:
        """One more is queued."""
        self._clear()
        self._done += 1
        self._last_left = 0.0

    def _clear(self) -> None:
        if self._open:
            out.rewrite("")
            self._open = False
