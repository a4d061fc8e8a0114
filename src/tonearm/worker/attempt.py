"""An attempt: one claim from its start to its settling, whatever happens in between.

Whatever a task runs into ends this task and nothing else: an error of the journey becomes a retry or a failure by
`tonearm.policy`, a host that is left alone or (`QUEUE_DISK_FULL=hold`) a full disk releases the task without cost, a
stop becomes cancelled, paused or released, and an exception that nobody expected becomes `internal` with its stack in
the log.
"""

from __future__ import annotations

import asyncio

import structlog
from structlog.contextvars import bound_contextvars

from tonearm import metrics
from tonearm.errors import DiskFull, FailureCode, FetchError, HostResting, LeaseEnded, LeaseLost, StoreUnavailable
from tonearm.metrics import Ending
from tonearm.model import Cancelled, Claim, Completed, Failed, Failure, Outcome, Paused, Released, Retry, TaskKind
from tonearm.policy import RetryRules, after_failure
from tonearm.settings import Settings
from tonearm.traces import Step
from tonearm.worker.diskhold import DiskHold
from tonearm.worker.held import Held, Stop
from tonearm.worker.insisting import insist
from tonearm.worker.journey import Journey
from tonearm.worker.leases import Leases
from tonearm.worker.pulse import ending_of
from tonearm.worker.resolving import resolve
from tonearm.worker.steps import step
from tonearm.worker.threads import in_thread
from tonearm.worker.tools import WorkerTools

REMOVE_PAUSES_S = (0.2, 1.0, 4.0)
"""Seconds between two attempts at removing a stage."""

log = structlog.get_logger("worker.task")


async def attempt(held: Held, tools: WorkerTools, leases: Leases, hold: DiskHold) -> None:
    """Work on one claim until it is settled or lost. Raises nothing but the cancel of the worker itself."""
    with bound_contextvars(**held.context):
        try:
            ending = await _ended(held, tools, leases, hold)
            if ending is Ending.LOST:
                await _leave_stage(held, tools, leases)
            log.debug("The attempt ended", ending=ending.value)
            metrics.TASKS[ending].inc()
            metrics.TASK_SECONDS[held.claim.kind].observe((tools.clock.elapsed_ms() - held.since_ms) / 1_000)
        except Exception:  # a supervisor: the lease of a task that cannot even be settled runs out
            log.exception("A task could not be settled")
        finally:
            leases.drop(held)


async def _ended(held: Held, tools: WorkerTools, leases: Leases, hold: DiskHold) -> Ending:
    """Run it and settle it."""
    try:
        outcome = await _run(held, tools, leases, hold)
        if isinstance(outcome, Ending):
            return outcome
        await _settle(outcome, held, tools, leases)
    except LeaseLost:
        log.info("The claim is not ours any more; nothing of it is kept here")
        return Ending.LOST
    return ending_of(outcome)


async def _run(held: Held, tools: WorkerTools, leases: Leases, hold: DiskHold) -> Outcome | Ending:
    """Bring the task as far as it comes; an ending where there is nothing left to settle."""
    missing = 0
    try:
        try:
            if held.former is not None:
                await asyncio.wait([held.former])
            if held.claim.kind is TaskKind.RESOLVE:
                with step(Step.RESOLVE, held.claim):
                    await resolve(held, tools, leases)
                return Ending.RESOLVED
            return await Journey(held, tools, leases).run()
        finally:
            held.unstoppable = True
            missing = tools.disk.release(held.task_id)
            held.seat.leave()
            leases.moved(urgent=True)
    except asyncio.CancelledError:
        if held.stop is None:
            raise
        _forget_cancel()
        return _after_stop(held.stop)
    except LeaseLost as refusal:
        return await _why_refused(refusal, held, tools, leases)
    except FetchError as error:
        waits = await hold.after(error, missing) if isinstance(error, DiskFull) else None
        return waits or _after_error(error, held.claim, tools.settings)
    except Exception as error:  # a supervisor: the error of one task ends that task and nothing else
        log.exception("The task ran into an error of the program")
        return Failed(Failure(FailureCode.INTERNAL, f"Internal error: {type(error).__name__} (see the log)"))


