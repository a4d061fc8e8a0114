"""Held: one claim in this worker's hands, how far it has come, and why it has to stop."""

from __future__ import annotations

import asyncio
from enum import StrEnum

from tonearm.model import Claim, Mark, Phase, Transfer
from tonearm.worker.slots import Seat


class Stop(StrEnum):
    """Why a running task is told to stop."""

    CANCEL = "cancel"
    PAUSE = "pause"
    LOST = "lost"
    RELEASE = "release"


class Held:
    """A claim while its task runs. Changed only on the event loop's thread."""

    def __init__(self, claim: Claim, seat: Seat, lease_ends_ms: int) -> None:
        self.claim = claim
        self.seat = seat
        self.lease_ends_ms = lease_ends_ms
        """When the lease ends by this machine's elapsed time, counted from before the store was asked."""
        self.mark = Mark(Phase.CLAIMED)
        self.speed = 0.0
        self.stop: Stop | None = None
        self.unstoppable = False
        """Set at the commit point and while settling: from there on only the end of the lease counts."""
        self.runner: asyncio.Task[None] | None = None
        self.former: asyncio.Task[None] | None = None
        """A task of this process that lost the claim before this one and has not stopped yet."""

    @property
    def task_id(self) -> str:
        """The task's id."""
        return self.claim.task_id

    def halt(self, why: Stop) -> bool:
        """Stop the task where it stands; answers whether this did. The first reason counts; an unstoppable task goes
        on.
        """
        if self.stop is not None or self.unstoppable:
            return False
        self.stop = why
        if self.runner is not None:
            self.runner.cancel()
        return True

    def transfer(self) -> Transfer:
        """Its progress for people."""
        return Transfer(self.task_id, self.claim.token, self.mark, self.speed)
