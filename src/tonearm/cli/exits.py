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
    if isinstance(error, StoreDamaged):  # to come again does not help
        return ExitCode.SETUP
    if isinstance(error, ServerUnreachable | StoreUnavailable | CatalogUnavailable):
        return ExitCode.UNREACHABLE
    return ExitCode.SETUP if isinstance(error, SetupError) else ExitCode.FAILED
