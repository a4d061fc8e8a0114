"""Exit codes: the closed list of what a command's end means, stable for ever (docs/reference/commands.md)."""

from __future__ import annotations

from enum import IntEnum

from tonearm.errors import (
    CatalogUnavailable,
    ServerUnreachable,
    SetupError,
    StoreDamaged,
    StoreUnavailable,
    TonearmError,
)


class ExitCode(IntEnum):
    """What the end of a command says."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    SETUP = 4
    INTERRUPTED = 130

    @property
    def meaning(self) -> str:
        """One line for people."""
        return _MEANINGS[self]


_MEANINGS = {
    ExitCode.OK: "done",
    ExitCode.FAILED: "the server refused, or a job failed, was cancelled or misses tracks",
    ExitCode.USAGE: "the command line is wrong",
    ExitCode.UNREACHABLE: "no server answers, or it cannot answer now",
    ExitCode.SETUP: "the program cannot start like this: a setting, a file, a port",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
}

EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code.value:>3}  {code.meaning}" for code in ExitCode)
"""The codes as the end of a help page; the first line keeps the lines as they are."""


def code_of(error: TonearmError) -> ExitCode:
    """The exit code of a command that ended with *error*."""
    if isinstance(error, ServerUnreachable | CatalogUnavailable) or store_is_away(error):
        return ExitCode.UNREACHABLE
    return ExitCode.SETUP if isinstance(error, SetupError | StoreDamaged) else ExitCode.FAILED


def store_is_away(error: TonearmError) -> bool:
    """Whether the queue may be there again in a moment; to come again to a damaged one does not help."""
    return isinstance(error, StoreUnavailable) and not isinstance(error, StoreDamaged)
