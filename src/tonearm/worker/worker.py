"""The worker of one process: claims what there is room for, runs it, and stops in good order.

Its loops are supervised and independent: claiming, renewing, watching leases, polling, reporting, sweeping and pruning.
A sign of life is given only after a round trip of the claim loop, so a worker that cannot claim does not look alive.
"""

from __future__ import annotations

import asyncio
import socket
import time

import structlog

from tonearm import traces
from tonearm.fetch import HostPort, Turn
from tonearm.model import Claim, Claimed, ClaimRequest, Phase
from tonearm.store.pruning import prune_all
from tonearm.store.sweeping import sweep
from tonearm.traces import Step
from tonearm.worker import janitor
from tonearm.worker.attempt import attempt
from tonearm.worker.diskhold import DiskHold
from tonearm.worker.gates import CatalogGate, first_closed
from tonearm.worker.held import Stop
from tonearm.worker.leases import Leases
from tonearm.worker.pulse import Pulse, RoundTrip
from tonearm.worker.slots import Slots
from tonearm.worker.steering import Steering
from tonearm.worker.steps import traced
from tonearm.worker.supervisor import Supervisor
from tonearm.worker.tools import WorkerTools

IDLE_MS = 5_000
"""The longest wait of the claim loop; whatever becomes claimable in this process wakes it at once."""

PAUSED = "The queue is paused (tonearm control --resume)"
"""Why nothing is claimed while people hold the queue; the store holds it, here it is only said."""

BUSY_S = 1.0
"""The longest wait while every slot is taken."""

PARTING_MS = 5_000
"""How long a stop waits for a store that is away, so that tasks can be given back, milliseconds."""

STILL_MS = 4 * IDLE_MS
"""Milliseconds without an answer to a claim after which a worker is not ready; it asks more often, also in vain."""

SWEEP_S = 5.0
"""Seconds between two sweeps with nothing left to do."""

log = structlog.get_logger("worker")


