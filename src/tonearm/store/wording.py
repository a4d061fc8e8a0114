"""Wording: what every engine says alike, to those it refuses and in the records that it keeps."""

from __future__ import annotations

from tonearm.errors import Invalid, LeaseLost, QuotaExceeded, RateLimited, RefusalCode, Refused, WrongState
from tonearm.store.base import RATE_WINDOW_MS

# in records

RECOVERED = "Recovered from crash"
"""The line in the history of a job whose worker died."""

EMPTY = "Album has no tracks"
"""The error of an album of which no track is listed."""

ALL_FAILED = "All tracks failed"
"""The error of an album of which no track arrived."""

UNREADABLE = "The record of this task could not be read and was set aside"
"""The error of a task that was unfinished when its record turned out to be broken."""


def crashed(stalls: int) -> str:
    """Return the error of a task that stalled so many times in a row."""
    return f"Crashed: the worker died or stopped answering {stalls} times in a row while it ran"


def resolved(count: int, announced: int) -> str:
    """Return the line in the history of an album that has its list: *count* tracks of those that were announced."""
    also = f", {announced:,} announced" if announced > count else ""
    return f"{count:,} tracks{also}"


def empty(announced: int) -> str:
    """Return the line in the history of an album of which no track is listed."""
    return EMPTY + (f" ({announced:,} announced)" if announced > 0 else "")


# to those who submit


def mismatch(key: str) -> Refused:
    """Refuse a request under a key that was used for another one."""
    return Refused(
        RefusalCode.IDEMPOTENCY_MISMATCH,
        f"The Idempotency-Key {key} was used for another request less than 24 hours ago. Use a new one.",
    )


def rate_limited(limit: int, wait_ms: int) -> RateLimited:
    """Refuse a submission beyond *limit* in the window; another one fits in *wait_ms* milliseconds."""
    return RateLimited(
        f"Too many submissions: at most {limit} in {RATE_WINDOW_MS // 1000} s. Try again in {-(-wait_ms // 1000)} s.",
        wait_ms,
        limit,
    )


def batch_too_large(limit: int, tokens: int) -> RateLimited:
    """Refuse a batch that counts as so many submissions, which never fit into the window."""
    return RateLimited(
        f"Too many submissions: this batch counts as {tokens}, and {limit} in {RATE_WINDOW_MS // 1000} s are allowed. "
        "Send fewer jobs at a time.",
        RATE_WINDOW_MS,
        limit,
    )


def client_queue_full(unfinished: int, limit: int) -> QuotaExceeded:
    """Refuse a submission of a client that has so many unfinished jobs."""
    return QuotaExceeded(
        RefusalCode.CLIENT_QUEUE_FULL,
        f"You have {unfinished:,} unfinished jobs, and {limit:,} is the limit of one client. "
        "Wait until some are done, or cancel some.",
        limit,
    )


def client_bytes_exceeded(limit: int, wait_ms: int) -> QuotaExceeded:
    """Refuse a submission of a client that received *limit* bytes in the window; another fits in *wait_ms*."""
    hours, minutes = divmod(-(-wait_ms // 60_000), 60)
    when = f"{hours} h {minutes} min" if hours else f"{minutes} min"
    return QuotaExceeded(
        RefusalCode.CLIENT_BYTES_EXCEEDED,
        f"You have downloaded as much as one client may: {limit:,} bytes in 24 hours. Try again in {when}.",
        limit,
        wait_ms,
    )


def queue_full(unfinished: int, limit: int) -> QuotaExceeded:
    """Refuse a submission, as all clients together have so many unfinished jobs."""
    return QuotaExceeded(
        RefusalCode.QUEUE_FULL,
        f"The queue is full: {unfinished:,} unfinished jobs of at most {limit:,}. Try again when some are done.",
        limit,
    )


# to those who act on a job


def cannot_cancel(state: str) -> WrongState:
    """Refuse to cancel a job that is final."""
    return WrongState(f"The job is {state} and cannot be cancelled any more.")


def cannot_pause(state: str) -> WrongState:
    """Refuse to pause a job that is final."""
    return WrongState(f"The job is {state} and cannot be paused.")


def being_cancelled() -> WrongState:
    """Refuse to pause a job whose cancel was requested."""
    return WrongState("The job is being cancelled and cannot be paused.")


def too_late() -> WrongState:
    """Refuse to cancel or pause a track past its commit point."""
    return WrongState("Too late: the file is already being moved into the library.")


def nothing_to_resume(state: str) -> WrongState:
    """Refuse to resume a job that is final."""
    return WrongState(f"The job is {state}; there is nothing to resume.")


def unfinished() -> WrongState:
    """Refuse to retry a job that is not final."""
    return WrongState("The job is not finished, so there is nothing to retry.")


def nothing_missing() -> WrongState:
    """Refuse to retry a job that is completed and whole."""
    return WrongState("The job is completed and nothing is missing.")


def still_coming() -> WrongState:
    """Refuse to retry an album of which not every track was taken in yet."""
    return WrongState("The album is still being taken in from another queue. Try again in a moment.")


def no_place(state: str) -> WrongState:
    """Refuse to prioritize a job that is final."""
    return WrongState(f"The job is {state}; its place in the queue means nothing any more.")


def another_status(state: str) -> WrongState:
    """Refuse to delete a job that is not of the status asked for any more."""
    return WrongState(f"The job is {state} now, so it stays.")


# to those who move jobs


def pages_missing(job_id: str, start: int) -> Invalid:
    """Refuse a page of an album's tracks, as a page before it is not here."""
    return Invalid(RefusalCode.INVALID_FIELD, f"{job_id}: the tracks before {start} are not here", "start")


# to workers


def not_current(token: str, task: str) -> LeaseLost:
    """Refuse a write with a token that is not that of the current claim of the task with this id."""
    return LeaseLost(f"The claim {token} of {task} is not current.")


def unwanted(task: str) -> LeaseLost:
    """Refuse to commit a task of which something else is wanted."""
    return LeaseLost(f"A cancel or pause of {task} came before the commit.")


def not_committed(task: str) -> LeaseLost:
    """Refuse to complete a task that was not committed."""
    return LeaseLost(f"{task} cannot be completed before its commit.")


def no_such_place(start: int) -> Invalid:
    """Refuse a page of tracks that does not go on where the list of the album ends."""
    return Invalid(RefusalCode.INVALID_FIELD, f"No track list can go on at position {start}.", "start")
