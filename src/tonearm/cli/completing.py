"""Completion: what the shell offers behind TAB beside the names of commands and options.

Words of a closed list, jobs of the server, and the settings behind `serve` and `worker`. Whatever goes wrong, nothing
is offered and nothing is said: who presses TAB asked for no error.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from typer.core import TyperCommand

from tonearm.cli.address import default_server
from tonearm.cli.terminal import clean
from tonearm.cli.wording import title
from tonearm.client import Client
from tonearm.errors import TonearmError

JOBS = 50
"""Jobs that are offered at most: those at the beginning of the list."""

ANSWER_S = 1.0
"""What the server gets to answer, seconds; a shell that hangs at TAB is worse than one that offers nothing."""


def among(words: Iterable[str]) -> Callable[[str], list[str]]:
    """What offers those of *words* that begin so, in small letters to who types small ones."""
    known = [str(word) for word in words]

    def complete(incomplete: str) -> list[str]:
        written = [word.lower() for word in known] if incomplete.islower() else known
        return [word for word in written if word.startswith(incomplete)]

    return complete


def jobs(incomplete: str) -> list[tuple[str, str]]:
    """The ids of jobs that begin so, each with what it is, of the server that the settings describe."""
    try:
        key = os.environ.get("TONEARM_API_KEY") or None
        with Client(default_server(), api_key=key, timeout=ANSWER_S, patience=0) as client:
            found = [job for job in islice(client.jobs(page_size=JOBS), JOBS) if job.id.startswith(incomplete)]
            return [(job.id, clean(f"{job.status}: {title(job)}")) for job in found]
    except (TonearmError, ValueError):
        return []


class WithSettings(TyperCommand):
    """A command whose options are made from the settings when it runs, or when its completion is asked for."""

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:  # of the click that typer brings along
        """Offer the options of the command that it becomes."""
        from tonearm.cli.serving import BY_NAME, made  # noqa: PLC0415 - the settings load slowly

        return made(BY_NAME[str(self.name)]).shell_complete(ctx, incomplete)