class Worker:
    """Claims and runs tasks between `start` and `stop`."""

    def __init__(self, tools: WorkerTools) -> None:
        self._tools = tools
        self._settings = tools.settings
        self.id = tools.stage.worker
        self.slots = Slots(tools.settings.max_concurrent)
        self.steering = Steering(self.slots, tools.fetcher.throttle, tools.settings)
        self.leases = Leases(
            tools.store, tools.stage, self.slots, tools.clock, tools.settings.lease_ms, steering=self.steering
        )
        self.supervisor = Supervisor()
        self._catalog = CatalogGate(tools.fetcher.courtesy, HostPort.of(tools.settings.catalog_url()))
        self._disk = DiskHold(
            tools.disk,
            tools.stage,
            tools.clock,
            holds=tools.settings.disk_full == "hold",
            works_on=self.leases.holds,
        )
        self._disk.told = self.leases.moved
        self.leases.disk = self._disk.figures
        self._gates = (self._disk, self._catalog)
        tools.fetcher.courtesy.told = self._host_turned
        self.leases.resting = tools.fetcher.courtesy.resting
        self.leases.trouble = self._trouble
        self.supervisor.told = self.leases.moved
        self._stopping = asyncio.Event()
        self._claiming: asyncio.Task[None] | None = None
        self._loops: list[asyncio.Task[None]] = []
        self._seen = 0
        # Twice as often as promised, and well before anybody takes us for dead.
        self._beat_ms = min(tools.settings.heartbeat_ms // 2, tools.settings.worker_dead_ms // 3)
        self._beat_at_ms: int | None = None
        self._tidied_at_ms: int | None = None
        self._claimed: RoundTrip | None = None

    def start(self) -> None:
        """Begin to claim, after freeing what the dead left behind. Returns at once."""
        self._claiming = asyncio.create_task(self._recover_and_claim(), name="claim")
        rounds = {
            "renew": self.leases.renew,
            "watch": self.leases.watch,
            "poll": self.leases.poll,
            "report": self.leases.report,
            "sweep": self._sweep,
            "prune": self._prune,
        }
        self._loops = [
            asyncio.create_task(self.supervisor.watch(name, loop), name=name) for name, loop in rounds.items()
        ]

    def settings_changed(self) -> None:
        """Let hold what the settings say by now, where something was made of them before."""
        self._tools.disk.minimum = self._settings.disk_space_min_bytes()
        self._tools.covers.limit_ms = self._settings.job_timeout_ms
        self._disk.holds = self._settings.disk_full == "hold"

    async def stop(self, grace_ms: int, *, hurry: asyncio.Event) -> None:
        """Claim nothing more, let what runs finish for *grace_ms*, release the rest without cost, and end all loops.

        *hurry*, when it is set, ends the grace.
        """
        self._stopping.set()
        self.slots.notify()
        if self._claiming is not None:
            await self._claiming
        await self._drain(grace_ms, hurry)
        self.leases.lose_patience(PARTING_MS)
        for held in self.leases:
            held.halt(Stop.RELEASE)
        await self.leases.empty()
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        if not self.supervisor.store_away:
            await self.leases.part()
        await self._tools.covers.close()

    async def _drain(self, grace_ms: int, hurry: asyncio.Event) -> None:
        if not len(self.leases):
            return
        log.info("Waiting for what runs", tasks=len(self.leases), grace_ms=grace_ms)
        waits = [asyncio.create_task(self.leases.empty()), asyncio.create_task(hurry.wait())]
        await asyncio.wait(waits, timeout=grace_ms / 1_000, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

    def pulse(self) -> Pulse:
        """How this worker is now."""
        free, least = self._disk.figures()
        return Pulse(
            worker=self.id,
            active_downloads=self.slots.transferring,
            max_concurrent=self.slots.limit,
            speed=sum(held.speed for held in self.leases if held.mark.phase is Phase.TRANSFER),
            disk_free=free,
            disk_min=least,
            store_reachable=self._claimed is not None and not self.supervisor.store_away,
            claimed=self._claimed,
            trouble=self._trouble() or self._stillness(),
        )

    def turns(self) -> int:
        """Rounds of the claim loop so far, and of what comes before the first; a loop that hangs does not count on."""
        return self.supervisor.turns["recover"] + self.supervisor.turns["claim"]

    def _trouble(self) -> str | None:
        """What keeps the claim loop from its work, a sentence; None: nothing does."""
        troubles = self.supervisor.troubles
        error = troubles.get("claim") or troubles.get("recover")
        return None if error is None else f"The worker cannot claim: {error}"

    def _stillness(self) -> str | None:
        """Why the claim loop is not at work though it is in no trouble, a sentence; None: it is."""
        if self._stopping.is_set():
            return "The worker is stopping"
        if self.supervisor.store_away:
            return "The queue does not answer at present"
        if self._claimed is None:
            return "The worker has not reached its queue yet"
        still_ms = self._tools.clock.elapsed_ms() - self._claimed.elapsed_ms
        return f"The worker has not claimed for {still_ms // 1_000} s" if still_ms > STILL_MS else None

    async def _recover_and_claim(self) -> None:
        await self.supervisor.once("recover", self._recover, until=self._stopping)
        await self.supervisor.watch("claim", self._claim, until=self._stopping)

    async def _recover(self) -> None:
        await self._look_around()
        await janitor.recover_dead(self._tools.store, self._tools.stage)
        self.steering.follow(await self._tools.store.control())  # before the first claim

    async def _claim(self) -> None:
        """One round of the claim loop: take what there is room for, or wait until there may be something."""
        await self._tidy()
        closed = await first_closed(self._gates)
        self.leases.hold_back(closed.reason if closed else PAUSED if self.steering.paused else None)
        tracks, albums = (0, 0) if closed else (self.slots.free_transfers, self.slots.free_resolves)
        claimed = await self._take(tracks, albums)
        await self._beat()
        if claimed.claims:
            return
        longest_ms = min(IDLE_MS, self._beat_ms)
        if closed:
            await self.slots.freed(min(closed.wait_ms, longest_ms) / 1_000)
            return
        if not tracks:
            await self.slots.freed(min(BUSY_S, self._beat_ms / 1_000))
            return
        due_ms = longest_ms if claimed.next_due_ms is None else min(longest_ms, claimed.next_due_ms)
        await self._wait(max(due_ms, 1) / 1_000)

    async def _take(self, tracks: int, albums: int) -> Claimed:
        """Claim up to so many, and run them; a single one where that is to find out about the catalog."""
        claimed = Claimed()
        clock = self._tools.clock
        single = self._catalog.single
        for request in ((min(tracks, 1), 0), (0, min(albums, 1))) if single else ((tracks, albums),):
            asked_at_ms, began_ns = clock.elapsed_ms(), time.time_ns()
            claimed = await self._tools.store.claim(self._wish(*request))
            self._claimed = RoundTrip(clock.elapsed_ms(), clock.wall_ms())
            for claim in claimed.claims:
                traces.passed(Step.CLAIM, claim.job_id, {**traced(claim), "worker": self.id}, began_ns=began_ns)
                runner = self._run(claim, asked_at_ms)
                if single:
                    self._catalog.sent(runner)
            if claimed.claims:
                break
        return claimed

    def _wish(self, tracks: int, albums: int) -> ClaimRequest:
        settings = self._settings
        return ClaimRequest(
            self.id, tracks, albums, settings.lease_ms, settings.client_max_concurrent, settings.client_daily_bytes
        )

    def _host_turned(self, peer: HostPort, turn: Turn) -> None:
        """A host is left alone from now on, or is not any more: say so, and look again at what may be claimed."""
        refusal = self._tools.fetcher.courtesy.refusal(peer)
        if turn is Turn.ENDS:
            log.info("The host can be reached again", host=str(peer))
        elif turn is Turn.BEGINS and refusal is not None:
            log.warning("The host is left alone", host=str(peer), reason=refusal.message)
        self.leases.moved(urgent=True)
        self.slots.notify()

    def _run(self, claim: Claim, asked_at_ms: int) -> asyncio.Task[None]:
        held = self.leases.hold(claim, asked_at_ms)
        held.runner = asyncio.create_task(attempt(held, self._tools, self.leases, self._disk), name=claim.task_id)
        return held.runner

    async def _wait(self, timeout_s: float) -> None:
        """Wait for a change in the store, a freed slot or the time, whichever comes first."""
        changed = asyncio.create_task(self._tools.store.changed(self._seen, round(timeout_s * 1_000)))
        freed = asyncio.create_task(self.slots.freed(timeout_s))
        try:
            await asyncio.wait([changed, freed], return_when=asyncio.FIRST_COMPLETED)
            if changed.done():
                self._seen = changed.result()
        finally:
            for waiting in (changed, freed):
                waiting.cancel()
            await asyncio.gather(changed, freed, return_exceptions=True)

    async def _beat(self) -> None:
        now_ms = self._tools.clock.elapsed_ms()
        if self._beat_at_ms is None or now_ms - self._beat_at_ms >= self._beat_ms:
            await self._tools.store.heartbeat(self.id, socket.gethostname(), self.slots.limit)
            self._beat_at_ms = now_ms
            self.leases.moved()  # what the disk has free is told even where nothing moves

    async def _sweep(self) -> float:
        return 0 if (await sweep(self._tools.store)).more else SWEEP_S

    async def _prune(self) -> float:
        await prune_all(self._tools.store, self._settings.retention())
        return self._settings.cleanup_interval_ms / 1_000

    async def _tidy(self) -> None:
        """Let the janitor in when it is time: between two claims, so that what was just claimed is known here."""
        now_ms = self._tools.clock.elapsed_ms()
        if self._tidied_at_ms is None or now_ms - self._tidied_at_ms >= janitor.INTERVAL_MS:
            self._tidied_at_ms = now_ms  # also if it fails: an untidy stage keeps nobody from claiming
            await self._look_around()
            await janitor.tidy(self._tools.store, self._tools.stage, self.leases)

    async def _look_around(self) -> None:
        if self._settings.shared_queue() is not None:
            await janitor.look_around(self._tools.store, self._tools.stage)
