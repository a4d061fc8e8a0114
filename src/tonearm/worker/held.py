"""Held: one claim in this worker's hands, how far it has come, and why it has to stop."""

from __future__ import annotations

import asyncio
from enum import StrEnum

import structlog

from tonearm.model import Claim, Mark, Phase, Transfer
from tonearm.worker.slots import Seat

TITLE_LENGTH = 200
"""Characters of a title in reports, which are sent again and again."""


log = structlog.get_logger("worker.task")


class Stop(StrEnum):
    """Why a running task is told to stop."""

    CANCEL = "cancel"
    PAUSE = "pause"
    LOST = "lost"
    RELEASE = "release"


class Held:
    """A claim while its task runs. Changed only on the event loop's thread. Times are this machine's elapsed time."""

    def __init__(self, claim: Claim, seat: Seat, *, asked_at_ms: int, lease_ms: int) -> None:
        self.claim = claim
        self.seat = seat
        self.since_ms = asked_at_ms
        """Just before the store was asked for the claim."""
        self.lease_ends_ms = asked_at_ms + lease_ms
        """When the lease ends, counted from before the store was asked."""
        self.title = claim.spec.track_title
        self.album = claim.spec.album_title if claim.album is None else claim.album.title
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

    @property
    def context(self) -> dict[str, str | int]:
        """What every log line about it has."""
        claim = self.claim
        return {
            "job": claim.job_id,
            "task": claim.task_id,
            "epoch": claim.epoch,
            "client": claim.client,
            "attempt": claim.retry_count + 1,
        }

    def halt(self, why: Stop) -> bool:
        """Stop the task where it stands; answers whether this did. The first reason counts; an unstoppable task goes
        on.
        """
        if self.stop is not None or self.unstoppable:
            return False
        self.stop = why
        log.info("Told to stop", reason=why.value, **self.context)
        if self.runner is not None:
            self.runner.cancel()
        return True

    def transfer(self, now_ms: int) -> Transfer:
        """What it is about and how far it has come, for people."""
        claim = self.claim
        return Transfer(
            task_id=claim.task_id,
            token=claim.token,
            mark=self.mark,
            speed=self.speed,
            job_id=claim.job_id,
            kind=claim.kind,
            title=_short(self.title),
            album=_short(self.album),
            catalog_id=claim.spec.catalog_id,
            since_ms=now_ms - self.since_ms,
        )


def _short(title: str | None) -> str | None:
    return None if title is None else title[:TITLE_LENGTH]