def _after_error(error: FetchError, claim: Claim, settings: Settings) -> Outcome:
    """What follows from an attempt that failed. One that was turned away, because the host is left alone, was none."""
    if isinstance(error, HostResting) and not error.given_up:
        return Released(error.message, error.wait_ms)
    outcome = after_failure(error, claim, RetryRules(settings.retry_backoff_ms, settings.retry_after_max_ms))
    pause = {"pause_ms": outcome.delay_ms} if isinstance(outcome, Retry) else {}
    log.info("The attempt failed", code=str(error.code), error=error.message, **pause)
    return outcome


def _forget_cancel() -> None:
    """The cancel that stopped the journey is dealt with: what follows in this task may wait for things again."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _after_stop(stop: Stop) -> Outcome | Ending:
    match stop:
        case Stop.CANCEL:
            return Cancelled()
        case Stop.PAUSE:
            return Paused()
        case Stop.RELEASE:
            return Released("The worker stopped")
        case Stop.LOST:
            return Ending.LOST


async def _why_refused(refusal: LeaseLost, held: Held, tools: WorkerTools, leases: Leases) -> Outcome | Ending:
    """A write was refused: because a cancel or pause came first, or because the claim is gone, as far as we know."""
    flags = await insist(lambda: tools.store.poll(tools.stage.worker, [held.claim.token]), held, leases)
    if held.task_id in flags.cancel:
        return Cancelled()
    if held.task_id in flags.pause:
        return Paused()
    if held.task_id in flags.lost:
        log.info("The claim is not ours any more; nothing of it is kept here")
        return Ending.LOST
    if isinstance(refusal, LeaseEnded):
        return Released("The lease could not be renewed in time")  # and nobody has taken the task over yet
    return Released("A cancel or pause came in the way and was taken back")


async def _settle(outcome: Outcome, held: Held, tools: WorkerTools, leases: Leases) -> None:
    """Record how the attempt ended. The stage of a task that ends is gone before its state says so."""
    if _ends_stage(outcome):
        await _remove_stage(held, tools)
    await insist(lambda: tools.store.settle(held.claim, outcome, held.mark), held, leases)
    if isinstance(outcome, Retry):
        metrics.RETRIES[outcome.failure.code].inc()


async def _leave_stage(held: Held, tools: WorkerTools, leases: Leases) -> None:
    """Remove what a lost claim staged, if the task went on without it: whoever took it over looked for it too early,
    when we woke too late. A task that waits for its next claim keeps its bytes. What remains is the janitor's.
    """
    if leases.superseded(held):
        return  # the next claim is ours too, and goes on from these bytes
    try:
        living = await tools.store.living([held.task_id])
    except StoreUnavailable:
        return
    if living.get(held.task_id) != held.claim.epoch:
        await _remove_stage(held, tools)


async def _remove_stage(held: Held, tools: WorkerTools) -> None:
    """Remove what is staged; where the disk refuses, again for some seconds, since a lack of descriptors passes."""
    for pause_s in (*REMOVE_PAUSES_S, None):
        try:
            await in_thread(tools.stage.remove, held.task_id, held.claim.epoch)
        except FetchError as error:
            if pause_s is None:  # the outcome stands all the same; the janitor will try again
                log.warning("The stage could not be removed", error=error.message)
                return
            await asyncio.sleep(pause_s)
        else:
            return


def _ends_stage(outcome: Outcome) -> bool:
    damaged = isinstance(outcome, Retry) and outcome.failure.code is FailureCode.INTEGRITY
    return damaged or isinstance(outcome, Completed | Failed | Cancelled)
