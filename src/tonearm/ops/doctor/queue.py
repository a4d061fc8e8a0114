"""The queue: the file or the Redis that the settings name, and what it says of itself.

With Redis that is the server, the user that we are there, and then an audit of the queue; without, the file. The file
in which submissions wait while Redis is away is looked at too, where there is one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

from tonearm.clock import Clock
from tonearm.errors import SetupError, StoreUnavailable
from tonearm.ops import hatch
from tonearm.settings import Settings
from tonearm.store.checks import Check, Verdict, audited


async def look(settings: Settings, clock: Clock) -> AsyncIterator[Check]:
    """Look at the queue of these settings."""
    from tonearm.store.sqlite import checks as of_file  # noqa: PLC0415 - each engine is loaded where it is used

    url = settings.shared_queue()
    if url is None:
        async for check in of_file.look(settings.database, _by_holder):
            yield check
        return
    try:
        async for check in _of_redis(url, clock):
            yield check
    except SetupError as error:
        yield Check("redis", Verdict.WRONG, str(error))
    except StoreUnavailable as error:
        yield Check("redis", Verdict.WRONG, f"{str(error).rstrip('.')}. Look whether it runs, and at REDIS_URL.")
    if settings.database.exists():
        async for check in of_file.look(settings.database, _by_holder):
            yield replace(check, name=f"spool {check.name}")


def _by_holder(database: Path) -> tuple[str, ...] | None:
    """What the server that has the queue finds when it audits it; it goes on meanwhile. None: nobody can be asked."""
    line = hatch.connect(database)
    if line is None:
        return None
    with line:
        return tuple(hatch.ask(line, hatch.Order("audit"), lambda _: None)["differences"])


async def _of_redis(url: str, clock: Clock) -> AsyncIterator[Check]:
    from tonearm.store.redis.audit import audit  # noqa: PLC0415 - as above
    from tonearm.store.redis.checks import look, queue_exists  # noqa: PLC0415 - as above
    from tonearm.store.redis.desk import Desk  # noqa: PLC0415 - as above
    from tonearm.store.redis.link import connect  # noqa: PLC0415 - as above

    link = await connect(url)
    fit = True
    try:
        async for check in look(link):
            fit = fit and check.verdict is not Verdict.WRONG
            yield check
        if fit and not await queue_exists(link):
            yield Check("audit", Verdict.WELL, "There is no queue yet: it is made at the first start.")
        elif fit:  # without opening it, which would let it be of our version
            for check in audited(await audit(Desk(link, clock, "tonearm"))):
                yield check
    finally:
        await link.close()
