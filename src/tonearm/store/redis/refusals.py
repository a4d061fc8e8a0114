"""Refusals: what a script says when it changed nothing, as the error that it means."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tonearm.errors import NotFound, StoreRefused, TonearmError
from tonearm.model import Idempotency, SubmitLimits
from tonearm.store import wording
from tonearm.store.redis.version import Version
from tonearm.store.task import Unreadable


class Refusal(TonearmError):
    """What a script refused, where only its caller knows the words for it."""

    def __init__(self, kind: str, details: Sequence[str]) -> None:
        super().__init__(kind)
        self.kind = kind
        self.details = details


class Emptied(TonearmError):
    """There is no queue where one was: somebody emptied Redis."""


class OtherVersion(StoreRefused):
    """The queue is of a version on which a program of ours may not work; the message says which program to upgrade."""


def refused(kind: str, details: Sequence[str]) -> TonearmError:
    """Return the error that a script's refusal means; *details* are what it says beside the kind."""
    known = _KINDS.get(kind)
    return Refusal(kind, details) if known is None else known(*details)


def limited(refusal: Refusal, limits: SubmitLimits, idempotency: Idempotency | None = None) -> TonearmError:
    """Return what the refusal of a submission means, with the limit that it ran into."""
    figure = int(refusal.details[0])
    match refusal.kind:
        case "RATE":
            return wording.rate_limited(limits.rate_per_minute, figure)
        case "MISMATCH" if idempotency is not None:
            return wording.mismatch(idempotency.key)
        case "CLIENT_BYTES":
            return wording.client_bytes_exceeded(limits.client_bytes, figure)
        case "CLIENT_FULL":
            return wording.client_queue_full(figure, limits.client_unfinished)
        case "QUEUE_FULL":
            return wording.queue_full(figure, limits.queue_unfinished)
        case _:
            return refusal


def _other_version(*numbers: str) -> TonearmError:
    there, own = (Version(int(numbers[at]), int(numbers[at + 1])) for at in (0, 2))
    return OtherVersion(own.refusal(there))


_STATES: Mapping[str, Callable[[str], TonearmError]] = {
    "cancel": wording.cannot_cancel,
    "pause": wording.cannot_pause,
    "pause_cancelled": lambda _: wording.being_cancelled(),
    "too_late": lambda _: wording.too_late(),
    "resume": wording.nothing_to_resume,
    "retry_unfinished": lambda _: wording.unfinished(),
    "retry_whole": lambda _: wording.nothing_missing(),
    "retry_coming": lambda _: wording.still_coming(),
    "prioritize": wording.no_place,
    "delete": wording.another_status,
}
_KINDS: Mapping[str, Callable[..., TonearmError]] = {
    "NOT_FOUND": NotFound,
    "WRONG_STATE": lambda reason, state: _STATES[reason](state),
    "LEASE_LOST": lambda task, token: wording.not_current(token, task),
    "UNWANTED": wording.unwanted,
    "UNCOMMITTED": wording.not_committed,
    "PAGES": lambda job_id, start: wording.pages_missing(job_id, int(start)),
    "POSITION": lambda start: wording.no_such_place(int(start)),
    "EMPTIED": lambda: Emptied("The queue in Redis is gone: somebody emptied it."),
    "UNREADABLE": lambda seq, reason, line="": Unreadable(int(seq), reason, line),
    "VERSION": _other_version,
}
