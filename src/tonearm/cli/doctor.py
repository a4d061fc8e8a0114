"""`tonearm doctor`: looks at everything that the server would live in, and says what is well and what is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from tonearm.cli.exits import ExitCode
from tonearm.cli.outside import fetching
from tonearm.cli.terminal import out
from tonearm.clock import SystemClock
from tonearm.errors import SetupError, WrongSettings
from tonearm.ops import logs
from tonearm.ops.doctor import examine
from tonearm.settings import load
from tonearm.store.checks import Check, Verdict

_MARKS = {Verdict.WELL: "ok", Verdict.WARNING: "warning", Verdict.WRONG: "WRONG"}


def examine_everything() -> int:
    """Look at everything; the exit code is 1 if anything is wrong, and 0 with warnings."""
    return asyncio.run(_examine())


async def _examine() -> int:
    wrong = 0
    async for check in _checks():
        wrong += check.verdict is Verdict.WRONG
        out.document({"check": check.name, "verdict": check.verdict, "text": check.text})
        out.line(f"{_MARKS[check.verdict]:<8}{check.name:<14}{check.text}")
    return ExitCode.FAILED if wrong else ExitCode.OK


async def _checks() -> AsyncIterator[Check]:
    """Without settings that hold, there is nothing else to look at."""
    try:
        settings = load()
    except WrongSettings as error:
        for problem in error.problems:
            yield Check("settings", Verdict.WRONG, f"{problem}.")
        return
    except SetupError as error:
        yield Check("settings", Verdict.WRONG, f"{error}.")
        return
    logs.set_up(settings)
    async with AsyncExitStack() as stack:
        fetcher = None
        if settings.internal_api_url is not None:
            fetcher = await stack.enter_async_context(fetching(settings))
        async for check in examine(settings, SystemClock(), fetcher):
            yield check
