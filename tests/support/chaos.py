"""Chaos: at random moments random things happen to workers, to their wires and to Redis, all at the same time.

    chaos = Chaos(seed, lease_ms=3_000)
    chaos.haunt_worker(worker)
    chaos.haunt_wire("one", wire)
    chaos.haunt_redis(redis)
    await chaos.rage(120)        # when it returns, everything runs again and every wire is whole
    chaos.counts["kills"]

Each victim has dice of its own, made of the seed and its name, and a deck of blows that is dealt to its end before it
is shuffled again. So a seed repeats which blows fall on whom, in which order and after which pauses; what the processes
are just doing then is not repeated.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from tests.support.redis_server import RedisServer
from tests.support.server import Tonearm
from tests.support.wire import Wire

Blow = Callable[[random.Random], Awaitable[None]]


class Chaos:
    """What is done to whom. *lease_ms*: how long the leases of the workers are, milliseconds."""

    def __init__(self, seed: int, *, lease_ms: int) -> None:
        self.counts = Counter[str]()
        self._seed = seed
        self._lease_s = lease_ms / 1_000
        self._over = asyncio.Event()
        self._healings: list[Callable[[], None]] = []
        self._victims: dict[str, tuple[float, list[Blow]]] = {}

    def haunt_worker(self, worker: Tonearm) -> None:
        """Kill it and start it anew, and freeze it, now and then for longer than its leases last."""

        async def kill(dice: random.Random) -> None:
            self.counts["kills"] += 1
            await worker.kill()
            await self._pause(dice.uniform(0, self._lease_s / 2))
            await worker.start()

        async def nap(dice: random.Random) -> None:
            self.counts["freezes"] += 1
            await self._freeze(worker, dice.uniform(0.1, 0.9) * self._lease_s)

        async def oversleep(dice: random.Random) -> None:
            self.counts["freezes"] += 1
            self.counts["beyond their lease"] += 1
            await self._freeze(worker, dice.uniform(1.1, 2) * self._lease_s, whole=True)

        self._victims[worker.folder.name] = (2 * self._lease_s, [kill, kill, nap, oversleep])

    def haunt_wire(self, name: str, wire: Wire) -> None:
        """Break its connections, some in the middle of a reply, take no new ones, and let nothing pass."""

        async def cut(_: random.Random) -> None:
            self.counts["cuts"] += 1
            wire.cut()

        async def cut_reply(dice: random.Random) -> None:
            self.counts["cuts"] += 1
            wire.cut_after(dice.randrange(2_000))

        async def refuse(dice: random.Random) -> None:
            self.counts["cuts"] += 1
            await wire.refuse()
            await self._pause(dice.uniform(0.1, self._lease_s))
            await wire.accept()

        async def stall(dice: random.Random) -> None:
            self.counts["stalls"] += 1
            wire.stall()
            await self._pause(dice.uniform(0.1, 2 * self._lease_s))
            wire.flow()

        self._healings.append(wire.spare)

        self._victims[f"wire of {name}"] = (3 * self._lease_s, [cut, cut, cut_reply, cut_reply, refuse, stall])

    def haunt_redis(self, redis: RedisServer) -> None:
        """End it by `kill -9`, and start it anew with what it had on the disk."""

        async def restart(dice: random.Random) -> None:
            self.counts["restarts of Redis"] += 1
            await asyncio.to_thread(redis.kill)
            await self._pause(dice.uniform(0, self._lease_s))
            await asyncio.to_thread(redis.start)

        self._victims["redis"] = (4 * self._lease_s, [restart])

    async def rage(self, seconds: float) -> None:
        """Let it all happen for so long; at the end what was begun is healed."""
        async with asyncio.TaskGroup() as raging:
            for name, (pause_s, blows) in self._victims.items():
                raging.create_task(self._haunt(random.Random(f"{self._seed} {name}"), pause_s, blows))
            await asyncio.sleep(seconds)  # chaos has a length, and no state that ends it
            self._over.set()
        for heal in self._healings:
            heal()

    async def _haunt(self, dice: random.Random, pause_s: float, blows: list[Blow]) -> None:
        deck: list[Blow] = []
        while not self._over.is_set():
            await self._pause(dice.uniform(0, pause_s))
            if self._over.is_set():
                return
            if not deck:
                deck = dice.sample(blows, len(blows))
            await deck.pop()(dice)

    async def _freeze(self, worker: Tonearm, seconds: float, *, whole: bool = False) -> None:
        worker.freeze()
        try:
            if whole:
                await asyncio.sleep(seconds)  # also beyond the end: a shorter one would not be what was counted
            else:
                await self._pause(seconds)
        finally:
            worker.wake()

    async def _pause(self, seconds: float) -> None:
        """Wait for a moment that the dice chose, which is no state of anything; the end of it all ends this too."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._over.wait()


def told(counts: Mapping[str, int]) -> str:
    """Counts in one line."""
    return ", ".join(f"{number} {what}" for what, number in counts.items())
