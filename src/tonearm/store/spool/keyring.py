"""The keys of a spool: those of the main store, and a copy of them in the local one for the time when that is away.

Keys are made and revoked in the main store alone.
"""

from __future__ import annotations

import structlog

from tonearm.errors import KeysUnknown
from tonearm.model import KeyRecord
from tonearm.store.spool.both import Both

log = structlog.get_logger("store.spool")


class CopiedKeys:
    """The keyring of a spool."""

    def __init__(self, both: Both) -> None:
        self._both = both
        self._heard = False

    async def keys(self) -> tuple[KeyRecord, ...]:
        """The keys as the main store has them, or had them when it was last asked.

        Raises:
            KeysUnknown: it is away, and nobody here knows whether there are keys.
        """
        there = await self._both.ask_main(lambda main: main.keys())
        here = await self._both.local.keys()
        if there is None:
            if not (here or self._heard):
                raise KeysUnknown("The queue is away, and which keys it has is not known here")
            return here
        if here and not there and not self._heard:
            names = sorted(record.name for record in here if record.parent is None)
            log.warning("The queue has no keys: those kept on this machine are forgotten", names=names)
        await self._copy(here, there)
        self._heard = True
        return there

    async def add(self, record: KeyRecord) -> bool:
        """Keep a key in the main store."""
        return await self._both.reach.call(lambda main: main.add_key(record))

    async def remove(self, name: str) -> bool:
        """Forget a key in the main store, and here at once."""
        removed = await self._both.reach.call(lambda main: main.remove_key(name))
        await self._both.local.remove_key(name)
        return removed

    async def _copy(self, here: tuple[KeyRecord, ...], there: tuple[KeyRecord, ...]) -> None:
        wanted, kept = set(there), set(here)
        for record in kept - wanted:
            await self._both.local.remove_key(record.name)
        for record in sorted(wanted - kept, key=lambda record: record.parent is not None):  # keys before sessions
            await self._both.local.add_key(record)
