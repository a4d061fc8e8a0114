"""`tonearm control`: how the whole queue runs, shown and steered while it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from tonearm.cli.options import Json, Server, connect, whole
from tonearm.cli.terminal import out
from tonearm.cli.wording import size
from tonearm.client import Control
from tonearm.model import MAX_BANDWIDTH, MAX_CONCURRENT, UNCHANGED, Unchanged

AS_SET = "default"
"""The word that goes back to what the server's settings say."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit that was given; None: as the settings say."""

    value: int | None


def _limit(least: int, most: int) -> Callable[[str], Limit]:
    number = whole(least, most)

    def parse(text: str) -> Limit:
        return Limit(None if text.casefold() == AS_SET else number(text))

    return parse


def control(
    *,
    pause: Annotated[bool, typer.Option("--pause", help="Start nothing new; what runs goes on.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Start jobs again.")] = False,
    bandwidth_limit: Annotated[
        Limit | None,
        typer.Option(
            "--bandwidth-limit",
            metavar="NUMBER",
            parser=_limit(0, MAX_BANDWIDTH),
            help="Bytes per second of all transfers of a worker process; 0: no limit; default: as the settings say.",
        ),
    ] = None,
    max_concurrent: Annotated[
        Limit | None,
        typer.Option(
            "--max-concurrent",
            metavar="NUMBER",
            parser=_limit(1, MAX_CONCURRENT),
            help="Transfers at a time of a worker process; default: as the settings say.",
        ),
    ] = None,
    server: Server = None,
    json: Json = False,
) -> None:
    """Show how the whole queue is steered, or steer it.

    What is set here holds until it is set anew, also after a restart, and wins over the settings.
    """
    out.json = json
    if pause and resume:
        raise typer.BadParameter("--pause and --resume exclude each other")
    asks = pause or resume or bandwidth_limit is not None or max_concurrent is not None
    with connect(server) as client:
        holds = (
            client.steer(
                paused=pause if pause or resume else UNCHANGED,
                bandwidth_limit=_wanted(bandwidth_limit),
                max_concurrent=_wanted(max_concurrent),
            )
            if asks
            else client.control()
        )
    out.document(holds.as_json())
    for name, value in _facts(holds):
        out.line(f"{name:<14}{value}")


def _wanted(limit: Limit | None) -> int | Unchanged | None:
    return UNCHANGED if limit is None else limit.value


def _facts(holds: Control) -> Iterator[tuple[str, str]]:
    yield "queue", "paused; go on: tonearm control --resume" if holds.paused else "running"
    limit = f"{size(holds.bandwidth_limit)}/s" if holds.bandwidth_limit else "no limit"
    yield "bandwidth", limit + _source(holds, "bandwidthLimit")
    yield "transfers", f"{holds.max_concurrent} at a time" + _source(holds, "maxConcurrent")
    yield "workers", f"{holds.workers}, each with these limits" if holds.workers != 1 else "1"


def _source(holds: Control, name: str) -> str:
    return "" if name in holds.overrides else " (as the settings say)"
