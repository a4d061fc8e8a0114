"""`tonearm doctor`: looks at the queue and what it lives in, and says what is well and what is not."""

from __future__ import annotations

import asyncio

from tonearm.cli.exits import ExitCode
from tonearm.cli.terminal import out
from tonearm.clock import SystemClock
from tonearm.ops import logs
from tonearm.ops.doctor import examine
from tonearm.settings import load
from tonearm.store.checks import Verdict

_MARKS = {Verdict.WELL: "ok", Verdict.WARNING: "warning", Verdict.WRONG: "WRONG"}


def examine_queue() -> int:
    """Look at everything; the exit code is 1 if anything is wrong, and 0 with warnings.

    Raises:
        SetupError: a setting is wrong, or Redis does not let us in.
        StoreUnavailable: Redis does not answer now.
    """
    return asyncio.run(_examine())


async def _examine() -> int:
    settings = load()
    logs.set_up(settings)
    wrong = 0
    async for check in examine(settings, SystemClock()):
        wrong += check.verdict is Verdict.WRONG
        out.document({"check": check.name, "verdict": check.verdict, "text": check.text})
        out.line(f"{_MARKS[check.verdict]:<8}{check.name:<12}{check.text}")
    return ExitCode.FAILED if wrong else ExitCode.OK
