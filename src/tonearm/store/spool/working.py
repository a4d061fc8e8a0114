"""Working: what workers say to a spool (`Working`, `Keeping`). Each claim is settled in the store that gave it.

What is the main store's business alone is said to it also while it counts as away: its answer decides, and `LeaseLost`
or `StoreUnavailable` mean what they always do. What concerns the local store goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from tonearm.errors import PartlyRenewed, StoreUnavailable
from tonearm.model import (
    AlbumInfo,
    AlbumTrack,
    Claim,
    Claimed,
    ClaimRequest,
    Flags,
    Mark,
    Outcome,
    Pruned,
    Publication,
    Reserved,
    Retention,
    Swept,
    TaskKind,
    WorkerReport,
)
from tonearm.store.base import Store
from tonearm.store.spool import tokens
from tonearm.store.spool.asking import Asking
from tonearm.store.spool.both import Both
from tonearm.store.spool.figures import add_swept

T = TypeVar("T")


class Working(Asking):
    """The calls of workers."""

    def __init__(self, both: Both) -> None:
        super().__init__(both)
        self._owed: dict[str, tuple[Mapping[str, Mark], bool]] = {}
        """Workers that were dead, of whose leases the main store did not hear."""
        self._burying = asyncio.Lock()
        self._unheard: dict[tuple[str, str], Callable[[Store], Awaitable[None]]] = {}
        """By worker and kind, the last word of a worker that the main store did not hear."""
        self._telling = asyncio.Lock()

    async def claim(self, request: ClaimRequest) -> Claimed:
        """What the main store has, and with the room that is left what lies here."""
        there = await self._claim_there(request) or Claimed()
        if self._reach.up and not self._both.handover.left:
            return there
        kinds = [claim.kind for claim in there.claims]
        if any(claim.suspect for claim in there.claims):
            return there  # it runs alone
        rest = replace(
            request,
            tracks=request.tracks - kinds.count(TaskKind.TRACK),
            albums=request.albums - kinds.count(TaskKind.RESOLVE),
        )
        here = await self._local.claim(rest)
        dues = [due for due in (there.next_due_ms, here.next_due_ms) if due is not None]
        return Claimed(there.claims + tuple(map(tokens.outside, here.claims)), min(dues, default=None))

    async def _claim_there(self, request: ClaimRequest) -> Claimed | None:
        """Claim from the main store, and never before it heard that the worker died: that would free the new claims."""
        try:
            await self._bury(request.worker)
            return await self._reach.call(lambda main: main.claim(request))
        except StoreUnavailable:
            return None

    async def renew(self, worker: str, marks: Mapping[str, Mark], lease_ms: int) -> frozenset[str]:
        here, there = tokens.split(marks)
        found = await self._local.renew(worker, {token: marks[token + tokens.MARK] for token in here}, lease_ms)
        lost = frozenset(token + tokens.MARK for token in found)
        if not there:
            return lost
        of_main = {token: marks[token] for token in there}
        try:
            return lost | await self._reach.call(lambda main: main.renew(worker, of_main, lease_ms), though_away=True)
        except StoreUnavailable as error:
            raise PartlyRenewed(str(error), lost=lost, unknown=frozenset(there)) from error

    async def poll(self, worker: str, tokens_held: Sequence[str]) -> Flags:
        here, there = tokens.split(tokens_held)
        local = await self._local.poll(worker, here)
        main = await self._both.ask_main(lambda store: store.poll(worker, there))
        if main is None:
            return local
        await self._both.mirror(main.control)
        return Flags(
            local.cancel | main.cancel,
            local.pause | main.pause,
            local.lost | main.lost,
            local.discard + main.discard,
            main.control,
        )

    async def discarded(self, worker: str, stages: Sequence[tuple[str, int]]) -> None:
        await self._local.discarded(worker, stages)
        await self._both.ask_main(lambda main: main.discarded(worker, stages))

    async def report(self, report: WorkerReport) -> None:
        here, there = tokens.split_report(report)
        await self._local.report(here)
        await self._tell(report.worker, "report", lambda main: main.report(there))

    async def heartbeat(self, worker: str, host: str, max_concurrent: int) -> None:
        await self._local.heartbeat(worker, host, max_concurrent)
        await self._tell(worker, "heartbeat", lambda main: main.heartbeat(worker, host, max_concurrent))

    async def _tell(self, worker: str, kind: str, word: Callable[[Store], Awaitable[None]]) -> None:
        """Say to the main store what replaces the worker's last word of that kind; if it is away, when it is back."""
        async with self._telling:
            self._unheard[worker, kind] = word
            if await self._both.ask_main(lambda main: _heard(word(main))):
                del self._unheard[worker, kind]

    async def tell_again(self) -> None:
        """Say to the main store, which is back, the last words that it did not hear of workers that are still alive.

        Raises:
            StoreUnavailable: it is away again; what is left is said the next time.
        """
        if not self._unheard:
            return
        alive = {worker.id for worker in await self._local.workers() if worker.alive}
        async with self._telling:
            for (worker, kind), word in list(self._unheard.items()):
                if worker in alive:
                    await self._reach.call(word)
                del self._unheard[worker, kind]

    async def expand(
        self, claim: Claim, album: AlbumInfo, start: int, tracks: Sequence[AlbumTrack], *, last: bool
    ) -> None:
        await self._with(claim, lambda store, held: store.expand(held, album, start, tracks, last=last))

    async def describe(self, claim: Claim, *, title: str, artist: str, album: str) -> None:
        await self._with(claim, lambda store, held: store.describe(held, title=title, artist=artist, album=album))

    async def reserve(self, claim: Claim, name: str, key: str) -> Reserved:
        return await self._with(claim, lambda store, held: store.reserve(held, name, key))

    async def commit(self, claim: Claim, publication: Publication) -> None:
        await self._with(claim, lambda store, held: store.commit(held, publication))

    async def retract(self, claim: Claim) -> None:
        await self._with(claim, lambda store, held: store.retract(held))

    async def settle(self, claim: Claim, outcome: Outcome, mark: Mark | None = None) -> None:
        await self._with(claim, lambda store, held: store.settle(held, outcome, mark))

    async def _with(self, claim: Claim, work: Callable[[Store, Claim], Awaitable[T]]) -> T:
        """Say something of a claim to the store that gave it."""
        if tokens.is_local(claim.token):
            return await work(self._local, tokens.inside(claim))
        return await self._reach.call(lambda main: work(main, claim), though_away=True)

    async def recover(self, worker: str, marks: Mapping[str, Mark], *, charge: bool) -> int:
        """In both stores, so that a start need not wait for the main one.

        While that is away it hears later, and only of a worker that claims again: before its first claim. One that has
        died somewhere else may be alive again until then, so its leases are left to end by themselves.
        """
        freed = await self._local.recover(worker, marks, charge=charge)
        there = await self._both.ask_main(lambda main: main.recover(worker, marks, charge=charge))
        if there is None:
            self._owed[worker] = (marks, charge)
        return freed + (there or 0)

    async def _bury(self, worker: str) -> None:
        """Free in the main store what a worker held before it died, if that is still to be done.

        Raises:
            StoreUnavailable: it is away; what is left is freed the next time.
        """
        async with self._burying:
            if worker not in self._owed:
                return
            marks, charge = self._owed[worker]
            while await self._reach.call(lambda main: main.recover(worker, marks, charge=charge)):
                pass
            del self._owed[worker]

    async def living(self, tasks: Sequence[str]) -> dict[str, int]:
        """In either store; both have to answer, because the stage of a task that neither knows is removed."""
        there = await self._reach.call(lambda main: main.living(tasks))
        here = await self._local.living(tasks)
        return {task: max(here.get(task, 0), there.get(task, 0)) for task in here.keys() | there.keys()}

    # upkeep

    async def sweep(self) -> Swept:
        here = await self._local.sweep()
        there = await self._both.ask_main(lambda main: main.sweep())
        return here if there is None else add_swept(here, there)

    async def prune(self, retention: Retention) -> Pruned:
        here = await self._local.prune(retention)
        there = await self._both.ask_main(lambda main: main.prune(retention))
        return here if there is None else here + there

    async def prunable(self, retention: Retention) -> Pruned:
        here = await self._local.prunable(retention)
        there = await self._both.ask_main(lambda main: main.prunable(retention))
        return here if there is None else here + there

    async def give_back(self) -> bool:
        return await self._local.give_back()

    async def copy(self, target: Path) -> None:
        await self._local.copy(target)

    async def audit(self) -> tuple[str, ...]:
        here = await self._local.audit()
        there = await self._reach.call(lambda main: main.audit())
        return (*(f"Here, while the queue was away: {text}" for text in here), *there)


async def _heard(word: Awaitable[None]) -> bool:
    await word
    return True
